"""What is shown of a position's exits is where they fire."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.domain.exits import still, triggered
from engine.domain.levels import Levels, Outlook, StopKind, Target, levels
from engine.domain.position import Position, PositionStatus
from engine.domain.units import RawAmount
from engine.domain.urgency import TAKE_PROFITS, ExitReason
from tests.factories import NOW, a_plan, a_position

STOPS = {StopKind.STOP_LOSS: ExitReason.STOP_LOSS, StopKind.TRAILING_STOP: ExitReason.TRAILING_STOP}
PERCENTS = st.decimals("0.1", "99.9", places=1)


def fires(position: Position, price: float) -> ExitReason | None:
    """Return what one price sets off."""
    return triggered(position, still(price, NOW), NOW)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    """Return a position of any entry price, stops, targets and peak."""
    price = draw(st.decimals("0.000001", "1000000", places=6))
    gains = draw(st.lists(st.integers(1, 100_000), max_size=3, unique=True).map(sorted))
    plan = a_plan(
        stop_loss=str(draw(PERCENTS)),
        take_profits=[(str(gain), "50") for gain in gains],
        trailing=draw(st.none() | st.tuples(st.integers(0, 500).map(str), PERCENTS.map(str))),
    )
    peak = float(price) * draw(st.floats(1, 10))
    taken = draw(st.integers(0, len(gains)))
    return a_position(price=str(price), tokens="1000", plan=plan, peak_price=peak, levels_taken=taken)


@given(positions())
def test_the_stop_that_is_shown_is_exactly_where_a_stop_fires(position: Position) -> None:
    """At that price the rule that is named, and at the next higher one no stop at all."""
    stop, kind = levels(position).nearest_stop
    assume(stop < position.peak_price)
    assert fires(position, stop) is STOPS[kind]
    assert fires(position, math.nextafter(stop, math.inf)) not in STOPS.values()


@given(positions())
def test_the_next_target_is_exactly_where_it_fires(position: Position) -> None:
    """At that price, and not at the next lower one, unless a stop comes first."""
    shown, target = levels(position), levels(position).next_target
    assume(target is not None and target.price > position.peak_price)
    assert target is not None
    assert fires(position, target.price) is TAKE_PROFITS[shown.targets.index(target)]
    below = fires(replace(position, peak_price=target.price), math.nextafter(target.price, 0))
    assert below not in TAKE_PROFITS


def test_the_levels_are_those_of_plan_and_peak() -> None:
    """Targets that were taken stay, marked; a trailing stop is there once it is activated."""
    plan = a_plan(stop_loss="20", take_profits=(("25", "33"), ("50", "50")), trailing=("30", "10"))
    position = a_position(price="0.1", plan=plan, peak_price=0.12, levels_taken=1)
    targets = (
        Target(price=0.125, sell_pct=Decimal(33), taken=True),
        Target(price=0.15, sell_pct=Decimal(50), taken=False),
    )
    assert levels(position) == Levels(entry=Decimal("0.1"), stop=0.08, trailing_stop=None, targets=targets)
    armed = levels(replace(position, peak_price=0.14))
    assert (armed.trailing_stop, armed.nearest_stop) == (0.126, (0.126, StopKind.TRAILING_STOP))
    assert armed.next_target == targets[1]


def test_a_trailing_stop_below_the_stop_loss_is_not_the_nearest() -> None:
    """Nor is one at the same price: the stop loss is looked at first."""
    wide = a_position(price="0.1", plan=a_plan(stop_loss="10", trailing=("0", "50")), peak_price=0.1)
    assert levels(wide).nearest_stop == (0.09, StopKind.STOP_LOSS)
    even = replace(wide, plan=a_plan(stop_loss="10", trailing=("0", "10")))
    assert levels(even).nearest_stop == (0.09, StopKind.STOP_LOSS)
    assert fires(even, 0.09) is ExitReason.STOP_LOSS


@pytest.mark.parametrize(
    ("price", "change", "stop", "target"), [(0.1, 0.0, 20.0, 25.0), (0.16, 60.0, 50.0, -21.875), (0.05, -50, -60, 150)]
)
def test_distances_are_percent_of_the_price(price: float, change: float, stop: float, target: float) -> None:
    """Positive until a level is reached, and negative beyond it."""
    outlook = Outlook(a_position(price="0.1", plan=a_plan(stop_loss="20", take_profits=(("25", "33"),))), price)
    figures = (outlook.change_pct, outlook.stop_distance_pct, outlook.next_target_distance_pct)
    assert figures == pytest.approx((change, stop, target))


def test_the_rest_is_worth_what_it_would_bring() -> None:
    """Of half a position, against half of the cost, in lamports."""
    position = a_position(price="0.1", tokens="1000", sold_tokens=RawAmount(500_000_000))
    assert Outlook(position, 0.3).unrealized_pnl == 100_000_000_000


@pytest.mark.parametrize(
    ("changes", "price"), [({"status": PositionStatus.CLOSED}, 0.1), ({"plan": a_plan(take_profits=())}, None)]
)
def test_what_is_not_known_is_none(changes: dict[str, Any], price: float | None) -> None:
    """Of a closed position everything, and without a price every figure that asks for one."""
    outlook = Outlook(a_position(**changes), price)
    assert (outlook.price, outlook.change_pct) == (None, None)
    assert (outlook.stop_distance_pct, outlook.next_target_distance_pct) == (None, None)
    assert outlook.unrealized_pnl == (0 if outlook.position.closed else None)
    assert (outlook.levels is None) is outlook.position.closed
