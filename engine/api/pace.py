"""How fast orders go through the router's slots, and how long the next one would wait for one."""

from __future__ import annotations

from collections import deque

from engine.domain.order import OrderEvent, OrderStatus
from engine.domain.units import SECOND, Nanos, OrderId

REMEMBERED = 50
"""So many of the last times that an order had a slot make the pace."""
_BEGUN, _OVER = OrderStatus.SUBMITTED, (OrderStatus.FILLED, OrderStatus.FAILED, OrderStatus.CANCELLED)


class Pace:
    """The times for which orders lately had a slot: from being handed to an executor to their fill or failure.

    It is written by one thread at a time, that of a commit, and may be read by any.
    """

    def __init__(self) -> None:
        self._begun: dict[OrderId, Nanos] = {}
        self._took: deque[int] = deque(maxlen=REMEMBERED)

    def take(self, line: OrderEvent) -> None:
        """Take one *line* of an order's history, in the order in which they are written."""
        if line.status is _BEGUN:
            self._begun.setdefault(line.order_id, line.at)  # signed anew while in flight, it keeps its slot
        elif line.status in _OVER and line.order_id in self._begun:
            self._took.append(line.at - self._begun.pop(line.order_id))

    @property
    def seconds_per_order(self) -> float | None:
        """The mean; None where no order was through a slot yet."""
        took = tuple(self._took)
        return sum(took) / len(took) / SECOND if took else None


def expected_wait(*, queued: int, in_flight: int, slots: int, seconds_per_order: float | None) -> float | None:
    """Return for how many seconds an order that comes now, behind all that are queued, would wait for its slot.

    With every slot busy one becomes free every *seconds_per_order* / slots on average, and *queued* + 1 of those must
    pass: the mean wait of a queue with several servers. The slot that is kept for stop losses and emergencies is not
    counted, as in `engine.domain.book`: those go first, and need not wait.

    Args:
        queued: orders that wait for a slot; not those that wait for the time of their next attempt.
        in_flight: orders that have one.
        slots: how many there are.
        seconds_per_order: for which an order lately had a slot; None where that is not known yet.
    """
    ordinary = max(slots - 1, 1)
    if not queued and in_flight < ordinary:
        return 0.0
    return None if seconds_per_order is None else (queued + 1) * seconds_per_order / ordinary
