"""How positions begin: an order to buy, or tokens that the wallet holds already."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.errors import BadInputError
from engine.domain.order import Order, OrderKind
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies
from engine.domain.swap import TokenInfo
from engine.domain.units import Lamports, Nanos, OrderId, PositionId, RawAmount, lamports, sol, whole

SOL_RESERVE = Lamports(10_000_000)
"""Lamports (0.01 SOL) that stay in the wallet to pay for the exits: fees, and the rent of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySwitch:
    """Whether positions are opened for a wallet: a person's word, which holds until it is taken back."""

    wallet: str
    paused: bool
    updated_at: Nanos


def entry_order(
    token: TokenInfo,
    symbol: str,
    spend: Lamports,
    plan: ExitPlan,
    *,
    order_id: OrderId,
    position_id: PositionId,
    wallet_sol: Lamports,
    policies: RetryPolicies,
    now: Nanos,
    marker_seed: str = "",
) -> Order:
    """Return the ENTRY order that spends *spend* lamports on *token*, guarded by *plan* once it is filled.

    Raises:
        BadInputError: the token cannot be traded, the amount is nothing, or the wallet cannot spend it and pay for
            the exits.
    """
    _check_tradable(token, symbol)
    if spend <= 0:
        raise BadInputError(f"an entry of {sol(spend)} SOL buys nothing: name an amount above 0")
    if spend + SOL_RESERVE > wallet_sol:
        raise BadInputError(
            f"the wallet holds {sol(wallet_sol)} SOL, and an entry of {sol(spend)} SOL needs {sol(SOL_RESERVE)} SOL "
            "beside it for the exits: fund the wallet or spend less"
        )
    return Order(
        id=order_id,
        kind=OrderKind.ENTRY,
        position_id=position_id,
        mint=token.mint,
        symbol=symbol,
        decimals=token.decimals,
        amount_sol=spend,
        plan=plan,
        max_slippage_bps=policies.entries.slippage,
        priority_fee=policies.entries.fee,
        max_attempts=policies.entries.max_attempts,
        marker_seed=marker_seed,
        created_at=now,
        updated_at=now,
    )


def adopted(
    token: TokenInfo,
    symbol: str,
    amount: RawAmount,
    price: Decimal,
    plan: ExitPlan,
    *,
    position_id: PositionId,
    held: RawAmount,
    now: Nanos,
) -> Position:
    """Return the position of *amount* raw tokens that the wallet holds already, bought at *price* SOL each.

    Raises:
        BadInputError: the token cannot be traded, the wallet does not hold that much, or the price is not above 0.
    """
    _check_tradable(token, symbol)
    if held == 0:
        raise BadInputError(f"the wallet holds no {symbol} ({token.mint}): there is nothing to guard", field="mint")
    if not 0 < amount <= held:
        raise BadInputError(
            f"the wallet holds {whole(held, token.decimals)} {symbol}, and {whole(amount, token.decimals)} "
            "were to be guarded: name an amount above 0 and up to what it holds",
            field="amount",
        )
    cost = int(price * whole(amount, token.decimals) * lamports(1)) if price.is_finite() else 0
    if cost <= 0:
        raise BadInputError(
            f"an entry price of {price} SOL makes the position worth nothing: name the price paid", field="entry_price"
        )
    entry = float(price)
    return Position(
        id=position_id,
        mint=token.mint,
        symbol=symbol,
        decimals=token.decimals,
        plan=plan,
        entry_amount_tokens=amount,
        entry_amount_sol=Lamports(cost),
        opened_at=now,
        updated_at=now,
        peak_price=entry,
        calm_since=now,
        calm_price=entry,
        last_price=entry,
        last_price_at=now,
    )


def _check_tradable(token: TokenInfo, symbol: str) -> None:
    if token.obstacles:
        raise BadInputError(f"{symbol} ({token.mint}) cannot be traded: {'; '.join(token.obstacles)}", field="mint")
