"""The store in a database, SQLite or PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, select, update

from engine.domain.alert import Alert
from engine.domain.candles import Candle
from engine.domain.entries import EntrySwitch
from engine.domain.events import Happening, StoredEvent
from engine.domain.order import Attempt, AttemptStatus, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import AlertId, Mint, Nanos, OrderId, PositionId
from engine.ports import Record
from engine.store import candles as candle_rows
from engine.store import journal, schema, tables
from engine.store.backend import backend_of
from engine.store.identity import belong, owner
from engine.store.leases import Leases
from engine.store.outbox import OnCommit, OnEvent, Outbox
from engine.store.rows import TABLES, from_row, to_row
from engine.store.upserts import insert_into

R = TypeVar("R")

_UNRESOLVED = (AttemptStatus.SIGNED.value, AttemptStatus.SENT.value)
_PARENTS_FIRST = (Position, Order, Attempt, Fill, OrderEvent, Alert, EntrySwitch)


def open_store(where: Path | str, *, profile: str | None = None, genesis: str | None = None) -> SqlStore:
    """Return the store at *where*, which is made where there is none, and brought up to date where it is older.

    Args:
        where: the path of a SQLite file, or postgresql://USER:PASSWORD@HOST/DATABASE.
        profile: demo, devnet, paper or mainnet; a database belongs to the first that it is opened with.
        genesis: the genesis hash of the cluster, base58; likewise.

    Raises:
        BadInputError: it cannot be opened, is damaged, is of a newer schema, or belongs to another profile or cluster.
    """
    store = SqlStore(where)
    try:
        store.belong(profile=profile, genesis=genesis)
    except BaseException:
        store.close()
        raise
    return store


class SqlStore:
    """Records in the database at *where*, made where there is none, checked, and brought up to date where it is older.

    One connection serves all threads, one at a time: SQLite has one writer anyway, and so has a wallet.

    Raises:
        BadInputError: see `open_store`.
    """

    def __init__(self, where: Path | str) -> None:
        self._backend = backend_of(where)
        self._leases = Leases(self._backend)
        self._outbox = Outbox()
        try:
            self._backend.check()
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self) -> None:
        backend = self._backend
        with backend.reader.connect() as connection:
            if schema.up_to_date(connection, backend.where):
                return
        with backend.begin_migration() as connection:
            schema.upgrade(
                connection, backend.where, refuse_beside_an_engine=lambda: backend.refuse_beside_an_engine(connection)
            )

    def belong(self, *, profile: str | None, genesis: str | None) -> None:
        """Write down, once and for all, what the database belongs to; see `open_store`.

        Raises:
            BadInputError: it belongs to another profile or cluster.
        """
        if profile is not None or genesis is not None:
            with self._backend.writer.begin() as connection:
                belong(connection, self._backend.where, profile=profile, genesis=genesis)

    def commit(self, *records: Record) -> None:
        """Insert or replace *records* in one transaction.

        Raises:
            sqlalchemy.exc.IntegrityError: a fence of the schema would be broken; nothing was written.
            LeaseError: another engine took over a lease that this store held; nothing was written.
        """
        with self._outbox.committing(records) as told, self._backend.writer.begin() as connection:
            self._leases.verify(connection)
            happenings: list[Happening] = []
            for record in sorted(records, key=_precedence):
                happenings += journal.happenings_of(connection, record, records)
                self._put(connection, record)
            told.extend(journal.append(connection, happenings))

    def _put(self, connection: Connection, record: Record) -> None:
        table, row = TABLES[type(record)], to_row(record)
        keys = [column.name for column in table.primary_key if column.name in row]
        statement = insert_into(table, connection).values(row)
        if keys:
            rest = {name: statement.excluded[name] for name in row if name not in keys}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
        connection.execute(statement)

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""
        return self._one(Position, select(tables.positions).where(tables.positions.c.id == position_id))

    def positions(self, *, open_only: bool = False, mint: Mint | None = None) -> list[Position]:
        """Return positions, oldest first; of *mint* alone where one is given."""
        query = select(tables.positions).order_by(tables.positions.c.opened_at, tables.positions.c.id)
        if mint is not None:
            query = query.where(tables.positions.c.mint == mint)
        return self._all(Position, query.where(tables.positions.c.status != "closed") if open_only else query)

    def order(self, order_id: OrderId) -> Order | None:
        """Return one order."""
        return self._one(Order, select(tables.orders).where(tables.orders.c.id == order_id))

    def orders(self, *, position_id: PositionId | None = None, unfinished_only: bool = False) -> list[Order]:
        """Return orders, oldest first."""
        query = select(tables.orders).order_by(tables.orders.c.created_at, tables.orders.c.id)
        if position_id is not None:
            query = query.where(tables.orders.c.position_id == position_id)
        if unfinished_only:
            query = query.where(tables.orders.c.status.not_in(("filled", "cancelled")))
        return self._all(Order, query)

    def history(self, order_id: OrderId) -> list[OrderEvent]:
        """Return every transition of an order, oldest first."""
        query = select(tables.history).where(tables.history.c.order_id == order_id).order_by(tables.history.c.seq)
        return self._all(OrderEvent, query)

    def attempts(self, order_id: OrderId | None = None, *, unresolved_only: bool = False) -> list[Attempt]:
        """Return attempts, oldest first."""
        query = select(tables.attempts).order_by(tables.attempts.c.created_at, tables.attempts.c.number)
        if order_id is not None:
            query = query.where(tables.attempts.c.order_id == order_id)
        if unresolved_only:
            query = query.where(tables.attempts.c.status.in_(_UNRESOLVED))
        return self._all(Attempt, query)

    def fills(self, order_id: OrderId | None = None) -> list[Fill]:
        """Return fills and the fees of reverted transactions, oldest first."""
        query = select(tables.fills).order_by(tables.fills.c.slot, tables.fills.c.signature)
        return self._all(Fill, query if order_id is None else query.where(tables.fills.c.order_id == order_id))

    def markers(self, reclaimed_by: OrderId | None = None) -> list[Order]:
        """Return the orders whose marker holds rent that *reclaimed_by* is to bring back; None: nobody yet."""
        query = select(tables.orders).where(tables.orders.c.marker_rent > 0)
        query = query.where(tables.orders.c.reclaimed_by == reclaimed_by)
        return self._all(Order, query.order_by(tables.orders.c.created_at, tables.orders.c.id))

    def alert(self, alert_id: AlertId) -> Alert | None:
        """Return one alert."""
        return self._one(Alert, select(tables.alerts).where(tables.alerts.c.id == alert_id))

    def alerts(self, *, unresolved_only: bool = False) -> list[Alert]:
        """Return alerts, oldest first."""
        query = select(tables.alerts).order_by(tables.alerts.c.raised_at, tables.alerts.c.id)
        return self._all(Alert, query.where(tables.alerts.c.status != "resolved") if unresolved_only else query)

    def entry_switch(self, wallet: str) -> EntrySwitch | None:
        """Return whether positions are opened for *wallet*; None where nobody ever said."""
        return self._one(EntrySwitch, select(tables.entry_switches).where(tables.entry_switches.c.wallet == wallet))

    def events(self, since: int = 0, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the first *limit* events after number *since* whose subjects *pattern* names."""
        return journal.read(self._backend.reader, since, pattern, limit)

    def newest_events(self, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the last *limit* events whose subjects *pattern* names."""
        return journal.newest(self._backend.reader, pattern, limit)

    def last_event(self) -> int:
        """Return the number of the newest event; 0 where there is none."""
        return journal.last(self._backend.reader)

    def raise_peaks(self, peaks: Mapping[PositionId, float]) -> None:
        """Save the peak price of each position in one transaction; a higher one stays; see `engine.ports.Store`."""
        rows = tables.positions
        higher = update(rows).where(rows.c.id == bindparam("of"), rows.c.peak_price < bindparam("peak"))
        higher = higher.values(peak_price=bindparam("peak"))
        with self._backend.writer.begin() as connection:
            self._leases.verify(connection)
            connection.execute(higher, [{"of": position_id, "peak": price} for position_id, price in peaks.items()])

    def keep_candles(self, candles: Sequence[Candle]) -> None:
        """Write *candles* in one transaction; one that is there already is followed by the new one.

        Raises:
            LeaseError: another engine took over a lease that this store held; nothing was written.
        """
        with self._backend.writer.begin() as connection:
            self._leases.verify(connection)
            candle_rows.keep(connection, candles)

    def candles(self, mint: Mint, since: Nanos, until: Nanos) -> list[Candle]:
        """Return the candles of *mint* that begin between *since* and *until*, both included, oldest first."""
        return candle_rows.read(self._backend.reader, mint, since, until)

    def drop_candles(self, before: Mapping[Mint, Nanos]) -> None:
        """Remove the candles of each mint that begin before its moment."""
        with self._backend.writer.begin() as connection:
            self._leases.verify(connection)
            candle_rows.drop(connection, before)

    def listen(self, listener: OnEvent) -> None:
        """Have *listener* told of every event that is committed here from now on; see `engine.ports.Store`."""
        self._outbox.listen(listener)

    def watch(self, watcher: OnCommit) -> None:
        """Have *watcher* told of the records of every commit here from now on; see `engine.ports.Store`."""
        self._outbox.watch(watcher)

    def owner(self) -> tuple[str | None, str | None]:
        """Return the profile that the database belongs to and the wallet that was last worked for, where known."""
        with self._backend.reader.connect() as connection:
            return owner(connection)

    def acquire_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Make *holder* the one engine that works for *wallet*; see `engine.ports.Store`."""
        self._leases.acquire(wallet, holder, now=now, ttl=ttl)

    def renew_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Keep the lease that *holder* acquired here; see `engine.ports.Store`."""
        self._leases.renew(wallet, holder, now=now, ttl=ttl)

    def release_lease(self, wallet: str, holder: str) -> None:
        """Give the lease back; harmless where it is not *holder*'s."""
        self._leases.release(wallet, holder)

    def close(self) -> None:
        """Let go of the database, and of every lock."""
        self._backend.close()

    def _all(self, kind: type[R], query: Select[Any]) -> list[R]:
        with self._backend.reader.connect() as connection:
            rows: Iterable[Any] = connection.execute(query).mappings().all()
        return [from_row(kind, row) for row in rows]

    def _one(self, kind: type[R], query: Select[Any]) -> R | None:
        found = self._all(kind, query)
        return found[0] if found else None


def _precedence(record: Record) -> tuple[int, bool]:
    """Order what refers to another record behind it, and an unfinished exit behind the one that it replaces."""
    return _PARENTS_FIRST.index(type(record)), isinstance(record, Order) and not record.finished
