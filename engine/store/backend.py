"""What differs between the databases that a store may be kept in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from engine.domain.errors import BadInputError
from engine.store.postgresql import PostgresqlBackend
from engine.store.sqlite import SqliteBackend

_FORMS = "give the path of a SQLite file, or postgresql://USER:PASSWORD@HOST/DATABASE"


class Backend(Protocol):
    """One database, and the lock by which one engine works for a wallet in it."""

    @property
    def where(self) -> str:
        """What a sentence calls the database; never with a password."""

    @property
    def reader(self) -> Engine:
        """Where to read. A pool of one connection, shared with `writer`: one transaction at a time."""

    @property
    def writer(self) -> Engine:
        """Where to write: a transaction keeps other writers out as early as the database allows."""

    @property
    def lock_is_proof(self) -> bool:
        """Whether whoever holds the lock knows that every earlier holder is dead, whatever their leases say."""

    def check(self) -> None:
        """Make sure that the database can be written, is sound, and keeps what it is given.

        Raises:
            BadInputError: it does not; the message says what to do.
        """

    def begin_migration(self) -> AbstractContextManager[Connection]:
        """Begin a transaction in which the schema may be changed, once other migrations are through."""

    def refuse_beside_an_engine(self, connection: Connection) -> None:
        """Keep engines away until the migration on *connection* ends.

        Raises:
            BadInputError: one is at work.
        """

    def claim(self, wallet: str, holder: str) -> None:
        """Take the lock of *wallet*, or make sure that it is still held; it falls when the process dies.

        Raises:
            LeaseError: another engine holds it.
        """

    def disclaim(self, wallet: str) -> None:
        """Give the lock of *wallet* back; harmless where it is not held."""

    def close(self) -> None:
        """Give every lock back and let go of the database."""


def backend_of(where: Path | str) -> Backend:
    """Return the database at *where*: a path or sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE.

    Raises:
        BadInputError: it is none of these.
    """
    place = _place(where)
    return SqliteBackend(place) if isinstance(place, Path) else PostgresqlBackend(place)


def file_of(where: Path | str) -> Path | None:
    """Return the SQLite file that *where* names, as `backend_of` takes it; None where it names a server's database.

    Raises:
        BadInputError: it names neither.
    """
    place = _place(where)
    return place if isinstance(place, Path) else None


def _place(where: Path | str) -> Path | URL:
    if isinstance(where, Path) or "://" not in where:
        return Path(where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # What was given is not repeated: it may hold a password.
        raise BadInputError(f"the database URL cannot be read: {_FORMS}") from None
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(url.database)
    if url.get_backend_name() in {"postgresql", "postgres"}:
        return url
    raise BadInputError(f"Ripcord keeps no store in {url.drivername}: {_FORMS}")
