"""How a position answers: what it raises, what it waits for, and what becomes of what was sold."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.alert import Severity, order_failed
from engine.domain.errors import CommandRefusedError, EngineError, FailureKind, IllegalStepError
from engine.domain.exits import still
from engine.domain.guarding import (
    Action,
    RaiseExit,
    Withdraw,
    exit_failed,
    exit_filled,
    exit_order,
    exit_withdrawn,
    on_price,
    opened,
    ordered_exit,
    released,
    retried_exit,
    withdrawing,
)
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.position import Position, PositionStatus, exit_amount
from engine.domain.retry import RetryPolicies, after_failure, cancelled, decided
from engine.domain.swap import Fill, SwapFailure
from engine.domain.units import AlertId, BasisPoints, Lamports, Nanos, OrderId, RawAmount, lamports, seconds
from engine.domain.urgency import ExitReason
from tests.factories import NOW, a_fill, a_plan, a_position, an_entry, an_exit, in_flight

POLICIES = RetryPolicies()
LATER = Nanos(NOW + seconds(1))
SL, TRAIL, MANUAL, EMERGENCY = (
    ExitReason.STOP_LOSS,
    ExitReason.TRAILING_STOP,
    ExitReason.MANUAL,
    ExitReason.EMERGENCY,
)
TIME = ExitReason.TIME_LIMIT
TP1, TP2, TP3 = ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2, ExitReason.TAKE_PROFIT_3
TP1_PRICE, STOP = 0.125, 0.08


def seen(position: Position, price: float) -> tuple[Position, Action]:
    """Return what *position* makes of one price."""
    return on_price(position, still(price, LATER), LATER)


def raised(position: Position, action: Action, name: str = "exit-1") -> tuple[Position, Order]:
    """Return position and order after *action*, which must be to raise an exit."""
    assert isinstance(action, RaiseExit)
    return exit_order(position, action, OrderId(name), POLICIES, LATER)


def exiting(price: float = TP1_PRICE, name: str = "exit-1", **changes: Any) -> tuple[Position, Order]:
    """Return a position that *price* made raise an exit, and its order."""
    return raised(*seen(a_position(**changes), price), name)


def given_up(order: Order) -> Order:
    """Return *order* after all of its attempts failed, CANCELLED."""
    policy = POLICIES.of(order.urgency)
    failure = SwapFailure(kind=FailureKind.REFUSED, message="no route found")
    while not order.finished:
        order = decided(after_failure(in_flight(order), failure, policy, LATER), policy, LATER)
    return order


def sold(position: Position, order: Order, sol: str = "40", **changes: Any) -> Position:
    """Return *position* after *order* was filled for *sol*, where nothing follows."""
    order = in_flight(order)
    position, _, follow_up = exit_filled(position, order, a_fill(order, sol=lamports(sol), **changes), LATER)
    assert follow_up is None
    return position


def stuck(price: float = TP1_PRICE, **changes: Any) -> tuple[Position, Order]:
    """Return a position whose exit failed for good, and that exit."""
    position, order = exiting(price, **changes)
    order = given_up(order)
    position, follow_up = exit_failed(position, order, LATER)
    assert follow_up is None
    return position, order


def wanting(reason: ExitReason = SL) -> tuple[Position, Order]:
    """Return a position whose take profit is on its way while a more urgent exit is wanted."""
    position, order = exiting()
    if reason is SL:
        position, action = seen(position, STOP)
    else:
        action = ordered_exit(position, reason, Decimal(100))
    assert isinstance(action, Withdraw)
    return withdrawing(position, action, LATER), order


# An entry is filled ----------------------------------------------------------------------------------------


def test_a_position_opens_with_what_the_chain_moved() -> None:
    """Amounts and price come from the fill, whatever the order meant to spend; fees are kept apart."""
    order = an_entry(amount_sol=lamports(100), fees=Lamports(25_000))
    fill = a_fill(tokens=900_000_000, sol=-lamports(99), fee=25_000)
    position = opened(order, fill, LATER)
    assert (position.entry_amount_tokens, position.entry_amount_sol) == (900_000_000, lamports(99))
    assert position.entry_price == Decimal("0.11")
    assert (position.peak_price, position.calm_price, position.last_price) == (0.11, 0.11, 0.11)
    assert (position.id, position.plan, position.entry_order_id) == (order.position_id, order.plan, order.id)
    assert (position.status, position.opened_at, position.fees) == (PositionStatus.OPEN, LATER, 25_000)


@pytest.mark.parametrize(
    ("order", "fill"),
    [
        (an_exit(), a_fill(tokens=1, sol=-1)),
        (an_entry(plan=None), a_fill(tokens=1, sol=-1)),
        (an_entry(), a_fill(tokens=0, sol=-1)),
        (an_entry(), a_fill(tokens=-1, sol=-1)),
        (an_entry(), a_fill(tokens=1, sol=0)),
        (an_entry(), a_fill(tokens=1, sol=1)),
    ],
    ids=["an exit", "no plan", "no tokens", "tokens left", "nothing paid", "SOL came"],
)
def test_what_bought_nothing_opens_no_position(order: Order, fill: Fill) -> None:
    """Only an entry with a plan, whose fill brought tokens for SOL, opens a position."""
    with pytest.raises(ValueError, match="opens no position"):
        opened(order, fill, NOW)


# AC 1: a trigger makes an order ----------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "reason"), [(STOP, SL), (TP1_PRICE, TP1)], ids=str)
def test_a_trigger_makes_a_pending_exit_order(price: float, reason: ExitReason) -> None:
    """A condition that is met makes an EXIT order with position, amount and reason, PENDING; nothing is sold."""
    position, order = exiting(price)
    assert (order.kind, order.status, order.position_id) == (OrderKind.EXIT, OrderStatus.PENDING, position.id)
    assert (order.exit_reason, order.attempt_count) == (reason, 0)
    assert order.amount_tokens == exit_amount(position.remaining_tokens, order.sell_pct)
    assert position.status is PositionStatus.EXIT_PENDING
    assert position.active_exit is not None
    assert (position.active_exit.order_id, position.exit_reason) == (order.id, reason)
    assert position.sold_tokens == 0


@pytest.mark.parametrize("reason", [r for r in ExitReason if not r.startswith("take_profit")])
def test_an_exit_begins_as_its_policy_says(reason: ExitReason) -> None:
    """Tolerance, fee and attempts come from the policy of the rank; the tolerance of an exit is 150 bps."""
    action = RaiseExit(reason=reason, sell_pct=Decimal(100), amount=RawAmount(1_000_000_000))
    _, order = raised(a_position(), action)
    policy = POLICIES.of(order.urgency)
    assert (order.max_slippage_bps, order.priority_fee, order.max_attempts) == (150, policy.fee, policy.max_attempts)
    assert order.max_attempts == (5 if reason in {SL, EMERGENCY} else 3)


def test_the_expected_price_is_the_last_one_and_never_the_peak() -> None:
    """A stop loss after a rise expects what the price was when it fired, not what it once had been."""
    position, _ = seen(a_position(plan=a_plan(take_profits=())), 5.0)
    _, order = raised(*seen(position, 0.07))
    assert order.expected_price == Decimal("0.07")


def test_a_price_that_sets_nothing_off_is_remembered() -> None:
    """Last price, its time and the peak are kept; status and times of change are not touched."""
    position, action = seen(a_position(), 0.12)
    assert action is None
    assert (position.last_price, position.last_price_at, position.peak_price) == (0.12, LATER, 0.12)
    position, _ = seen(position, 0.09)
    assert (position.last_price, position.peak_price) == (0.09, 0.12)
    assert position.status is PositionStatus.OPEN


@pytest.mark.parametrize("amount", [0, -1, 1_000_000_001])
def test_an_order_for_nothing_or_for_more_than_remains_cannot_be_made(amount: int) -> None:
    """Whoever asks, an exit sells something, and not more than is there."""
    action = RaiseExit(reason=SL, sell_pct=Decimal(100), amount=RawAmount(amount))
    with pytest.raises(ValueError, match="cannot be sold"):
        raised(a_position(), action)


def test_a_second_exit_cannot_be_made_while_one_is_on_its_way() -> None:
    """One exit per position at a time: the one on its way is not forgotten for another."""
    position, _ = exiting()
    action = RaiseExit(reason=SL, sell_pct=Decimal(100), amount=position.remaining_tokens)
    with pytest.raises((EngineError, ValueError)):
        raised(position, action, "exit-2")


# AC 2: partial exits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
def test_a_take_profit_sells_its_share_and_the_rest_stays(decimals: int) -> None:
    """TP1 of 33 % sells 330 of 1000 tokens; the position goes on with 670, whatever the decimals."""
    position, order = exiting(decimals=decimals)
    assert order.amount_tokens == 330 * 10**decimals
    position = sold(position, order)
    assert (position.status, position.remaining_tokens) == (PositionStatus.PARTIAL_EXIT, 670 * 10**decimals)
    assert (position.active_exit, position.closed_at, position.final_pnl) == (None, None, None)


def test_a_share_is_one_of_what_remains() -> None:
    """The second level sells 50 % of the 670 tokens that the first one left, the third 50 % of 335."""
    position = sold(*exiting())
    position, second = raised(*seen(position, 0.15), "exit-2")
    assert (second.exit_reason, second.amount_tokens) == (TP2, 335_000_000)
    position = sold(position, second)
    _, third = raised(*seen(position, 0.2), "exit-3")
    assert (third.exit_reason, third.amount_tokens) == (TP3, 167_500_000)


def test_profit_is_booked_from_what_the_chain_says() -> None:
    """330 of 1000 tokens cost 33 of 100 SOL; the fill brought 40, and neither quote nor expected price count."""
    position, order = exiting()
    position = sold(position, replace(order, expected_price=Decimal(9)), sol="40")
    assert position.realized_pnl == lamports(7)
    assert position.last_exit_price == Decimal(40) / 330
    assert (position.last_exit_order_id, position.last_exit_timestamp) == (order.id, LATER)


def test_a_loss_is_negative() -> None:
    """1000 tokens for 100 SOL, sold for 80, lost 20."""
    assert sold(*exiting(STOP), sol="80").realized_pnl == lamports(-20)


def test_network_fees_are_kept_apart_from_the_profit() -> None:
    """Gross and net are both known: reverted attempts and the entry cost fees too."""
    position, order = exiting(STOP, fees=Lamports(1_000))
    position = sold(position, replace(order, fees=Lamports(200)), sol="80", fee=Lamports(30))
    assert (position.realized_pnl, position.fees) == (lamports(-20), 1_230)
    assert position.net_pnl == lamports(-20) - 1_230


def test_each_level_is_raised_once() -> None:
    """After TP1 was sold, its price raises nothing more."""
    position = sold(*exiting())
    assert seen(position, TP1_PRICE)[1] is None


def test_a_level_that_is_too_small_to_sell_is_passed() -> None:
    """33 % of two base units are none: no order is made, and the next level has its turn."""
    position, action = seen(a_position(tokens="2", decimals=0), TP1_PRICE)
    assert action is None
    assert (position.levels_taken, position.status) == (1, PositionStatus.OPEN)
    assert raised(*seen(position, 0.15))[1].amount_tokens == 1


# AC 3: full exits ------------------------------------------------------------------------------------------


def test_a_stop_loss_sells_all_and_closes() -> None:
    """A stop loss sells 100 % of what remains; when it is filled the position is CLOSED and its result final."""
    position, order = exiting(STOP)
    assert order.amount_tokens == position.entry_amount_tokens
    position = sold(position, order, sol="79")
    assert (position.status, position.remaining_tokens, position.closed_at) == (PositionStatus.CLOSED, 0, LATER)
    assert position.final_pnl == position.realized_pnl == lamports(-21)


def test_a_stop_loss_after_a_partial_exit_sells_what_is_left() -> None:
    """The stop loss of a position that sold a third sells the other two."""
    _, order = raised(*seen(sold(*exiting()), STOP), "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (SL, 670_000_000)


def test_realized_and_final_results_add_up() -> None:
    """Each exit adds its own result; the last one makes the sum final."""
    position = sold(*exiting(), sol="41.25")
    assert position.realized_pnl == lamports("8.25")
    position = sold(*raised(*seen(position, STOP), "exit-2"), sol="53.6")
    assert position.final_pnl == position.realized_pnl == lamports("41.25") + lamports("53.6") - lamports(100)


@pytest.mark.parametrize("decimals", [3, 6, 9])
def test_a_rest_of_at_most_a_thousandth_token_closes_the_position(decimals: int) -> None:
    """What is not worth an exit is not guarded: exactly 0.001 token left closes, a base unit more does not."""
    dust = 10 ** (decimals - 3)
    for left, status in ((dust, PositionStatus.CLOSED), (dust + 1, PositionStatus.PARTIAL_EXIT)):
        position, order = exiting(decimals=decimals, plan=a_plan(take_profits=[("25", "50")]))
        position = sold(position, order, tokens=left - position.entry_amount_tokens)
        assert (position.status, position.remaining_tokens) == (status, left)
        assert (position.final_pnl is None) is (status is PositionStatus.PARTIAL_EXIT)


def test_tokens_that_were_not_there_are_a_loss() -> None:
    """An exit of all closes the position though the wallet held less; the missing tokens brought nothing."""
    position, order = exiting(STOP)
    position = sold(position, order, tokens=-990_000_000, sol="79")
    assert (position.status, position.sold_tokens) == (PositionStatus.CLOSED, 990_000_000)
    assert position.final_pnl == lamports(-21)


def test_a_partial_exit_that_sold_less_keeps_the_rest() -> None:
    """Where a share was to be sold, what the fill did not take is still held, and costs nothing yet."""
    position, order = exiting()
    position = sold(position, order, tokens=-300_000_000, sol="40")
    assert (position.status, position.remaining_tokens) == (PositionStatus.PARTIAL_EXIT, 700_000_000)
    assert position.realized_pnl == lamports(10)


def test_a_fill_that_is_told_twice_is_refused() -> None:
    """The second time the position waits for nothing: no token is counted twice, and nothing changes."""
    before, order = exiting()
    order = in_flight(order)
    after, _, _ = exit_filled(before, order, a_fill(order), LATER)
    with pytest.raises(CommandRefusedError, match="partial_exit and does not wait for order exit-1"):
        exit_filled(after, order, a_fill(order), LATER)


def test_the_fill_of_another_order_is_refused() -> None:
    """A position books the exit that it waits for and no other."""
    position, order = exiting()
    with pytest.raises(CommandRefusedError, match="does not wait for order exit-9"):
        exit_filled(position, in_flight(replace(order, id=OrderId("exit-9"))), a_fill(order), LATER)


@pytest.mark.parametrize("tokens", [0, 1, -1_000_000_001])
def test_a_fill_that_cannot_be_is_refused(tokens: int) -> None:
    """A sale that moved nothing, bought, or took more than there was is not booked."""
    position, order = exiting(STOP)
    order = in_flight(order)
    with pytest.raises(ValueError, match="does not fit"):
        exit_filled(position, order, a_fill(order, tokens=tokens), LATER)


def test_a_fill_finishes_its_order() -> None:
    """The order is FILLED, with the price and fees of the chain."""
    position, order = exiting(STOP)
    order = in_flight(replace(order, fees=Lamports(100)))
    _, order, _ = exit_filled(position, order, a_fill(order, sol=lamports(70), fee=Lamports(30)), LATER)
    assert (order.status, order.actual_price, order.fees) == (OrderStatus.FILLED, Decimal("0.07"), 130)


def test_a_closed_position_hears_nothing_any_more() -> None:
    """Whatever the price does, a closed position stays as it is."""
    position = sold(*exiting(STOP))
    for price in (0.0001, 100.0):
        assert seen(position, price) == (position, None)
    action = RaiseExit(reason=SL, sell_pct=Decimal(100), amount=RawAmount(1))
    with pytest.raises((IllegalStepError, ValueError)):
        raised(position, action, "exit-2")


# AC 4: retries, and the end of them ------------------------------------------------------------------------


def test_the_position_stays_exit_pending_while_its_order_is_retried() -> None:
    """Attempts fail and the position neither resumes nor raises another exit for the same reason."""
    position, order = exiting(STOP)
    policy = POLICIES.of(order.urgency)
    failure = SwapFailure(kind=FailureKind.EXPIRED, message="blockhash expired")
    for _ in range(policy.max_attempts - 1):
        order = decided(after_failure(in_flight(order), failure, policy, LATER), policy, LATER)
        assert order.status is OrderStatus.PENDING
        position, action = seen(position, 0.05)
        assert (position.status, action) == (PositionStatus.EXIT_PENDING, None)


def test_a_fill_on_a_retry_updates_the_position_like_any_other() -> None:
    """An order that was filled by its third attempt has sold what it sold."""
    position, order = exiting(STOP)
    policy = POLICIES.of(order.urgency)
    failure = SwapFailure(kind=FailureKind.SLIPPAGE, message="tolerance exceeded")
    for _ in range(2):
        order = decided(after_failure(in_flight(order), failure, policy, LATER), policy, LATER)
    position = sold(position, order, sol="80")
    assert (position.status, position.final_pnl) == (PositionStatus.CLOSED, lamports(-20))


def test_an_exit_that_failed_for_good_waits_for_a_person() -> None:
    """After the last attempt: CANCELLED, a critical alert that asks for action, and a position still EXIT_PENDING."""
    position, order = stuck(STOP)
    assert (order.status, order.attempt_count) == (OrderStatus.CANCELLED, 5)
    assert (position.status, position.needs_action) == (PositionStatus.EXIT_PENDING, True)
    alert = order_failed(order, AlertId("alert-1"), LATER)
    assert (alert.severity, alert.requires_action) == (Severity.CRITICAL, True)


def test_the_fees_of_a_failed_exit_are_counted_once() -> None:
    """A failure that is told twice, as after a restart, costs what it cost and nothing more."""
    position, order = exiting(STOP)
    order = replace(given_up(order), fees=Lamports(500))
    position, _ = exit_failed(position, order, LATER)
    with contextlib.suppress(CommandRefusedError):
        position, _ = exit_failed(position, order, LATER)
    assert position.fees == 500


def test_the_failure_of_another_order_is_refused() -> None:
    """A position whose exit is on its way does not give it up for what it hears of another."""
    position, order = exiting()
    with pytest.raises(CommandRefusedError, match="exit-9"):
        exit_failed(position, replace(given_up(order), id=OrderId("exit-9")), LATER)


# A more urgent reason --------------------------------------------------------------------------------------


def test_a_stop_loss_is_not_refused_while_a_take_profit_is_pending() -> None:
    """The take profit is withdrawn for it, and until that is known the stop loss is kept as wanted."""
    position, order = exiting()
    position, action = seen(position, STOP)
    assert isinstance(action, Withdraw)
    assert (action.order_id, action.wanted.reason, action.wanted.sell_pct) == (order.id, SL, Decimal(100))
    position = withdrawing(position, action, LATER)
    assert position.wanted_exit == action.wanted
    assert position.active_exit is not None
    assert position.active_exit.order_id == order.id


def test_what_is_wanted_is_not_asked_for_again_with_every_price() -> None:
    """While the stop loss waits, further prices below the stop withdraw nothing more."""
    position, _ = wanting()
    assert seen(position, 0.05)[1] is None


def test_something_yet_more_urgent_takes_the_place_of_what_is_wanted() -> None:
    """An emergency takes the place of a waiting stop loss, and a stop loss never that of an emergency."""
    position, _ = wanting()
    action = ordered_exit(position, EMERGENCY, Decimal(100))
    assert isinstance(action, Withdraw)
    position = withdrawing(position, action, LATER)
    assert position.wanted_exit is not None
    assert position.wanted_exit.reason is EMERGENCY
    assert seen(position, 0.05)[1] is None


@pytest.mark.parametrize("pct", [Decimal(100), Decimal(50)])
def test_nothing_is_withdrawn_for_an_exit_that_would_sell_nothing(pct: Decimal) -> None:
    """A person sells the last base units; a level whose share of them is none takes that exit back for no reason."""
    position = a_position(tokens="2", decimals=0)
    position, order = raised(position, ordered_exit(position, MANUAL, pct))
    position, action = seen(position, TP1_PRICE)
    assert action is None
    assert position.active_exit is not None
    assert position.active_exit.order_id == order.id


def test_nothing_is_withdrawn_for_a_person_who_would_sell_nothing() -> None:
    """A tenth of one base unit is refused while an exit is on its way as it is without one."""
    action = RaiseExit(reason=TIME, sell_pct=Decimal(100), amount=RawAmount(1))
    position, _ = raised(a_position(tokens="1", decimals=0), action)
    with pytest.raises(CommandRefusedError, match="is nothing"):
        ordered_exit(position, MANUAL, Decimal(10))


def test_the_wanted_exit_follows_a_withdrawal_at_once() -> None:
    """Nothing was sold: the stop loss sells all of it."""
    position, order = wanting()
    position, action = exit_withdrawn(position, cancelled(order, LATER), LATER)
    assert (position.status, position.wanted_exit) == (PositionStatus.OPEN, None)
    _, order = raised(position, action, "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (SL, 1_000_000_000)


def test_the_wanted_exit_follows_a_fill_at_once() -> None:
    """The take profit in flight was filled after all: the stop loss sells the rest, and no token twice."""
    position, order = wanting()
    order = in_flight(order)
    position, _, action = exit_filled(position, order, a_fill(order), LATER)
    assert (position.status, position.wanted_exit) == (PositionStatus.PARTIAL_EXIT, None)
    _, order = raised(position, action, "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (SL, 670_000_000)


def test_the_wanted_exit_follows_a_failure_at_once() -> None:
    """The take profit failed for good: the stop loss does not wait for a person."""
    position, order = wanting()
    position, action = exit_failed(position, given_up(order), LATER)
    position, order = raised(position, action, "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (SL, 1_000_000_000)
    assert (position.needs_action, position.wanted_exit) == (False, None)
    assert position.status is PositionStatus.EXIT_PENDING


def test_nothing_follows_an_exit_that_closed_the_position() -> None:
    """What was wanted is done with when nothing is left."""
    position, order = exiting(STOP)
    action = ordered_exit(position, EMERGENCY, Decimal(100))
    assert isinstance(action, Withdraw)
    position = sold(withdrawing(position, action, LATER), order)
    assert (position.status, position.wanted_exit) == (PositionStatus.CLOSED, None)


@pytest.mark.parametrize("partly", [False, True])
def test_a_withdrawn_exit_leaves_the_position_as_it_was(partly: bool) -> None:
    """Where nothing else is wanted, the position is guarded on: OPEN, or PARTIAL_EXIT where a part was sold."""
    position, order = exiting()
    if partly:
        position, order = raised(*seen(sold(position, order), 0.15), "exit-2")
    order = replace(cancelled(order, LATER), fees=Lamports(700))
    fees = position.fees
    position, action = exit_withdrawn(position, order, LATER)
    assert action is None
    assert position.status is (PositionStatus.PARTIAL_EXIT if partly else PositionStatus.OPEN)
    assert (position.active_exit, position.fees) == (None, fees + 700)


def test_a_withdrawal_that_is_told_twice_is_refused() -> None:
    """The second time the position waits for nothing."""
    position, order = exiting()
    position, _ = exit_withdrawn(position, cancelled(order, LATER), LATER)
    with pytest.raises(CommandRefusedError, match="is open and does not wait for order exit-1"):
        exit_withdrawn(position, cancelled(order, LATER), LATER)


RANKED = [EMERGENCY, SL, TRAIL, TP1, MANUAL, TIME]


@pytest.mark.parametrize("active", RANKED)
@pytest.mark.parametrize("coming", [EMERGENCY, MANUAL])
def test_only_a_more_urgent_reason_takes_the_place_of_another(active: ExitReason, coming: ExitReason) -> None:
    """A person's exit withdraws what ranks below it and is refused by what ranks as high: emergency is the highest."""
    action = RaiseExit(reason=active, sell_pct=Decimal(100), amount=RawAmount(1_000_000_000))
    position, order = raised(a_position(), action)
    if RANKED.index(coming) < RANKED.index(active):
        found = ordered_exit(position, coming, Decimal(100))
        assert isinstance(found, Withdraw)
        assert (found.order_id, found.wanted.reason) == (order.id, coming)
    else:
        with pytest.raises(CommandRefusedError, match="is on its way"):
            ordered_exit(position, coming, Decimal(100))


# A person is asked -----------------------------------------------------------------------------------------


def test_a_failed_take_profit_does_not_switch_off_the_stop_loss() -> None:
    """A position that waits for a person still raises what is more urgent, at once."""
    position, _ = stuck(TP1_PRICE)
    position, order = raised(*seen(position, STOP), "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (SL, 1_000_000_000)
    assert not position.needs_action


def test_what_is_not_more_urgent_waits_for_the_person_too() -> None:
    """The next level, or the same stop again, is not raised while a person is asked."""
    position, _ = stuck(TP1_PRICE)
    assert seen(position, 0.15)[1] is None
    position, _ = stuck(STOP)
    assert seen(position, 0.01)[1] is None


@pytest.mark.parametrize(("everything", "amount", "pct"), [(False, 330_000_000, "33"), (True, 1_000_000_000, "100")])
def test_a_person_retries_a_failed_exit_as_it_was_or_for_everything(everything: bool, amount: int, pct: str) -> None:
    """A failed third is retried as that third, not as 100 %, unless asked; the tolerance begins at 200 bps."""
    position, failed = stuck()
    action = retried_exit(position, failed, POLICIES, everything=everything)
    assert (action.reason, action.amount, action.sell_pct) == (TP1, amount, Decimal(pct))
    position, order = raised(position, action, "exit-2")
    assert (order.max_slippage_bps, order.retry_of, order.attempt_count) == (BasisPoints(200), failed.id, 0)
    assert (position.status, position.needs_action) == (PositionStatus.EXIT_PENDING, False)


def test_a_retry_is_not_blocked_by_the_positions_own_pending_status() -> None:
    """The position is EXIT_PENDING because of the very order that is retried, and that is no reason to refuse."""
    position, failed = stuck()
    assert position.status is PositionStatus.EXIT_PENDING
    assert sold(*raised(position, retried_exit(position, failed, POLICIES, everything=False), "exit-2")).sold_tokens


def test_only_the_exit_that_failed_last_can_be_retried() -> None:
    """An exit on its way, one that was filled and one of long ago are refused, with the states in the message."""
    position, order = exiting()
    with pytest.raises(CommandRefusedError, match="exit-1 is pending and position position-1 is exit_pending"):
        retried_exit(position, order, POLICIES, everything=False)
    position, failed = stuck()
    with pytest.raises(CommandRefusedError, match="order exit-0 is cancelled"):
        retried_exit(position, replace(failed, id=OrderId("exit-0")), POLICIES, everything=False)
    with pytest.raises(CommandRefusedError, match="position position-1 is open"):
        retried_exit(released(position, LATER), failed, POLICIES, everything=False)


def test_a_retry_does_not_sell_more_than_remains() -> None:
    """Where less is left than failed to sell, what is left is sold."""
    position, failed = stuck()
    position = replace(position, sold_tokens=RawAmount(900_000_000))
    assert retried_exit(position, failed, POLICIES, everything=False).amount == 100_000_000


@pytest.mark.parametrize(("sold_tokens", "status"), [(0, PositionStatus.OPEN), (1, PositionStatus.PARTIAL_EXIT)])
def test_a_released_position_is_guarded_again(sold_tokens: int, status: PositionStatus) -> None:
    """The failed exit is given up: its level stays behind, and the stop loss works."""
    position, _ = stuck()
    position = released(replace(position, sold_tokens=RawAmount(sold_tokens)), LATER)
    assert (position.status, position.needs_action, position.active_exit) == (status, False, None)
    assert seen(position, TP1_PRICE)[1] is None
    assert raised(*seen(position, STOP), "exit-2")[1].exit_reason is SL


def test_only_a_position_that_waits_for_a_person_can_be_released() -> None:
    """An exit on its way is not given up by a release: the message names the state."""
    with pytest.raises(CommandRefusedError, match="is open: no exit of it waits"):
        released(a_position(), LATER)
    with pytest.raises(CommandRefusedError, match="is exit_pending: no exit of it waits"):
        released(exiting()[0], LATER)


def test_a_person_may_order_an_exit_instead_of_a_retry() -> None:
    """A position that waits for a person obeys that person, whatever rank the failed exit had."""
    position, _ = stuck(STOP)
    position, order = raised(position, ordered_exit(position, MANUAL, Decimal(50)), "exit-2")
    assert (order.exit_reason, order.amount_tokens) == (MANUAL, 500_000_000)


# A person's orders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pct", "amount"), [("10", 100_000_000), ("33.3", 333_000_000), ("100", 1_000_000_000)])
def test_a_person_sells_from_a_tenth_to_all(pct: str, amount: int) -> None:
    """The share is one of what remains, and both ends of the range are allowed."""
    position, order = raised(a_position(), ordered_exit(a_position(), MANUAL, Decimal(pct)))
    assert (order.exit_reason, order.amount_tokens, order.sell_pct) == (MANUAL, amount, Decimal(pct))
    assert position.levels_taken == 0


def test_an_emergency_sells_everything() -> None:
    """Whatever share was named with it, an emergency leaves nothing, and takes no full exit back for less."""
    action = ordered_exit(a_position(), EMERGENCY, Decimal(10))
    assert isinstance(action, RaiseExit)
    assert (action.sell_pct, action.amount) == (Decimal(100), 1_000_000_000)
    withdrawal = ordered_exit(exiting(STOP)[0], EMERGENCY, Decimal(10))
    assert isinstance(withdrawal, Withdraw)
    assert withdrawal.wanted.sell_pct == 100


@pytest.mark.parametrize("pct", ["9.99", "100.01", "0", "-50", "NaN", "Infinity"])
def test_a_share_outside_of_the_range_is_refused(pct: str) -> None:
    """The message names the range."""
    with pytest.raises(CommandRefusedError, match="name 10 to 100 percent"):
        ordered_exit(a_position(), MANUAL, Decimal(pct))


def test_a_share_that_is_nothing_is_refused() -> None:
    """A tenth of one base unit cannot be sold."""
    position = a_position(tokens="1", decimals=0)
    with pytest.raises(CommandRefusedError, match="10 % of 1 raw units is nothing"):
        ordered_exit(position, MANUAL, Decimal(10))


@pytest.mark.parametrize("reason", [MANUAL, EMERGENCY])
def test_nothing_can_be_sold_of_a_closed_position(reason: ExitReason) -> None:
    """The message says that it is closed."""
    with pytest.raises(CommandRefusedError, match="position-1 is closed"):
        ordered_exit(sold(*exiting(STOP)), reason, Decimal(100))


def test_a_refusal_names_what_is_on_its_way_and_what_can_be_done() -> None:
    """A person learns the state, the order in the way and the ways around it."""
    position, _ = exiting()
    with pytest.raises(CommandRefusedError) as error:
        ordered_exit(position, MANUAL, Decimal(100))
    for part in ("position-1 is exit_pending", "take_profit_1 (order exit-1)", "order an emergency exit"):
        assert part in str(error.value)


# Amounts and results, whatever happens -------------------------------------------------------------------------


@st.composite
def partial_sales(draw: st.DrawFn) -> tuple[Position, list[tuple[Decimal, int]]]:
    """Return a position and a list of exits: percent of what remains, and lamports that the fill brought."""
    position = a_position(
        decimals=draw(st.sampled_from([0, 5, 6, 9])),
        entry_amount_tokens=RawAmount(draw(st.integers(1, 2**64 - 1))),
        entry_amount_sol=Lamports(draw(st.integers(1, 2**63))),
    )
    percents = st.decimals(10, 100, places=2)
    return position, draw(st.lists(st.tuples(percents, st.integers(0, 2**63)), max_size=8))


@given(partial_sales(), st.integers(0, 2**63))
def test_the_results_of_all_exits_add_up_to_the_lamport(
    sales: tuple[Position, list[tuple[Decimal, int]]], last: int
) -> None:
    """However a position is left, its result is what came in less what it cost, and no token is sold that it has not.

    Where dust is left at the end, its share of the cost is not counted as lost.
    """
    position, shares = sales
    brought = 0
    for pct, sol in [*shares, (Decimal(100), last)]:
        if position.closed or exit_amount(position.remaining_tokens, pct) == 0:
            continue
        position, order = raised(position, ordered_exit(position, MANUAL, pct))
        order = in_flight(order)
        position, _, _ = exit_filled(position, order, a_fill(order, sol=sol), LATER)
        brought += sol
        assert 0 < position.sold_tokens <= position.entry_amount_tokens
        assert position.closed is (position.final_pnl is not None)
    assert position.closed
    cost = position.entry_amount_sol * position.sold_tokens // position.entry_amount_tokens
    assert position.final_pnl == position.realized_pnl == brought - cost
    if position.remaining_tokens == 0:
        assert position.final_pnl == brought - position.entry_amount_sol


def test_a_take_profit_does_not_take_back_an_exit_that_sells_as_much() -> None:
    """A person's exit of everything stays on its way when a target is touched; a stop loss still replaces it."""
    position, order = exit_order(a_position(), ordered_exit_of(a_position()), OrderId("exit-1"), RetryPolicies(), NOW)
    assert order.exit_reason is ExitReason.MANUAL
    touched, action = on_price(position, still(0.13, NOW), NOW)
    assert action is None
    _, action = on_price(touched, still(0.05, NOW), NOW)
    assert isinstance(action, Withdraw)


def ordered_exit_of(position: Position) -> RaiseExit:
    """Return a person's order to sell everything."""
    action = ordered_exit(position, ExitReason.MANUAL, Decimal(100))
    assert isinstance(action, RaiseExit)
    return action
