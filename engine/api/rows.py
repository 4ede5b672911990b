"""Positions as a list shows them: with the price of now, and what that makes of their levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.api.books import Books
from engine.api.schemas import ActiveExitView, OrderView, PositionView, View
from engine.choices import SortBy
from engine.domain.levels import Levels, Outlook, StopKind
from engine.domain.order import Order, OrderStatus
from engine.domain.position import Position, PositionStatus
from engine.domain.quality import Tick
from engine.domain.units import SECOND, Mint, Nanos
from engine.events.fields import Integer, Number, Time


class ActiveExitRow(ActiveExitView):
    """The exit that a position waits for, with how its order does; that is null where there is no such order."""

    status: OrderStatus | None
    attempt: int | None
    max_attempts: int | None
    next_retry_at: Time | None
    last_error: str | None


class PositionRow(PositionView):
    """A position with its live figures. All but `unrealized_pnl` are null once it is closed."""

    active_exit: ActiveExitRow | None
    price: float | None
    """The newest good price of its token or, where there is none since the start, the last one known."""
    price_age_s: float | None
    change_pct: float | None
    """Of the price, from entry."""
    unrealized_pnl: Integer | None
    """What selling the rest at the price would add, in lamports, without impact."""
    stop_price: float | None
    """Where the first stop fires that a falling price meets."""
    stop_kind: StopKind | None
    stop_distance_pct: float | None
    """How far the price may fall until then, in percent of it."""
    next_target_price: float | None
    next_target_distance_pct: float | None
    """How far the price must rise until then, in percent of it."""


class Positions(View):
    """A page of positions."""

    total: int
    positions: list[PositionRow]


class TargetView(View):
    """A take-profit level."""

    price: float
    sell_pct: Number
    taken: bool


class LevelsView(View):
    """The prices at which exits fire, in SOL per whole token; the trailing stop's is null until it is activated."""

    entry: float
    stop: float
    trailing_stop: float | None
    targets: list[TargetView]


class PositionDetail(View):
    """A position with its orders, its levels, and what selling the rest at the newest price would bring."""

    position: PositionRow
    orders: list[OrderView]
    unrealized_pnl: Integer | None
    levels: LevelsView


class Live:
    """Positions of *books* at the *prices* of *now*."""

    def __init__(self, books: Books, prices: Mapping[Mint, Tick], now: Nanos) -> None:
        self._books = books
        self._prices = prices
        self._now = now

    def ordered(self, positions: Iterable[Position], by: SortBy, *, descending: bool) -> list[Position]:
        """Return *positions*, given oldest first, ordered; what has no such figure comes last either way."""
        if by in _LIVE:  # the others ask for no price
            figure = _LIVE[by]
            keyed = [(figure(self.outlook(position)), position) for position in positions]
        else:
            keyed = [(_PLAIN[by](position, self._now), position) for position in positions]
        known = [pair for pair in keyed if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=descending)
        return [position for _, position in known] + [position for value, position in keyed if value is None]

    def outlook(self, position: Position) -> Outlook:
        """Return *position* at its price."""
        position = self._books.live(position)
        known = self._price(position)
        return Outlook(position, known[0] if known is not None else None)

    def row(self, position: Position) -> PositionRow:
        """Return *position* as it is shown."""
        outlook = self.outlook(position)
        position, levels, known = outlook.position, outlook.levels, self._price(outlook.position)
        target, stop, kind = None, None, None
        if levels is not None:
            target, (stop, kind) = levels.next_target, levels.nearest_stop
        shown = {name: getattr(position, name) for name in PositionView.model_fields}
        return PositionRow.model_validate(
            shown
            | {
                "active_exit": self._active_exit(position),
                "price": outlook.price,
                "price_age_s": (self._now - known[1]) / SECOND if known is not None else None,
                "change_pct": outlook.change_pct,
                "unrealized_pnl": outlook.unrealized_pnl,
                "stop_price": stop,
                "stop_kind": kind,
                "stop_distance_pct": outlook.stop_distance_pct,
                "next_target_price": target.price if target is not None else None,
                "next_target_distance_pct": outlook.next_target_distance_pct,
            }
        )

    def _price(self, position: Position) -> tuple[float, Nanos] | None:
        """Return the price of an open position and when it was seen, where there is one."""
        tick = self._prices.get(position.mint)
        if position.closed or (tick is None and position.last_price <= 0):
            return None
        return (tick.price, tick.observed_at) if tick is not None else (position.last_price, position.last_price_at)

    def _active_exit(self, position: Position) -> dict[str, Any] | None:
        active = position.active_exit
        if active is None:
            return None
        order = self._books.order(active.order_id)
        return {
            **{name: getattr(active, name) for name in ActiveExitView.model_fields},
            "status": order and order.status,
            "attempt": order and order.attempt_count,
            "max_attempts": order and order.max_attempts,
            "next_retry_at": order and order.next_retry_at,
            "last_error": order and order.last_error,
        }


def shown_levels(levels: Levels) -> LevelsView:
    """Return *levels* as they are shown."""
    return LevelsView.model_validate(
        {
            "entry": float(levels.entry),
            "stop": levels.stop,
            "trailing_stop": levels.trailing_stop,
            "targets": [TargetView.model_validate(target) for target in levels.targets],
        }
    )


def mentions(record: Position | Order, words: str) -> bool:
    """Return whether *words*, in whatever case, stand in a name of *record*: symbol, mint, id, position, signature."""
    wanted = words.strip().casefold()
    if not wanted:
        return True
    names = [record.symbol, record.mint, record.id]
    if isinstance(record, Order):
        names += [record.position_id, record.tx_signature or ""]
    return any(wanted in name.casefold() for name in names)


def _age(position: Position, now: Nanos) -> int:
    return (position.closed_at or now) - position.opened_at


_STATUSES = list(PositionStatus)
_PLAIN: Mapping[SortBy, Callable[[Position, Nanos], Any]] = {
    SortBy.OPENED_AT: lambda position, _now: (position.opened_at, position.id),
    SortBy.SYMBOL: lambda position, _now: position.symbol.casefold(),
    SortBy.REALIZED_PNL: lambda position, _now: position.realized_pnl,
    SortBy.AGE: _age,
    SortBy.STATUS: lambda position, _now: _STATUSES.index(position.status),
}
_LIVE: Mapping[SortBy, Callable[[Outlook], Any]] = {
    SortBy.CHANGE: lambda outlook: outlook.change_pct,
    SortBy.UNREALIZED_PNL: lambda outlook: None if outlook.position.closed else outlook.unrealized_pnl,
    SortBy.STOP_DISTANCE: lambda outlook: outlook.stop_distance_pct,
}
