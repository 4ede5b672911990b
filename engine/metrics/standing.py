"""What stands at the moment, as the events told it: positions and prices, orders under way, open alerts.

It is kept up to date by the publishers' threads and read by whoever scrapes; each lock is held for a copy at most.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.order import Attempt, Order, OrderStatus
from engine.domain.position import Position
from engine.domain.quality import Tick
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId, Signature

REMEMBERED = 4_096
"""The most attempts without a verdict whose sending is remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class Guarded:
    """A mint with open positions."""

    positions: dict[PositionId, Position] = field(default_factory=dict)
    newest: Tick | None = None
    ticks: Counter[str] = field(default_factory=Counter)
    """How many of its prices counted, by source."""


class Portfolio:
    """The open positions, by mint, with what came of prices since they are guarded."""

    def __init__(self) -> None:
        self._guarded: dict[Mint, Guarded] = {}
        self._other: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, position: Position) -> Lamports:
        """Take *position* as it stands now; return what it realized since it was taken before.

        One that is heard of for the first time has realized nothing that is news.
        """
        with self._lock:
            guarded = self._guarded.get(position.mint) or Guarded()
            before = guarded.positions.pop(position.id, position)
            if not position.closed:
                guarded.positions[position.id] = position
            if guarded.positions:
                self._guarded[position.mint] = guarded
            else:
                self._guarded.pop(position.mint, None)
        return Lamports(position.realized_pnl - before.realized_pnl)

    def tick(self, tick: Tick) -> None:
        """Take a price that counted."""
        with self._lock:
            guarded = self._guarded.get(tick.mint)
            if guarded is None:
                self._other[tick.source] += 1
            else:
                guarded.newest = tick
                guarded.ticks[tick.source] += 1

    def guarded(self) -> dict[Mint, Guarded]:
        """Return a copy of what is guarded."""
        with self._lock:
            return {
                mint: replace(each, positions=dict(each.positions), ticks=Counter(each.ticks))
                for mint, each in self._guarded.items()
            }

    def other_ticks(self) -> dict[str, int]:
        """Return how many prices counted of mints that were not guarded, by source."""
        with self._lock:
            return dict(self._other)


class OrderBook:
    """The unfinished orders, and when their attempts were sent."""

    def __init__(self) -> None:
        self._orders: dict[OrderId, Order] = {}
        self._sent: dict[Signature, tuple[str, Nanos]] = {}
        self._lock = threading.Lock()

    def take(self, order: Order) -> Nanos | None:
        """Take *order* as it stands now; return how long it was due, where it was just handed to an executor."""
        with self._lock:
            before = self._orders.pop(order.id, None)
            if before is not None and before.updated_at > order.updated_at:
                order = before  # two actors publish orders, and one may be overtaken
            if not order.finished:
                self._orders[order.id] = order
        if before is None or before.status is not OrderStatus.PENDING or order.status is not OrderStatus.SUBMITTED:
            return None
        return Nanos(order.updated_at - due_at(before))

    def sent(self, attempt: Attempt) -> tuple[Order, Nanos] | None:
        """Note that *attempt* is on its way; return its order and how old that is, for the first attempt."""
        with self._lock:
            order = self._orders.get(attempt.order_id)
            reason = "" if order is None else reason_of(order)
            self._sent[attempt.signature] = (reason, attempt.updated_at)
            if len(self._sent) > REMEMBERED:
                del self._sent[next(iter(self._sent))]
        if order is None or attempt.number != 1:
            return None
        return order, Nanos(attempt.updated_at - order.created_at)

    def verdict(self, signature: Signature, now: Nanos) -> tuple[str, Nanos] | None:
        """Forget an attempt; return the reason of its order and how long ago it was sent, where both are known."""
        with self._lock:
            known = self._sent.pop(signature, None)
        return (known[0], Nanos(now - known[1])) if known is not None and known[0] else None

    def orders(self) -> list[Order]:
        """Return the unfinished orders."""
        with self._lock:
            return list(self._orders.values())


class OpenAlerts:
    """The alerts that are not resolved."""

    def __init__(self) -> None:
        self._open: dict[AlertId, Alert] = {}
        self._lock = threading.Lock()

    def take(self, alert: Alert, *, resolved: bool = False) -> bool:
        """Take *alert* as it stands now; return whether it was raised since it was taken before.

        *resolved* says that it is where the record does not say so yet.
        """
        with self._lock:
            before = self._open.pop(alert.id, None)
            if resolved or alert.status is AlertStatus.RESOLVED:
                return False
            self._open[alert.id] = alert
        return before is None or alert.count > before.count

    def severities(self) -> Iterable[Severity]:
        """Return the severity of each."""
        with self._lock:
            return [alert.severity for alert in self._open.values()]


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it."""

    portfolio: Portfolio = field(default_factory=Portfolio)
    book: OrderBook = field(default_factory=OrderBook)
    alerts: OpenAlerts = field(default_factory=OpenAlerts)


def due_at(order: Order) -> Nanos:
    """Return since when a pending *order* waits for an executor, or will."""
    return max(order.updated_at, order.next_retry_at or Nanos(0))


def reason_of(order: Order) -> str:
    """Return why there is *order*: the reason of an exit, otherwise its kind."""
    return str(order.exit_reason or order.kind)
