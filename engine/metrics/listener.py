"""Counts what happens, as the bus tells of it, on the thread of whoever published it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from engine.domain.order import Order, OrderStatus
from engine.domain.units import SECOND, Lamports, Signature, sol
from engine.domain.urgency import ExitReason
from engine.metrics import catalog
from engine.metrics.events import Event, event_of
from engine.metrics.instruments import Instruments
from engine.metrics.standing import Standing, reason_of
from engine.ports import Clock

COUNTERS = (
    catalog.PRICES_REJECTED,
    catalog.PRICES_HELD,
    catalog.SOURCE_FAILURES,
    catalog.ORDERS,
    catalog.RETRIES,
    catalog.ATTEMPTS,
    catalog.ATTEMPT_FAILURES,
    catalog.FEES,
    catalog.POSITIONS_OPENED,
    catalog.POSITIONS_CLOSED,
    catalog.NEEDS_ACTION,
    catalog.REALIZED_PROFIT,
    catalog.REALIZED_LOSS,
    catalog.ACTOR_RESTARTS,
    catalog.MESSAGES_FAILED,
    catalog.ALERTS,
    catalog.EVENTS,
)
HISTOGRAMS = (
    catalog.TICK_AGE,
    catalog.TICK_TO_DECISION,
    catalog.DECISION_TO_SENT,
    catalog.SENT_TO_LANDED,
    catalog.SLIPPAGE_BPS,
    catalog.QUEUE_WAIT,
)
BY_PRICE = frozenset(ExitReason) - {ExitReason.MANUAL, ExitReason.EMERGENCY, ExitReason.TIME_LIMIT}
"""Exits that a price sets off, and not a person or a timer."""
_ENDS = frozenset({"filled", "cancelled", "superseded"})


class Listener:
    """Takes every event of one engine; called with the subject and the data.

    Args:
        clock: tells how old a price is, and when a verdict came.
        instruments: have `COUNTERS` and `HISTOGRAMS`.
        standing: is kept up to date.
    """

    def __init__(self, clock: Clock, instruments: Instruments, standing: Standing) -> None:
        self._clock = clock
        self._count = instruments.count
        self._observe = instruments.observe
        self._standing = standing
        self._takers: Mapping[str, Callable[[Event], None]] = MappingProxyType(
            {
                "price": self._price,
                "order": self._order,
                "attempt": self._attempt,
                "position": self._position,
                "alert": self._alert,
                "engine": self._engine,
            }
        )

    def __call__(self, subject: str, data: Mapping[str, Any]) -> None:
        """Take the event that was published under *subject*."""
        event = event_of(subject, data)
        taker = self._takers.get(event.family)
        if taker is not None:
            taker(event)

    def _price(self, event: Event) -> None:
        tick = event.tick
        if tick is not None:
            self._standing.portfolio.tick(tick)
            self._observe(catalog.TICK_AGE, (self._clock.now() - tick.observed_at) / SECOND, tick.source)

    # Orders -----------------------------------------------------------------------------------------------

    def _order(self, event: Event) -> None:
        order = event.order
        if order is None:
            return
        kind, reason = str(order.kind), reason_of(order)
        waited = self._standing.book.take(order)
        if waited is not None:
            self._observe(catalog.QUEUE_WAIT, max(0, waited) / SECOND, rank_of(order))
        if event.what == OrderStatus.FAILED:
            self._count(catalog.ATTEMPT_FAILURES, kind, str(order.last_error_kind or "unknown"))
        elif event.what == OrderStatus.PENDING and order.attempt_count:
            self._count(catalog.RETRIES, kind, reason)
        elif event.what == OrderStatus.PENDING:
            self._count(catalog.ORDERS, kind, reason, "raised")
        elif event.what in _ENDS:
            self._count(catalog.ORDERS, kind, reason, event.what)
            self._count(catalog.FEES, kind, by=in_sol(order.fees))
            if order.slippage_bps is not None:
                self._observe(catalog.SLIPPAGE_BPS, float(order.slippage_bps), kind, reason)

    def _attempt(self, event: Event) -> None:
        self._count(catalog.ATTEMPTS, event.what)
        attempt = event.attempt
        if event.what == "sent" and attempt is not None:
            first = self._standing.book.sent(attempt)
            if first is not None:
                order, age = first
                self._observe(catalog.DECISION_TO_SENT, age / SECOND, reason_of(order))
        elif event.what not in ("signed", "sent"):
            known = self._standing.book.verdict(Signature(event.subject_id), self._clock.now())
            if known is not None and event.what == "landed":
                reason, span = known
                self._observe(catalog.SENT_TO_LANDED, span / SECOND, reason)

    # Positions --------------------------------------------------------------------------------------------

    def _position(self, event: Event) -> None:
        position = event.position
        if position is None:
            return
        realized = self._standing.portfolio.take(position)
        reason = str(position.exit_reason or "")
        if realized:
            metric = catalog.REALIZED_PROFIT if realized > 0 else catalog.REALIZED_LOSS
            self._count(metric, reason, by=in_sol(Lamports(abs(realized))))
        match event.what:
            case "opened":
                self._count(catalog.POSITIONS_OPENED)
            case "exit_requested" if position.active_exit is not None and position.active_exit.reason in BY_PRICE:
                span = max(0, position.updated_at - position.last_price_at)
                self._observe(catalog.TICK_TO_DECISION, span / SECOND, str(position.active_exit.reason))
            case "needs_action":
                self._count(catalog.NEEDS_ACTION)
            case "closed":
                self._count(catalog.POSITIONS_CLOSED, reason)

    # The engine -------------------------------------------------------------------------------------------

    def _alert(self, event: Event) -> None:
        alert = event.alert
        if alert is None:
            return
        if self._standing.alerts.take(alert, resolved=event.what == "resolved"):
            self._count(catalog.ALERTS, str(alert.severity), alert.alert_type)

    def _engine(self, event: Event) -> None:
        self._count(catalog.EVENTS, event.what)
        tick = event.tick
        match event.what:
            case "actor_restarted":
                self._count(catalog.ACTOR_RESTARTS, kind_of(event.text("actor")))
            case "message_failed":
                self._count(catalog.MESSAGES_FAILED, kind_of(event.text("actor")))
            case "price_rejected" if tick is not None:
                self._count(catalog.PRICES_REJECTED, tick.source, event.text("fault"))
            case "price_held" if tick is not None:
                self._count(catalog.PRICES_HELD, tick.source)
            case "price_source_down":
                self._count(catalog.SOURCE_FAILURES, event.text("source"))


def kind_of(actor: str) -> str:
    """Return the kind of the actor of that name: ``position`` of ``position:1``."""
    return actor.partition(":")[0]


def rank_of(order: Order) -> str:
    """Return the name of the rank that the router serves *order* by."""
    return order.urgency.name.lower()


def in_sol(amount: Lamports) -> float:
    """Return *amount* in SOL, as Prometheus keeps it: a figure to look at, with which nobody pays."""
    return float(sol(amount))
