"""What a paper wallet holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.simulated.tokens import Token
from engine.domain.errors import INSUFFICIENT_TOKENS, FailureKind, SwapError
from engine.domain.swap import Fill
from engine.domain.units import LAMPORTS_PER_SOL, OrderId
from engine.ids import CountedIds
from tests.chain.paper import WALLET
from tests.chain.paper_desk import FEE, FUNDS, Desk, buy, opened, sell
from tests.doubles_store import MemoryStore
from tests.factories import an_attempt, an_entry


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a desk where nothing goes wrong."""
    with opened() as desk:
        yield desk


def test_two_sales_of_the_same_tokens_do_not_both_fill(desk: Desk) -> None:
    """Both simulate well, since the stand-in has plenty; the second takes what is not there, and reverts."""
    token = desk.holding()
    first, second = desk.signed(sell(token)), desk.signed(sell(token))
    desk.chain.send(first.raw)
    desk.chain.send(second.raw)
    assert desk.failure(first) is None
    failure = desk.failure(second)
    assert failure is not None
    assert (failure.kind, failure.code) == (FailureKind.PERMANENT, INSUFFICIENT_TOKENS)
    assert (desk.fill(second, token).tokens, desk.fill(second, token).sol) == (0, 0)
    assert desk.chain.token_balance(token.address) == 0


def test_two_purchases_cannot_spend_the_same_sol(desk: Desk) -> None:
    """Six SOL twice out of ten: the second reverts, and costs its fee."""
    token = desk.token()
    first, second = (desk.signed(buy(token, 6 * LAMPORTS_PER_SOL)) for _ in range(2))
    desk.chain.send(first.raw)
    desk.chain.send(second.raw)
    failure = desk.failure(second)
    assert failure is not None
    assert "too little SOL" in failure.message
    assert desk.chain.sol_balance() == FUNDS - 6 * LAMPORTS_PER_SOL - 2 * (5_000 + FEE)


def test_a_swap_that_the_fee_would_overdraw_is_not_prepared(desk: Desk) -> None:
    """All of the SOL, less the base fee, is quoted; with the priority fee it is too much."""
    quote = desk.ports.venue.quote(buy(desk.token(), FUNDS - 5_000))
    with pytest.raises(SwapError, match=r"it holds 10, and the swap takes 10\.00002 with its fee"):
        desk.ports.venue.prepare(quote, priority_fee=FEE)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 99), st.booleans()), min_size=1, max_size=6))
def test_the_paper_balance_is_the_chains_and_the_sum_of_all_fills(
    desk: Desk, trades: list[tuple[int, int, bool]]
) -> None:
    """Whatever is bought or sold, and whether or not it is booked yet."""
    symbol = f"T{len(desk.world.exchange.markets)}"
    mine = [desk.token(f"{symbol}{name}") for name in "AB"]
    store = MemoryStore()
    ports = desk.line.ports(store=store, ids=CountedIds(), funds=FUNDS)
    desk.world.fund(str(WALLET), lamports=LAMPORTS_PER_SOL // 100, tokens={mine[0].address: 777})
    account = desk.world.bank.account(WALLET)
    assert account is not None
    fills: list[tuple[Token, Fill]] = []
    for number, (index, percent, booked) in enumerate(trades):
        token = mine[index]
        held = ports.chain.token_balance(token.address)
        selling = number % 2 and held
        request = sell(token, -(-held * percent // 100)) if selling else buy(token, percent * LAMPORTS_PER_SOL // 100)
        signed = desk.signed(request, ports)
        ports.chain.send(signed.raw)
        fill = ports.chain.fill(signed.signature, token.address)
        assert fill is not None
        assert fill.tokens
        fills.append((token, fill))
        if booked:
            order = an_entry(id=OrderId(f"order-{number}"), mint=token.address)
            attempt = an_attempt(order, signature=signed.signature, mint=token.address)
            store.commit(order, attempt, replace(fill, order_id=order.id))
        moved = sum(each.sol - each.fee - each.rent for _, each in fills)
        assert ports.chain.sol_balance() == account.lamports + FUNDS + moved
        for each, on_chain in zip(mine, (777, 0), strict=True):
            of_it = sum(fill.tokens for token, fill in fills if token is each)
            assert ports.chain.token_balance(each.address) == on_chain + of_it
