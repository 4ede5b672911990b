"""Which prices of one mint count: a price that is far off needs a second look before it moves a position.

A tick is compared with the *level*: the newest price that counts or, before the first, the last one known from
earlier. One within the deviation counts at once, where its source leads (see `engine.domain.voices`). One that is far
from the level, or from what another source just said, is held as the *suspect*; a second look is asked for, and what
is observed next decides:

| what is said while a suspect is held | by its own source                     | by another source                     |
|--------------------------------------|---------------------------------------|---------------------------------------|
| it agrees with the suspect           | both count; where another leads: wait | both count                            |
| it agrees with the level             | the suspect is rejected, `outlying`   | the same, where that source leads;    |
|                                      |                                       | otherwise the suspect is *disputed*   |
| neither                              | it takes the suspect's place          | the same, where that source leads;    |
|                                      |                                       | otherwise it changes nothing          |
| nothing for `second_look`            | the suspect counts, unless disputed   | -                                     |

It agrees with the suspect where it is no further than the deviation from it and nearer to it than to the level. What
takes the suspect's place takes its deadline, so that a price that falls and falls waits no longer than one that fell.
A disputed suspect counts once its source has said it again; where that falls silent, another leads and decides.

Why silence confirms: a price that nobody contradicts may be the crash that the stop is for, and a stop must not be
blind. Why a second look of the same source confirms even against another one: of two sources the first in order is
believed, once it has said the same twice; a stop that fires wrongly sells at the market's price, and one that does
not fire in a crash loses everything. Sources that stay at odds are told to a person.

Where a quorum is asked for, a tick that too few sources agree with is rejected, `no_quorum`, before any of this, and so
is a suspect whose time is over: it waits for others to say the same, however long they take.

A contradiction counts at the end of the span as well: prices that come one span apart are second looks of each other.
A tick that was observed before the price that counts, or another source's from before the suspect, contradicts
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.domain.quality import PriceRules, Tick, far, fault_of
from engine.domain.units import Nanos
from engine.domain.voices import (
    Listening,
    Voice,
    Voices,
    agreeing,
    compared,
    contested,
    frozen,
    has_quorum,
    leads,
    said,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A price that waits for a second look."""

    tick: Tick
    until: Nanos
    """When it counts, where nobody has contradicted it."""
    disputed: bool = False
    """A source that does not lead contradicted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What is known of one mint's price."""

    good: Tick | None = None
    """The newest tick that counts."""
    reference: float | None = None
    """The last price known from before the first tick, in SOL per whole token."""
    suspect: Suspect | None = None
    voices: Voices = field(default_factory=dict)

    @property
    def level(self) -> float | None:
        """What a price is compared with, in SOL per whole token."""
        return self.good.price if self.good is not None else self.reference


@dataclass(frozen=True, slots=True)
class Accepted:
    """The tick counts: pass it on."""

    tick: Tick


@dataclass(frozen=True, slots=True)
class Rejected:
    """The tick never counts."""

    tick: Tick
    fault: str


@dataclass(frozen=True, slots=True)
class Held:
    """The tick waits until a second look, or until that time comes."""

    tick: Tick
    until: Nanos
    ask: bool
    """Whether a second look is to be asked for: once for each suspicion."""


Verdict = Accepted | Rejected | Held
Step = tuple[Guard, tuple[Verdict, ...]]


def observed(guard: Guard, tick: Tick, at: Listening) -> Step:
    """Return the guard after *tick*, and what becomes of it and of the suspect.

    A tick of which nothing is said counts for nothing but the comparison with others.
    """
    voice = guard.voices.get(tick.source)
    last_at = voice.newest.observed_at if voice is not None else None
    fault = fault_of(tick.price, tick.observed_at, last_at=last_at, now=at.now, max_age=at.max_age)
    if fault is not None:
        return guard, (Rejected(tick, fault),)
    tick = tick.by(at.now)
    guard = _with_voice(guard, tick.source, said(voice, tick))
    if frozen(guard.voices, tick.source, at):
        return guard, (Rejected(tick, "frozen"),)
    if not has_quorum(guard.voices, tick, at):
        return guard, (Rejected(tick, "no_quorum"),)
    return _judged(guard, tick, at)


def time_is_up(guard: Guard, at: Listening) -> Step:
    """Return the guard after its suspect, if it has one whose time is over, has come to count."""
    suspect = guard.suspect
    if suspect is None or suspect.disputed or at.now < suspect.until:
        return guard, ()
    if not has_quorum(guard.voices, suspect.tick, at):
        return _cleared(guard), (Rejected(suspect.tick, "no_quorum"),)
    return _counts(_cleared(guard), at, suspect.tick)


def _judged(guard: Guard, tick: Tick, at: Listening) -> Step:
    level, leading = guard.level, leads(guard.voices, tick.source, at)
    if level is None:
        return _counts(guard, at, tick)
    voice = guard.voices[tick.source]
    if voice.astray_since is not None:
        if not far(tick.price, level, at.rules):
            guard = _with_voice(guard, tick.source, agreeing(voice))
        elif not leading:
            return guard, (Rejected(tick, "outlying"),)
    if guard.good is not None and tick.observed_at < guard.good.observed_at:
        return guard, ()
    if guard.suspect is None:
        return _first_look(guard, level, tick, at, leading=leading)
    return _second_look(guard, level, guard.suspect, tick, at, leading=leading)


def _first_look(guard: Guard, level: float, tick: Tick, at: Listening, *, leading: bool) -> Step:
    if far(tick.price, level, at.rules) or (leading and contested(guard.voices, tick, at)):
        # One nanosecond more, for what is said at the very end of the span.
        return _held(guard, tick, Nanos(at.now + at.rules.second_look + 1), ask=True)
    return _counts(guard, at, tick) if leading else (guard, ())


def _second_look(guard: Guard, level: float, suspect: Suspect, tick: Tick, at: Listening, *, leading: bool) -> Step:
    own = tick.source == suspect.tick.source
    if _backs(tick.price, suspect.tick.price, level, at.rules):
        if tick == suspect.tick or (own and not leading):
            return guard, ()
        return _counts(_cleared(guard), at, *sorted((suspect.tick, tick), key=lambda seen: seen.observed_at))
    decides = own or leading
    if far(tick.price, level, at.rules):
        return _supplanted(guard, suspect, tick, at) if decides else (guard, ())
    if not own and tick.observed_at < suspect.tick.observed_at:
        return _counts(guard, at, tick) if leading else (guard, ())
    if not decides:
        return replace(guard, suspect=replace(suspect, disputed=True)), ()
    guard, counted = _counts(_cleared(guard), at, tick) if leading else (_cleared(guard), ())
    return guard, (Rejected(suspect.tick, "outlying"), *counted)


def _backs(price: float, suspect: float, level: float, rules: PriceRules) -> bool:
    """Return whether *price* agrees with the *suspect*, and rather with it than with the *level*."""
    return not far(price, suspect, rules) and _ratio(price, suspect) < _ratio(price, level)


def _ratio(one: float, other: float) -> float:
    return max(one, other) / min(one, other)


def _supplanted(guard: Guard, suspect: Suspect, tick: Tick, at: Listening) -> Step:
    guard, held = _held(guard, tick, max(suspect.until, at.now), ask=False)
    return guard, (Rejected(suspect.tick, "outlying"), *held)


def _held(guard: Guard, tick: Tick, until: Nanos, *, ask: bool) -> Step:
    return replace(guard, suspect=Suspect(tick=tick, until=until)), (Held(tick, until, ask),)


def _counts(guard: Guard, at: Listening, *ticks: Tick) -> Step:
    """Let *ticks*, oldest first, count."""
    newest = ticks[-1]
    guard = replace(guard, good=newest, voices=compared(guard.voices, newest.price, at))
    return guard, tuple(Accepted(tick) for tick in ticks)


def _cleared(guard: Guard) -> Guard:
    return replace(guard, suspect=None)


def _with_voice(guard: Guard, source: str, voice: Voice) -> Guard:
    return replace(guard, voices={**guard.voices, source: voice})
