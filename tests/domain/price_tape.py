"""Ticks played to a guard as time passes, with every deadline on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.domain.price_guard import Accepted, Guard, Held, Rejected, Step, observed, time_is_up
from engine.domain.quality import DEFAULT_RULES, PriceRules, Tick
from engine.domain.units import Nanos, seconds
from engine.domain.voices import Listening
from tests.factories import MINT, NOW

Said = tuple[float, float] | tuple[float, float, str]
"""Seconds since the beginning, the price, and by whom: by `PRIMARY` where that is left out."""

PRIMARY, FALLBACK = "primary", "fallback"


@dataclass(kw_only=True)
class Tape:
    """What became of the ticks that were played."""

    guard: Guard = field(default_factory=Guard)
    rules: PriceRules = DEFAULT_RULES
    max_age: Nanos | None = None
    resting: frozenset[str] = frozenset()
    quorum: int = 1
    now: Nanos = NOW
    counted: list[tuple[float, float]] = field(default_factory=list)
    """Prices that counted, with the seconds since the beginning at which they did."""
    rejected: list[tuple[float, str]] = field(default_factory=list)
    asked: int = 0
    """How often a second look was asked for."""

    def play(self, ticks: Iterable[Said]) -> Tape:
        """Play *ticks*, in the order of their times."""
        for after, price, *by in ticks:
            self.wait(after)
            tick = Tick(mint=MINT, price=price, source=(by or [PRIMARY])[0], observed_at=self.now)
            self.take(observed(self.guard, tick, self.at()))
        return self

    def wait(self, until: float) -> Tape:
        """Let time pass until so many seconds since the beginning."""
        end = Nanos(NOW + seconds(until))
        suspect = self.guard.suspect
        if suspect is not None and suspect.until <= end:
            self.now = max(self.now, suspect.until)
            self.take(time_is_up(self.guard, self.at()))
        self.now = end
        return self

    def at(self) -> Listening:
        """Return the moment."""
        return Listening(
            now=self.now,
            rules=self.rules,
            max_age=self.max_age,
            sources=(PRIMARY, FALLBACK),
            resting=self.resting,
            quorum=self.quorum,
        )

    def take(self, step: Step) -> None:
        """Write down what was decided."""
        self.guard, verdicts = step
        for verdict in verdicts:
            match verdict:
                case Accepted(tick=tick):
                    self.counted.append(((self.now - NOW) / 1e9, tick.price))
                case Rejected(tick=tick, fault=fault):
                    self.rejected.append((tick.price, fault))
                case Held(ask=ask):
                    self.asked += ask

    @property
    def prices(self) -> list[float]:
        """The prices that counted, in their order."""
        return [price for _, price in self.counted]


def played(
    *ticks: Said, until: float | None = None, resting: Iterable[str] = (), reference: float | None = None
) -> Tape:
    """Return what became of *ticks* until so many seconds."""
    tape = Tape(resting=frozenset(resting), guard=Guard(reference=reference)).play(ticks)
    return tape if until is None else tape.wait(until)
