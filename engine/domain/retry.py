"""What happens to an order after a failed attempt: the one place where retries are decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.domain.errors import FailureKind
from engine.domain.order import Attempt, Order, OrderStatus, OrderStep, resigned, stepped
from engine.domain.swap import SwapFailure
from engine.domain.units import BasisPoints, Lamports, Nanos, seconds
from engine.domain.urgency import RESERVED_FOR, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, after what wait, with how much slippage and at what fee an order is tried.

    Slippage doubles after each slippage failure, and the priority fee after every failure, up to caps.
    """

    max_attempts: int
    waits: tuple[Nanos, ...]
    """Before attempt 2, 3, ...; the last one stands for all that follow."""
    slippage: BasisPoints
    slippage_cap: BasisPoints
    fee: Lamports
    fee_cap: Lamports
    resign_after: Nanos | None = None
    """How long an attempt may go without a verdict before another is signed beside it; None: not before it is dead."""

    def wait_after(self, attempts: int) -> Nanos:
        """Return how long to wait once *attempts* (1 or more) have failed."""
        return self.waits[min(attempts, len(self.waits)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicies:
    """The policy of each kind of order."""

    exits: RetryPolicy = RetryPolicy(
        max_attempts=3,
        waits=(seconds(5), seconds(15), seconds(45)),
        slippage=BasisPoints(150),
        slippage_cap=BasisPoints(1000),
        fee=Lamports(20_000),
        fee_cap=Lamports(1_000_000),
        resign_after=seconds(10),
    )
    urgent: RetryPolicy = RetryPolicy(
        max_attempts=5,
        waits=(seconds(0), seconds(1), seconds(2), seconds(4), seconds(8)),
        slippage=BasisPoints(150),
        slippage_cap=BasisPoints(1000),
        fee=Lamports(100_000),
        fee_cap=Lamports(5_000_000),
        resign_after=seconds(3),
    )
    entries: RetryPolicy = RetryPolicy(
        max_attempts=3,
        waits=(seconds(5), seconds(15), seconds(45)),
        slippage=BasisPoints(100),
        slippage_cap=BasisPoints(300),
        fee=Lamports(20_000),
        fee_cap=Lamports(1_000_000),
    )
    manual_retry_slippage: BasisPoints = BasisPoints(200)
    """What a person's retry of a cancelled exit begins with."""

    def of(self, urgency: Urgency) -> RetryPolicy:
        """Return the policy of orders of *urgency*."""
        if urgency is Urgency.ENTRY:
            return self.entries
        return self.urgent if urgency in RESERVED_FOR else self.exits


def after_failure(order: Order, failure: SwapFailure, policy: RetryPolicy, now: Nanos) -> Order:
    """Return *order*, FAILED by *failure*, with the error on it."""
    return replace(
        stepped(order, OrderStep.FAIL, now),
        last_error=failure.message,
        last_error_kind=failure.kind,
        max_slippage_bps=_raised_slippage(order, failure, policy),
        priority_fee=_raised_fee(order, policy),
    )


def _raised_fee(order: Order, policy: RetryPolicy) -> Lamports:
    return Lamports(max(order.priority_fee, min(order.priority_fee * 2, policy.fee_cap)))


def overtaking(order: Order, live: Sequence[Attempt], policy: RetryPolicy, now: Nanos) -> Order | None:
    """Return *order*, handed out for an attempt beside the *live* ones at a higher fee; None where it must wait.

    The one place where two attempts of an order are allowed to live: each of them carries the order's marker, so
    that the chain lets one succeed.
    """
    exclusive = bool(order.marker_seed) and all(attempt.marked for attempt in live)
    confirming = order.status is OrderStatus.CONFIRMING
    if not (exclusive and confirming and live and order.attempt_count < order.max_attempts):
        return None
    return replace(resigned(order, now), priority_fee=_raised_fee(order, policy))


def _raised_slippage(order: Order, failure: SwapFailure, policy: RetryPolicy) -> BasisPoints:
    if failure.kind is not FailureKind.SLIPPAGE:
        return order.max_slippage_bps
    raised = min(order.max_slippage_bps * 2, policy.slippage_cap)
    return BasisPoints(max(order.max_slippage_bps, raised))


def may_retry(order: Order) -> bool:
    """Return whether a FAILED *order* has another attempt.

    Raises:
        AssertionError: the failure is uncertain: the chain must be asked before anything is decided.
    """
    if order.last_error_kind is FailureKind.UNCERTAIN:
        raise AssertionError(f"order {order.id}: an uncertain attempt is resolved, never retried")
    return order.last_error_kind is not FailureKind.PERMANENT and order.attempt_count < order.max_attempts


def decided(order: Order, policy: RetryPolicy, now: Nanos) -> Order:
    """Return the FAILED *order* as PENDING with the time of its next attempt, or CANCELLED for good."""
    if not may_retry(order):
        return cancelled(order, now)
    retry_at = Nanos(now + policy.wait_after(order.attempt_count))
    return replace(stepped(order, OrderStep.RETRY, now), next_retry_at=retry_at)


def cancelled(order: Order, now: Nanos) -> Order:
    """Return *order*, given up."""
    return replace(stepped(order, OrderStep.CANCEL, now), next_retry_at=None)
