"""Signing anew beside attempts that may still land: allowed only where the chain lets one of them succeed."""

from __future__ import annotations

import pytest

from engine.domain.alert import Severity, order_filled_twice
from engine.domain.errors import IllegalStepError
from engine.domain.guarding import RaiseExit, exit_order, fee_charged, ordered_exit
from engine.domain.order import (
    Attempt,
    AttemptStatus,
    Order,
    OrderKind,
    OrderStatus,
    charged,
    filled,
    reclaim_order,
    resigned,
    sent,
)
from engine.domain.plan import HUNDRED
from engine.domain.retry import RetryPolicies, overtaking
from engine.domain.units import AlertId, Lamports, Nanos, OrderId, Signature, seconds
from engine.domain.urgency import ExitReason, Urgency
from tests.factories import NOW, a_fill, a_position, an_attempt, an_entry, an_exit, in_flight

POLICIES = RetryPolicies()
LATER = Nanos(NOW + 1)
RENT = Lamports(890_880)


def waiting(**changes: object) -> Order:
    """Return an exit with a marker, whose first attempt has had no verdict."""
    return in_flight(an_exit(marker_seed="seed", **changes))


def live(number: int = 1, rent: Lamports = RENT) -> Attempt:
    """Return an attempt that may still land."""
    name = Signature(f"exit-1-sig{number}")
    return an_attempt(signature=name, number=number, status=AttemptStatus.SENT, marker_rent=rent)


def test_an_attempt_may_be_overtaken_where_all_carry_the_marker() -> None:
    """The next attempt is handed out at double the fee and the same tolerance: it failed at nothing."""
    order = overtaking(waiting(), [live(1), live(2)], POLICIES.exits, LATER)
    assert order is not None
    assert (order.status, order.attempt_count, order.updated_at) == (OrderStatus.SUBMITTED, 2, LATER)
    assert (order.priority_fee, order.max_slippage_bps) == (40_000, 150)


@pytest.mark.parametrize(
    "attempts", [[live(rent=Lamports(0))], [live(), live(2, rent=Lamports(0))], []], ids=["one", "one of two", "none"]
)
def test_beside_an_attempt_without_the_marker_nothing_is_signed(attempts: list[Attempt]) -> None:
    """Two swaps of one order that do not exclude each other would sell twice."""
    assert overtaking(waiting(), attempts, POLICIES.exits, LATER) is None


def test_an_order_without_a_marker_is_not_overtaken() -> None:
    """Without a seed there is nothing that the attempts could share."""
    assert overtaking(in_flight(an_exit()), [live()], POLICIES.exits, LATER) is None


@pytest.mark.parametrize("status", [status for status in OrderStatus if status is not OrderStatus.CONFIRMING])
def test_only_an_order_whose_attempts_are_all_sent_is_overtaken(status: OrderStatus) -> None:
    """While an attempt is being made, or after the end, there is nothing to overtake."""
    assert overtaking(an_exit(marker_seed="seed", status=status), [live()], POLICIES.exits, LATER) is None


def test_overtaking_uses_up_the_attempts() -> None:
    """After the last attempt its verdict is waited for, however long it takes."""
    assert overtaking(waiting(max_attempts=1), [live()], POLICIES.exits, LATER) is None
    assert overtaking(waiting(max_attempts=2), [live()], POLICIES.exits, LATER) is not None


def test_the_fee_of_an_overtaking_attempt_has_its_cap() -> None:
    """It rises to the cap of the policy and no further."""
    order = overtaking(waiting(priority_fee=POLICIES.exits.fee_cap), [live()], POLICIES.exits, LATER)
    assert order is not None
    assert order.priority_fee == POLICIES.exits.fee_cap


def test_what_cannot_wait_is_signed_anew_sooner_and_an_entry_never() -> None:
    """A stop loss waits less long for a verdict than a take profit; an entry waits until its attempt is dead."""
    assert POLICIES.urgent.resign_after == seconds(3)
    assert POLICIES.exits.resign_after == seconds(10)
    assert POLICIES.entries.resign_after is None


@pytest.mark.parametrize("status", [status for status in OrderStatus if status is not OrderStatus.CONFIRMING])
def test_only_what_was_sent_is_signed_anew(status: OrderStatus) -> None:
    """The step is not in the table of any other state."""
    with pytest.raises(IllegalStepError, match="cannot sign anew"):
        resigned(an_exit(status=status), NOW)


def test_an_earlier_attempt_may_carry_out_an_order_that_is_being_signed_anew() -> None:
    """The fill counts, with the signature of the attempt that landed."""
    order = resigned(waiting(), LATER)
    order = filled(order, a_fill(order, signature=Signature("exit-1-sig1")), LATER)
    assert (order.status, order.tx_signature) == (OrderStatus.FILLED, "exit-1-sig1")


def test_an_order_that_was_signed_anew_goes_on_like_any_other() -> None:
    """Sent again, it waits for the verdict of the newest signature."""
    order = sent(resigned(waiting(), LATER), Signature("exit-1-sig2"), LATER)
    assert (order.status, order.tx_signature, order.attempt_count) == (OrderStatus.CONFIRMING, "exit-1-sig2", 2)


@pytest.mark.parametrize(
    ("status", "alive"), [(s, s in {AttemptStatus.SIGNED, AttemptStatus.SENT}) for s in AttemptStatus]
)
def test_an_attempt_lives_until_its_verdict(status: AttemptStatus, alive: bool) -> None:
    """What was signed may have been sent by whoever died after it: it lives."""
    assert an_attempt(status=status).live is alive


@pytest.mark.parametrize("rent", [0, RENT])
def test_an_attempt_is_marked_where_it_parks_rent(rent: int) -> None:
    """The marker is an account, and an account holds rent."""
    assert an_attempt(marker_rent=rent).marked is (rent > 0)


def test_an_exit_carries_its_seed() -> None:
    """The seed that was drawn for the order is on it, for every attempt to use."""
    position = a_position()
    action = ordered_exit(position, ExitReason.EMERGENCY, HUNDRED)
    assert isinstance(action, RaiseExit)
    _, order = exit_order(position, action, OrderId("exit-1"), POLICIES, NOW, marker_seed="seed")
    assert order.marker_seed == "seed"


def test_a_late_fee_is_added_to_order_and_position() -> None:
    """An attempt that failed after its sibling had landed cost a fee all the same."""
    assert charged(an_exit(fees=Lamports(5)), Lamports(3)).fees == 8
    position = fee_charged(a_position(fees=Lamports(5), realized_pnl=Lamports(9)), Lamports(3))
    assert (position.fees, position.realized_pnl) == (8, 9)


def test_bringing_back_rent_is_the_least_urgent_order() -> None:
    """It waits for every exit and every entry, and belongs to no position."""
    order = reclaim_order(OrderId("reclaim-1"), 3, NOW)
    assert (order.kind, order.status, order.position_id) == (OrderKind.RECLAIM, OrderStatus.PENDING, "")
    assert (order.priority_fee, order.max_attempts) == (0, 3)
    assert an_entry().urgency < order.urgency is Urgency.RECLAIM


def test_an_order_that_was_carried_out_twice_is_a_matter_for_a_person() -> None:
    """What the marker forbids is critical where it happens, with order, token and signature."""
    alert = order_filled_twice(live(2), AlertId("alert-1"), NOW)
    assert (alert.severity, alert.requires_action) == (Severity.CRITICAL, True)
    assert (alert.data["order_id"], alert.data["signature"]) == ("exit-1", "exit-1-sig2")
