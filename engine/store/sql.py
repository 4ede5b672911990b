"""The store in a SQLite database, by SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Select, create_engine, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from engine.domain.alert import Alert
from engine.domain.order import Attempt, AttemptStatus, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import AlertId, OrderId, PositionId
from engine.ports import Record
from engine.store import tables
from engine.store.rows import TABLES, from_row, to_row

R = TypeVar("R")

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")
_UNRESOLVED = (AttemptStatus.SIGNED.value, AttemptStatus.SENT.value)
_PARENTS_FIRST = (Position, Order, Attempt, Fill, OrderEvent, Alert)


class SqlStore:
    """Records in the SQLite file at *path*, made where there is none.

    One connection serves all threads, one at a time: SQLite has one writer anyway.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)), pool_size=1, max_overflow=0, pool_timeout=30
        )
        event.listen(self._engine, "connect", _make_durable)
        tables.metadata.create_all(self._engine)

    def commit(self, *records: Record) -> None:
        """Insert or replace *records* in one transaction.

        Raises:
            sqlalchemy.exc.IntegrityError: a fence of the schema would be broken; nothing was written.
        """
        with self._engine.begin() as connection:
            for record in sorted(records, key=_precedence):
                self._put(connection, record)

    def _put(self, connection: Connection, record: Record) -> None:
        table, row = TABLES[type(record)], to_row(record)
        keys = [column.name for column in table.primary_key if column.name in row]
        statement = insert(table).values(row)
        if keys:
            rest = {name: statement.excluded[name] for name in row if name not in keys}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
        connection.execute(statement)

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""
        return self._one(Position, select(tables.positions).where(tables.positions.c.id == position_id))

    def positions(self, *, open_only: bool = False) -> list[Position]:
        """Return positions, oldest first."""
        query = select(tables.positions).order_by(tables.positions.c.opened_at, tables.positions.c.id)
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

    def alert(self, alert_id: AlertId) -> Alert | None:
        """Return one alert."""
        return self._one(Alert, select(tables.alerts).where(tables.alerts.c.id == alert_id))

    def alerts(self, *, unresolved_only: bool = False) -> list[Alert]:
        """Return alerts, oldest first."""
        query = select(tables.alerts).order_by(tables.alerts.c.raised_at, tables.alerts.c.id)
        return self._all(Alert, query.where(tables.alerts.c.status != "resolved") if unresolved_only else query)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _all(self, kind: type[R], query: Select[Any]) -> list[R]:
        with self._engine.connect() as connection:
            rows: Iterable[Any] = connection.execute(query).mappings().all()
        return [from_row(kind, row) for row in rows]

    def _one(self, kind: type[R], query: Select[Any]) -> R | None:
        found = self._all(kind, query)
        return found[0] if found else None


def _precedence(record: Record) -> tuple[int, bool]:
    """Order what refers to another record behind it, and an unfinished exit behind the one that it replaces."""
    return _PARENTS_FIRST.index(type(record)), isinstance(record, Order) and not record.finished


def _make_durable(connection: Any, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
