"""What follows a failed attempt: how long, how often, at what tolerance and fee."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import FailureKind, IllegalStepError
from engine.domain.order import Order, OrderStatus
from engine.domain.retry import RetryPolicies, RetryPolicy, after_failure, cancelled, decided, may_retry
from engine.domain.swap import SwapFailure
from engine.domain.units import BasisPoints, Lamports, Nanos, seconds
from engine.domain.urgency import Urgency
from tests.factories import NOW, an_entry, an_exit, in_flight

POLICIES = RetryPolicies()
LATER = Nanos(NOW + 1)
RETRYABLE = [kind for kind in FailureKind if kind not in {FailureKind.PERMANENT, FailureKind.UNCERTAIN}]


def failure(kind: FailureKind = FailureKind.TRANSIENT) -> SwapFailure:
    """Return a failure of *kind*."""
    return SwapFailure(kind=kind, message=f"it was {kind}")


def failed(order: Order, policy: RetryPolicy, kind: FailureKind = FailureKind.TRANSIENT) -> Order:
    """Return *order* after one more attempt that failed, FAILED."""
    return after_failure(in_flight(order), failure(kind), policy, LATER)


def lived(order: Order, policy: RetryPolicy, kind: FailureKind = FailureKind.TRANSIENT) -> list[Order]:
    """Return *order* after each of its attempts, all of which fail, until it is given up."""
    lives: list[Order] = []
    while not order.finished:
        order = decided(failed(order, policy, kind), policy, LATER)
        lives.append(order)
    return lives


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (POLICIES.exits, [5, 15, 45, 45]),
        (POLICIES.entries, [5, 15, 45, 45]),
        (POLICIES.urgent, [0, 1, 2, 4, 8, 8]),
    ],
)
def test_waits_grow_and_the_last_one_stays(policy: RetryPolicy, waits: list[int]) -> None:
    """Each failure is followed by a longer wait; beyond the list the last one stands."""
    assert [policy.wait_after(n) for n in range(1, len(waits) + 1)] == [seconds(wait) for wait in waits]


@pytest.mark.parametrize(
    ("urgency", "policy"),
    [
        (Urgency.EMERGENCY, POLICIES.urgent),
        (Urgency.STOP_LOSS, POLICIES.urgent),
        (Urgency.TRAILING_STOP, POLICIES.exits),
        (Urgency.TAKE_PROFIT, POLICIES.exits),
        (Urgency.MANUAL, POLICIES.exits),
        (Urgency.OTHER_EXIT, POLICIES.exits),
        (Urgency.ENTRY, POLICIES.entries),
    ],
)
def test_what_cannot_wait_is_retried_faster(urgency: Urgency, policy: RetryPolicy) -> None:
    """Stop losses and emergencies have a policy of their own, and so have entries."""
    assert POLICIES.of(urgency) is policy


def test_an_exit_has_three_attempts_and_an_urgent_one_five() -> None:
    """After the last attempt an order is cancelled; until then it is pending with the time of its next attempt."""
    for policy, waits in ((POLICIES.exits, [5, 15]), (POLICIES.urgent, [0, 1, 2, 4])):
        lives = lived(an_exit(max_attempts=policy.max_attempts), policy)
        assert [order.next_retry_at for order in lives] == [*(LATER + seconds(wait) for wait in waits), None]
        assert [order.status for order in lives] == [OrderStatus.PENDING] * len(waits) + [OrderStatus.CANCELLED]
        assert lives[-1].attempt_count == policy.max_attempts


def test_a_failed_attempt_leaves_its_error_on_the_order() -> None:
    """FAILED, with what went wrong and what that proves."""
    order = failed(an_exit(), POLICIES.exits, FailureKind.REFUSED)
    assert (order.status, order.last_error, order.last_error_kind) == (
        OrderStatus.FAILED,
        "it was refused",
        FailureKind.REFUSED,
    )
    assert order.updated_at == LATER


@pytest.mark.parametrize(
    ("order", "policy", "raised"),
    [
        (an_exit(max_attempts=9), POLICIES.exits, [150, 300, 600, 1000, 1000]),
        (an_exit(max_attempts=9), POLICIES.urgent, [150, 300, 600, 1000, 1000]),
        (an_entry(max_attempts=9), POLICIES.entries, [100, 200, 300, 300]),
        (
            an_exit(max_attempts=9, max_slippage_bps=POLICIES.manual_retry_slippage),
            POLICIES.exits,
            [200, 400, 800, 1000, 1000],
        ),
        (an_exit(max_attempts=9, max_slippage_bps=BasisPoints(2000)), POLICIES.exits, [2000, 2000]),
    ],
    ids=["exit", "urgent", "entry", "manual retry", "above the cap"],
)
def test_slippage_failures_double_the_tolerance_up_to_the_cap(
    order: Order, policy: RetryPolicy, raised: list[int]
) -> None:
    """Tolerance doubles with each slippage failure until the cap, and is never lowered to it."""
    lives = [order, *lived(order, policy, FailureKind.SLIPPAGE)]
    assert [life.max_slippage_bps for life in lives[: len(raised)]] == raised


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind is not FailureKind.SLIPPAGE])
def test_other_failures_leave_the_tolerance_alone(kind: FailureKind) -> None:
    """Tolerating more would help against nothing but slippage."""
    assert failed(an_exit(), POLICIES.exits, kind).max_slippage_bps == 150


@pytest.mark.parametrize(
    ("policy", "fees"),
    [
        (POLICIES.exits, [20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_000_000, 1_000_000]),
        (POLICIES.urgent, [100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 5_000_000, 5_000_000]),
    ],
    ids=["exit", "urgent"],
)
def test_the_priority_fee_doubles_up_to_the_cap(policy: RetryPolicy, fees: list[int]) -> None:
    """Every failed attempt doubles what the next one pays, in lamports, up to the cap."""
    order = an_exit(priority_fee=policy.fee, max_attempts=len(fees))
    lives = [order, *lived(order, policy)]
    assert [life.priority_fee for life in lives[: len(fees)]] == fees


def test_a_fee_above_the_cap_is_not_lowered() -> None:
    """A retry never pays less than the attempt before it."""
    assert failed(an_exit(priority_fee=Lamports(2_000_000)), POLICIES.exits).priority_fee == 2_000_000


@pytest.mark.parametrize("kind", RETRYABLE)
def test_what_provably_moved_nothing_is_retried(kind: FailureKind) -> None:
    """Refused, slipped, blocked and expired attempts have a next one while attempts are left."""
    order = failed(an_exit(), POLICIES.exits, kind)
    assert may_retry(order)
    assert decided(order, POLICIES.exits, LATER).status is OrderStatus.PENDING


def test_a_permanent_failure_is_never_retried() -> None:
    """What no attempt can cure is given up after the first one."""
    order = failed(an_exit(max_attempts=5), POLICIES.urgent, FailureKind.PERMANENT)
    assert not may_retry(order)
    order = decided(order, POLICIES.urgent, LATER)
    assert (order.status, order.attempt_count, order.next_retry_at) == (OrderStatus.CANCELLED, 1, None)


@pytest.mark.parametrize("attempts", [1, 3])
def test_an_uncertain_attempt_is_resolved_and_not_decided(attempts: int) -> None:
    """Whether attempts are left or not, an attempt without a verdict must be asked of the chain: sold twice else."""
    order = failed(an_exit(max_attempts=attempts), POLICIES.exits, FailureKind.UNCERTAIN)
    with pytest.raises(AssertionError, match="exit-1"):
        may_retry(order)
    with pytest.raises(AssertionError, match="exit-1"):
        decided(order, POLICIES.exits, LATER)


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in {OrderStatus.SUBMITTED, OrderStatus.CONFIRMING}])
def test_only_an_attempt_under_way_can_fail(status: OrderStatus) -> None:
    """A failure told of an order that is not in flight is refused: it was told before, or is of another."""
    with pytest.raises(IllegalStepError):
        after_failure(an_exit(status=status), failure(), POLICIES.exits, NOW)


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in {OrderStatus.PENDING, OrderStatus.FAILED}])
def test_only_what_is_pending_or_failed_can_be_cancelled(status: OrderStatus) -> None:
    """An order whose transaction may still land is not given up."""
    with pytest.raises(IllegalStepError):
        cancelled(an_exit(status=status), NOW)


def test_a_cancelled_order_waits_for_nothing() -> None:
    """A retry that was set is off."""
    order = cancelled(an_exit(next_retry_at=LATER), NOW)
    assert (order.status, order.next_retry_at) == (OrderStatus.CANCELLED, None)


def test_a_retry_keeps_the_intention() -> None:
    """Amount, reason, expected price and position of an order do not change with its attempts."""
    before = an_exit()
    after = decided(failed(before, POLICIES.exits), POLICIES.exits, LATER)
    same = ("id", "kind", "position_id", "amount_tokens", "exit_reason", "sell_pct", "expected_price", "created_at")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]


@given(st.lists(st.sampled_from(RETRYABLE), min_size=9, max_size=9), st.sampled_from([1, 3, 5]))
def test_no_sequence_of_failures_leaves_an_order_stuck(kinds: list[FailureKind], attempts: int) -> None:
    """Whatever fails, an order has a next attempt at a time, or is cancelled after its last one; nothing falls."""
    order = an_exit(max_attempts=attempts)
    for kind in kinds:
        before = order
        order = decided(failed(order, POLICIES.exits, kind), POLICIES.exits, LATER)
        assert before.priority_fee <= order.priority_fee <= POLICIES.exits.fee_cap
        assert before.max_slippage_bps <= order.max_slippage_bps <= POLICIES.exits.slippage_cap
        if order.finished:
            break
        assert order.next_retry_at is not None
        assert order.next_retry_at >= LATER
    assert order.status is OrderStatus.CANCELLED
    assert order.attempt_count == attempts


def test_a_policy_can_be_changed_for_one_kind_alone() -> None:
    """Setting how entries are retried leaves the exits as they were."""
    policies = replace(POLICIES, entries=replace(POLICIES.entries, max_attempts=1))
    assert (policies.of(Urgency.ENTRY).max_attempts, policies.of(Urgency.STOP_LOSS).max_attempts) == (1, 5)
