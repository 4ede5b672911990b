"""Which source is listened to, which is frozen, and which is astray."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pytest

from engine.domain.quality import DEFAULT_RULES, Tick
from engine.domain.units import Nanos, seconds
from engine.domain.voices import (
    REST,
    Listening,
    Voice,
    Voices,
    at_odds,
    compared,
    frozen,
    leads,
    repeating,
    resting_after,
    said,
    speaks,
)
from tests.factories import MINT, NOW

LIMIT = DEFAULT_RULES.frozen_after / 1e9
SILENT = DEFAULT_RULES.silent_after / 1e9


def moment(after: float = 0) -> Nanos:
    """Return the time *after* so many seconds."""
    return Nanos(NOW + seconds(after))


def listening(after: float = 0, *, resting: Iterable[str] = (), sources: tuple[str, ...] = ("a", "b")) -> Listening:
    """Return the moment *after* so many seconds."""
    return Listening(now=moment(after), rules=DEFAULT_RULES, sources=sources, resting=frozenset(resting))


def voice(source: str, *prices: float, step: float = 1) -> Voice:
    """Return the voice of *source* that said *prices*, *step* seconds apart from the beginning on."""
    ticks = [
        Tick(mint=MINT, price=price, source=source, observed_at=moment(number * step))
        for number, price in enumerate(prices)
    ]
    spoken = reduce(said, ticks, None)
    assert spoken is not None
    return spoken


def voices(**prices: Iterable[float]) -> Voices:
    """Return the voices of sources that said *prices*, a second apart."""
    return {source: voice(source, *spoken) for source, spoken in prices.items()}


def test_the_first_source_in_order_leads() -> None:
    """While it speaks, nobody else leads; who is not in the order comes last, in the order of being heard."""
    heard = voices(x=[1.0], b=[1.0], a=[1.0], y=[1.0])
    assert [leads(heard, source, listening()) for source in ("a", "b", "x", "y")] == [True, False, False, False]
    strangers = voices(x=[1.0], y=[1.0])
    assert [leads(strangers, source, listening()) for source in ("x", "y")] == [True, False]


@pytest.mark.parametrize(("after", "leading"), [(SILENT, False), (SILENT + 1e-9, True)])
def test_a_source_that_is_silent_for_longer_than_the_limit_leads_no_more(after: float, leading: bool) -> None:
    """At exactly the limit it is still heard."""
    heard = {"a": voice("a", 1.0), "b": voice("b", 1.0, 1.0, step=after)}
    assert leads(heard, "b", listening(after)) is leading
    assert speaks(heard, "a", listening(after)) is not leading


def test_a_source_that_rests_leads_nobody() -> None:
    """What still comes from it comes after what any source says that is awake."""
    heard = voices(a=[1.0], b=[1.0])
    assert leads(heard, "b", listening(resting={"a"}))
    assert not leads(heard, "a", listening(resting={"a"}))
    assert leads(heard, "a", listening(resting={"a", "b"}))


def test_a_source_is_frozen_where_it_repeats_itself_and_another_moves() -> None:
    """The very same price for longer than the limit, while another source moved twice in a row since."""
    still = [1.0] * 33
    moving = [1.0] * 20 + [1.02] * 13
    assert frozen(voices(a=still, b=moving), "a", listening(32))
    assert not frozen(voices(a=still, b=moving), "b", listening(32))
    assert not frozen(voices(a=still, b=still), "a", listening(32))
    assert not frozen(voices(a=still), "a", listening(32))
    assert not frozen(voices(a=[*still[:-1], 1.0000001], b=moving), "a", listening(32))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([1.0] * 20 + [1.02] * 2, True),
        ([1.0] * 20 + [1.02] + [1.0], False),
        ([1.0] * 20 + [1.009] * 2, False),
        ([1.0 + 0.001 * n for n in range(22)], True),
    ],
    ids=["twice away", "once away", "hardly away", "slowly away"],
)
def test_a_source_moves_where_two_ticks_in_a_row_are_away(other: list[float], expected: bool) -> None:
    """A single outlier, or a move of less than a hundredth, freezes nobody; a slow walk is measured from its start."""
    heard = {"a": voice("a", 1.0, 1.0, step=LIMIT + 1), "b": voice("b", *other, step=1.5)}
    assert frozen(heard, "a", listening(LIMIT + 1)) is expected


def test_a_source_that_moved_and_fell_silent_freezes_nobody() -> None:
    """Without somebody to take its place a source goes on to be listened to."""
    heard = voices(a=[1.0] * 60, b=[1.0] * 20 + [1.2] * 20)
    assert frozen(heard, "a", listening(40))
    assert not frozen(heard, "a", listening(59))


def test_a_source_that_stands_still_alone_repeats_itself() -> None:
    """Alone, or while another moves, it is told of; two that stand still together are a quiet market."""
    still, moving = [1.0] * 33, [1.0] * 20 + [1.02] * 13
    assert repeating(voices(a=still), listening(32)) == ["a"]
    assert repeating(voices(a=still[:-2]), listening(30)) == []
    assert repeating(voices(a=still, b=still), listening(32)) == []
    assert repeating(voices(a=still, b=moving), listening(32)) == ["a"]
    assert repeating(voices(a=still), listening(40)) == []


def test_a_price_that_was_asked_for_once_repeats_nothing() -> None:
    """However old the only tick is: a source repeats itself by saying the same again."""
    rules = listening(60, sources=())
    assert repeating({"a": voice("a", 1.0)}, rules) == []


def test_a_source_is_astray_while_it_is_far_from_the_price_that_counts() -> None:
    """It is so from when the price came to count, until it agrees; for longer than a silence, it is at odds."""
    heard = compared(voices(a=[1.0], b=[0.4]), 1.0, listening())
    assert [heard[source].astray_since for source in ("a", "b")] == [None, moment()]
    newest = voice("b", *[0.4] * 5).newest
    later = compared({**heard, "b": said(heard["b"], newest)}, 1.0, listening(4))
    assert later["b"].astray_since == moment()
    assert at_odds(later, listening(4)) == ["b"]
    assert at_odds(later, listening(3)) == []
    assert at_odds(later, listening(8)) == []
    assert compared(later, 0.5, listening(4))["b"].astray_since is None


def test_a_failed_source_rests_while_another_is_awake() -> None:
    """It is left alone for half a minute; the last one awake never rests, and wakes the others."""
    until = Nanos(NOW + REST)
    assert resting_after({}, "a", ["a", "b"], NOW) == {"a": until}
    assert resting_after({"a": until}, "b", ["a", "b"], moment(5)) == {}
    assert resting_after({"a": until}, "b", ["a", "b", "c"], moment(5)) == {"a": until, "b": moment(35)}
    assert resting_after({"a": until}, "b", ["a", "b"], until) == {"b": Nanos(until + REST)}
    assert resting_after({}, "a", ["a"], NOW) == {}
