"""What goes wrong in a run, and how often. Each run draws its own mix, and leaves whole kinds of fault out.

A run with every fault at once seldom gets far enough for the rare ones to meet: most kinds are off in most runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

FINALITY = 32
"""Blocks after which one can no longer be rolled back; no read lags by as much, or no proof of death would hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Chances are per call, or per moment at which the thing could happen."""

    haste: float = 0.95
    """How probable it is that a message is handled before time moves on."""

    dropped_send: float = 0.0
    lost_acknowledgement: float = 0.0
    slow_landing: float = 0.0
    lagging_read: float = 0.0
    failed_read: float = 0.0
    forked_block: float = 0.0
    failing_program: float = 0.0
    outage: float = 0.0

    no_route: float = 0.0
    rate_limited: float = 0.0
    slippage: float = 0.0
    panic: float = 0.0
    permanent: float = 0.0
    no_room_for_marker: float = 0.0

    bad_tick: float = 0.0
    lost_tick: float = 0.0
    price_crash: float = 0.02

    refused_commit: float = 0.0
    actor_death: float = 0.0
    stuck_actor: float = 0.0
    power_cut: float = 0.0
    drain: float = 0.0
    operator: float = 0.0


CALM = Weather(haste=1.0, price_crash=0.0)
"""Nothing goes wrong."""

WORST = {
    "dropped_send": 0.5,
    "lost_acknowledgement": 0.5,
    "slow_landing": 0.8,
    "lagging_read": 0.5,
    "failed_read": 0.2,
    "forked_block": 0.4,
    "failing_program": 0.3,
    "outage": 0.1,
    "no_route": 0.4,
    "rate_limited": 0.3,
    "slippage": 0.4,
    "panic": 0.2,
    "permanent": 0.1,
    "no_room_for_marker": 0.7,
    "bad_tick": 0.2,
    "lost_tick": 0.3,
    "price_crash": 0.1,
    "actor_death": 0.15,
    "stuck_actor": 0.3,
    "power_cut": 0.1,
    "drain": 0.03,
    "operator": 0.5,
}
"""The most of each kind of fault that a run draws."""


def drawn(rng: Random) -> Weather:
    """Return the weather of a run: each kind of fault off in half of them, else anywhere up to its worst."""
    chances = {name: rng.uniform(0, worst) if rng.random() < 0.5 else 0.0 for name, worst in WORST.items()}
    return replace(Weather(), haste=rng.uniform(0.8, 1.0), **chances)


def faults(weather: Weather) -> dict[str, float]:
    """Return the chances of the kinds of fault that are on."""
    chances = {name: float(getattr(weather, name)) for name in WORST}
    return {name: chance for name, chance in chances.items() if chance}
