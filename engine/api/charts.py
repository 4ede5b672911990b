"""The price of a position since it was opened, its levels and its exits, for a chart."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import reduce

from actors.tape import FINE, PriceTape
from engine.api.rows import LevelsView
from engine.api.schemas import View
from engine.domain.candles import MINUTE, Candle, joined, span_begin
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.units import SECOND, Mint, Nanos
from engine.domain.urgency import ExitReason
from engine.events.fields import Integer, Time
from engine.ports import Store

REMEMBERED = 16
"""So many charts' stored candles are kept in memory: those of 30 days are about 5 MiB."""


class CandleView(View):
    """What the price did in the span that begins at `at`, in SOL per whole token."""

    at: Time
    open: float
    high: float
    low: float
    close: float


class ExitMark(View):
    """An exit order, where it belongs on the chart."""

    at: Time
    """When it was filled; before that, when it was raised."""
    price: float | None
    """What it was filled at or, before that, the price that raised it."""
    reason: ExitReason
    status: OrderStatus
    order_id: str
    amount_tokens: Integer


class ChartView(View):
    """A position's prices since it was opened, until now or until it was closed."""

    candles: list[CandleView]
    levels: LevelsView
    exits: list[ExitMark]


class PriceHistory:
    """What prices did, from the tape and from the store. For every thread."""

    def __init__(self, store: Store, tape: PriceTape) -> None:
        self._store = store
        self._tape = tape
        self._known: OrderedDict[tuple[Mint, Nanos, Nanos, int], list[Candle]] = OrderedDict()
        self._lock = threading.Lock()

    def between(self, mint: Mint, begin: Nanos, end: Nanos) -> list[Candle]:
        """Return the candles of *mint* between two moments, oldest first: the finest that there are.

        A span of at most `actors.tape.FINE` is of seconds, as far as the tape reaches, and otherwise of minutes.
        """
        recent = self._tape.recent(mint)
        stored = self._stored(mint, begin, end, recent.generation)
        minutes = joined([*stored, *_within(recent.candles, span_begin(begin, MINUTE), end)])
        if end - begin > FINE or not recent.points:
            return minutes
        before = _unknown_to(recent.points, minutes) if recent.points[0].at > begin else []
        return [*before, *_within(recent.points, span_begin(begin, SECOND), end)]

    def _stored(self, mint: Mint, begin: Nanos, end: Nanos, generation: int) -> list[Candle]:
        """Return what the store holds: read again only once candles were stored."""
        asked = (mint, span_begin(begin, MINUTE), span_begin(end, MINUTE), generation)
        with self._lock:
            if asked in self._known:
                self._known.move_to_end(asked)
                return self._known[asked]
        found = self._store.candles(*asked[:3])
        with self._lock:
            self._known[asked] = found
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found


def _within(candles: Iterable[Candle], begin: Nanos, end: Nanos) -> list[Candle]:
    return [candle for candle in candles if begin <= candle.at <= end]


def _unknown_to(points: Sequence[Candle], minutes: Iterable[Candle]) -> list[Candle]:
    """Return the *minutes* from before *points*, the one they begin in too where it saw what they did not."""
    begun = span_begin(points[0].at, MINUTE)
    known = reduce(Candle.followed_by, (point for point in points if span_begin(point.at, MINUTE) == begun))
    return [
        each
        for each in minutes
        if each.at < begun or (each.at == begun and (each.high > known.high or each.low < known.low))
    ]


def exit_marks(orders: Iterable[Order]) -> list[ExitMark]:
    """Return the exits of *orders*, as they come."""
    return [_mark(order) for order in orders if order.kind is OrderKind.EXIT]


def _mark(order: Order) -> ExitMark:
    price = order.actual_price if order.actual_price is not None else order.expected_price
    return ExitMark.model_validate(
        {
            "at": order.filled_at if order.filled_at is not None else order.created_at,
            "price": float(price) if price is not None else None,
            "reason": order.exit_reason,
            "status": order.status,
            "order_id": order.id,
            "amount_tokens": order.amount_tokens,
        }
    )
