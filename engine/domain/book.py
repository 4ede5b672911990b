"""The router's book: who is served next, and who is in flight.

At most `slots` swaps are in flight, and the last free slot is kept for the ranks in `RESERVED_FOR`, so that a stop
loss never waits behind a slow take profit.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, replace

from engine.domain.order import Order
from engine.domain.swap import Fill
from engine.domain.units import OrderId
from engine.domain.urgency import RESERVED_FOR, ExitReason, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """An order with an attempt on its way."""

    order: Order
    withdrawn_for: ExitReason | None = None
    """A more urgent exit waits: there is no retry, whatever becomes of the attempt."""
    landed: Fill | None = None
    """What it brought, until the position has booked it."""


class Book:
    """Orders that are queued, waiting for their next attempt, or in flight; each in one of the three."""

    def __init__(self, *, slots: int) -> None:
        if slots < 1:
            raise ValueError(f"{slots} swaps in flight would sell nothing: allow at least 1")
        self.slots = slots
        self._queue: list[tuple[int, int, OrderId]] = []
        self._arrivals = itertools.count()
        self._queued: dict[OrderId, tuple[int, Order]] = {}
        self._waiting: dict[OrderId, Order] = {}
        self._flights: dict[OrderId, Flight] = {}

    def __contains__(self, order_id: OrderId) -> bool:
        return order_id in self._queued or order_id in self._waiting or order_id in self._flights

    def queue(self, order: Order) -> None:
        """Have *order* served as its urgency says."""
        self._waiting.pop(order.id, None)
        self._flights.pop(order.id, None)
        if order.id in self._queued:
            self._queued[order.id] = (self._queued[order.id][0], order)
            return
        arrival = next(self._arrivals)
        self._queued[order.id] = (arrival, order)
        heapq.heappush(self._queue, (order.urgency, arrival, order.id))

    def wait(self, order: Order) -> None:
        """Set *order* aside until its next attempt is due."""
        self._flights.pop(order.id, None)
        self._waiting[order.id] = order

    def due(self, order_id: OrderId) -> Order | None:
        """Return the order that waits under that id, if it still does."""
        return self._waiting.get(order_id)

    def take(self) -> Order | None:
        """Take the order that is to be served now, if there is one and a slot for it."""
        while self._queue and not self._stands(self._queue[0]):
            heapq.heappop(self._queue)
        if not self._queue or not self._has_slot(Urgency(self._queue[0][0])):
            return None
        return self._queued.pop(heapq.heappop(self._queue)[2])[1]

    def _stands(self, entry: tuple[int, int, OrderId]) -> bool:
        """Return whether the order was not taken back since *entry* was made for it."""
        _, arrival, order_id = entry
        return order_id in self._queued and self._queued[order_id][0] == arrival

    def _has_slot(self, urgency: Urgency) -> bool:
        reserved = 0 if self.slots == 1 or urgency in RESERVED_FOR else 1
        return len(self._flights) < self.slots - reserved

    def fly(self, order: Order) -> None:
        """Note that *order* is in flight, as it stands now."""
        flight = self._flights.get(order.id)
        self._flights[order.id] = replace(flight, order=order) if flight else Flight(order=order)

    def land(self, order_id: OrderId, fill: Fill) -> None:
        """Note that the order was carried out by *fill*, which is not booked yet."""
        self._flights[order_id] = replace(self._flights[order_id], landed=fill)

    def flight(self, order_id: OrderId) -> Flight | None:
        """Return the flight of an order, if it is in flight."""
        return self._flights.get(order_id)

    def withdraw(self, order_id: OrderId, reason: ExitReason) -> None:
        """Note that an order in flight is to have no retry, since an exit for *reason* waits."""
        self._flights[order_id] = replace(self._flights[order_id], withdrawn_for=reason)

    def take_back(self, order_id: OrderId) -> Order | None:
        """Take an order out that is queued or waiting; None where it is in flight or unknown."""
        if order_id in self._queued:
            return self._queued.pop(order_id)[1]
        return self._waiting.pop(order_id, None)

    def finish(self, order_id: OrderId) -> None:
        """Forget an order in flight."""
        self._flights.pop(order_id, None)

    def flights(self) -> list[Flight]:
        """Return what is in flight."""
        return list(self._flights.values())

    def queued(self) -> list[Order]:
        """Return what is queued, in the order in which it would be served."""
        return [self._queued[entry[2]][1] for entry in sorted(self._queue) if self._stands(entry)]

    def waiting(self) -> list[Order]:
        """Return what waits for its next attempt."""
        return list(self._waiting.values())
