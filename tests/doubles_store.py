"""The store in memory: for tests, and for replays that nobody needs to look up afterwards."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import TypeVar

from engine.domain.alert import Alert, AlertStatus
from engine.domain.order import Attempt, AttemptStatus, Order, OrderEvent, OrderKind
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import AlertId, OrderId, PositionId
from engine.ports import Record

R = TypeVar("R", Position, Order, OrderEvent, Attempt, Fill, Alert)


class MemoryStore:
    """Keeps records as they are, behind the same fences as the database."""

    def __init__(self) -> None:
        self._records: dict[type[Record], dict[Hashable, Record]] = {}
        self._lock = threading.RLock()

    def commit(self, *records: Record) -> None:
        """Insert or replace *records*: all of them or none.

        Raises:
            ValueError: a fence would be broken; nothing was kept.
        """
        with self._lock:
            before = {kind: dict(kept) for kind, kept in self._records.items()}
            for record in records:
                kept = self._records.setdefault(type(record), {})
                kept[_key(record, len(kept))] = record
            try:
                self._check_fences(records)
            except ValueError:
                self._records = before
                raise

    def _check_fences(self, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, Order) and record.kind is OrderKind.EXIT and not record.finished:
                rivals = [
                    o
                    for o in self.orders(position_id=record.position_id, unfinished_only=True)
                    if o.kind is OrderKind.EXIT
                ]
                if len(rivals) > 1:
                    raise ValueError(f"position {record.position_id} would have two unfinished exits")
            if isinstance(record, Fill | OrderEvent) and self.order(record.order_id) is None:
                raise ValueError(f"{record} is of no order")
            if isinstance(record, Attempt):
                if self.order(record.order_id) is None:
                    raise ValueError(f"attempt {record.signature} is of no order")
                twins = [a for a in self.attempts(record.order_id) if a.number == record.number]
                if len(twins) > 1:
                    raise ValueError(f"order {record.order_id} would have two attempts {record.number}")

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""
        return next((p for p in self.positions() if p.id == position_id), None)

    def positions(self, *, open_only: bool = False) -> list[Position]:
        """Return positions, oldest first."""
        found = sorted(self._all(Position), key=lambda p: (p.opened_at, p.id))
        return [p for p in found if not (open_only and p.closed)]

    def order(self, order_id: OrderId) -> Order | None:
        """Return one order."""
        return next((o for o in self._all(Order) if o.id == order_id), None)

    def orders(self, *, position_id: PositionId | None = None, unfinished_only: bool = False) -> list[Order]:
        """Return orders, oldest first."""
        found = sorted(self._all(Order), key=lambda o: (o.created_at, o.id))
        return [
            o
            for o in found
            if (position_id is None or o.position_id == position_id) and not (unfinished_only and o.finished)
        ]

    def history(self, order_id: OrderId) -> list[OrderEvent]:
        """Return every transition of an order, oldest first."""
        return [e for e in self._all(OrderEvent) if e.order_id == order_id]

    def attempts(self, order_id: OrderId | None = None, *, unresolved_only: bool = False) -> list[Attempt]:
        """Return attempts, oldest first."""
        found = sorted(self._all(Attempt), key=lambda a: (a.created_at, a.number))
        unresolved = (AttemptStatus.SIGNED, AttemptStatus.SENT)
        return [
            a for a in found if order_id in (None, a.order_id) and not (unresolved_only and a.status not in unresolved)
        ]

    def fills(self, order_id: OrderId | None = None) -> list[Fill]:
        """Return fills and the fees of reverted transactions, oldest first."""
        found = sorted(self._all(Fill), key=lambda f: (f.slot, f.signature))
        return [f for f in found if order_id in (None, f.order_id)]

    def alert(self, alert_id: AlertId) -> Alert | None:
        """Return one alert."""
        return next((a for a in self._all(Alert) if a.id == alert_id), None)

    def alerts(self, *, unresolved_only: bool = False) -> list[Alert]:
        """Return alerts, oldest first."""
        found = sorted(self._all(Alert), key=lambda a: (a.raised_at, a.id))
        return [a for a in found if not (unresolved_only and a.status is AlertStatus.RESOLVED)]

    def close(self) -> None:
        """There is nothing to let go of."""

    def _all(self, kind: type[R]) -> list[R]:
        with self._lock:
            return [record for record in self._records.get(kind, {}).values() if isinstance(record, kind)]


def _key(record: Record, count: int) -> Hashable:
    match record:
        case Attempt() | Fill():
            return record.signature
        case OrderEvent():
            return count
        case _:
            return record.id
