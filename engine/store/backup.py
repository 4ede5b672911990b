"""A copy of a database of SQLite, taken while an engine works on it, and checked before it counts as one.

SQLite offers two ways. Its online backup copies pages, and begins again whenever another process commits meanwhile,
unless it copies all of them in one step. ``VACUUM INTO`` is one statement, and so reads one moment of the database
however long it takes and however busy the engine is; the write-ahead log lets the engine commit meanwhile. It also
leaves out what was deleted, builds every index anew, and writes a single file that needs no log beside it. So it is
this one: https://www.sqlite.org/lang_vacuum.html#vacuuminto
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select

from engine.domain.errors import BadInputError
from engine.domain.units import SECOND, Nanos, PositionId
from engine.files import drafted
from engine.store import schema, tables
from engine.store.extract import connected, reading
from engine.store.identity import wallets

_BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""How the names of a database, of what SQLite keeps beside it, and of its lock end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database holds, in short."""

    wallets: tuple[str, ...]
    """Base58 addresses that were worked for, the last one first."""
    newest_event: int
    """Its number; 0 where there is none."""
    newest_event_at: Nanos | None
    positions: frozenset[PositionId]
    open_positions: frozenset[PositionId]
    unresolved_attempts: int
    """Transactions that were signed, and of which the chain has not been asked to the end."""


def back_up(database: Path, target: Path, *, overwrite: bool) -> Contents:
    """Write a copy of *database* to *target*, with mode 0600, and return what the copy holds.

    Neither the key of a wallet nor the token of the API is in it: they are in no database.

    Args:
        database: a SQLite file, of this version or an older one, whoever works on it.
        target: takes its name only once it is complete, checked and on the disk.
        overwrite: whether a file of that name is replaced.

    Raises:
        BadInputError: there is no such database, it is damaged or no database of Ripcord, *target* is there already or
            is a part of the database, or cannot be written.
    """
    keep_apart(database, target)
    before = contents(database).newest_event
    with drafted(target, overwrite=overwrite, option="--force") as draft:
        copy_into(database, draft)
        after = contents(draft, called=target)
        if after.newest_event < before:
            raise BadInputError(
                f"the copy of {database} ends with event {after.newest_event}, and it had come to {before}: "
                "nothing was written; look for what else writes to it"
            )
        return after


def copy_into(source: Path, draft: Path) -> None:
    """Copy what the SQLite file *source* holds at one moment into *draft*, an empty file, and check the copy.

    Raises:
        BadInputError: *source* is not there, is damaged or no database, or the copy cannot be written.
    """
    if not source.is_file():
        raise BadInputError(f"there is no file {source}: name another one")
    try:
        with closing(connected(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        with closing(connected(draft)) as copy:
            findings = [row[0] for row in copy.execute("PRAGMA integrity_check(1)")]
            orphans = copy.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_NOTADB:
            raise BadInputError(f"{source} is no database of Ripcord: name another file") from None
        what = "is damaged" if code == sqlite3.SQLITE_CORRUPT else "cannot be copied"
        raise BadInputError(f"{source} {what} ({error})") from None
    if findings != ["ok"] or orphans is not None:
        raise BadInputError(f"{source} is damaged ({findings[0] if findings != ['ok'] else f'no parent of {orphans}'})")


def compact_utc(moment: Nanos) -> str:
    """Return *moment* as names of files have it, such as 20260131T120000Z."""
    return f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y%m%dT%H%M%SZ}"


def primary_code(error: sqlite3.Error) -> int:
    """Return the part of an SQLite error's code that names the error; the rest says more of it."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def contents(file: Path, *, called: Path | None = None) -> Contents:
    """Return what the SQLite *file* holds.

    Args:
        file: of this version or an older one.
        called: what sentences call it, where that is not its name.

    Raises:
        BadInputError: there is none, it cannot be read, it is no database of Ripcord or of a newer one, or its events
            are not all there.
    """
    name = str(called or file)
    with reading(file) as connection:
        schema.up_to_date(connection, name)
        if schema.version_of(connection, name) is None:
            raise BadInputError(f"{name} is no database of Ripcord: it is empty")
        newest, at = _newest_event(connection, name)
        positions = connection.execute(select(tables.positions.c.id, tables.positions.c.status)).all()
        unresolved = tables.attempts.c.status.in_(("signed", "sent"))
        return Contents(
            wallets=wallets(connection),
            newest_event=newest,
            newest_event_at=at,
            positions=frozenset(PositionId(row.id) for row in positions),
            open_positions=frozenset(PositionId(row.id) for row in positions if row.status != "closed"),
            unresolved_attempts=connection.execute(
                select(func.count()).select_from(tables.attempts).where(unresolved)
            ).scalar_one(),
        )


def _newest_event(connection: Connection, name: str) -> tuple[int, Nanos | None]:
    """Return number and time of the newest event, once it is sure that all before it are there."""
    if not inspect(connection).has_table(tables.events.name):
        return 0, None  # the first version told of none
    columns = tables.events.c
    found = connection.execute(select(func.count(), func.max(columns.seq), func.max(columns.time))).one()
    count, newest, at = found
    counted = connection.execute(select(tables.event_counter.c.last)).scalar()
    if not count == (newest or 0) == (counted or 0):
        raise BadInputError(
            f"{name} is damaged: it holds {count} events, the newest has number {newest}, and {counted} were counted"
        )
    return newest or 0, at


def keep_apart(database: Path, target: Path) -> None:
    """Make sure that *target* is neither the SQLite file *database* nor what is kept beside it under its name.

    Raises:
        BadInputError: it is.
    """
    own = [database.resolve().with_name(database.resolve().name + ending) for ending in _BESIDE]
    if target.resolve() in own:
        raise BadInputError(f"{target} is a part of the database itself: name another file")
