"""Cases that other engines decide, decided by ours.

A candle is delivered as one window of its open, high, low and close. A case is left out where the peer has a rule that
Ripcord has not: a target that falls with time, a trailing stop that could never fire beside a target below its
activation, short positions.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.domain.errors import FailureKind
from engine.domain.exits import Window, still
from engine.domain.guarding import RaiseExit, exit_order, on_price, ordered_exit
from engine.domain.order import Order, OrderStatus
from engine.domain.plan import ExitPlan, TakeProfit, TrailingStop
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies, after_failure, decided
from engine.domain.swap import SwapFailure
from engine.domain.units import Nanos, OrderId, seconds
from engine.domain.urgency import ExitReason
from tests.factories import NOW, a_position, in_flight

POLICIES = RetryPolicies()
HOUR = 3600

OUR_NAMES = {
    "stop_loss": ExitReason.STOP_LOSS,
    "trailing_stop_loss": ExitReason.TRAILING_STOP,
    "exit_signal": ExitReason.MANUAL,
}


def percent(ratio: float) -> Decimal:
    """Return a ratio of the peer's in percent points, unsigned."""
    return abs(Decimal(str(ratio))) * 100


# Candles ---------------------------------------------------------------------------------------------------


def plan_of(case: dict[str, Any]) -> ExitPlan:
    """Return the plan that says what a candle case says; a target of -100 % after some minutes is a time limit."""
    stop = percent(case["stop_loss"])
    offset, distance = case["trailing_stop_positive_offset"], case["trailing_stop_positive"]
    trailing = TrailingStop(activation_pct=percent(offset), trail_pct=stop if distance is None else percent(distance))
    limit = next((int(minutes) for minutes, ratio in case["roi"].items() if ratio == -1), None)
    return ExitPlan(
        stop_loss_pct=stop,
        take_profits=(TakeProfit(gain_pct=percent(case["roi"]["0"]), sell_pct=Decimal(100)),),
        trailing=trailing if case["trailing_stop"] else None,
        max_hold=None if limit is None else seconds(limit * 60),
    )


def candle_window(candle: dict[str, Any], at: Nanos) -> Window:
    """Return *candle* as one window, the high before the low as the peer has it."""
    opened, high, low, close = (still(float(candle[name]), at) for name in ("open", "high", "low", "close"))
    return opened.followed_by(high).followed_by(low).followed_by(close)


def exit_of(case: dict[str, Any], opened: int) -> tuple[str, int]:
    """Return by which rule, and in which candle, a position leaves that was bought at the open of candle *opened*."""
    candles = case["candles"]
    position = a_position(price=str(candles[opened]["open"]), tokens="1", plan=plan_of(case))
    for tick in range(opened, len(candles)):
        now = Nanos(NOW + seconds((tick - opened) * HOUR))
        if case["use_exit_signal"] and tick > opened and candles[tick - 1]["exit_long"]:
            action = ordered_exit(position, ExitReason.MANUAL, Decimal(100))
        else:
            position, found = on_price(position, candle_window(candles[tick], now), now)
            if found is None:
                continue
            action = found
        assert isinstance(action, RaiseExit)
        return action.reason, tick
    raise AssertionError("nothing fired")


@pytest.mark.parametrize("number", [*range(10), *range(11, 18), 25, 26])
def test_a_candle_is_decided_as_freqtrade_decides_it(data: Path, number: int) -> None:
    """The same rule fires in the same candle: stops, targets, trailing stops, time limits and signals."""
    cases = json.loads((data / "peer_cases" / "freqtrade_candles.json").read_text())
    case = next(case for case in cases if case["case"] == f"ft_tc{number}")
    target = ExitReason.TIME_LIMIT if len(case["roi"]) > 1 else ExitReason.TAKE_PROFIT_1
    expected = [(OUR_NAMES.get(t["exit_reason"], target), t["close_tick"]) for t in case["trades"]]
    assert [exit_of(case, trade["open_tick"]) for trade in case["trades"]] == expected


# Barriers --------------------------------------------------------------------------------------------------


def barrier_case(data: Path, name: str) -> dict[str, str]:
    """Return a row of Hummingbot's cases."""
    with (data / "peer_cases" / "hummingbot_position_executor.csv").open() as file:
        return next(row for row in csv.DictReader(file) if row["case"] == name)


def barriers_met(row: dict[str, str]) -> tuple[Position, RaiseExit]:
    """Return the position of *row* and the exit that its price and its age raise."""
    plan = ExitPlan(
        stop_loss_pct=percent(float(row["stop_loss"])),
        take_profits=(TakeProfit(gain_pct=percent(float(row["take_profit"])), sell_pct=Decimal(100)),),
        max_hold=seconds(Decimal(row["time_limit"])),
    )
    position = a_position(price=row["entry"], tokens=row["amount"], plan=plan)
    now = Nanos(NOW + seconds(Decimal(row["elapsed_s"])))
    position, action = on_price(position, still(float(row["price_now"]), now), now)
    assert isinstance(action, RaiseExit)
    return position, action


def exit_raised(row: dict[str, str]) -> tuple[Position, Order]:
    """Return the position of *row*, and its order."""
    position, action = barriers_met(row)
    return exit_order(position, action, OrderId("exit-1"), POLICIES, NOW)


@pytest.mark.parametrize("name", ["hb_tp_market_long", "hb_sl_long", "hb_time_limit_long"])
def test_a_barrier_is_met_as_hummingbot_meets_it(data: Path, name: str) -> None:
    """Target, stop and time limit fire for the same price and age, and sell everything."""
    row = barrier_case(data, name)
    position, action = barriers_met(row)
    assert action.reason.upper().removesuffix("_1") == row["expected_close"]
    assert action.amount == position.entry_amount_tokens


def test_a_stop_that_meets_the_time_limit_is_one_exit(data: Path) -> None:
    """Where stop and time limit are due together there is one order, for the stop, and no second one after it."""
    row = barrier_case(data, "hb_race_only_one_close_order")
    position, order = exit_raised(row)
    assert order.exit_reason is ExitReason.STOP_LOSS
    now = Nanos(NOW + seconds(Decimal(row["elapsed_s"])))
    assert on_price(position, still(float(row["price_now"]), now), now)[1] is None


def test_a_stop_that_failed_is_tried_again_as_a_stop(data: Path) -> None:
    """After a failed attempt the same order, for the same reason, is pending again."""
    row = barrier_case(data, "hb_sl_close_order_failed_is_retried")
    _, order = exit_raised(row)
    failure = SwapFailure(kind=FailureKind.TRANSIENT, message="the node did not answer")
    policy = POLICIES.of(order.urgency)
    again = decided(after_failure(in_flight(order), failure, policy, NOW), policy, NOW)
    assert (again.id, again.exit_reason, again.status) == (order.id, ExitReason.STOP_LOSS, OrderStatus.PENDING)
    assert again.amount_tokens == order.amount_tokens
