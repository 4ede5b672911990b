"""Orders as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.domain.order import Order
from engine.domain.units import sol, whole
from engine.events.fields import rfc3339
from engine.export.period import ALWAYS, Period


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order: what was wanted, and what became of it. Times in UTC, fees and amounts in SOL and whole tokens."""

    created_at: str
    updated_at: str
    filled_at: str | None
    order_id: str
    position_id: str | None
    kind: str
    mint: str
    symbol: str
    status: str
    exit_reason: str | None
    sell_pct: Decimal
    """Percent of what remained that it was to sell."""
    tokens: Decimal
    """To sell; 0 for a purchase."""
    sol: Decimal
    """To spend; 0 for a sale."""
    expected_price: Decimal | None
    """SOL per token when the order was made."""
    price: Decimal | None
    """SOL per token that it was filled at."""
    slippage_bps: Decimal | None
    """How much worse than expected, in hundredths of a percent; negative is better."""
    max_slippage_bps: int
    """What its last attempt tolerated, or its next one will."""
    attempts: int
    max_attempts: int
    network_fees: Decimal
    """SOL, of all its attempts that landed."""
    marker_rent: Decimal
    """SOL that its marker holds since it was filled."""
    reclaimed_by: str | None
    """The order that brings this rent back."""
    signature: str | None
    """Of the attempt that filled it, or of its last one."""
    retry_of: str | None
    """The order of which it is a person's retry."""
    error: str | None
    """Of its last attempt that failed."""


def order_rows(orders: Iterable[Order], *, period: Period = ALWAYS) -> list[OrderRow]:
    """Return the rows of the *orders* that were made within *period*, oldest first."""
    dated = sorted(orders, key=lambda order: (order.created_at, order.id))
    return [_row(order) for order in dated if period.has(order.created_at)]


def _row(order: Order) -> OrderRow:
    return OrderRow(
        created_at=rfc3339(order.created_at),
        updated_at=rfc3339(order.updated_at),
        filled_at=None if order.filled_at is None else rfc3339(order.filled_at),
        order_id=order.id,
        position_id=order.position_id or None,
        kind=order.kind,
        mint=order.mint,
        symbol=order.symbol,
        status=order.status,
        exit_reason=order.exit_reason,
        sell_pct=order.sell_pct,
        tokens=whole(order.amount_tokens, order.decimals),
        sol=sol(order.amount_sol),
        expected_price=order.expected_price,
        price=order.actual_price,
        slippage_bps=order.slippage_bps,
        max_slippage_bps=order.max_slippage_bps,
        attempts=order.attempt_count,
        max_attempts=order.max_attempts,
        network_fees=sol(order.fees),
        marker_rent=sol(order.marker_rent),
        reclaimed_by=order.reclaimed_by,
        signature=order.tx_signature,
        retry_of=order.retry_of,
        error=order.last_error or None,
    )
