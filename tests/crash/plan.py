"""What a run is made of, all of it drawn from its seed: prices, faults, and where the engine dies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from random import Random

from solders.keypair import Keypair

from engine.config import Settings
from engine.domain.plan import ExitPlan, TakeProfit
from engine.domain.units import Nanos, PositionId, RawAmount, lamports, seconds
from engine.domain.urgency import ExitReason
from tests.crash.faults import (
    EXPIRY,
    FAULTS,
    FOR_GOOD,
    FROZEN,
    LATE_LANDING,
    NO_ROUTE_FOR_A_WHILE,
    REFUSED,
    SLIPPAGE,
    Trouble,
)
from tests.crash.points import ANYWHERE, POINTS, Point, Step

POSITION = PositionId("pos-1")
FUNDS = lamports("10")
DECIMALS = 6
AMOUNT = RawAmount(1_000_000_007)
"""Raw tokens of the position; no share of it is a whole number."""
HELD = RawAmount(3 * AMOUNT)
"""Raw tokens in the wallet: the chain lets the position be sold three times."""
ENTRY_PRICE = Decimal("0.001")
MOST_KILLS = 3
ANYWHERE_SHARE = 0.25
"""How many of the later kills of a run keep to no point."""
SHORT_SLOT, REAL_SLOT = seconds(0.1), seconds(0.4)


class Scenario(StrEnum):
    """What the price does."""

    STOP = "stop"
    PROFIT = "profit"
    PARTIAL = "partial"
    """It touches a target that sells a part, and falls through the stop sooner or later."""


_SCENARIOS = (Scenario.STOP, Scenario.STOP, Scenario.PROFIT, Scenario.PARTIAL)


@dataclass(frozen=True, slots=True)
class Kill:
    """The end of one process."""

    point: Point
    nth: int
    """At which passage; for `ANYWHERE`, after how many milliseconds of the machine."""

    def __str__(self) -> str:
        return f"{self.point}#{self.nth}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run."""

    seed: int
    scenario: Scenario
    prices: tuple[tuple[float, Decimal], ...]
    """What the token costs, each with the seconds after the first quote that an engine asks for from which it does;
    the first of them, all along until then."""
    kills: tuple[Kill, ...]
    """Of the first process, of the second, ...; the one after them is left alone."""
    retry_kill: Kill
    """Of the process in which a person retries an exit that failed for good."""
    faults: Mapping[str, Trouble | None] = field(default_factory=dict)
    slot: Nanos
    landing_slots: int
    resign_after: float
    """Seconds; 0 for never."""

    @property
    def keypair(self) -> Keypair:
        """The wallet's."""
        return Keypair.from_seed(hashlib.sha256(f"wallet of run {self.seed}".encode()).digest())

    @property
    def frozen(self) -> bool:
        """Whether the token's issuer has frozen what the wallet holds."""
        return FROZEN in self.faults

    @property
    def spells(self) -> Mapping[str, tuple[float, float]]:
        """When the faults come and go that are not there all along; see `Trouble.spell`."""
        return {
            name: trouble.spell
            for name, trouble in self.faults.items()
            if trouble is not None and trouble.spell is not None
        }

    @property
    def last_reason(self) -> ExitReason:
        """Why the last exit is raised that the prices call for."""
        return ExitReason.TAKE_PROFIT_1 if self.scenario is Scenario.PROFIT else ExitReason.STOP_LOSS

    @property
    def exits(self) -> ExitPlan:
        """The plan of the position."""
        share = Decimal(100) if self.scenario is Scenario.PROFIT else Decimal(40)
        return ExitPlan(stop_loss_pct=Decimal(20), take_profits=(TakeProfit(gain_pct=Decimal(20), sell_pct=share),))

    @property
    def settings(self) -> Settings:
        """The engine's: as in production, but that markers are emptied soon, and prices asked for half as often."""
        resign = {"resign_after": self.resign_after}
        orders = {"exits": resign, "urgent": resign, "reclaim_after": 2.0}
        return Settings.model_validate({"orders": orders, "prices": {"poll_interval": 2.0}})

    def __str__(self) -> str:
        kills = ", ".join(map(str, self.kills)) or "left alone"
        return f"{self.scenario}; {kills}; {', '.join(self.faults) or 'no faults'}"


_NEEDS: Mapping[Step, tuple[str, ...]] = {
    Step.REVERTED: (SLIPPAGE, LATE_LANDING),
    Step.EXPIRED: (EXPIRY,),
    Step.RETRY: (NO_ROUTE_FOR_A_WHILE, "quote_5xx"),
    Step.GIVEN_UP: (REFUSED, FROZEN),
    Step.NEEDS_ACTION: (REFUSED, FROZEN),
    Step.ALERT: (REFUSED, FROZEN),
    Step.WANTED: (NO_ROUTE_FOR_A_WHILE, LATE_LANDING),
    Step.TAKEN_BACK: (NO_ROUTE_FOR_A_WHILE,),
}
"""Without one of these faults a step is not come to."""
_OVERTAKING = frozenset({Step.WANTED, Step.TAKEN_BACK})
"""Steps of a stop that is crossed while a profit is being taken."""
_ONCE = frozenset({*_NEEDS, Step.RAISED, Step.LANDED, Step.BOOKED, Step.RECLAIM, Step.RECLAIMED})
"""Steps that most engines pass no more than once."""


def drawn(seed: int, *, point: Point | None = None, faults: Sequence[str] | None = None) -> Plan:
    """Return the plan of *seed*.

    Args:
        seed: decides everything.
        point: where the engine dies, once, at the first passage; drawn where None.
        faults: names of the faults; drawn where None.
    """
    rng = Random(seed)
    first = rng.choice(POINTS) if point is None else point
    names = _drawn_faults(rng, first) if faults is None else [*faults]
    scenario = Scenario.PARTIAL if first.step in _OVERTAKING else rng.choice(_SCENARIOS)
    others = rng.choice((0, 0, 1, 1, MOST_KILLS - 1)) if point is None else 0
    reachable = [other for other in POINTS if _can_be_reached(other, scenario, names)]
    kills = (_kill(rng, first, at_once=point is not None), *(_kill(rng, _other(rng, reachable)) for _ in range(others)))
    expires = EXPIRY in names
    return Plan(
        seed=seed,
        scenario=scenario,
        prices=_prices(rng, scenario, overtaking=first.step in _OVERTAKING),
        kills=kills,
        retry_kill=_kill(rng, rng.choice([other for other in POINTS if not needed(other)]), at_once=True),
        faults={name: FAULTS[name](rng) for name in names},
        slot=SHORT_SLOT if expires or LATE_LANDING in names else rng.choice((SHORT_SLOT, REAL_SLOT)),
        landing_slots=rng.choice((1, 1, 2, 4)),
        # An attempt dies of age alone only where none is signed beside it.
        resign_after=0.0 if expires else rng.choice((0.0, 1.0, 3.0, 3.0)),
    )


def needed(point: Point) -> tuple[str, ...]:
    """Return the faults of which *point* needs one."""
    return _NEEDS.get(point.step, ())


def _can_be_reached(point: Point, scenario: Scenario, faults: Sequence[str]) -> bool:
    if point.step in _OVERTAKING and scenario is not Scenario.PARTIAL:
        return False
    wanted = needed(point)
    return not wanted or any(name in faults for name in wanted)


def _other(rng: Random, reachable: Sequence[Point]) -> Point:
    return ANYWHERE if rng.random() < ANYWHERE_SHARE else rng.choice(reachable)


def _kill(rng: Random, point: Point, *, at_once: bool = False) -> Kill:
    if point == ANYWHERE:
        return Kill(point, rng.randint(1, 500))
    return Kill(point, 1 if at_once or point.step in _ONCE else rng.choice((1, 1, 2, 3)))


def _drawn_faults(rng: Random, point: Point) -> list[str]:
    names = rng.sample([name for name in FAULTS if name not in FOR_GOOD], rng.choice((0, 1, 1, 1, 2, 2)))
    if wanted := needed(point):
        names = [name for name in names if name not in wanted] + [rng.choice(wanted)]
    return names


def _prices(rng: Random, scenario: Scenario, *, overtaking: bool) -> tuple[tuple[float, Decimal], ...]:
    high = _price(rng.uniform(1.21, 1.45))
    low = _price(rng.uniform(0.55, 0.79))
    if scenario is Scenario.STOP:
        return ((0.0, low),)
    if scenario is Scenario.PROFIT:
        return ((0.0, high),)
    return ((0.0, high), (rng.uniform(0.5, 2.0) if overtaking else rng.uniform(0.5, 12.0), low))


def _price(share: float) -> Decimal:
    return (ENTRY_PRICE * Decimal(f"{share:.4f}")).normalize()
