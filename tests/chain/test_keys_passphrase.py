"""A passphrase comes from a prompt or a file descriptor, and only from there."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import pytest

from engine.cli.passphrase import passphrase_from
from engine.domain.errors import BadInputError

LONGEST = 4096


@contextmanager
def descriptor(*parts: bytes) -> Iterator[int]:
    """Yield a pipe that holds *parts*."""
    reading, writing = os.pipe()
    for part in parts:
        os.write(writing, part)
    os.close(writing)
    yield reading
    os.close(reading)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"phrase\n", b"phrase"),
        (b"phrase", b"phrase"),
        (b"phrase\r\n", b"phrase"),
        (b"two words \n", b"two words "),
        (b"phrase\nanother line\n", b"phrase"),
        ("pässwörd\n".encode(), "pässwörd".encode()),
        (b"x" * (LONGEST - 1) + b"\n", b"x" * (LONGEST - 1)),
    ],
)
def test_the_first_line_of_a_descriptor_is_the_passphrase(content: bytes, expected: bytes) -> None:
    """Without its end, and with its blanks."""
    with descriptor(content) as number:
        assert bytes(passphrase_from(number)().reveal()) == expected


def test_a_line_that_comes_in_pieces_is_put_together() -> None:
    """A pipe gives what it has."""
    parts = iter([b"phr", b"ase\r", b"\nmore"])

    class Slow:
        def readinto(self, room: memoryview) -> int:
            part = next(parts, b"")
            room[: len(part)] = part
            return len(part)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdopen", lambda *_, **__: Slow())
        assert bytes(passphrase_from(3)().reveal()) == b"phrase"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "gave no passphrase: write it there as one line"),
        (b"\n", "gave no passphrase"),
        (b"\r\n", "gave no passphrase"),
        (b"x" * LONGEST, "gave 4096 bytes and more without a line's end"),
    ],
)
def test_a_descriptor_without_a_line_is_refused(content: bytes, sentence: str) -> None:
    """It is named, and what to do."""
    with descriptor(content) as number, pytest.raises(BadInputError, match=f"--passphrase-fd {number} {sentence}"):
        passphrase_from(number)()


@pytest.mark.parametrize("number", [987, 2**31 - 1])
def test_a_descriptor_that_is_not_open_is_refused(number: int) -> None:
    """It is named with the system's reason."""
    with pytest.raises(BadInputError, match=rf"--passphrase-fd {number} cannot be read"):
        passphrase_from(number)()


def _typing(monkeypatch: pytest.MonkeyPatch, *answers: str | BaseException) -> list[str]:
    prompts: list[str] = []
    left = iter(answers)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        answer = next(left)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(getpass, "getpass", ask)
    return prompts


def test_a_known_passphrase_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake shows at once."""
    prompts = _typing(monkeypatch, "phrase")
    assert bytes(passphrase_from(None)().reveal()) == b"phrase"
    assert prompts == ["Passphrase: "]


def test_a_new_passphrase_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake would show when it is too late."""
    prompts = _typing(monkeypatch, "phrase", "phrase")
    assert bytes(passphrase_from(None, twice=True)().reveal()) == b"phrase"
    assert len(prompts) == 2


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (("phrase", "phrasd"), "The two passphrases differ"),
        (("",), "No passphrase was given"),
        ((EOFError(),), "No passphrase was given"),
        (("phrase", EOFError()), "The two passphrases differ"),
    ],
)
def test_a_passphrase_that_was_not_typed_is_refused(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str | BaseException, ...], sentence: str
) -> None:
    """Nothing is guessed at."""
    _typing(monkeypatch, *answers)
    with pytest.raises(BadInputError, match=sentence):
        passphrase_from(None, twice=True)()


def test_what_is_typed_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terminal cannot hide it, nothing is asked."""

    def cannot_hide(_: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("the passphrase would be typed in the open")

    monkeypatch.setattr(getpass, "getpass", cannot_hide)
    with pytest.raises(BadInputError, match="no terminal to ask for the passphrase: give it with --passphrase-fd"):
        passphrase_from(None)()


def test_a_process_without_a_terminal_does_not_take_its_input_for_a_passphrase() -> None:
    """A service waits for nobody, and reads no passphrase from a stream that it was not pointed at."""
    script = "from engine.cli.passphrase import passphrase_from; print(passphrase_from(None)())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input="phrase\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no terminal to ask for the passphrase" in done.stderr
