"""Which prices may move a position."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.domain.quality import MAX_AHEAD, PriceRules, Tick, far, fault_of
from engine.domain.units import Nanos, seconds
from tests.factories import MINT, NOW

MAX_AGE = seconds(10)


def judged(price: float = 0.1, *, age: int = 0, last_age: int | None = None, max_age: Nanos | None = MAX_AGE) -> Any:
    """Return the fault of a price seen *age* nanoseconds ago, the last one accepted *last_age* ago."""
    last_at = None if last_age is None else Nanos(NOW - last_age)
    return fault_of(price, Nanos(NOW - age), last_at=last_at, now=NOW, max_age=max_age)


@pytest.mark.parametrize("price", [0.1, 1e-18, 1e18, 5e-324])
def test_a_fresh_positive_price_has_no_fault(price: float) -> None:
    """Any finite price above zero may move a position."""
    assert judged(price) is None


@pytest.mark.parametrize(
    ("price", "fault"),
    [
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (float("-inf"), "not_finite"),
        (0.0, "not_positive"),
        (-0.0, "not_positive"),
        (-0.1, "not_positive"),
    ],
)
def test_what_is_no_price_is_refused(price: float, fault: str) -> None:
    """NaN, infinity, zero and less move nothing."""
    assert judged(price) == fault


def test_a_price_from_before_the_last_one_is_reversed() -> None:
    """Time runs one way: an older observation than the last accepted one is refused, one of the same moment is not."""
    assert judged(age=5, last_age=4) == "reversed"
    assert judged(age=4, last_age=4) is None
    assert judged(age=3, last_age=4) is None


def test_a_clock_may_run_a_little_ahead_of_ours() -> None:
    """A source's clock may be ahead by the tolerance, and not by a nanosecond more."""
    assert judged(age=-MAX_AHEAD) is None
    assert judged(age=-MAX_AHEAD - 1) == "from_the_future"


def test_a_price_older_than_the_limit_is_stale() -> None:
    """A price of exactly the greatest age is of use, an older one is not, and without a limit any is."""
    assert judged(age=MAX_AGE) is None
    assert judged(age=MAX_AGE + 1) == "stale"
    assert judged(age=MAX_AGE * 1000, max_age=None) is None


@pytest.mark.parametrize(
    ("price", "expected"),
    [(0.75, False), (1.25, False), (math.nextafter(0.75, 0), True), (math.nextafter(1.25, 2), True), (1e-300, True)],
)
def test_far_is_beyond_the_deviation(price: float, expected: bool) -> None:
    """A price may be the deviation's share above or below the other, and not one float more."""
    assert far(price, 1.0, PriceRules(deviation=0.25)) is expected


def test_a_tick_is_seen_no_later_than_now() -> None:
    """A time ahead of ours becomes ours; one behind stays."""
    ahead, behind = (Tick(mint=MINT, price=1.0, source="a", observed_at=Nanos(NOW + n)) for n in (5, -5))
    assert ahead.by(NOW).observed_at == NOW
    assert behind.by(NOW) == behind
