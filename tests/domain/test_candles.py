"""Candles keep every low and high, however they are put together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.candles import MINUTE, Candle, joined, span_begin, thinned
from engine.domain.units import Nanos
from tests.factories import MINT, NOW

PRICES = st.floats(1e-9, 1e9)


def a_candle(number: int = 0, *prices: float) -> Candle:
    """Return the candle of minute *number*, in which *prices* were seen."""
    seen = prices or (0.1,)
    at = Nanos(span_begin(NOW, MINUTE) + number * MINUTE)
    return Candle(mint=MINT, at=at, open=seen[0], high=max(seen), low=min(seen), close=seen[-1])


@given(st.lists(PRICES, min_size=1, max_size=20), st.lists(PRICES, min_size=1, max_size=20))
def test_two_candles_make_the_candle_of_all_their_prices(before: list[float], after: list[float]) -> None:
    """And one that is followed by itself stays as it is: it may be written twice."""
    both = a_candle(0, *before).followed_by(a_candle(1, *after))
    assert both == a_candle(0, *before, *after)
    assert both.followed_by(both) == both


def test_candles_of_the_same_moment_become_one() -> None:
    """In the order in which they come, and all in the order of their times."""
    found = joined([a_candle(1, 3.0), a_candle(0, 1.0, 5.0), a_candle(0, 2.0)])
    assert found == [a_candle(0, 1.0, 5.0, 2.0), a_candle(1, 3.0)]


@given(st.lists(st.tuples(st.integers(0, 10_000), PRICES), min_size=1, max_size=200), st.integers(1, 50))
def test_fewer_candles_have_the_same_low_and_high(seen: list[tuple[int, float]], points: int) -> None:
    """No more than were asked for, in their order, from the first price to the last."""
    candles = joined(a_candle(number, price) for number, price in seen)
    fewer = thinned(candles, points)
    assert 1 <= len(fewer) <= points
    assert [candle.at for candle in fewer] == sorted({candle.at for candle in fewer})
    assert (fewer[0].at, fewer[0].open, fewer[-1].close) == (candles[0].at, candles[0].open, candles[-1].close)
    assert min(candle.low for candle in fewer) == min(candle.low for candle in candles)
    assert max(candle.high for candle in fewer) == max(candle.high for candle in candles)


def test_what_is_few_enough_stays() -> None:
    """Each as it was."""
    candles = [a_candle(number, float(number + 1)) for number in range(3)]
    assert thinned(candles, 3) == candles
    assert [candle.at for candle in thinned(candles, 2)] == [candles[0].at, candles[2].at]
