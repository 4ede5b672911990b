"""What each price source says of one mint, and which of them is listened to.

The first source in order that speaks *leads*: its prices are passed on. The others are there to check it, and to
take its place. A source speaks where it was heard lately, is not resting after a failure, and is not frozen.

*Frozen* is a source that has repeated the very same price for longer than a limit while another source that is heard
moved by more than a hundredth, twice in a row: a last value that is served again and again with a new time. Where no
other source moves, the market may be as quiet as the price says: that is no fault of the tick, and `repeating` says
what a person should be told. (A source that repeats its last tick with the old time needs no rule: it goes stale.)

*Astray* is a source whose newest price is far from the one that counts: it was turned down, or overruled. Until it
agrees again it has no say on other sources' prices, so that one bad source cannot hold a stop back for ever.

A *quorum* of more than one asks for more: a price counts only where so many sources speak and agree on it, within the
deviation. Then no single source can fire an exit, and where too few speak, no price counts at all and a person is
told that stops are blind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from engine.domain.quality import PriceRules, Tick, far
from engine.domain.units import Nanos, seconds

MOVE = 0.01
"""The share of its price by which a source must move for it to show that another one is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one source says of one mint."""

    newest: Tick
    """Its newest tick without a fault of its own, whatever became of it."""
    since: Nanos
    """When it first said the very price that it says now."""
    anchor: float
    """The price from which a move is measured."""
    strayed: bool = False
    """The newest price is a move away from the anchor: one more such, and the source has moved."""
    moved_at: Nanos | None = None
    astray_since: Nanos | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A moment at which sources are listened to, and how."""

    now: Nanos
    rules: PriceRules
    max_age: Nanos | None = None
    """The oldest price that is of use, in nanoseconds; None for any, where prices come from a recording."""
    sources: tuple[str, ...] = ()
    """The sources in the order in which they are listened to; one that is not named comes after those that are."""
    resting: AbstractSet[str] = frozenset()
    """The sources that failed lately."""
    quorum: int = 1
    """How many sources must agree before a price counts."""


REST = seconds(30)
"""How long a source that failed is left alone."""

Voices = Mapping[str, Voice]
"""By source, in the order in which they were first heard."""


def said(voice: Voice | None, tick: Tick) -> Voice:
    """Return the *voice* of a source that says *tick* now."""
    if voice is None:
        return Voice(newest=tick, since=tick.observed_at, anchor=tick.price)
    since = voice.since if tick.price == voice.newest.price else tick.observed_at
    away = abs(tick.price - voice.anchor) > MOVE * voice.anchor
    if away and voice.strayed:
        return replace(voice, newest=tick, since=since, anchor=tick.price, strayed=False, moved_at=tick.observed_at)
    return replace(voice, newest=tick, since=since, strayed=away)


def leads(voices: Voices, source: str, at: Listening) -> bool:
    """Return whether no source that comes before *source* speaks."""
    if len(voices) == 1:
        return True
    order = (*at.sources, *(name for name in voices if name not in at.sources))

    def rank(name: str) -> tuple[bool, int]:
        return name in at.resting, order.index(name)

    own = rank(source)
    return not any(rank(name) < own and speaks(voices, name, at) for name in voices if name != source)


def speaks(voices: Voices, source: str, at: Listening) -> bool:
    """Return whether what *source* last said still counts for something."""
    return _heard(voices[source], at) and not frozen(voices, source, at)


def frozen(voices: Voices, source: str, at: Listening) -> bool:
    """Return whether *source* repeats itself while another one moves. See the module."""
    voice = voices[source]
    if not _repeats(voice, at):
        return False
    others = (other for name, other in voices.items() if name != source and _heard(other, at))
    return any(other.moved_at is not None and other.moved_at > voice.since for other in others)


def contested(voices: Voices, tick: Tick, at: Listening) -> bool:
    """Return whether another source, one that has a say, just said something far from *tick*."""
    return any(
        far(tick.price, voice.newest.price, at.rules)
        for name, voice in voices.items()
        if name != tick.source and voice.astray_since is None and speaks(voices, name, at)
    )


def has_quorum(voices: Voices, tick: Tick, at: Listening) -> bool:
    """Return whether so many sources speak and say nothing far from *tick*, its own among them."""
    agree = (
        speaks(voices, name, at) and not far(tick.price, voice.newest.price, at.rules)
        for name, voice in voices.items()
        if name != tick.source
    )
    return 1 + sum(agree) >= at.quorum


def compared(voices: Voices, price: float, at: Listening) -> Voices:
    """Return *voices*, each astray or not by whether its newest price is far from *price*, which counts now."""
    if all(voice.astray_since is None and not far(voice.newest.price, price, at.rules) for voice in voices.values()):
        return voices
    return {name: _compared(voice, price, at) for name, voice in voices.items()}


def agreeing(voice: Voice) -> Voice:
    """Return the *voice*, not astray."""
    return voice if voice.astray_since is None else replace(voice, astray_since=None)


def repeating(voices: Voices, at: Listening) -> list[str]:
    """Return the sources that repeat the very same price for suspiciously long.

    Those are the frozen ones, and one that is heard alone. Two sources that are heard and stand still agree that
    nothing happens.
    """
    heard = [name for name, voice in voices.items() if _heard(voice, at)]
    alone = len(heard) == 1
    return [name for name in heard if frozen(voices, name, at) or (alone and _repeats(voices[name], at))]


def at_odds(voices: Voices, at: Listening) -> list[str]:
    """Return the sources that are heard and have been astray for longer than one may be silent."""
    return [
        name
        for name, voice in voices.items()
        if voice.astray_since is not None and at.now - voice.astray_since > at.rules.silent_after and _heard(voice, at)
    ]


def resting_after(
    resting: Mapping[str, Nanos], failed: str, sources: Collection[str], now: Nanos, rest: Nanos = REST
) -> dict[str, Nanos]:
    """Return until when each source rests, after one more *failed*.

    It rests for *rest* where another of *sources* is awake. Where none is, every one is asked again: the last
    source is never left alone, for a stop without a price is blind.
    """
    still = {name: until for name, until in resting.items() if until > now}
    awake = [name for name in sources if name != failed and name not in still]
    return {**still, failed: Nanos(now + rest)} if awake else {}


def _heard(voice: Voice, at: Listening) -> bool:
    recent = at.now - voice.newest.observed_at <= at.rules.silent_after
    return recent and voice.newest.source not in at.resting


def _repeats(voice: Voice, at: Listening) -> bool:
    return voice.newest.observed_at - voice.since > at.rules.frozen_after


def _compared(voice: Voice, price: float, at: Listening) -> Voice:
    if not far(voice.newest.price, price, at.rules):
        return agreeing(voice)
    return voice if voice.astray_since is not None else replace(voice, astray_since=at.now)
