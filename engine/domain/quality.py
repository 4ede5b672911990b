"""Which prices are fit to move a position."""

from __future__ import annotations

import math

from engine.domain.units import Nanos

MAX_AHEAD = Nanos(2_000_000_000)
"""How far a source's clock may run ahead of ours."""


def fault_of(
    price: float, observed_at: Nanos, *, last_at: Nanos | None, now: Nanos, max_age: Nanos | None
) -> str | None:
    """Return why a price must not be used, in a word, or None where it may.

    Args:
        price: SOL per whole token.
        observed_at: when the source saw it.
        last_at: when the last accepted price of the mint was observed.
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
