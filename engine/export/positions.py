"""Positions as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.domain.position import Position
from engine.domain.units import sol, whole
from engine.events.fields import rfc3339
from engine.export.period import ALWAYS, Period


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One position: what it cost, what is left of it, and what it made. Times in UTC, money in SOL."""

    opened_at: str
    closed_at: str | None
    position_id: str
    mint: str
    symbol: str
    status: str
    needs_action: bool
    """Whether an exit failed for good, and a person must retry or release it."""
    entry_order_id: str | None
    """None where the wallet held the tokens before they were guarded."""
    entry_tokens: Decimal
    entry_sol: Decimal
    """What they cost; of tokens that were guarded later, what a person said."""
    entry_price: Decimal
    """SOL per token, to 28 digits."""
    sold_tokens: Decimal
    remaining_tokens: Decimal
    """Those of a closed one were dust, or the wallet did not have them."""
    realized_gain: Decimal
    """Before network fees, as the fills' `realized_gain` adds up."""
    network_fees: Decimal
    """Of its entry and all its exits, failed ones too."""
    net_gain: Decimal
    exit_reason: str | None
    """Of its last exit."""
    last_exit_order_id: str | None


def position_rows(positions: Iterable[Position], *, period: Period = ALWAYS) -> list[PositionRow]:
    """Return the rows of the *positions* that were opened within *period*, oldest first."""
    dated = sorted(positions, key=lambda position: (position.opened_at, position.id))
    return [_row(position) for position in dated if period.has(position.opened_at)]


def _row(position: Position) -> PositionRow:
    return PositionRow(
        opened_at=rfc3339(position.opened_at),
        closed_at=None if position.closed_at is None else rfc3339(position.closed_at),
        position_id=position.id,
        mint=position.mint,
        symbol=position.symbol,
        status=position.status,
        needs_action=position.needs_action,
        entry_order_id=position.entry_order_id,
        entry_tokens=whole(position.entry_amount_tokens, position.decimals),
        entry_sol=sol(position.entry_amount_sol),
        entry_price=position.entry_price,
        sold_tokens=whole(position.sold_tokens, position.decimals),
        remaining_tokens=whole(position.remaining_tokens, position.decimals),
        realized_gain=sol(position.realized_pnl),
        network_fees=sol(position.fees),
        net_gain=sol(position.net_pnl),
        exit_reason=position.exit_reason,
        last_exit_order_id=position.last_exit_order_id,
    )
