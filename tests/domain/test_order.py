"""Orders and attempts: how they move on, what they ask for and what their history says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.domain.errors import FailureKind, IllegalStepError
from engine.domain.order import (
    AttemptStatus,
    AttemptStep,
    OrderStatus,
    attempt_stepped,
    event_of,
    filled,
    sent,
    submitted,
)
from engine.domain.swap import Side, SwapFailure, SwapRequest
from engine.domain.units import BasisPoints, Nanos, RawAmount, Signature, lamports
from engine.domain.urgency import ExitReason, Urgency
from tests.factories import MINT, NOW, a_fill, an_attempt, an_entry, an_exit, in_flight

LATER = Nanos(NOW + 1)


def test_an_exit_asks_to_sell_its_tokens() -> None:
    """The request of an exit is a SELL of its raw tokens, at its tolerance."""
    assert an_exit(amount_tokens=RawAmount(7)).request() == SwapRequest(
        side=Side.SELL, mint=MINT, amount=7, slippage=BasisPoints(150)
    )


def test_an_entry_asks_to_buy_for_its_lamports() -> None:
    """The request of an entry is a BUY for its lamports, at its tolerance."""
    assert an_entry(amount_sol=lamports(2)).request() == SwapRequest(
        side=Side.BUY, mint=MINT, amount=2_000_000_000, slippage=BasisPoints(100)
    )


@pytest.mark.parametrize(
    ("reason", "rank"),
    [
        (ExitReason.EMERGENCY, 0),
        (ExitReason.STOP_LOSS, 10),
        (ExitReason.TRAILING_STOP, 20),
        (ExitReason.TAKE_PROFIT_1, 30),
        (ExitReason.TAKE_PROFIT_2, 30),
        (ExitReason.TAKE_PROFIT_3, 30),
        (ExitReason.MANUAL, 40),
        (ExitReason.TIME_LIMIT, 50),
        (ExitReason.STAGNATION, 50),
    ],
)
def test_an_exit_has_the_rank_of_its_reason(reason: ExitReason, rank: int) -> None:
    """Emergencies outrank stop losses, stop losses outrank take profits, and every exit outranks every entry."""
    assert an_exit(exit_reason=reason).urgency == rank
    assert an_exit(exit_reason=reason).urgency < an_entry().urgency == Urgency.ENTRY


def test_handing_it_out_counts_an_attempt() -> None:
    """An order that is submitted has one more attempt, and no time to wait for any more."""
    order = submitted(an_exit(attempt_count=1, next_retry_at=NOW), LATER)
    assert (order.status, order.attempt_count, order.next_retry_at) == (OrderStatus.SUBMITTED, 2, None)
    assert order.updated_at == LATER


def test_a_sent_order_knows_its_signature() -> None:
    """Once sent, an order can be looked up on chain."""
    order = sent(submitted(an_exit(), NOW), Signature("abc"), LATER)
    assert (order.status, order.tx_signature) == (OrderStatus.CONFIRMING, "abc")


def test_a_filled_order_has_the_price_of_the_chain() -> None:
    """What the fill brought per whole token is the actual price, whatever was expected."""
    order = in_flight(an_exit(expected_price=Decimal("0.08")))
    order = filled(order, a_fill(order, sol=lamports(70), signature=Signature("other")), LATER)
    assert (order.status, order.actual_price, order.filled_at) == (OrderStatus.FILLED, Decimal("0.07"), LATER)
    assert order.tx_signature == "other"


WITH_AN_ATTEMPT = {OrderStatus.CONFIRMING, OrderStatus.SUBMITTED}
"""A SUBMITTED order may have an earlier attempt that still lands."""


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in WITH_AN_ATTEMPT])
def test_only_what_was_sent_can_be_filled(status: OrderStatus) -> None:
    """A fill of an order that is in no one's hands raises: it would be a swap that nobody recorded."""
    with pytest.raises(IllegalStepError, match="exit-1"):
        filled(an_exit(status=status), a_fill(), NOW)


@pytest.mark.parametrize(
    ("status", "finished"),
    [(s, s in {OrderStatus.FILLED, OrderStatus.CANCELLED}) for s in OrderStatus],
)
def test_filled_and_cancelled_orders_are_finished(status: OrderStatus, finished: bool) -> None:
    """Of all others something is still to come, a FAILED one included."""
    assert an_exit(status=status).finished is finished


def test_slippage_is_how_much_worse_the_fill_was() -> None:
    """Selling lower and buying higher are both positive slippage; better than expected is negative."""
    expected = Decimal("0.1")
    assert an_exit(expected_price=expected, actual_price=Decimal("0.099")).slippage_bps == 100
    assert an_exit(expected_price=expected, actual_price=Decimal("0.101")).slippage_bps == -100
    assert an_entry(expected_price=expected, actual_price=Decimal("0.101")).slippage_bps == 100


@pytest.mark.parametrize(("expected", "actual"), [(None, Decimal(1)), (Decimal(0), Decimal(1)), (Decimal(1), None)])
def test_without_both_prices_there_is_no_slippage(expected: Decimal | None, actual: Decimal | None) -> None:
    """An order that was not filled, or had no expectation, has no slippage rather than a wrong one."""
    assert an_exit(expected_price=expected, actual_price=actual).slippage_bps is None


@pytest.mark.parametrize("status", OrderStatus)
def test_history_tells_the_error_only_of_orders_in_trouble(status: OrderStatus) -> None:
    """A retry that was filled is not told with the error of the attempt before it."""
    told = event_of(an_exit(status=status, last_error="no route")).error
    assert told == ("no route" if status in {OrderStatus.FAILED, OrderStatus.CANCELLED} else "")


def test_a_line_of_history_says_all_of_its_moment() -> None:
    """Status, attempt, tolerance, fee, next attempt and time are those of the order at that moment."""
    order = an_exit(attempt_count=2, next_retry_at=LATER, updated_at=LATER, max_slippage_bps=BasisPoints(300))
    event = event_of(order, "raised", signature=Signature("abc"))
    assert (event.order_id, event.at, event.status, event.attempt) == (order.id, LATER, OrderStatus.PENDING, 2)
    assert (event.note, event.signature, event.next_retry_at) == ("raised", "abc", LATER)
    assert (event.slippage_bps, event.priority_fee) == (300, order.priority_fee)


def test_a_verdict_may_come_before_the_note_that_it_was_sent() -> None:
    """Whoever sent a transaction may have died before it could say so: the chain's verdict holds all the same."""
    assert attempt_stepped(an_attempt(), AttemptStep.LAND, LATER).status is AttemptStatus.LANDED


def test_a_reverted_attempt_knows_why() -> None:
    """The failure that the chain gave is kept with the attempt."""
    failure = SwapFailure(kind=FailureKind.SLIPPAGE, message="tolerance exceeded", code="6001")
    attempt = attempt_stepped(an_attempt(status=AttemptStatus.SENT), AttemptStep.REVERT, LATER, failure)
    assert (attempt.status, attempt.failure, attempt.updated_at) == (AttemptStatus.REVERTED, failure, LATER)
