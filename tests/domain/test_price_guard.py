"""A price that is far off: what confirms it, what contradicts it, and that no stop is blind meanwhile."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.price_guard import Accepted, Held, observed
from engine.domain.quality import DEFAULT_RULES, Tick, far
from engine.domain.units import Nanos, seconds
from tests.domain.price_tape import FALLBACK, PRIMARY, Said, Tape, played
from tests.factories import MINT, NOW

P, F = PRIMARY, FALLBACK
SPAN = DEFAULT_RULES.second_look / 1e9
A_NANOSECOND = 1e-9


def test_prices_within_the_deviation_count_at_once() -> None:
    """Half as much again and half as much are no jump; the first price of a mint has nothing to be compared with."""
    tape = played((0, 1.0), (1, 1.5), (2, 0.75))
    assert (tape.prices, tape.asked) == ([1.0, 1.5, 0.75], 0)


@pytest.mark.parametrize("price", [0.5, 1.5])
def test_the_deviation_is_the_first_that_counts_at_once(price: float) -> None:
    """A price exactly as far off as may be counts; the next float beyond it is held."""
    assert played((0, 1.0), (1, price)).prices == [1.0, price]
    beyond = math.nextafter(price, 0.0 if price < 1 else math.inf)
    tape = played((0, 1.0), (1, beyond))
    assert (tape.prices, tape.asked) == ([1.0], 1)


# One row for each cell of the table in the module: ticks after 1.0 at 0 s, what counts in the end, what is rejected.
TABLE: dict[str, tuple[list[Said], list[float], list[float]]] = {
    "its source says it again": ([(1, 0.4), (1.2, 0.41)], [0.4, 0.41], []),
    "its source takes it back": ([(1, 0.4), (1.2, 1.0)], [1.0], [0.4]),
    "its source says a third thing, and again": ([(1, 0.4), (1.2, 0.1), (1.4, 0.1)], [0.1, 0.1], [0.4]),
    "nobody says anything": ([(1, 0.4)], [0.4], []),
    "another source says it too": ([(1, 0.4), (1.2, 0.41, F)], [0.4, 0.41], []),
    "the leader says what the other did": ([(1, 0.4, F), (1.2, 0.41)], [0.4, 0.41], []),
    "the leader contradicts the other": ([(1, 0.4, F), (1.2, 1.0)], [1.0], [0.4]),
    "the other contradicts the leader": ([(1, 0.4), (1.2, 1.0, F)], [], []),
    "the other contradicts, the leader insists": ([(1, 0.4), (1.2, 1.0, F), (1.4, 0.4)], [0.4, 0.4], []),
    "the other contradicts, the leader gives in": ([(1, 0.4), (1.2, 1.0, F), (1.4, 1.0)], [1.0], [0.4]),
    "the other insists alone": ([(1, 0.4, F), (1.2, 0.4, F)], [0.4], []),
    "the other insists, the leader contradicts": (
        [(1, 0.4, F), (1.2, 0.4, F), (1.4, 1.0), (1.6, 0.4, F)],
        [1.0],
        [0.4, 0.4],
    ),
    "the other says a third thing": ([(1, 0.4), (1.2, 0.1, F)], [0.4], []),
    "the leader says a third thing": ([(1, 0.4, F), (1.2, 0.1)], [0.1], [0.4]),
    "a tick that is the same": ([(1, 0.4), (1, 0.4)], [0.4], []),
    "a rise is looked at twice as well": ([(1, 1.6), (1.2, 1.0), (1.4, 1.7), (1.6, 1.7)], [1.0, 1.7, 1.7], [1.6]),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_suspect_is_decided_by_what_is_said_next(case: str) -> None:
    """Every cell of the decision table."""
    ticks, counted, rejected = TABLE[case]
    tape = played((0, 1.0), *ticks, until=2.5)
    assert tape.prices == [1.0, *counted]
    assert tape.rejected == [(price, "outlying") for price in rejected]


def test_a_suspect_counts_once_the_span_is_over_and_not_before() -> None:
    """What is said at the very end of the span still contradicts; a nanosecond later the suspect counts."""
    assert played((0, 1.0), (1, 0.4), until=1 + SPAN).prices == [1.0]
    assert played((0, 1.0), (1, 0.4), until=1 + SPAN + A_NANOSECOND).prices == [1.0, 0.4]
    assert played((0, 1.0), (1, 0.4), (1 + SPAN, 1.0), until=9).prices == [1.0, 1.0]


def test_a_suspect_counts_as_what_it_was_observed_as() -> None:
    """A suspect that counts late carries the time at which its source saw it."""
    tape = played((0, 1.0), (1, 0.4), until=3)
    assert tape.guard.good == Tick(mint=MINT, price=0.4, source=P, observed_at=Nanos(NOW + seconds(1)))


def test_a_price_that_falls_and_falls_waits_no_longer_than_one_that_fell() -> None:
    """Each price of a crash far from the one before: the newest counts when the first one's span is over."""
    tape = played((0, 1.0), (1, 0.4), (1.3, 0.15), (1.6, 0.05), (1.9, 0.02), until=3)
    assert tape.counted[1:] == [(1 + SPAN + A_NANOSECOND, 0.02)]
    assert tape.asked == 1


def test_a_second_look_is_nearer_to_the_suspect_or_it_is_none() -> None:
    """What lies within the deviation of both counts for the nearer of the two."""
    assert played((0, 1.0), (1, 0.45), (1.2, 0.6)).prices == [1.0, 0.45, 0.6]
    assert played((0, 1.0), (1, 1.8), (1.2, 1.0)).prices == [1.0, 1.0]
    assert played((0, 1.0), (1, 0.45), (1.2, 0.672)).rejected == [(0.45, "outlying")]


def test_the_first_tick_is_compared_with_the_price_known_from_before() -> None:
    """After a restart the last known price is the level: a far first tick is held, a near one counts."""
    assert played((0, 0.9), reference=1.0).prices == [0.9]
    assert played((0, 0.1), (0.2, 0.9), reference=1.0, until=3).prices == [0.9]
    assert played((0, 0.1), reference=1.0, until=3).prices == [0.1]


def test_an_old_tick_of_another_source_contradicts_nothing() -> None:
    """What another source saw before the suspect was seen is no second look at it."""
    tape = played((0, 1.0), (1, 0.4))
    late = Tick(mint=MINT, price=1.0, source=F, observed_at=Nanos(NOW + seconds(0.5)))
    tape.take(observed(tape.guard, late, tape.at()))
    assert tape.wait(3).prices == [1.0, 0.4]


def test_a_tick_from_before_the_price_that_counts_is_not_passed_on() -> None:
    """Where the leader is the later to be heard, its older tick neither counts nor is called reversed."""
    tape = played((0, 1.0, F))
    late = Tick(mint=MINT, price=0.9, source=P, observed_at=Nanos(NOW - 1))
    tape.take(observed(tape.guard, late, tape.at()))
    assert (tape.prices, tape.rejected) == ([1.0], [])


def test_a_clock_that_runs_ahead_is_taken_as_ours() -> None:
    """A tick from a second ahead counts as of now, and does not make what follows it reversed."""
    tape = played((0, 1.0))
    ahead = Tick(mint=MINT, price=0.9, source=P, observed_at=Nanos(NOW + seconds(1)))
    tape.take(observed(tape.guard, ahead, tape.at()))
    assert tape.guard.good is not None
    assert tape.guard.good.observed_at == NOW
    assert tape.play([(0.5, 0.8)]).prices == [1.0, 0.9, 0.8]


# Two sources -----------------------------------------------------------------------------------------------


def test_only_the_leading_source_is_passed_on() -> None:
    """The second source's prices are compared with, not passed on, for as long as the first one speaks."""
    tape = played((0, 1.0), (0.5, 0.9, F), (1, 0.95), (1.5, 0.9, F), (2, 0.95))
    assert tape.prices == [1.0, 0.95, 0.95]


def test_a_price_far_from_what_the_other_source_just_said_needs_a_second_look() -> None:
    """Within the deviation of the last good price, and not of the other source's newest: held."""
    fell = ((0.0, 1.0), (0.5, 1.3, F), (1.0, 0.6))
    tape = played(*fell)
    assert (tape.prices, tape.asked) == ([1.0], 1)
    assert played(*fell, (1.2, 0.6)).prices == [1.0, 0.6, 0.6]
    assert played(*fell, (1.2, 0.95)).prices == [1.0, 0.95]


def test_a_source_that_was_overruled_has_no_say_until_it_agrees_again() -> None:
    """The leader's confirmed price counts on; the other's is rejected, and once it agrees it can contradict again."""
    fell: list[Said] = [(0, 1.0), (0.1, 1.0, F), (1, 0.4), (1.2, 1.0, F), (1.4, 0.4)]
    tape = played(*fell, (1.6, 1.0, F), (2, 0.38))
    assert tape.prices == [1.0, 0.4, 0.4, 0.38]
    assert tape.rejected == [(1.0, "outlying")]
    tape.play([(2.2, 0.39, F), (3, 1.0), (3.2, 0.38, F)])
    assert tape.guard.suspect is not None
    assert tape.guard.suspect.disputed


def test_a_disputed_suspect_does_not_count_by_silence() -> None:
    """Contradicted by the other source, the leader must say it again; where it falls silent, the other leads."""
    disputed: list[Said] = [(0, 1.0), (1, 0.4), (1.2, 1.0, F)]
    assert played(*disputed, until=9).prices == [1.0]
    tape = played(*disputed, (2, 1.0, F), (3, 1.0, F), (4.1, 1.01, F))
    assert (tape.prices, tape.rejected) == ([1.0, 1.01], [(0.4, "outlying")])


def test_the_next_source_is_listened_to_once_the_first_falls_silent() -> None:
    """After the limit of silence the fallback's prices are passed on, and the primary's as soon as it speaks."""
    tape = played((0, 1.0), (1, 0.99, F), (3, 0.98, F), (3.1, 0.97, F), (4, 0.96), (4.1, 0.95, F))
    assert tape.prices == [1.0, 0.97, 0.96]


def test_the_next_source_is_listened_to_while_the_first_rests() -> None:
    """A source that failed is not waited for."""
    assert played((0, 1.0), (0.1, 0.9, F), resting={P}).prices == [1.0, 0.9]


def test_a_source_that_repeats_itself_while_another_moves_is_frozen() -> None:
    """A last value served on and on with new times is rejected; the source that moves leads, and its fall counts."""
    ticks: list[Said] = []
    for second in range(40):
        moving = 1.0 if second < 20 else 0.97 if second < 38 else 0.7
        ticks += [(second, 1.0), (second + 0.5, moving, F)]
    tape = played(*ticks)
    assert tape.rejected[0] == (1.0, "frozen")
    assert tape.rejected[-1] == (1.0, "frozen")
    assert tape.prices[-1] == 0.7
    assert tape.play([(40, 0.7)]).prices[-1] == 0.7
    assert tape.guard.good is not None
    assert tape.guard.good.source == P


def test_two_sources_that_stand_still_are_a_quiet_market() -> None:
    """Nobody moves, or one of them only for a single tick: nothing is rejected as frozen."""
    ticks: list[Said] = []
    for second in range(60):
        ticks += [(second, 1.0), (second + 0.5, 1.2 if second == 50 else 1.0, F)]
    assert played(*ticks).rejected == []


def test_a_rejected_price_can_be_frozen_out_but_not_a_lone_source() -> None:
    """A single source that stands still goes on to count: without another there is nothing to say against it."""
    assert len(played(*((second, 1.0) for second in range(90))).prices) == 90


# Properties ------------------------------------------------------------------------------------------------

moving = st.one_of(st.floats(0.75, 1.3), st.sampled_from([0.3, 3.0]))
"""By what a path is multiplied from one price to the next."""
gaps = st.integers(1, 100)
"""Hundredths of a second, so that what follows is within the span of the second look."""
stray = st.one_of(st.floats(1e-9, 0.35), st.floats(2.2, 1e9))
"""By what an outlier is multiplied: far from whatever a price of 0.9 to 1.1 times as much is."""


@st.composite
def with_outliers(draw: st.DrawFn) -> tuple[list[Said], list[Said]]:
    """Return a price path, and the same with isolated outliers in between.

    The path walks and may jump, and stays for a tick or more where it is. An outlier is far from the price before it,
    which was there for two ticks, and the price after it would be far from it.
    """
    moves = draw(st.lists(st.tuples(moving, st.integers(2, 3)), min_size=2, max_size=10))
    prices: list[float] = []
    for factor, times in moves:
        prices += [(prices or [1.0])[-1] * factor] * times
    clean: list[Said] = []
    dirty: list[Said] = []
    after = 0
    for number, price in enumerate(prices):
        settled = number > 1 and not far(prices[number - 1], prices[number - 2], DEFAULT_RULES)
        outlier = prices[number - 1] * draw(stray) if settled and draw(st.booleans()) else None
        if outlier is not None and far(price, outlier, DEFAULT_RULES):
            after += draw(gaps)
            dirty.append((after / 100, outlier))
        after += draw(gaps)
        clean.append((after / 100, price))
        dirty.append((after / 100, price))
    return clean, dirty


@given(with_outliers())
def test_isolated_outliers_move_nothing(paths: tuple[list[Said], list[Said]]) -> None:
    """Whatever outliers say, what counts is the path or a part of it, in its order: no stop fires that it would not."""
    clean, dirty = paths
    path = iter([said[1] for said in clean])
    assert all(price in path for price in played(*dirty, until=dirty[-1][0] + 2).prices)


@given(with_outliers())
def test_outliers_hide_no_fall(paths: tuple[list[Said], list[Said]]) -> None:
    """The lowest price that counts on the clean path counts among the outliers as well."""
    clean, dirty = paths
    until = clean[-1][0] + 2
    assert min(played(*dirty, until=until).prices) == min(played(*clean, until=until).prices)


@given(
    history=st.lists(st.tuples(gaps, st.floats(1e-6, 1e6), st.sampled_from([P, F])), max_size=30),
    run=st.lists(st.tuples(gaps, st.floats(1e-12, 1.0), st.sampled_from([P, F])), max_size=10),
    first=st.floats(1e-12, 1.0),
)
def test_whatever_came_before_a_crash_counts_within_the_span(
    history: list[tuple[int, float, str]], run: list[tuple[int, float, str]], first: float
) -> None:
    """Once the leader and all after it speak of prices beyond a crash, one of them counts within the second look."""
    tape, after = Tape(), 0
    for gap, price, source in history:
        after += gap
        tape.play([(after / 100, price, source)])
    level = tape.guard.level or 1.0
    crashed = level * 0.4
    after += 1
    begun = after / 100
    tape.play([(begun, first * crashed, P)])
    for gap, share, source in run:
        after += gap
        if after / 100 <= begun + SPAN:
            tape.play([(after / 100, share * crashed, source)])
    tape.wait(begun + SPAN + A_NANOSECOND)
    assert any(price <= crashed for at, price in tape.counted if at >= begun)


@given(
    base=st.lists(st.floats(0.9, 1.1), min_size=3, max_size=40),
    strays=st.lists(st.tuples(st.booleans(), st.booleans(), stray), min_size=40, max_size=40),
)
def test_an_isolated_outlier_of_either_source_moves_nothing(
    base: list[float], strays: list[tuple[bool, bool, float]]
) -> None:
    """Two sources that take turns, either of them wrong now and then, never twice in a row: only the path counts."""
    ticks: list[Said] = []
    calm = 2
    for number, (price, (strays_here, whose, factor)) in enumerate(zip(base, strays, strict=False)):
        source = P if number % 2 else F
        if strays_here and number > 3 and calm >= 2:
            ticks.append((number * 0.4, price * factor, P if whose else F))
            calm = 0
        else:
            ticks.append((number * 0.4, price, source))
            calm += 1
    ticks += [(len(base) * 0.4, 1.0, P), (len(base) * 0.4 + 0.1, 1.0, F)]
    assert set(played(*ticks, until=len(base)).prices) <= {*base, 1.0}


@given(st.lists(st.tuples(gaps, st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([P, F, "third"]))))
def test_what_counts_is_always_a_price_and_never_runs_back(said: list[tuple[int, float, str]]) -> None:
    """Of any sequence at all, what counts is finite, above zero and observed no earlier than what counted before."""
    tape, after, seen = Tape(), 0, []
    for gap, price, source in said:
        after += gap
        tape.wait(after / 100)
        tick = Tick(mint=MINT, price=price, source=source, observed_at=tape.now)
        step = observed(tape.guard, tick, tape.at())
        seen += [verdict.tick for verdict in step[1] if isinstance(verdict, Accepted)]
        tape.take(step)
    assert all(math.isfinite(price) and price > 0 for price in tape.prices)
    assert all(one.observed_at <= other.observed_at for one, other in pairwise(seen))


def test_a_suspect_is_held_until_a_moment_after_the_span() -> None:
    """The verdict says until when, and that a second look is wanted."""
    tape = played((0, 1.0))
    tick = Tick(mint=MINT, price=0.4, source=P, observed_at=NOW)
    _, (held,) = observed(tape.guard, tick, tape.at())
    assert held == Held(tick, Nanos(NOW + DEFAULT_RULES.second_look + 1), ask=True)
