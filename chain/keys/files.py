"""Files that only their owner may read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from engine.domain.errors import BadInputError
from engine.files import drafted

_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO
_LARGEST = 16_384
"""Bytes; a keypair file has about 230, an encrypted one about 600."""


def read_private(path: Path) -> bytes:
    """Return what *path* holds.

    Raises:
        BadInputError: it cannot be read, is far too large for a key, or can be read by other users.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & _NOT_THE_OWNER:
                raise BadInputError(f"{path} can be read by other users (mode {mode:04o}): run chmod 600 {path}")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise BadInputError(f"The keypair file {path} cannot be read: {error.strerror}{_advice(error)}") from None
    if len(content) <= _LARGEST:
        return content
    del content
    raise BadInputError(f"{path} is not a keypair file: it is larger than {_LARGEST} bytes")


def write_private(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write *content* to *path* with mode 0600: whole and on the disk, or not at all.

    Raises:
        BadInputError: it cannot be written, or there is such a file and *overwrite* is not set.
    """
    with drafted(path, overwrite=overwrite) as draft:
        draft.write_bytes(content)


def _advice(error: OSError) -> str:
    if error.errno != errno.ENOENT:
        return ""
    return "; make one with solana-keygen new, or name one that ripcord wallet encrypt has written"
