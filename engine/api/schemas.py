"""What the API takes and gives, as JSON, in the form that events have: see `engine.events.fields`.

Amounts of SOL are lamports and amounts of tokens raw units, prices SOL per whole token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.domain.alert import AlertStatus, Severity
from engine.domain.errors import BadInputError, FailureKind
from engine.domain.order import AttemptStatus, OrderKind, OrderStatus
from engine.domain.plan import PRESETS, ExitPlan, parse_plan
from engine.domain.position import PositionStatus
from engine.domain.units import RawAmount
from engine.domain.urgency import ExitReason
from engine.events.durable import PlanData
from engine.events.fields import Integer, Number, Time
from engine.guard import Wanted

_DIGITS = re.compile(r"[0-9]{1,20}")


def shown_plan(plan: ExitPlan) -> dict[str, Any]:
    """Return *plan* in the form in which it is given, so that it can be given again."""
    return PlanData.model_validate(plan).model_dump(mode="json", exclude_none=True)


def _plan(value: Any) -> Any:
    return shown_plan(value) if isinstance(value, ExitPlan) else value


def _whole(value: Any) -> Any:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("should be a whole number, or its digits as a string")


Whole = Annotated[
    int,
    BeforeValidator(_whole, json_schema_input_type=int | Annotated[str, Field(pattern="^[0-9]{1,20}$")]),
]
"""A whole number, or its digits: JSON's numbers end at 2^53."""
Plan = Annotated[dict[str, Any], BeforeValidator(_plan), Field(description="The exit plan, as it is given.")]
Mint = Annotated[str, Field(pattern="^[1-9A-HJ-NP-Za-km-z]{32,44}$", description="Base58 address of the token's mint.")]
Symbol = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]+$")]


class View(BaseModel):
    """Something that is shown: read from the record of the same fields."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Body(BaseModel):
    """Something that is given. It knows no key but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ActiveExitView(View):
    """The exit that a position waits for."""

    order_id: str
    reason: ExitReason
    amount: Integer
    sell_pct: Number


class PositionView(View):
    """A position."""

    id: str
    mint: str
    symbol: str
    decimals: int
    plan: Plan
    status: PositionStatus
    entry_order_id: str | None
    entry_amount_tokens: Integer
    entry_amount_sol: Integer
    entry_price: Number
    sold_tokens: Integer
    remaining_tokens: Integer
    realized_pnl: Integer
    fees: Integer
    net_pnl: Integer
    final_pnl: Integer | None
    levels_taken: int
    peak_price: float
    last_price: float
    last_price_at: Time
    active_exit: ActiveExitView | None
    needs_action: bool
    exit_reason: ExitReason | None
    last_exit_order_id: str | None
    last_exit_price: Number | None
    last_exit_timestamp: Time | None
    opened_at: Time
    updated_at: Time
    closed_at: Time | None


class OrderView(View):
    """An order."""

    id: str
    kind: OrderKind
    position_id: str
    mint: str
    symbol: str
    decimals: int
    amount_tokens: Integer
    amount_sol: Integer
    exit_reason: ExitReason | None
    sell_pct: Number
    urgency: int
    expected_price: Number | None
    actual_price: Number | None
    slippage_bps: Number | None
    max_slippage_bps: int
    priority_fee: Integer
    status: OrderStatus
    attempt_count: int
    max_attempts: int
    next_retry_at: Time | None
    last_error: str
    last_error_kind: FailureKind | None
    fees: Integer
    tx_signature: str | None
    retry_of: str | None
    marker_rent: Integer
    """Parked in the account that lets one attempt alone succeed."""
    reclaimed_by: str | None
    """The order that brings it back."""
    created_at: Time
    updated_at: Time
    filled_at: Time | None


class OrderEventView(View):
    """One line of an order's history."""

    at: Time
    status: OrderStatus
    attempt: int
    note: str
    error: str
    signature: str | None
    slippage_bps: int
    priority_fee: Integer
    next_retry_at: Time | None


class FailureView(View):
    """Why an attempt failed."""

    kind: FailureKind
    message: str
    code: str


class AttemptView(View):
    """One signed transaction of an order, without its bytes."""

    signature: str
    number: int
    status: AttemptStatus
    slippage_bps: int
    priority_fee: Integer
    quoted_out: Integer
    minimum_out: Integer
    venue: str
    last_valid_block_height: int
    failure: FailureView | None
    created_at: Time
    updated_at: Time


class FillView(View):
    """What one transaction moved."""

    signature: str
    tokens: Integer
    sol: Integer
    fee: Integer
    rent: Integer
    slot: int
    time: Time | None


class AlertView(View):
    """An alert."""

    id: str
    alert_type: str
    severity: Severity
    title: str
    message: str
    data: Mapping[str, str]
    requires_action: bool
    position_id: str | None
    status: AlertStatus
    count: int
    raised_at: Time
    updated_at: Time
    resolved_at: Time | None


class Orders(View):
    """A page of orders, newest first, and how many there are of each status."""

    total: int
    counts: dict[str, int]
    orders: list[OrderView]


class Alerts(View):
    """A page of alerts, newest first."""

    total: int
    alerts: list[AlertView]


class ExitOrdered(View):
    """What became of an exit that was asked for: the order, or the one that it must wait for."""

    position_id: str
    order: OrderView | None = None
    waits_for: str | None = None
    error: str | None = None


class AllExitsOrdered(View):
    """What became of each."""

    exits: list[ExitOrdered]


PlanOrPreset = Annotated[
    dict[str, Any] | Literal["conservative", "balanced", "moonbag"],
    Field(description="An exit plan, or the name of one that comes with the engine."),
]


def plan_of(value: dict[str, Any] | str) -> ExitPlan:
    """Return the plan that a body describes or names.

    Raises:
        BadInputError: it makes no sense.
    """
    if not isinstance(value, str):
        return parse_plan(value)
    if value not in PRESETS:
        raise BadInputError(f"plan {value!r} is not known: name one of {', '.join(PRESETS)}")
    return PRESETS[value]


class OpenPosition(Body):
    """Buy a token, and guard it once it is bought."""

    mint: Mint
    spend: Annotated[Whole, Field(gt=0, lt=2**63, description="Lamports.")]
    plan: PlanOrPreset
    symbol: Symbol | None = None


class GuardTokens(Body):
    """Guard tokens that the wallet holds already."""

    mint: Mint
    plan: PlanOrPreset
    amount: Annotated[
        Whole | None, Field(gt=0, lt=2**64, description="Raw units; without it all that is not guarded yet.")
    ] = None
    amount_tokens: Annotated[
        Decimal | None, Field(gt=0, lt=2**64, max_digits=28, description="Whole tokens, in place of `amount`.")
    ] = None
    entry_price: Annotated[
        Decimal | None,
        Field(gt=0, lt=10**12, max_digits=40, description="SOL per whole token; without it the price of now."),
    ] = None
    symbol: Symbol | None = None

    @model_validator(mode="after")
    def _check_amount(self) -> Self:
        if self.amount is not None and self.amount_tokens is not None:
            raise ValueError("amount and amount_tokens go without each other: give one of them")
        return self

    def wanted(self) -> Wanted:
        """Return the guard that is asked for.

        Raises:
            BadInputError: the plan makes no sense.
        """
        return Wanted(
            mint=self.mint,
            plan=plan_of(self.plan),
            amount=RawAmount(self.amount) if self.amount is not None else self.amount_tokens,
            entry_price=self.entry_price,
            symbol=self.symbol,
        )


class ImportTokens(Body):
    """Guard many tokens that the wallet holds already, all or none."""

    tokens: Annotated[list[GuardTokens], Field(min_length=1, max_length=500)]


class PositionsTaken(View):
    """The positions that were taken under guard, in the order in which they were asked for."""

    positions: list[PositionView]


class ChangedPlan(Body):
    """Guard an open position by another plan."""

    plan: PlanOrPreset


class ExitRequest(Body):
    """Sell a part of what remains."""

    percent: Annotated[Decimal, Field(ge=10, le=100, max_digits=8, decimal_places=4)] = Decimal(100)


class RetryRequest(Body):
    """Try a failed exit again."""

    everything: bool = False
    """Sell all that remains in place of the order's own amount."""
