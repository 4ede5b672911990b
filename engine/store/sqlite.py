"""SQLite: one file, written by one connection, on the disk before a commit returns."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from engine.domain.errors import BadInputError
from engine.ports import LeaseError
from engine.store.filelock import FileLock

_PRAGMAS = (
    # First, so that the others wait for their turn as well.
    "busy_timeout=5000",
    "journal_mode=WAL",
    "synchronous=FULL",
    # On macOS alone fsync leaves the data in the drive's own cache; elsewhere these two do nothing.
    "fullfsync=ON",
    "checkpoint_fullfsync=ON",
    "foreign_keys=ON",
)
_RECOVER = (
    "move it aside together with its -wal and -shm files and put your newest copy in its place, or name another "
    "database and take the wallet's tokens under guard anew"
)
_MIGRATION = "a migration"
_TRIES, _PAUSE = 4, 0.2
"""How often a file that is busy is tried, and seconds in between; each try waits for itself where SQLite does."""
_PRIMARY = 0xFF
"""The bits of an SQLite error code that name the error; the others say more of it."""


class SqliteBackend:
    """The SQLite file at *path*, made with its folder where there is none.

    Its lock is an OS lock on a file beside it, and one engine at a time works on the whole file.
    """

    lock_is_proof: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims: set[str] = set()
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"the folder of {path} cannot be made: {error.strerror}: name another one") from None
        self.reader: Engine = create_engine(
            URL.create("sqlite", database=str(path)), pool_size=1, max_overflow=0, pool_timeout=30
        )
        event.listen(self.reader, "connect", _make_durable)
        event.listen(self.reader, "begin", _begin)
        self.writer: Engine = self.reader.execution_options(ripcord_writes=True)

    @property
    def where(self) -> str:
        """The path."""
        return str(self._path)

    def check(self) -> None:
        """Open the file and read all of it.

        Raises:
            BadInputError: it cannot be opened or written, is no database, is damaged, or lies where it is not safe.
        """
        journal, finding = self._look()
        if finding != "ok":
            raise BadInputError(f"{self.where} is damaged ({finding}): {_RECOVER}")
        if journal != "wal":
            raise BadInputError(
                f"{self.where} lies where SQLite can keep no write-ahead log: name a file on a local disk"
            )

    def _look(self, *, tries: int = _TRIES) -> tuple[str, str]:
        """Return how the file is written, and what is wrong with it; ``ok`` for nothing."""
        try:
            with self.reader.connect() as connection:
                journal = connection.execute(text("PRAGMA journal_mode")).scalar()
                finding = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
            # Apart from the check, which takes its time in a large file and must keep nobody from writing. What is
            # written is taken back: in a file that is read-only a transaction would begin as if nothing were wrong.
            with self.writer.connect() as connection:
                connection.execute(text("PRAGMA user_version = 0"))
                connection.rollback()
        except DatabaseError as error:
            # SQLite does not wait by itself for another connection that turns the write-ahead log on just now.
            if tries > 1 and getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY:
                threading.Event().wait(_PAUSE)
                return self._look(tries=tries - 1)
            raise BadInputError(self._sentence(error.orig)) from None
        return str(journal), str(finding)

    def _sentence(self, error: BaseException | None) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_NOTADB:
            return f"{self.where} is not a database of Ripcord: name another file"
        if code == sqlite3.SQLITE_CORRUPT:
            return f"{self.where} is damaged ({error}): {_RECOVER}"
        if code == sqlite3.SQLITE_BUSY:
            return f"{self.where} is locked by another program: close that one first, or name another file"
        return f"{self.where} cannot be opened and written ({error}): check its folder and its permissions"

    @contextmanager
    def begin_migration(self) -> Iterator[Connection]:
        """Begin a transaction that holds the file's write lock."""
        try:
            with self.writer.begin() as connection:
                yield connection
        finally:
            self.disclaim(_MIGRATION)

    def refuse_beside_an_engine(self, connection: Connection) -> None:  # noqa: ARG002
        """Hold the lock that an engine needs until the migration ends.

        Raises:
            BadInputError: an engine holds it.
        """
        try:
            self.claim(_MIGRATION, "Ripcord")
        except LeaseError as error:
            raise BadInputError(f"the schema must be brought up to date, but {error}") from None

    def claim(self, wallet: str, holder: str) -> None:
        """Take the lock of the file; it is held until the last wallet is disclaimed, or the process dies.

        Raises:
            LeaseError: another process, or another store of this one, holds it.
        """
        self._lock.take(f"{holder} for {wallet}", of=self.where)
        self._claims.add(wallet)

    def disclaim(self, wallet: str) -> None:
        """Give the lock back where *wallet* was the last to need it."""
        self._claims.discard(wallet)
        if not self._claims:
            self._lock.release()

    def close(self) -> None:
        """Close the file and give its lock back."""
        self.reader.dispose()
        self._claims.clear()
        self._lock.release()


def _make_durable(connection: Any, _record: Any) -> None:
    # Otherwise the driver begins transactions where it sees fit, and a change of the schema outside of any.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ripcord_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
