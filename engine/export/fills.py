"""What every transaction of the wallet moved, as whoever works out taxes needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.position import Position, cost_of, lost_tokens
from engine.domain.swap import Fill
from engine.domain.units import Nanos, OrderId, Signature, sol, whole
from engine.events.fields import rfc3339
from engine.export.period import ALWAYS, Period


class FillKind(StrEnum):
    """What a transaction was."""

    BUY = "buy"
    SELL = "sell"
    RENT = "rent"
    """Brought back the rent that order markers held."""
    FEE = "fee"
    """Failed on chain: it cost its fee, and moved nothing else."""


_KINDS = {OrderKind.ENTRY: FillKind.BUY, OrderKind.EXIT: FillKind.SELL, OrderKind.RECLAIM: FillKind.RENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One transaction. SOL to the lamport, tokens in whole tokens to their last decimal.

    The wallet's own balance changed by ``wallet_change = sol - network_fee - rent``; the sum over all rows is what the
    wallet gained or lost since its first transaction here, see `engine.audit`.
    """

    time: str
    """UTC, of the block; when the engine recorded it, where the chain does not tell."""
    slot: int
    """Of the block."""
    signature: str
    wallet: str | None
    """Base58 address; None where the database was worked on for several wallets, or for none."""
    kind: str
    mint: str
    symbol: str
    tokens: Decimal
    """That came to the wallet; negative where they left it."""
    sol: Decimal
    """What the swap brought, without fee and rent; negative where it cost it."""
    price: Decimal | None
    """SOL per token, to 28 digits; None where no tokens moved."""
    network_fee: Decimal
    """SOL, base and priority fee; never negative."""
    rent: Decimal
    """SOL put into the wallet's own accounts; negative where it came back."""
    wallet_change: Decimal
    """SOL by which the wallet's own balance changed."""
    cost_basis: Decimal | None
    """SOL that was paid for what a sell sold, at the average price of its position's entry."""
    realized_gain: Decimal | None
    """SOL that a sell brought above its cost; negative for a loss. Network fees are not in it."""
    exit_reason: str | None
    order_id: str
    position_id: str | None


def fill_rows(
    positions: Iterable[Position],
    orders: Iterable[Order],
    fills: Iterable[Fill],
    *,
    wallet: str | None,
    period: Period = ALWAYS,
) -> list[FillRow]:
    """Return the rows of *fills* within *period*, oldest first.

    Args:
        positions: all of them.
        orders: all of them.
        fills: all of them, whatever the period: what was sold before decides what the next sale cost.
        wallet: whose they are.
        period: of the blocks' times.
    """
    by_id = {order.id: order for order in orders}
    fills = list(fills)
    costs = _costs(positions, by_id, fills)
    dated = sorted(
        ((_moment(fill, by_id), fill.slot, fill.signature, fill) for fill in fills), key=lambda each: each[:3]
    )
    return [
        _row(fill, by_id[fill.order_id], moment, wallet, costs.get(fill.signature))
        for moment, _, _, fill in dated
        if period.has(moment)
    ]


def _moment(fill: Fill, orders: Mapping[OrderId, Order]) -> Nanos:
    """Return the time of *fill*; where it has none, that of the last change of its order."""
    return fill.time if fill.time is not None else orders[fill.order_id].updated_at


def _costs(
    positions: Iterable[Position], orders: Mapping[OrderId, Order], fills: Iterable[Fill]
) -> dict[Signature, int]:
    """Return what each sale's tokens had cost, in lamports."""
    sales: dict[str, list[Fill]] = defaultdict(list)
    for fill in fills:
        if _is_booked_sale(fill, orders[fill.order_id]):
            sales[orders[fill.order_id].position_id].append(fill)
    return {
        signature: cost
        for position in positions
        for signature, cost in _costs_of(position, sorted(sales[position.id], key=lambda fill: _booking(fill, orders)))
    }


def _is_booked_sale(fill: Fill, order: Order) -> bool:
    """Return whether *fill* is what its position counts as sold: one that landed beside it is a person's to mend."""
    filled = order.status is OrderStatus.FILLED and order.tx_signature == fill.signature
    return filled and order.kind is OrderKind.EXIT and fill.tokens != 0


def _booking(fill: Fill, orders: Mapping[OrderId, Order]) -> tuple[int, int, str]:
    order = orders[fill.order_id]
    return order.filled_at or order.updated_at, fill.slot, fill.signature


def _costs_of(position: Position, sales: list[Fill]) -> Iterator[tuple[Signature, int]]:
    """Yield the cost of each of a position's *sales*, as `engine.domain.guarding.exit_filled` books them."""
    sold = 0
    for number, fill in enumerate(sales, 1):
        before, sold = sold, sold - fill.tokens
        closes = position.closed and number == len(sales)
        yield fill.signature, cost_of(position, before, sold + lost_tokens(position, sold, closed=closes))


def _row(fill: Fill, order: Order, moment: Nanos, wallet: str | None, cost: int | None) -> FillRow:
    return FillRow(
        time=rfc3339(moment),
        slot=fill.slot,
        signature=fill.signature,
        wallet=wallet,
        kind=_KINDS[order.kind] if fill.moved else FillKind.FEE,
        mint=order.mint,
        symbol=order.symbol,
        tokens=whole(fill.tokens, order.decimals),
        sol=sol(fill.sol),
        price=fill.price(order.decimals),
        network_fee=sol(fill.fee),
        rent=sol(fill.rent),
        wallet_change=sol(fill.sol - fill.fee - fill.rent),
        cost_basis=None if cost is None else sol(cost),
        realized_gain=None if cost is None else sol(fill.sol - cost),
        exit_reason=order.exit_reason,
        order_id=order.id,
        position_id=order.position_id or None,
    )
