"""One engine per wallet: the lock of the process, the lease that others can read, and the fence at every commit."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, or_, select, true, update

from engine.domain.units import Nanos
from engine.ports import LeaseError
from engine.store import tables
from engine.store.backend import Backend
from engine.store.upserts import insert_into

_LEASES = tables.leases
_COLUMNS = _LEASES.c


@dataclass(frozen=True, slots=True)
class _Held:
    holder: str
    term: int
    """How often the wallet's lease was acquired until then: a holder whose term is over is told so."""


class Leases:
    """The leases in a database, and those that this process holds."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._held: dict[str, _Held] = {}
        self._guard = threading.RLock()

    def acquire(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Make *holder* the one that works for *wallet*; see `engine.ports.Store.acquire_lease`."""
        proof = self._backend.lock_is_proof
        with self._guard:
            try:
                if proof:
                    self._backend.claim(wallet, holder)
                with self._backend.writer.begin() as connection:
                    orphaned = proof and wallet not in self._held
                    term = self._take(connection, wallet, holder, now, Nanos(now + ttl), orphaned=orphaned)
                    # Where the lock proves nothing it is tried last: whoever tries it in vain would otherwise be in
                    # the way of a holder that lost its session, and is about to take its lock back.
                    self._backend.claim(wallet, holder)
            except BaseException:
                if wallet not in self._held:
                    self._backend.disclaim(wallet)
                raise
            self._held = {**self._held, wallet: _Held(holder, term)}

    def _take(
        self, connection: Connection, wallet: str, holder: str, now: Nanos, until: Nanos, *, orphaned: bool
    ) -> int:
        """Write the lease where it is free, in one statement, so that of two only one can; return its term."""
        values = {"holder": holder, "acquired_at": now, "expires_at": until}
        free = true() if orphaned else or_(_COLUMNS.holder == holder, _COLUMNS.expires_at <= now)
        statement = insert_into(_LEASES, connection).values(wallet=wallet, term=1, **values)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["wallet"], set_={"term": _COLUMNS.term + 1, **values}, where=free
            )
        )
        row = connection.execute(select(_LEASES).where(_COLUMNS.wallet == wallet)).one()
        if row.holder != holder:
            raise LeaseError(self._sentence(connection, wallet))
        return int(row.term)

    def renew(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Keep the lease; see `engine.ports.Store.renew_lease`."""
        with self._guard:
            held = self._held.get(wallet)
            if held is None or held.holder != holder:
                raise LeaseError(
                    f"{holder} holds no lease of wallet {wallet} in {self._backend.where}: acquire it first"
                )
            self._backend.claim(wallet, holder)
            with self._backend.writer.begin() as connection:
                statement = update(_LEASES).where(*_same(wallet, held)).values(expires_at=now + ttl)
                if not connection.execute(statement).rowcount:
                    raise LeaseError(self._sentence(connection, wallet))

    def release(self, wallet: str, holder: str) -> None:
        """Give the lease back; see `engine.ports.Store.release_lease`."""
        with self._guard:
            held = self._held.get(wallet)
            if held is None or held.holder != holder:
                return
            with self._backend.writer.begin() as connection:
                # The row stays for its term, which must never come again.
                connection.execute(update(_LEASES).where(*_same(wallet, held)).values(expires_at=0))
            self._held = {name: lease for name, lease in self._held.items() if name != wallet}
            self._backend.disclaim(wallet)

    def verify(self, connection: Connection) -> None:
        """Make sure, until the transaction of *connection* ends, that every lease held here is still held here.

        Raises:
            LeaseError: another engine took one over.
        """
        for wallet, held in self._held.items():
            query = select(_COLUMNS.term).where(*_same(wallet, held)).with_for_update(read=True)
            if connection.execute(query).first() is None:
                raise LeaseError(self._sentence(connection, wallet))

    def _sentence(self, connection: Connection, wallet: str) -> str:
        row = connection.execute(select(_LEASES).where(_COLUMNS.wallet == wallet)).first()
        until = datetime.fromtimestamp(row.expires_at // 10**9, tz=UTC) if row else None
        by = f"by {row.holder} until {until:%Y-%m-%d %H:%M:%S} UTC" if row else "by nobody"
        return (
            f"wallet {wallet} is held {by} in {self._backend.where}: stop that engine, or wait until its lease is over"
        )


def _same(wallet: str, held: _Held) -> tuple[ColumnElement[bool], ...]:
    return _COLUMNS.wallet == wallet, _COLUMNS.holder == held.holder, _COLUMNS.term == held.term
