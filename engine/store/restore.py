"""Putting a copy in the place of a database, which is kept under another name.

What makes it safe to be interrupted: the copy is made ready beside the database, the database is brought into one file
without a log, that file gets a second name, and then the copy takes its first name in one step of the file system. A
log that stayed behind would be played into the copy by SQLite, and a database that was renamed would leave nothing
behind: an engine that starts there would begin with empty books.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import BadInputError
from engine.domain.units import Nanos, PositionId
from engine.files import sync
from engine.store import schema
from engine.store.backup import Contents, compact_utc, contents, copy_into, primary_code
from engine.store.extract import connected
from engine.store.identity import belong
from engine.store.sqlite import SqliteBackend

_HOLDER = "a restore"
_LOGS = ("-wal", "-shm", "-journal")
_KEPT = ".kept"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PATIENCE = 1000
"""Milliseconds that another program is given to close the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A copy that is ready to take the place of *database*."""

    database: Path
    contents: Contents
    missing: frozenset[PositionId]
    """Positions that are open in the database that is there, and that the copy does not know."""
    reopened: frozenset[PositionId]
    """Positions that are open in the copy, and no longer in the database that is there."""
    draft: Path

    def swap(self, now: Nanos) -> Path | None:
        """Put the copy in the database's place; return what the database is called from *now* on, None without one.

        Raises:
            BadInputError: another program has the database open, or a file cannot be renamed; nothing has changed.
        """
        try:
            if self.database.exists():
                owner = self.database.stat()
                os.chown(self.draft, owner.st_uid, owner.st_gid)  # whoever restores may be another than the engine's
            aside = _set_aside(self.database, self.draft, now)
            sync(self.database.parent)
            self.draft.replace(self.database)
            sync(self.database.parent)
        except OSError as error:
            raise BadInputError(f"{self.database} cannot be replaced: {error.strerror}") from None
        return aside


@contextmanager
def restoring(
    file: Path, database: Path, *, profile: str | None, genesis: str | None, wallet: str | None
) -> Iterator[Restoration]:
    """Yield *file*, copied, checked and brought up to date, ready to take the place of *database*.

    Until this is left no engine starts on *database*; what was made ready is gone then, unless it was swapped.

    Args:
        file: a copy that `engine.store.backup.back_up` made, or any database of Ripcord in SQLite; it stays as it is.
        database: the SQLite file that is to be replaced; there need be none.
        profile: whose database it must be, like the others: a file that does not say so becomes one.
        genesis: the genesis hash of the cluster, base58.
        wallet: base58 address.

    Raises:
        BadInputError: *file* is damaged, no database of Ripcord or of a newer one, or belongs to another profile,
            cluster or wallet.
        LeaseError: an engine works on *database*.
    """
    if file.exists() and database.exists() and file.samefile(database):
        raise BadInputError(f"{file} is the database itself: name a copy of it")
    backend = SqliteBackend(database)
    try:
        backend.claim(wallet or "any wallet", _HOLDER)
        with _draft_beside(database) as draft:
            _keep_logs(database, draft)
            copy_into(file, draft)
            held = contents(draft, called=file)
            if wallet is not None and held.wallets and held.wallets[0] != wallet:
                raise BadInputError(
                    f"{file} belongs to wallet {held.wallets[0]}, and not to {wallet}: name another copy"
                )
            _make_ready(draft, file, profile=profile, genesis=genesis)
            yield _restoration(database, held, draft)
    finally:
        backend.close()


def _restoration(database: Path, held: Contents, draft: Path) -> Restoration:
    try:
        present = contents(database) if database.exists() else None
    except BadInputError:
        present = None  # what cannot be read is why a copy is put in its place
    missing = present.open_positions - held.positions if present else frozenset[PositionId]()
    reopened = held.open_positions - present.open_positions if present else frozenset[PositionId]()
    return Restoration(database=database, contents=held, missing=missing, reopened=reopened, draft=draft)


@contextmanager
def _draft_beside(database: Path) -> Iterator[Path]:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{database.name}.restored.", dir=database.parent)
        os.close(descriptor)
    except OSError as error:
        raise BadInputError(f"{database.parent} cannot be written: {error.strerror}") from None
    draft = Path(name)
    try:
        yield draft
    finally:
        for ending in ("", *_LOGS, *(f"{_KEPT}{log}" for log in _LOGS)):
            _beside(draft, ending).unlink(missing_ok=True)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _keep_logs(database: Path, draft: Path) -> None:
    """Give the log of *database* a second name: SQLite removes that of a damaged one as soon as it is opened."""
    for ending in _LOGS:
        log = _beside(database, ending)
        if log.exists():
            _beside(draft, _KEPT + ending).hardlink_to(log)


def _make_ready(draft: Path, file: Path, *, profile: str | None, genesis: str | None) -> None:
    """Bring *draft*, the copy of *file*, up to date, make sure whose it is, and have it on the disk."""
    backend = SqliteBackend(draft)
    try:
        with backend.begin_migration() as connection:
            schema.upgrade(connection, str(file), refuse_beside_an_engine=lambda: None)
            belong(connection, str(file), profile=profile, genesis=genesis)
    finally:
        backend.close()
    sync(draft)


def _set_aside(database: Path, draft: Path, now: Nanos) -> Path | None:
    """Give *database* a second name, with the time in it; the log as well, where it is not in the database now."""
    logs = [ending for ending in _LOGS if _beside(draft, _KEPT + ending).exists()]
    if not database.exists() and not logs:
        return None
    aside = _beside(database, f".before-restore-{compact_utc(now)}")
    if aside.exists():
        raise BadInputError(f"{aside} is there already: try again in a second")
    if not (database.exists() and _folded(database)):
        for ending in logs:
            _beside(draft, _KEPT + ending).rename(_beside(aside, ending))
    for ending in _LOGS:
        _beside(database, ending).unlink(missing_ok=True)
    if database.exists():
        aside.hardlink_to(database)
    return aside


def _folded(database: Path) -> bool:
    """Bring *database* and its log into one file; return whether that was done, and it is not damaged.

    SQLite does it where no other program has the file open.
    """
    try:
        with closing(connected(database)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.DatabaseError as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_BUSY:
            raise BadInputError(f"{database} is open in another program: close that one first") from None
        if code not in _DAMAGED:
            raise BadInputError(f"{database} cannot be moved aside ({error})") from None
        return False
    return True
