"""Orders and attempts: one intention to swap, and the signed transactions that try to carry it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from engine.domain.errors import FailureKind
from engine.domain.machine import Table, advance, terminal
from engine.domain.plan import ExitPlan
from engine.domain.swap import Fill, Side, SwapFailure, SwapRequest
from engine.domain.units import (
    SOL_MINT,
    BasisPoints,
    Lamports,
    Mint,
    Nanos,
    OrderId,
    PositionId,
    RawAmount,
    Signature,
)
from engine.domain.urgency import ExitReason, Urgency, urgency_of


class OrderKind(StrEnum):
    """Which way an order goes."""

    ENTRY = "entry"
    EXIT = "exit"
    RECLAIM = "reclaim"
    """Not a swap: brings back the rent that finished orders' markers hold."""


class OrderStatus(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    """Queued, or waiting for its next attempt."""
    SUBMITTED = "submitted"
    """With an executor; nothing was sent yet."""
    CONFIRMING = "confirming"
    """Sent; only the chain knows."""
    FILLED = "filled"
    FAILED = "failed"
    """An attempt failed; whether there is another is decided in the same breath."""
    CANCELLED = "cancelled"


class OrderStep(StrEnum):
    """What may happen to an order."""

    SUBMIT = "submit"
    SEND = "send"
    RESIGN = "sign anew"
    FILL = "fill"
    FAIL = "fail"
    RETRY = "retry"
    CANCEL = "cancel"


ORDER_TABLE: Table[OrderStatus, OrderStep] = {
    OrderStatus.PENDING: {OrderStep.SUBMIT: OrderStatus.SUBMITTED, OrderStep.CANCEL: OrderStatus.CANCELLED},
    OrderStatus.SUBMITTED: {
        OrderStep.SEND: OrderStatus.CONFIRMING,
        OrderStep.FAIL: OrderStatus.FAILED,
        # An earlier attempt landed while another one was being made.
        OrderStep.FILL: OrderStatus.FILLED,
    },
    OrderStatus.CONFIRMING: {
        OrderStep.FILL: OrderStatus.FILLED,
        OrderStep.FAIL: OrderStatus.FAILED,
        # Beside attempts that may still land: the order's marker lets one of them succeed.
        OrderStep.RESIGN: OrderStatus.SUBMITTED,
    },
    OrderStatus.FILLED: {},
    OrderStatus.FAILED: {OrderStep.RETRY: OrderStatus.PENDING, OrderStep.CANCEL: OrderStatus.CANCELLED},
    OrderStatus.CANCELLED: {},
}


class AttemptStatus(StrEnum):
    """Where an attempt stands."""

    SIGNED = "signed"
    SENT = "sent"
    LANDED = "landed"
    REVERTED = "reverted"
    EXPIRED = "expired"


class AttemptStep(StrEnum):
    """What may happen to an attempt."""

    SEND = "send"
    LAND = "land"
    REVERT = "revert"
    EXPIRE = "expire"


_VERDICTS = {
    AttemptStep.LAND: AttemptStatus.LANDED,
    AttemptStep.REVERT: AttemptStatus.REVERTED,
    AttemptStep.EXPIRE: AttemptStatus.EXPIRED,
}
ATTEMPT_TABLE: Table[AttemptStatus, AttemptStep] = {
    # A verdict may come before the note that it was sent: whoever sent it may have died in between.
    AttemptStatus.SIGNED: {AttemptStep.SEND: AttemptStatus.SENT, **_VERDICTS},
    AttemptStatus.SENT: _VERDICTS,
    AttemptStatus.LANDED: {},
    AttemptStatus.REVERTED: {},
    AttemptStatus.EXPIRED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One intention to swap. Attempts come and go; the intention and its history stay."""

    id: OrderId
    kind: OrderKind
    position_id: PositionId
    """Of an entry: the position that its fill will open."""
    mint: Mint
    symbol: str
    decimals: int
    amount_tokens: RawAmount = RawAmount(0)
    """Raw tokens to sell; of an entry 0."""
    amount_sol: Lamports = Lamports(0)
    """Lamports to spend; of an exit 0."""
    exit_reason: ExitReason | None = None
    sell_pct: Decimal = Decimal(100)
    """Percent of what remained when the order was made."""
    plan: ExitPlan | None = None
    """Of an entry: the plan of the position to come."""
    expected_price: Decimal | None = None
    """The oracle's price when the order was made, in SOL per whole token."""
    max_slippage_bps: BasisPoints
    """Tolerance of the next attempt."""
    priority_fee: Lamports
    """What the next attempt pays above the base fee."""
    status: OrderStatus = OrderStatus.PENDING
    attempt_count: int = 0
    """Attempts begun, whether or not they came as far as a signature."""
    max_attempts: int
    next_retry_at: Nanos | None = None
    last_error: str = ""
    last_error_kind: FailureKind | None = None
    fees: Lamports = Lamports(0)
    """Base and priority fees of its attempts that landed, reverted ones too."""
    tx_signature: Signature | None = None
    actual_price: Decimal | None = None
    retry_of: OrderId | None = None
    """The cancelled order that a person retried."""
    marker_seed: str = ""
    """Names the account that lets one attempt of the order succeed; unpredictable, so that nobody can block it."""
    marker_rent: Lamports = Lamports(0)
    """Lamports that the marker holds since the order was filled."""
    reclaimed_by: OrderId | None = None
    """The order that brought them back."""
    created_at: Nanos
    updated_at: Nanos
    filled_at: Nanos | None = None

    @property
    def urgency(self) -> Urgency:
        """The rank that the router serves it by."""
        return Urgency.RECLAIM if self.kind is OrderKind.RECLAIM else urgency_of(self.exit_reason)

    @property
    def finished(self) -> bool:
        """Whether nothing will happen to it any more."""
        return terminal(ORDER_TABLE, self.status)

    @property
    def slippage_bps(self) -> Decimal | None:
        """How much worse the fill was than the expected price, in basis points; negative is better."""
        if self.actual_price is None or not self.expected_price:
            return None
        change = (self.actual_price - self.expected_price) / self.expected_price * 10_000
        return change if self.kind is OrderKind.ENTRY else -change

    def request(self) -> SwapRequest:
        """Return the swap that the next attempt asks for."""
        entry = self.kind is OrderKind.ENTRY
        return SwapRequest(
            side=Side.BUY if entry else Side.SELL,
            mint=self.mint,
            amount=self.amount_sol if entry else self.amount_tokens,
            slippage=self.max_slippage_bps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction of an order, recorded with its bytes before it is first sent."""

    signature: Signature
    order_id: OrderId
    number: int
    mint: Mint
    raw: bytes
    last_valid_block_height: int
    marker_rent: Lamports = Lamports(0)
    """Lamports that it parks in the order's marker; 0 where it carries none."""
    status: AttemptStatus = AttemptStatus.SIGNED
    slippage_bps: BasisPoints
    priority_fee: Lamports
    quoted_out: int
    minimum_out: int
    venue: str
    failure: SwapFailure | None = None
    created_at: Nanos
    updated_at: Nanos

    @property
    def marked(self) -> bool:
        """Whether it carries the order's marker: it then cannot succeed beside another that does."""
        return self.marker_rent > 0

    @property
    def live(self) -> bool:
        """Whether it may still land, for all that is known."""
        return not terminal(ATTEMPT_TABLE, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One line of an order's history."""

    order_id: OrderId
    at: Nanos
    status: OrderStatus
    """The status that it came to."""
    attempt: int
    note: str = ""
    error: str = ""
    signature: Signature | None = None
    slippage_bps: BasisPoints
    """The tolerance at that time."""
    priority_fee: Lamports
    """What the attempt pays, or the next one would pay, above the base fee."""
    next_retry_at: Nanos | None = None


def event_of(order: Order, note: str = "", *, signature: Signature | None = None) -> OrderEvent:
    """Return the line of history that says how *order* came to stand where it stands."""
    troubled = order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    return OrderEvent(
        order_id=order.id,
        at=order.updated_at,
        status=order.status,
        attempt=order.attempt_count,
        note=note,
        error=order.last_error if troubled else "",
        signature=signature,
        slippage_bps=order.max_slippage_bps,
        priority_fee=order.priority_fee,
        next_retry_at=order.next_retry_at,
    )


def stepped(order: Order, step: OrderStep, now: Nanos) -> Order:
    """Return *order* after *step*.

    Raises:
        IllegalStepError: the step is not in the table.
    """
    status = advance(ORDER_TABLE, order.status, step, of=f"order {order.id}")
    return replace(order, status=status, updated_at=now)


def attempt_stepped(attempt: Attempt, step: AttemptStep, now: Nanos, failure: SwapFailure | None = None) -> Attempt:
    """Return *attempt* after *step*.

    Raises:
        IllegalStepError: the step is not in the table.
    """
    status = advance(ATTEMPT_TABLE, attempt.status, step, of=f"attempt {attempt.signature}")
    return replace(attempt, status=status, failure=failure, updated_at=now)


def submitted(order: Order, now: Nanos) -> Order:
    """Return *order*, handed to an executor for one more attempt."""
    order = stepped(order, OrderStep.SUBMIT, now)
    return replace(order, attempt_count=order.attempt_count + 1, next_retry_at=None)


def resigned(order: Order, now: Nanos) -> Order:
    """Return *order*, handed to an executor for an attempt beside those that may still land."""
    return replace(stepped(order, OrderStep.RESIGN, now), attempt_count=order.attempt_count + 1)


def sent(order: Order, signature: Signature, now: Nanos) -> Order:
    """Return *order* with *signature* on its way."""
    return replace(stepped(order, OrderStep.SEND, now), tx_signature=signature)


def filled(order: Order, fill: Fill, now: Nanos) -> Order:
    """Return *order*, carried out by *fill*."""
    order = stepped(order, OrderStep.FILL, now)
    return replace(order, actual_price=fill.price(order.decimals), filled_at=now, tx_signature=fill.signature)


def charged(order: Order, fee: Lamports) -> Order:
    """Return *order* with one more *fee* that its attempts cost."""
    return replace(order, fees=Lamports(order.fees + fee))


def reclaim_order(order_id: OrderId, max_attempts: int, now: Nanos) -> Order:
    """Return the order that is to bring back the rent of markers; it is in no hurry, and pays for none."""
    return Order(
        id=order_id,
        kind=OrderKind.RECLAIM,
        position_id=PositionId(""),
        mint=SOL_MINT,
        symbol="SOL",
        decimals=9,
        max_slippage_bps=BasisPoints(0),
        priority_fee=Lamports(0),
        max_attempts=max_attempts,
        created_at=now,
        updated_at=now,
    )
