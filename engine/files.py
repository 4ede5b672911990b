"""Writing a file whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.domain.errors import BadInputError


@contextmanager
def drafted(path: Path, *, overwrite: bool, option: str = "--overwrite") -> Iterator[Path]:
    """Yield an empty file beside *path*, with mode 0600, which takes its name once it is written and on the disk.

    It is gone where writing it raises: whoever looks at *path* sees the whole file, or what was there before.

    Args:
        path: the file to write.
        overwrite: whether one that is there is replaced.
        option: by which a person asks for that.

    Raises:
        BadInputError: it cannot be written, or there is such a file and *overwrite* is not set.
    """
    if not overwrite and path.exists():
        raise BadInputError(already_there(path, option))
    try:
        # mkstemp makes its file with mode 0600, whatever the umask.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        draft = Path(name)
        try:
            yield draft
            sync(draft)
            if overwrite:
                draft.replace(path)
            else:
                path.hardlink_to(draft)  # unlike a rename, it fails where there is one already
        finally:
            draft.unlink(missing_ok=True)
        sync(path.parent)
    except FileExistsError:
        raise BadInputError(already_there(path, option)) from None
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}") from None


def already_there(path: Path, option: str = "--overwrite") -> str:
    """Return the sentence by which a file is not replaced."""
    return f"{path} is there already: name another file, or give {option} to replace it"


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
