"""A lock between processes that ends with the process: an flock on a file that says who holds it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from engine.ports import LeaseError


class FileLock:
    """The lock on the file at *path*, which is made where there is none and never removed.

    It is no lock between machines: a folder that several of them share is no place for a database of SQLite either.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._guard = threading.Lock()

    def take(self, holder: str, *, of: str) -> None:
        """Take the lock on *of* in the name of *holder*; harmless where it is held already by this object.

        Raises:
            LeaseError: another holds it; the message says who.
        """
        # Here, because Windows has no such module, and a store that no engine runs on needs no lock.
        import fcntl

        with self._guard:
            if self._descriptor is not None:
                return
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                rival = os.read(descriptor, 1_000).decode(errors="replace").strip() or "another engine"
                os.close(descriptor)
                raise LeaseError(
                    f"{of} is in use by {rival}: stop that engine first, or name another database"
                ) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{holder} (process {os.getpid()})\n".encode())
            self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        with self._guard:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, 0)
                os.close(self._descriptor)
                self._descriptor = None
