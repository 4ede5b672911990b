"""Ticks, by what they are judged, and what is wrong with one that is looked at by itself.

What only other ticks can tell - whether a price is far off, or frozen - is the business of `engine.domain.price_guard`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.domain.units import Mint, Nanos, seconds

MAX_AHEAD = Nanos(2_000_000_000)
"""How far a source's clock may run ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One observation of one mint's price. A measurement, and so the one float among the figures."""

    mint: Mint
    price: float
    """SOL per whole token."""
    source: str
    observed_at: Nanos

    def by(self, now: Nanos) -> Tick:
        """Return the tick as seen at *now* at the latest: a source's clock that runs ahead is taken as ours."""
        return replace(self, observed_at=now) if self.observed_at > now else self


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRules:
    """By what prices are compared with each other. The spans are nanoseconds."""

    deviation: float = 0.5
    """How far a price may be from another, as a share of that other, before it needs a second look."""
    second_look: Nanos = seconds(1)
    """How long a price that is far off waits to be confirmed or contradicted before it counts by itself."""
    frozen_after: Nanos = seconds(30)
    """How long a source may repeat the very same price before that is suspicious."""
    silent_after: Nanos = seconds(3)
    """How long a source may say nothing before the next in order is listened to."""


DEFAULT_RULES = PriceRules()


def far(price: float, other: float, rules: PriceRules) -> bool:
    """Return whether *price* is further from *other* than a price may be without a second look."""
    return not other * (1 - rules.deviation) <= price <= other * (1 + rules.deviation)


def fault_of(
    price: float, observed_at: Nanos, *, last_at: Nanos | None, now: Nanos, max_age: Nanos | None
) -> str | None:
    """Return why a price must not be used, in a word, or None where it may.

    Args:
        price: SOL per whole token.
        observed_at: when the source saw it.
        last_at: when the source saw the last price of the mint that had no such fault.
        now: the engine's time.
        max_age: the oldest price that is of use; None for any.
    """
    if not math.isfinite(price):
        return "not_finite"
    if price <= 0:
        return "not_positive"
    if last_at is not None and observed_at < last_at:
        return "reversed"
    if observed_at > now + MAX_AHEAD:
        return "from_the_future"
    if max_age is not None and now - observed_at > max_age:
        return "stale"
    return None
