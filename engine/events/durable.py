"""The data of durable events: an order, an attempt, a position or an alert as it stood then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.domain.alert import AlertStatus, Severity
from engine.domain.errors import FailureKind
from engine.domain.events import Happening
from engine.domain.order import Attempt, AttemptStatus, Order, OrderKind, OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position, PositionStatus
from engine.domain.urgency import ExitReason
from engine.events.fields import Integer, Number, Span, Time


class Data(BaseModel):
    """The data of one type of events."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", frozen=True, populate_by_name=True)


class OrderData(Data):
    """An order; amounts are raw units of its token and lamports, prices SOL per whole token."""

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
    status: OrderStatus
    attempt_count: int
    max_attempts: int
    max_slippage_bps: int
    priority_fee: Integer
    fees: Integer
    expected_price: Number | None
    actual_price: Number | None
    signature: str | None = Field(validation_alias="tx_signature")
    """Of the attempt that the event is about, or of the newest that was sent."""
    next_retry_at: Time | None
    last_error: str
    last_error_kind: FailureKind | None
    note: str = ""
    """Why, in a few words, where there is more to say than the type of the event does."""
    retry_of: str | None
    created_at: Time
    filled_at: Time | None


class FailureData(Data):
    """Why an attempt came to nothing."""

    kind: FailureKind
    message: str
    code: str


class AttemptData(Data):
    """One signed transaction of an order; what it is quoted is in lamports for a sale and in raw units for a buy."""

    signature: str
    order_id: str
    number: int
    mint: str
    status: AttemptStatus
    last_valid_block_height: int
    slippage_bps: int
    priority_fee: Integer
    quoted_out: Integer
    minimum_out: Integer
    venue: str
    failure: FailureData | None


class ActiveExitData(Data):
    """The exit that a position waits for."""

    order_id: str
    reason: ExitReason
    amount: Integer
    sell_pct: Number


class WantedExitData(Data):
    """The exit that follows when the active one is out of the way."""

    reason: ExitReason
    sell_pct: Number


class PositionData(Data):
    """A position; tokens are raw units, SOL and results are lamports, prices SOL per whole token."""

    id: str
    mint: str
    symbol: str
    decimals: int
    status: PositionStatus
    entry_order_id: str | None
    entry_amount_tokens: Integer
    entry_amount_sol: Integer
    sold_tokens: Integer
    remaining_tokens: Integer
    realized_pnl: Integer
    final_pnl: Integer | None
    fees: Integer
    last_price: float
    """A measurement, and so a number."""
    levels_taken: int
    active_exit: ActiveExitData | None
    wanted_exit: WantedExitData | None
    needs_action: bool
    exit_reason: ExitReason | None
    last_exit_order_id: str | None
    last_exit_price: Number | None
    opened_at: Time
    closed_at: Time | None


class TakeProfitData(Data):
    """A level; percent points, of the entry price and of what remains."""

    gain_pct: Number
    sell_pct: Number


class TrailingStopData(Data):
    """A trailing stop, in percent points of the entry price and of the peak."""

    activation_pct: Number
    trail_pct: Number


class StagnationData(Data):
    """A band in percent points, and how long the price may stay within it."""

    band_pct: Number
    window: Span


class PlanData(Data):
    """An exit plan. Without its nulls, which are rules that it does not have, it has the form in which it is given."""

    stop_loss_pct: Number
    take_profits: tuple[TakeProfitData, ...]
    trailing: TrailingStopData | None
    max_hold: Span | None
    stagnation: StagnationData | None


class PlanChangedData(PositionData):
    """A position that goes by another plan from now on."""

    old_plan: PlanData
    new_plan: PlanData


class AlertData(Data):
    """What a person must know, or do."""

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
    resolved_at: Time | None


def data_of(happening: Happening) -> dict[str, Any]:
    """Return the data of *happening*, as plain JSON."""
    record = happening.record
    data = _model_of(record).model_validate(record).model_dump(mode="json")
    if happening.line is not None:
        data |= {"note": happening.line.note, "signature": happening.line.signature or data["signature"]}
    if happening.old_plan is not None and isinstance(record, Position):
        data |= {"old_plan": _plan(happening.old_plan), "new_plan": _plan(record.plan)}
    return data


def _plan(plan: ExitPlan) -> dict[str, Any]:
    return PlanData.model_validate(plan).model_dump(mode="json")


def _model_of(record: object) -> type[Data]:
    match record:
        case Order():
            return OrderData
        case Attempt():
            return AttemptData
        case Position():
            return PositionData
        case _:
            return AlertData
