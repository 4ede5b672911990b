"""How positions begin: an order to buy, or tokens that are there already."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.entries import SOL_RESERVE, adopted, entry_order
from engine.domain.errors import BadInputError
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.position import Position, PositionStatus
from engine.domain.retry import RetryPolicies
from engine.domain.swap import Side, TokenInfo
from engine.domain.units import Lamports, OrderId, PositionId, RawAmount, lamports
from engine.domain.urgency import Urgency
from tests.factories import MINT, NOW, a_plan

POLICIES = RetryPolicies()


def token(decimals: int = 6) -> TokenInfo:
    """Return a mint of so many decimals."""
    return TokenInfo(mint=MINT, decimals=decimals, program="TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")


def ordered(spend: int = 2_000_000_000, *, wallet: int = 5_000_000_000, decimals: int = 6) -> Order:
    """Return the entry that spends *spend* lamports from a wallet of *wallet* lamports."""
    return entry_order(
        token(decimals),
        "BONK",
        Lamports(spend),
        a_plan(),
        order_id=OrderId("entry-1"),
        position_id=PositionId("position-1"),
        wallet_sol=Lamports(wallet),
        policies=POLICIES,
        now=NOW,
    )


def guarded(amount: int = 3_000_000, *, price: Any = "0.1", held: int = 3_000_000, decimals: int = 6) -> Position:
    """Return the position of *amount* raw tokens that a wallet with *held* of them has."""
    return adopted(
        token(decimals),
        "BONK",
        RawAmount(amount),
        Decimal(price),
        a_plan(),
        position_id=PositionId("position-1"),
        held=RawAmount(held),
        now=NOW,
    )


def test_an_entry_buys_for_what_is_spent_and_carries_the_plan() -> None:
    """The order is PENDING, spends exactly the amount, and takes tolerance, fee and attempts from the policy."""
    order = ordered()
    assert (order.kind, order.status, order.amount_sol) == (OrderKind.ENTRY, OrderStatus.PENDING, 2_000_000_000)
    assert (order.plan, order.decimals, order.urgency) == (a_plan(), 6, Urgency.ENTRY)
    assert order.request().side is Side.BUY
    assert (order.max_slippage_bps, order.priority_fee, order.max_attempts) == (
        POLICIES.entries.slippage,
        POLICIES.entries.fee,
        POLICIES.entries.max_attempts,
    )


@pytest.mark.parametrize("spend", [0, -1])
def test_an_entry_for_nothing_is_refused(spend: int) -> None:
    """Nothing, or less, buys nothing."""
    with pytest.raises(BadInputError, match="buys nothing"):
        ordered(spend)


def test_what_the_exits_will_cost_stays_in_the_wallet() -> None:
    """An entry may spend all but the reserve, and not a lamport more: an exit needs SOL for its fee."""
    wallet = 1_000_000_000
    assert ordered(wallet - SOL_RESERVE, wallet=wallet).amount_sol == 990_000_000
    with pytest.raises(BadInputError, match=r"holds 1 SOL.*fund the wallet or spend less"):
        ordered(wallet - SOL_RESERVE + 1, wallet=wallet)


@pytest.mark.parametrize(("decimals", "amount"), [(0, 3), (5, 300_000), (6, 3_000_000), (9, 3_000_000_000)])
def test_adopted_tokens_cost_price_times_whole_tokens(decimals: int, amount: int) -> None:
    """Three tokens at 0.1 SOL cost 0.3 SOL, whatever the decimals of the mint."""
    position = guarded(amount, held=amount, decimals=decimals)
    assert position.entry_amount_sol == lamports("0.3")
    assert position.entry_price == Decimal("0.1")
    assert (position.peak_price, position.last_price, position.calm_price) == (0.1, 0.1, 0.1)
    assert (position.status, position.entry_order_id, position.remaining_tokens) == (PositionStatus.OPEN, None, amount)


def test_a_part_of_what_the_wallet_holds_can_be_guarded() -> None:
    """Up to all that the wallet holds, and not one unit more."""
    assert guarded(2, price="1000", held=3).entry_amount_tokens == 2
    with pytest.raises(BadInputError, match=r"the wallet holds 0\.000003 BONK, and 0\.000004 were to be guarded"):
        guarded(4, price="1000", held=3)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_tokens_make_no_position(amount: int) -> None:
    """An amount of nothing is refused."""
    with pytest.raises(BadInputError, match="name an amount above 0"):
        guarded(amount)


def test_an_empty_wallet_has_nothing_to_guard() -> None:
    """Where no such token is held, the message says so and names the mint."""
    with pytest.raises(BadInputError, match=f"holds no BONK .{MINT}"):
        guarded(1, held=0)


@pytest.mark.parametrize("price", ["0", "-0.1", "1e-30", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    """Nothing can be guarded against a price that is not above zero, or not a number at all."""
    with pytest.raises(BadInputError, match="name the price paid"):
        guarded(price=price)


@pytest.mark.parametrize("begin", [entry_order, adopted])
def test_what_cannot_be_traded_makes_neither_an_order_nor_a_position(begin: Any) -> None:
    """The sentence names the token and every reason; what is only a warning stands in nobody's way."""
    given: dict[Any, dict[str, Any]] = {
        entry_order: {"order_id": OrderId("e"), "wallet_sol": lamports("5"), "policies": POLICIES},
        adopted: {"held": RawAmount(9)},
    }
    what = {entry_order: (lamports("1"), a_plan()), adopted: (RawAmount(9), Decimal(1), a_plan())}[begin]
    warned = replace(token(0), warnings=("it may be paused",))
    assert begin(warned, "BONK", *what, position_id=PositionId("p"), now=NOW, **given[begin])
    stuck = replace(warned, obstacles=("it is paused", "it is frozen"))
    with pytest.raises(BadInputError, match=rf"BONK \({MINT}\) cannot be traded: it is paused; it is frozen$"):
        begin(stuck, "BONK", *what, position_id=PositionId("p"), now=NOW, **given[begin])
