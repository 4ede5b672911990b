"""The prices at which a position's exits fire, for a person to look at: by the very rules of `engine.domain.exits`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from engine.domain.exits import stop_price, target_price, trailing_price
from engine.domain.position import Position, unrealized_pnl
from engine.domain.units import Lamports


class StopKind(StrEnum):
    """Which of the stops a falling price meets first."""

    STOP_LOSS = "stop_loss"
    TRAILING_STOP = "trailing_stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A take-profit level."""

    price: float
    """SOL per whole token, at or above which it fires."""
    sell_pct: Decimal
    """Percent of what remains."""
    taken: bool
    """Its exit was raised before: it fires no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What a position waits for. Prices are SOL per whole token."""

    entry: Decimal
    stop: float
    """At or below it the stop loss fires."""
    trailing_stop: float | None
    """At or below it the trailing stop fires, from the peak of now; None before it is activated."""
    targets: tuple[Target, ...]

    @property
    def nearest_stop(self) -> tuple[float, StopKind]:
        """The highest price at which a stop fires, and which: the stop loss where both do, as it is looked at first."""
        if self.trailing_stop is not None and self.trailing_stop > self.stop:
            return self.trailing_stop, StopKind.TRAILING_STOP
        return self.stop, StopKind.STOP_LOSS

    @property
    def next_target(self) -> Target | None:
        """The next take-profit level that can fire; None where all are taken, or there is none."""
        return next((target for target in self.targets if not target.taken), None)


def levels(position: Position) -> Levels:
    """Return the levels of *position* as it stands."""
    entry, plan = position.entry_price, position.plan
    return Levels(
        entry=entry,
        stop=stop_price(entry, plan),
        trailing_stop=trailing_price(entry, plan, position.peak_price),
        targets=tuple(
            Target(price=target_price(entry, plan, level), sell_pct=each.sell_pct, taken=level < position.levels_taken)
            for level, each in enumerate(plan.take_profits)
        ),
    )


@dataclass(frozen=True)
class Outlook:
    """A position at a price: how it does, and how far its levels are. Figures that ask for a price are None without.

    A position that is closed waits for nothing any more: it has no price and no levels.
    """

    position: Position
    newest: float | None
    """Of its mint, in SOL per whole token; None where there is none."""

    @property
    def price(self) -> float | None:
        """The newest price, while the position is open."""
        return None if self.position.closed else self.newest

    @cached_property
    def levels(self) -> Levels | None:
        """What it waits for."""
        return None if self.position.closed else levels(self.position)

    @property
    def change_pct(self) -> float | None:
        """How many percent the price is above entry; negative below."""
        entry = float(self.position.entry_price)
        return _rise_pct(entry, self.price) if self.price is not None and entry > 0 else None

    @property
    def unrealized_pnl(self) -> Lamports | None:
        """What selling the rest at the price would add to the realized result, without impact; closed, 0."""
        if self.position.closed:
            return Lamports(0)
        return unrealized_pnl(self.position, self.price) if self.price is not None else None

    @property
    def stop_distance_pct(self) -> float | None:
        """How many percent the price may fall until a stop fires; negative where it is below."""
        if self.levels is None or self.price is None:
            return None
        stop, _ = self.levels.nearest_stop
        return -_rise_pct(self.price, stop)

    @property
    def next_target_distance_pct(self) -> float | None:
        """How many percent the price must rise until the next target fires; negative where it is above."""
        target = self.levels.next_target if self.levels is not None else None
        return _rise_pct(self.price, target.price) if target is not None and self.price is not None else None


def _rise_pct(before: float, after: float) -> float:
    return (after - before) / before * 100
