"""PostgreSQL: a server that keeps what it acknowledges, and an advisory lock for each wallet."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from engine.domain.errors import BadInputError
from engine.ports import LeaseError

_SAFE = {"fsync": "on", "full_page_writes": "on", "data_sync_retry": "off"}
"""What a server must be set to, or a power failure takes commits back that it had acknowledged."""
_SECRETS = ("password", "sslpassword")
"""What libpq also takes behind the question mark of a URL."""
_SESSION = (
    # The role or the database may have it otherwise; it is the session's to say.
    "SET synchronous_commit = on",
    # A server notices within a minute, and not after two hours, that the engine's machine is gone.
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)


def _key(name: str) -> int:
    """Return the 64-bit key of the advisory lock *name*."""
    return int.from_bytes(hashlib.sha256(f"ripcord {name}".encode()).digest()[:8], signed=True)


_ENGINES = _key("engines")
"""Shared by every engine, and taken alone to change tables that hold something."""
_MIGRATIONS = _key("migrations")


class PostgresqlBackend:
    """The database at *url*. Its locks are held by a session of their own, and fall with it.

    Raises:
        BadInputError: the driver is not installed.
    """

    lock_is_proof: ClassVar[bool] = False

    def __init__(self, url: URL) -> None:
        self._url = url
        try:
            driver = url.set(drivername="postgresql+psycopg")
            self.reader: Engine = create_engine(
                driver, pool_size=1, max_overflow=0, pool_timeout=30, pool_pre_ping=True
            )
            self._locks = create_engine(driver, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        except ModuleNotFoundError:
            raise BadInputError("PostgreSQL needs its driver: pip install 'ripcord[postgres]'") from None
        self.writer: Engine = self.reader
        event.listen(self.reader, "connect", _make_durable)
        event.listen(self._locks, "connect", _make_durable)
        self._session: Connection | None = None
        self._claims: set[str] = set()
        self._guard = threading.RLock()

    @property
    def where(self) -> str:
        """The URL without its password."""
        return self._url.difference_update_query(_SECRETS).render_as_string(hide_password=True)

    def check(self) -> None:
        """Connect, and ask the server for the settings that make a commit last.

        Raises:
            BadInputError: the server cannot be reached, or is set to lose commits.
        """
        try:
            with self.reader.connect() as connection:
                query = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
                rows = connection.execute(query, {"names": list(_SAFE)}).all()
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()
            raise BadInputError(
                f"{self.where} cannot be reached: {reason[0] if reason else 'no reason given'}"
            ) from None
        found: dict[str, str] = {row.name: row.setting for row in rows}
        unsafe = [f"{name} is {found[name]}" for name, wanted in _SAFE.items() if found.get(name, wanted) != wanted]
        if unsafe:
            wanted = ", ".join(f"{name} = {value}" for name, value in _SAFE.items())
            raise BadInputError(
                f"{self.where} may lose commits when its power fails ({', '.join(unsafe)}): set {wanted} in its "
                "postgresql.conf and restart it"
            )

    @contextmanager
    def begin_migration(self) -> Iterator[Connection]:
        """Begin a transaction once those of other migrations have ended."""
        with self.writer.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATIONS})
            yield connection

    def refuse_beside_an_engine(self, connection: Connection) -> None:
        """Hold the lock that every engine shares until the transaction of *connection* ends.

        Raises:
            BadInputError: an engine holds it.
        """
        query = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not connection.execute(query, {"key": _ENGINES}).scalar():
            raise BadInputError(
                f"the schema must be brought up to date, but {self.where} is in use by an engine: stop it first"
            )

    def claim(self, wallet: str, holder: str) -> None:  # noqa: ARG002
        """Take the advisory lock of *wallet*; take it anew where the session that held it is gone.

        Raises:
            LeaseError: another session holds it.
            sqlalchemy.exc.OperationalError: the server cannot be reached.
        """
        with self._guard:
            session = self._living_session()
            if wallet in self._claims:
                return
            if not session.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _key(wallet)}).scalar():
                raise LeaseError(f"wallet {wallet} is another engine's on {self.where}: stop that engine first")
            self._claims.add(wallet)

    def _living_session(self) -> Connection:
        if self._session is not None:
            try:
                self._session.execute(text("SELECT 1"))
            except DBAPIError:
                self._session.invalidate()
                self._drop_session()
            else:
                return self._session
        session = self._locks.connect()
        session.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": _ENGINES})
        self._session = session
        return session

    def disclaim(self, wallet: str) -> None:
        """Give the advisory lock back."""
        with self._guard:
            if not self._claims - {wallet}:
                self._drop_session()
            elif wallet in self._claims and self._session is not None:
                self._claims.discard(wallet)
                self._session.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _key(wallet)})

    def _drop_session(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._claims.clear()

    def close(self) -> None:
        """Close every connection; the locks fall with theirs."""
        with self._guard:
            self._drop_session()
        self.reader.dispose()
        self._locks.dispose()


def _make_durable(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        for statement in _SESSION:
            cursor.execute(statement)
    connection.commit()
