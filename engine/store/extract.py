"""What a database says at one moment, read beside whoever works on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, select, text
from sqlalchemy.exc import DatabaseError

from engine.domain.errors import BadInputError
from engine.domain.order import Order
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.store import schema
from engine.store.backend import backend_of, file_of
from engine.store.identity import wallets
from engine.store.rows import TABLES, from_row

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """All that exports are made of, as of one moment."""

    wallets: tuple[str, ...]
    """Base58 addresses that were worked for, the last one first."""
    positions: list[Position]
    orders: list[Order]
    fills: list[Fill]


def extract(where: Path | str) -> Extract:
    """Return what the database at *where* says now; an engine that works on it is neither waited for nor held up.

    Args:
        where: the path of a SQLite file, or postgresql://USER:PASSWORD@HOST/DATABASE.

    Raises:
        BadInputError: there is none, it cannot be read, or it is not of this version.
    """
    with reading(where) as connection:
        if not schema.up_to_date(connection, named(where)):
            raise BadInputError(
                f"{named(where)} was written by an older Ripcord: start this one on it once, which brings it up to date"
            )
        return Extract(
            wallets=wallets(connection),
            positions=_all(connection, Position),
            orders=_all(connection, Order),
            fills=_all(connection, Fill),
        )


@contextmanager
def reading(where: Path | str) -> Iterator[Connection]:
    """Yield a connection to the database at *where* that sees one moment of it and writes nothing.

    A reader of SQLite's write-ahead log, and a transaction of PostgreSQL at REPEATABLE READ, keep nobody from writing.

    Raises:
        BadInputError: there is no such database, or it cannot be read; also what happens within is said so.
    """
    engine, begin = _engine(where)
    try:
        with engine.connect() as connection:
            connection.execute(text(begin))
            yield connection
    except DatabaseError as error:
        reason = str(error.orig).strip().splitlines()
        raise BadInputError(f"{named(where)} cannot be read: {reason[0] if reason else 'no reason given'}") from None
    finally:
        engine.dispose()


def _engine(where: Path | str) -> tuple[Engine, str]:
    """Return what connects to the database at *where*, and the statement by which a reader begins."""
    file = file_of(where)
    if file is None:
        return backend_of(where).reader, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    if not file.is_file():
        raise BadInputError(f"there is no database {file}: name another one")
    return create_engine("sqlite://", creator=lambda: _reader(file), poolclass=NullPool), "BEGIN"


def named(where: Path | str) -> str:
    """Return what a sentence calls the database at *where*: without a password."""
    file = file_of(where)
    return str(file) if file is not None else backend_of(where).where


def connected(file: Path) -> sqlite3.Connection:
    """Return a connection to the SQLite *file*, which must be there.

    It is opened for writing even by who only reads: whoever closes the file last tidies up its log, if it may.
    """
    return sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, isolation_level=None)


def _reader(file: Path) -> sqlite3.Connection:
    connection = connected(file)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _all(connection: Connection, kind: type[R]) -> list[R]:
    rows: Any = connection.execute(select(TABLES[kind])).mappings().all()
    return [from_row(kind, row) for row in rows]
