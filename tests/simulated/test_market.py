"""What a market quotes, and what of it the chain enforces."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chain.simulated.market import Market, NoRouteError, Offer
from engine.domain.errors import BadInputError
from engine.domain.swap import Side
from engine.domain.units import SOL_MINT, BasisPoints, Nanos
from tests.simulated.trading import SLOT, Trading

SLIPPAGE_REVERT = {"Custom": 6001}
ONE_PERCENT = BasisPoints(100)
UNTIL_DEAD = Nanos(301 * SLOT)


@pytest.mark.parametrize(
    "price", ["0", "-1", "NaN", "Infinity", "1e-16", "1e10", 0.0, -1.0, float("nan"), float("inf")]
)
def test_an_impossible_price_is_refused_and_the_old_one_stands(price: str | float) -> None:
    """A sentence says so, and quotes go on at the price before."""
    market = Trading().list_token()
    before = market.price
    with pytest.raises(BadInputError, match="A price must be between"):
        market.set_price(Decimal(price) if isinstance(price, str) else price)
    assert market.price == before


def test_a_price_beyond_the_units_of_the_market_is_refused() -> None:
    """A price may rise a millionfold from the first one; beyond that the chain could not compare it."""
    market = Trading().list_token(price=Decimal("1e-9"))
    market.set_price(Decimal("1e-3"))
    with pytest.raises(BadInputError, match="too far from the one that this market began with"):
        market.set_price(Decimal(1))


@pytest.mark.parametrize("depth", ["0", "-5", "NaN", "1E-10"])
def test_a_market_without_depth_is_refused_and_nothing_is_created(depth: str) -> None:
    """A sentence names the token and the figure."""
    trading = Trading()
    with pytest.raises(BadInputError, match=f"The market of T0 needs a depth of at least a lamport, not {depth} SOL"):
        trading.list_token(depth_sol=Decimal(depth))
    assert not trading.exchange.markets


def test_a_price_is_kept_to_thirteen_digits() -> None:
    """More than any feed has, whatever the price's size."""
    market = Trading().list_token(price=Decimal("1.234567890123e-9"))
    assert market.price == Decimal("1.234567890123e-9")
    market.set_price(1.2345e-10)
    assert market.price == Decimal("1.2345e-10")


def test_trades_leave_the_price_where_it_is() -> None:
    """The price is set from outside; what an order does to it is in what the order is paid."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    price = market.price
    assert sell(trading, market, 10**12).err is None
    assert market.price == price


def test_a_halted_market_quotes_nothing_until_it_is_resumed() -> None:
    """A halt is a market without a route."""
    market = Trading().list_token()
    market.halt()
    with pytest.raises(NoRouteError, match="halted"):
        market.offer(Side.SELL, 10**6, ONE_PERCENT)
    market.resume()
    assert market.offer(Side.SELL, 10**6, ONE_PERCENT).amount_out > 0


def test_an_order_that_would_be_paid_nothing_has_no_route() -> None:
    """Less than a lamport is nothing."""
    market = Trading().list_token(decimals=9)
    with pytest.raises(NoRouteError, match="too little"):
        market.offer(Side.SELL, 49_999, ONE_PERCENT)
    assert market.offer(Side.SELL, 50_001, ONE_PERCENT).amount_out == 1


# On chain


def sell(trading: Trading, market: Market, amount: int, slippage: int = 100) -> Any:
    """Sell *amount* raw tokens and return what landed."""
    answer = trading.build(market.token.address, SOL_MINT, amount, slippageBps=slippage)
    (landed,) = trading.land(trading.assemble_swap(answer))
    return landed


def handed_out(trading: Trading, market: Market, side: Side, amount: int) -> tuple[Offer, bytes]:
    """Return an offer at one percent and the signed transaction that carries it out."""
    offer = market.offer(side, amount, ONE_PERCENT)
    hand_out = trading.exchange.hand_out(offer, trading.taker.pubkey())
    return offer, trading.assemble(hand_out.instructions.all)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(("beyond", "reverts"), [(0, False), (1, True)])
def test_the_chain_enforces_the_minimum_to_the_unit(side: Side, beyond: int, reverts: bool) -> None:
    """The price moves between build and landing: at the edge of the band it pays, one unit beyond it reverts."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    offer, raw = handed_out(trading, market, side, 10**9)
    edge = offer.lowest - beyond if side is Side.SELL else offer.highest + beyond
    market.set_price(market._pricing.price(edge))
    before = trading.held(market.token)
    (landed,) = trading.land(raw)
    moved = trading.held(market.token) - before
    if reverts:
        guard_index = len(landed.transaction.parsed.message.instructions) - 2
        assert landed.err == {"InstructionError": [guard_index, SLIPPAGE_REVERT]}
        assert moved == 0
    else:
        assert landed.err is None
        assert moved == (-offer.amount_in if side is Side.SELL else offer.amount_out)


@pytest.mark.parametrize(("side", "bps"), [(Side.SELL, -500), (Side.BUY, 500)])
def test_a_scripted_drift_passes_simulation_and_reverts_on_chain(side: Side, bps: int) -> None:
    """The price moves once the transaction is sent; what is quoted, and the next transaction, are not touched."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    market.drift_after_quote(bps, times=1)
    before = market.offer(side, 10**9, ONE_PERCENT)
    _, first = handed_out(trading, market, side, 10**9)
    _, second = handed_out(trading, market, side, 10**9)
    assert trading.bank.simulate(first, sig_verify=True, replace_blockhash=False).err is None
    reverted, landed = trading.land(first, second)
    assert reverted.err["InstructionError"][1] == SLIPPAGE_REVERT
    assert landed.err is None
    assert market.offer(side, 10**9, ONE_PERCENT) == before


def test_a_drift_lasts_as_many_transactions_as_asked_for() -> None:
    """The count is of transactions handed out, in their order."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    market.drift_after_quote(-500, times=2)
    outcomes = [sell(trading, market, 10**9).err is None for _ in range(3)]
    assert outcomes == [False, False, True]


def test_a_drift_within_the_tolerance_changes_nothing() -> None:
    """The guard compares prices; it does not count drifts."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    market.drift_after_quote(-50)
    assert sell(trading, market, 10**9, slippage=100).err is None


# The maker


def test_tokens_are_moved_and_never_made() -> None:
    """After trades, refusals and expiries the maker and the taker together hold the supply."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    sell(trading, market, 10**9)
    market.drift_after_quote(-500)
    sell(trading, market, 10**9)
    answer = trading.build(SOL_MINT, market.token.address, 10**9)
    trading.land(trading.assemble_swap(answer))
    trading.build(SOL_MINT, market.token.address, 10**9)
    trading.clock.advance(UNTIL_DEAD)
    trading.build(market.token.address, SOL_MINT, 10**9)
    holders = (trading.taker.pubkey(), trading.maker.address)
    assert sum(trading.held(market.token, holder) for holder in holders) == 10**19


def test_vaults_are_closed_once_their_transactions_are_dead() -> None:
    """The maker's unspent payments go back to its stock, and the ledger does not fill up."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    for _ in range(5):
        trading.build(market.token.address, SOL_MINT, 10**9)
    assert len(trading.bank.accounts_of(trading.maker.address)) == 2 + 5
    trading.clock.advance(UNTIL_DEAD)
    trading.build(market.token.address, SOL_MINT, 10**9)
    assert len(trading.bank.accounts_of(trading.maker.address)) == 2 + 1


def test_a_taker_cannot_take_more_than_the_swap_s_payment() -> None:
    """A vault's allowance is the quoted amount, so a second swap out of it fails and takes the first with it."""
    trading = Trading()
    market = trading.list_token(held=10**6)
    offer = market.offer(Side.SELL, 10**9, ONE_PERCENT)
    hand_out = trading.exchange.hand_out(offer, trading.taker.pubkey())
    twice = [*hand_out.instructions.setup, hand_out.instructions.swap, hand_out.instructions.swap]
    (landed,) = trading.land(trading.assemble(twice))
    assert landed.err == {"InstructionError": [len(twice) - 1, {"Custom": 1}]}
