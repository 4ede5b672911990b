"""What the store holds, kept in memory, so that a question about a thousand positions reads no database.

The store is read once; from then on each commit is taken over as it is made. All that is written to a wallet's database
while its engine runs is written through the engine's store: the lease sees to that.

It keeps every position, order, alert and fill there is, and two figures for each open position and guarded mint: about
2 KiB an order with its fill.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.api.pace import REMEMBERED, Pace
from engine.bus.local import LocalBus
from engine.domain.alert import Alert
from engine.domain.order import Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import AlertId, Mint, OrderId, PositionId, Signature
from engine.ports import Record, Store


class Books:
    """The records of *store* as of its last commit. For every thread; commits and ticks never wait for the reading.

    Args:
        store: is read at once, and followed.
        bus: tells of prices: a position's peak is in the store now and then only.
    """

    def __init__(self, store: Store, bus: LocalBus) -> None:
        self.pace = Pace()
        self._positions: dict[PositionId, Position] = {}
        self._orders: dict[OrderId, Order] = {}
        self._alerts: dict[AlertId, Alert] = {}
        self._fills: dict[Signature, Fill] = {}
        self._sorted: dict[str, tuple[Any, ...]] = {}
        self._highs = _Highs()
        self._early: list[Record] | None = []
        self._lock = threading.Lock()
        store.watch(self._committed)
        self._unsubscribe = bus.subscribe("price.*.tick", self._ticked)
        self._read(store)

    def close(self) -> None:
        """Hear of prices no more."""
        self._unsubscribe()

    def positions(self) -> tuple[Position, ...]:
        """Return every position, oldest first."""
        found: tuple[Position, ...] = self._listed("positions", self._positions, lambda p: (p.opened_at, p.id))
        return found

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""
        return self._positions.get(position_id)

    def orders(self) -> tuple[Order, ...]:
        """Return every order, oldest first."""
        found: tuple[Order, ...] = self._listed("orders", self._orders, lambda o: (o.created_at, o.id))
        return found

    def order(self, order_id: OrderId) -> Order | None:
        """Return one order."""
        return self._orders.get(order_id)

    def alerts(self) -> tuple[Alert, ...]:
        """Return every alert, oldest first."""
        found: tuple[Alert, ...] = self._listed("alerts", self._alerts, lambda a: (a.raised_at, a.id))
        return found

    def fills(self) -> tuple[Fill, ...]:
        """Return every fill, oldest first."""
        found: tuple[Fill, ...] = self._listed("fills", self._fills, lambda f: (f.slot, f.signature))
        return found

    def live(self, position: Position) -> Position:
        """Return *position* with the peak that the prices since its last commit make, as its actor has it."""
        high = self._highs.of(position.id)
        return replace(position, peak_price=high) if high > position.peak_price else position

    def _listed(self, name: str, records: Mapping[Any, Any], key: Any) -> Any:
        """Return *records* sorted; they are sorted again only where one has changed."""
        with self._lock:
            if name not in self._sorted:
                self._sorted[name] = tuple(sorted(records.values(), key=key))
            return self._sorted[name]

    # Following the store ----------------------------------------------------------------------------------

    def _read(self, store: Store) -> None:
        """Take all that the store holds, and then what was committed meanwhile."""
        found: list[Record] = [*store.positions(), *store.orders(), *store.alerts(), *store.fills()]
        for order in store.orders()[-REMEMBERED:]:
            found += store.history(order.id)
        with self._lock:
            self._put(*found, *(self._early or ()))
            self._early = None

    def _committed(self, records: tuple[Record, ...]) -> None:
        with self._lock:
            if self._early is None:
                self._put(*records)
            else:
                self._early += records

    def _put(self, *records: Record) -> None:
        for record in records:
            match record:
                case Position():
                    self._positions[record.id] = record
                    self._sorted.pop("positions", None)
                    self._highs.follow(record)
                case Order():
                    self._orders[record.id] = record
                    self._sorted.pop("orders", None)
                case Alert():
                    self._alerts[record.id] = record
                    self._sorted.pop("alerts", None)
                case Fill():
                    self._fills[record.signature] = record
                    self._sorted.pop("fills", None)
                case OrderEvent():
                    self.pace.take(record)

    def _ticked(self, _subject: str, data: Mapping[str, Any]) -> None:
        self._highs.take(data["tick"].mint, data["tick"].price)


class _Highs:
    """The highest price of each open position since it is followed. For every thread."""

    def __init__(self) -> None:
        self._newest: dict[Mint, float] = {}
        self._highs: defaultdict[Mint, dict[PositionId, float]] = defaultdict(dict)
        self._mints: dict[PositionId, Mint] = {}
        self._lock = threading.Lock()

    def follow(self, position: Position) -> None:
        """Take *position* in or, once it is closed, out; what its market saw last is the first that it hears."""
        mint = position.mint
        with self._lock:
            if position.closed:
                self._mints.pop(position.id, None)
                self._highs[mint].pop(position.id, None)
                if not self._highs[mint]:
                    del self._highs[mint]
                    self._newest.pop(mint, None)
            elif position.id not in self._mints:
                self._mints[position.id] = mint
                self._highs[mint][position.id] = self._newest.get(mint, 0.0)

    def take(self, mint: Mint, price: float) -> None:
        """Take a price that counted."""
        with self._lock:
            if mint not in self._highs:
                return
            self._newest[mint] = price
            highs = self._highs[mint]
            for position_id, high in highs.items():
                if price > high:
                    highs[position_id] = price

    def of(self, position_id: PositionId) -> float:
        """Return the highest price that one position saw; 0 where it saw none."""
        with self._lock:
            mint = self._mints.get(position_id)
            return self._highs[mint][position_id] if mint is not None else 0.0
