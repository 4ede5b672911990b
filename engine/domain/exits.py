"""The exit rules: which of them a price, or the passing of time, sets off.

Stops are looked at before targets. Thresholds are computed in Decimal and compared as the float nearest to
them, so that a price written with the same digits as a threshold touches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.plan import HUNDRED, ExitPlan
from engine.domain.position import Position
from engine.domain.units import Nanos
from engine.domain.urgency import TAKE_PROFITS, ExitReason

_MOST_FALLS = 64
"""More than any real price path needs between two looks; a hostile one must not grow a window without end."""

Fall = tuple[float, float]
"""A peak, and a lower price after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What the price did since it was last looked at: where it is, how far it went, and how it fell in between.

    A window of many prices sets off exactly those rules that the prices would have set off one by one.
    """

    last: float
    low: float
    high: float
    at: Nanos
    """When `last` was observed."""
    falls: tuple[Fall, ...] = ()
    """The falls within it, highest peak first; those are left out that no trailing stop needs beside the others."""

    def followed_by(self, newer: Window) -> Window:
        """Return the window that spans this one and the *newer* one."""
        between = ((self.high, newer.low),) if newer.low < self.high else ()
        after = tuple((max(self.high, peak), low) for peak, low in newer.falls)
        return Window(
            last=newer.last,
            low=min(self.low, newer.low),
            high=max(self.high, newer.high),
            at=newer.at,
            falls=_needed((*self.falls, *between, *after)),
        )


def _needed(falls: tuple[Fall, ...]) -> tuple[Fall, ...]:
    """Return of *falls* those that are deeper, in proportion, than every one from as high a peak or a higher one."""
    kept: list[Fall] = []
    for peak, low in sorted(falls, key=lambda fall: (-fall[0], fall[1])):
        if not kept or low * kept[-1][0] < kept[-1][1] * peak:
            kept.append((peak, low))
    half = _MOST_FALLS // 2
    return tuple(kept) if len(kept) <= _MOST_FALLS else (*kept[:half], *kept[-half:])


def still(price: float, at: Nanos) -> Window:
    """Return the window of one single *price*."""
    return Window(last=price, low=price, high=price, at=at)


def stop_price(entry: Decimal, plan: ExitPlan) -> float:
    """Return the price at or below which the stop loss fires."""
    return float(entry * (1 - plan.stop_loss_pct / HUNDRED))


def target_price(entry: Decimal, plan: ExitPlan, level: int) -> float:
    """Return the price at or above which take profit *level* (from 0) fires."""
    return float(entry * (1 + plan.take_profits[level].gain_pct / HUNDRED))


def trailing_price(entry: Decimal, plan: ExitPlan, peak: float) -> float | None:
    """Return the price at or below which the trailing stop fires; None before it is activated."""
    if plan.trailing is None or peak < float(entry * (1 + plan.trailing.activation_pct / HUNDRED)):
        return None
    return float(Decimal(repr(peak)) * (1 - plan.trailing.trail_pct / HUNDRED))


def sell_pct(plan: ExitPlan, reason: ExitReason) -> Decimal:
    """Return how many percent of what remains an exit for *reason* sells by itself."""
    return plan.take_profits[TAKE_PROFITS.index(reason)].sell_pct if reason in TAKE_PROFITS else HUNDRED


def triggered(position: Position, window: Window, now: Nanos) -> ExitReason | None:
    """Return the most urgent rule that *window* sets off, or None.

    *position* is the one from before the window.
    """
    entry, plan = position.entry_price, position.plan
    if window.low <= stop_price(entry, plan):
        return ExitReason.STOP_LOSS
    if _trailing_hit(position, window, entry):
        return ExitReason.TRAILING_STOP
    level = position.levels_taken
    if level < len(plan.take_profits) and window.high >= target_price(entry, plan, level):
        return TAKE_PROFITS[level]
    if plan.max_hold is not None and now - position.opened_at >= plan.max_hold:
        return ExitReason.TIME_LIMIT
    if _stagnant(position, window, now):
        return ExitReason.STAGNATION
    return None


def _trailing_hit(position: Position, window: Window, entry: Decimal) -> bool:
    """Return whether a price fell far enough from the peak of before the window, or from one within it."""
    peak = position.peak_price
    falls = ((peak, window.low), (max(peak, window.high), window.last), *window.falls)
    return any(_trailed(position, entry, *fall) for fall in falls)


def _trailed(position: Position, entry: Decimal, peak: float, low: float) -> bool:
    if low >= peak:
        return False
    stop = trailing_price(entry, position.plan, peak)
    return stop is not None and low <= stop


def _stagnant(position: Position, window: Window, now: Nanos) -> bool:
    rule = position.plan.stagnation
    return rule is not None and calm(position, window) and now - position.calm_since >= rule.window


def calm(position: Position, window: Window) -> bool:
    """Return whether *window* stayed within the stagnation band; a plan without the rule is always calm."""
    rule = position.plan.stagnation
    if rule is None:
        return True
    start, band = Decimal(repr(position.calm_price)), rule.band_pct / HUNDRED
    return float(start * (1 - band)) <= window.low and window.high <= float(start * (1 + band))
