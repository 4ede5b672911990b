"""Asking for a passphrase: on the terminal or from a file descriptor, never by an option or the environment."""

from __future__ import annotations

import getpass
import os
import warnings
from collections.abc import Callable

from chain.keys.secret import Secret
from engine.domain.errors import BadInputError

_LONGEST = 4096
"""Bytes."""


def passphrase_from(descriptor: int | None, *, twice: bool = False) -> Callable[[], Secret]:
    """Return what asks for a passphrase when it is called.

    Args:
        descriptor: an open file descriptor whose first line is the passphrase; None to prompt on the terminal.
        twice: prompt twice, and refuse if the two differ.

    What is returned raises BadInputError where there is no passphrase to be had. A prompt goes through a Python
    string, which cannot be overwritten; a descriptor does not.
    """
    if descriptor is not None:
        return lambda: _read(descriptor)
    return lambda: _prompted(twice=twice)


def _prompted(*, twice: bool) -> Secret:
    first = _prompt("Passphrase: ")
    if not len(first):
        raise BadInputError("No passphrase was given")
    if not twice:
        return first
    with _prompt("The same once more: ") as second:
        if second.reveal() == first.reveal():
            return first
    first.wipe()
    raise BadInputError("The two passphrases differ: nothing was written")


def _prompt(words: str) -> Secret:
    with warnings.catch_warnings():
        # Where it cannot hide what is typed, getpass would warn and show it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return Secret(bytearray(getpass.getpass(words).encode()))
        except getpass.GetPassWarning:
            pass
        except EOFError:
            return Secret(bytearray())
    raise BadInputError("There is no terminal to ask for the passphrase: give it with --passphrase-fd")


def _read(descriptor: int) -> Secret:
    with Secret(bytearray(_LONGEST)) as held:
        try:
            with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
                length = _line_into(held.reveal(), file.readinto)
        except OSError as error:
            raise BadInputError(f"--passphrase-fd {descriptor} cannot be read: {error.strerror}") from None
        if length == _LONGEST:
            raise BadInputError(f"--passphrase-fd {descriptor} gave {_LONGEST} bytes and more without a line's end")
        line = held.reveal()[:length]
    if not line:
        raise BadInputError(f"--passphrase-fd {descriptor} gave no passphrase: write it there as one line")
    return Secret(line)


def _line_into(buffer: bytearray, read: Callable[[memoryview], int | None]) -> int:
    """Fill *buffer* until a line or the input ends; return the length of the line without its end."""
    filled, end = 0, -1
    with memoryview(buffer) as room:
        while end < 0 and filled < len(buffer):
            count = read(room[filled:])
            if not count:
                end = filled
            else:
                end = buffer.find(b"\n", filled, filled + count)
                filled += count
    length = len(buffer) if end < 0 else end
    return length - 1 if 0 < length < len(buffer) and buffer[length - 1] == ord("\r") else length
