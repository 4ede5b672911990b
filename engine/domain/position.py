"""A position: tokens of one mint, bought for one wallet, with a plan to leave them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.domain.machine import Table
from engine.domain.plan import ExitPlan
from engine.domain.units import Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, price_of, whole
from engine.domain.urgency import ExitReason

DUST = Decimal("0.001")
"""Whole tokens: a position with no more than this left is closed."""


class PositionStatus(StrEnum):
    """Where a position stands."""

    OPEN = "open"
    EXIT_PENDING = "exit_pending"
    PARTIAL_EXIT = "partial_exit"
    CLOSED = "closed"


class PositionStep(StrEnum):
    """What may happen to a position."""

    REQUEST_EXIT = "request an exit"
    SELL_PART = "sell a part"
    SELL_ALL = "sell all"
    RESUME_WHOLE = "resume, nothing sold"
    RESUME_PARTLY = "resume, partly sold"


POSITION_TABLE: Table[PositionStatus, PositionStep] = {
    PositionStatus.OPEN: {PositionStep.REQUEST_EXIT: PositionStatus.EXIT_PENDING},
    PositionStatus.EXIT_PENDING: {
        # A more urgent reason, or a person's retry, follows an exit that was withdrawn or failed.
        PositionStep.REQUEST_EXIT: PositionStatus.EXIT_PENDING,
        PositionStep.SELL_PART: PositionStatus.PARTIAL_EXIT,
        PositionStep.SELL_ALL: PositionStatus.CLOSED,
        # The exit was withdrawn while queued, or a person released the position.
        PositionStep.RESUME_WHOLE: PositionStatus.OPEN,
        PositionStep.RESUME_PARTLY: PositionStatus.PARTIAL_EXIT,
    },
    PositionStatus.PARTIAL_EXIT: {PositionStep.REQUEST_EXIT: PositionStatus.EXIT_PENDING},
    PositionStatus.CLOSED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveExit:
    """The one exit that a position is waiting for."""

    order_id: OrderId
    reason: ExitReason
    amount: RawAmount
    sell_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExit:
    """What is to follow at once when the active exit is out of the way."""

    reason: ExitReason
    sell_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held, what was sold of it, and what the rules need to know of its past.

    Prices are SOL per whole token; `realized_pnl` and `final_pnl` are lamports before network fees,
    which `fees` adds up.
    """

    id: PositionId
    mint: Mint
    symbol: str
    decimals: int
    plan: ExitPlan
    status: PositionStatus = PositionStatus.OPEN
    entry_order_id: OrderId | None = None
    entry_amount_tokens: RawAmount
    entry_amount_sol: Lamports
    opened_at: Nanos
    updated_at: Nanos
    sold_tokens: RawAmount = RawAmount(0)
    realized_pnl: Lamports = Lamports(0)
    fees: Lamports = Lamports(0)
    """Base and priority fees of its entry and of all its exits, reverted ones too."""

    levels_taken: int = 0
    """How many take-profit levels of the plan count as taken."""
    taken_gain_pct: Decimal = Decimal(0)
    """Gain, in percent points, of the highest level that was taken by a plan before this one."""
    peak_price: float
    calm_since: Nanos
    """Since when the price has stayed within the stagnation band of `calm_price`."""
    calm_price: float
    last_price: float
    last_price_at: Nanos

    active_exit: ActiveExit | None = None
    wanted_exit: WantedExit | None = None
    needs_action: bool = False
    """The active exit failed for good: a person must retry or release it."""
    exit_reason: ExitReason | None = None
    last_exit_order_id: OrderId | None = None
    last_exit_price: Decimal | None = None
    last_exit_timestamp: Nanos | None = None
    closed_at: Nanos | None = None
    final_pnl: Lamports | None = None

    @property
    def remaining_tokens(self) -> RawAmount:
        """Raw tokens that are still held."""
        return RawAmount(self.entry_amount_tokens - self.sold_tokens)

    @property
    def entry_price(self) -> Decimal:
        """What was paid, in SOL per whole token."""
        return price_of(self.entry_amount_sol, self.entry_amount_tokens, self.decimals)

    @property
    def closed(self) -> bool:
        """Whether there is nothing left to guard."""
        return self.status is PositionStatus.CLOSED

    @property
    def net_pnl(self) -> Lamports:
        """Realized profit or loss in lamports, after network fees."""
        return Lamports(self.realized_pnl - self.fees)


def exit_amount(remaining: RawAmount, sell_pct: Decimal) -> RawAmount:
    """Return *sell_pct* percent of *remaining* in raw units; the remainder of the division stays."""
    numerator, denominator = sell_pct.as_integer_ratio()
    return RawAmount(remaining * numerator // (denominator * 100))


def is_dust(raw: int, decimals: int) -> bool:
    """Return whether *raw* units are too little to be worth an exit."""
    return whole(raw, decimals) <= DUST


def lost_tokens(position: Position, sold: int, *, closed: bool) -> int:
    """Return how many raw tokens of a *closed* position were neither sold nor dust: the wallet did not have them.

    Their cost is a realized loss; that of dust stays out of the result.
    """
    missing = position.entry_amount_tokens - sold
    return missing if closed and not is_dust(missing, position.decimals) else 0


def cost_of(position: Position, sold_before: int, sold_after: int) -> Lamports:
    """Return the part of the entry's cost, in lamports, that belongs to the tokens sold in between.

    It is rounded so that the parts of a position that is sold out add up to the whole cost.
    """
    cost, tokens = position.entry_amount_sol, position.entry_amount_tokens
    return Lamports(cost * sold_after // tokens - cost * sold_before // tokens)


def unrealized_pnl(position: Position, price: float) -> Lamports:
    """Return what selling the rest at *price* would add to the realized result, in lamports, without impact."""
    value = whole(position.remaining_tokens, position.decimals) * Decimal(repr(price)) * 1_000_000_000
    return Lamports(int(value) - cost_of(position, position.sold_tokens, position.entry_amount_tokens))
