"""What an order is paid, for any price, size and depth."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chain.simulated.pricing import Pricing
from chain.simulated.swap_program import MAX_U64
from chain.simulated.tokens import Token
from engine.domain.swap import Side
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, RawAmount

pricings = st.builds(
    lambda price, decimals, depth: Pricing.starting_at(price, decimals=decimals, depth=Lamports(depth)),
    price=st.decimals(min_value=Decimal("1e-15"), max_value=Decimal("1e9"), allow_nan=False, places=15).filter(bool),
    decimals=st.integers(0, 12),
    depth=st.integers(1, 10**15),
)
scaled_prices = st.integers(1, MAX_U64)
amounts = st.integers(1, MAX_U64)
sides = st.sampled_from(Side)


def out(pricing: Pricing, scaled: int, side: Side, amount: int) -> int:
    """Return what an order is paid."""
    if side is Side.SELL:
        return pricing.sale(scaled, RawAmount(amount))
    return pricing.purchase(scaled, Lamports(amount))


@given(pricing=pricings, scaled=scaled_prices, side=sides, pair=st.tuples(amounts, amounts))
def test_more_in_gives_no_less_out_and_no_better_a_price(
    pricing: Pricing, scaled: int, side: Side, pair: tuple[int, int]
) -> None:
    """Impact grows with size: only the rounding down of the smaller order can make it look worse."""
    small, large = sorted(pair)
    out_small, out_large = out(pricing, scaled, side, small), out(pricing, scaled, side, large)
    assert out_small <= out_large
    assert out_large * small <= (out_small + 1) * large


@given(pricing=pricings, scaled=scaled_prices, tokens=amounts)
def test_a_sale_never_brings_more_than_the_mid_price_nor_the_whole_depth(
    pricing: Pricing, scaled: int, tokens: int
) -> None:
    """Whatever the size, the taker is on the wrong side of the spread."""
    proceeds = pricing.sale(scaled, RawAmount(tokens))
    assert Decimal(proceeds) <= pricing.price(scaled) * tokens * LAMPORTS_PER_SOL / 10**pricing.decimals + 1
    assert proceeds * 10 ** (pricing.exponent + pricing.decimals) <= tokens * scaled * LAMPORTS_PER_SOL
    assert proceeds < pricing.depth or proceeds == 0


@given(pricing=pricings, scaled=scaled_prices, lamports=amounts)
def test_a_purchase_never_brings_more_than_the_mid_price(pricing: Pricing, scaled: int, lamports: int) -> None:
    """Selling what was bought, even without impact, would not bring more than was paid."""
    bought = pricing.purchase(scaled, Lamports(lamports))
    assert bought * scaled * LAMPORTS_PER_SOL <= lamports * 10 ** (pricing.exponent + pricing.decimals)


@given(pricing=pricings, scaled=scaled_prices, tokens=amounts, bps=st.integers(0, 10_000))
def test_the_lowest_price_of_a_sale_is_exact(pricing: Pricing, scaled: int, tokens: int, bps: int) -> None:
    """At the lowest price the minimum is still paid, and one unit below it no longer is."""
    proceeds = pricing.sale(scaled, RawAmount(tokens))
    minimum = Lamports(proceeds - proceeds * bps // 10_000)
    lowest = pricing.lowest_price(RawAmount(tokens), minimum)
    assert lowest <= scaled
    assert pricing.sale(lowest, RawAmount(tokens)) >= minimum
    assert lowest == 0 or pricing.sale(lowest - 1, RawAmount(tokens)) < minimum


@given(pricing=pricings, scaled=scaled_prices, lamports=amounts, bps=st.integers(0, 10_000))
def test_the_highest_price_of_a_purchase_is_exact(pricing: Pricing, scaled: int, lamports: int, bps: int) -> None:
    """At the highest price the minimum is still paid, and one unit above it no longer is."""
    bought = pricing.purchase(scaled, Lamports(lamports))
    minimum = RawAmount(bought - bought * bps // 10_000)
    highest = pricing.highest_price(Lamports(lamports), minimum)
    assert highest >= scaled
    assert pricing.purchase(highest, Lamports(lamports)) >= minimum
    assert highest == MAX_U64 or pricing.purchase(highest + 1, Lamports(lamports)) < minimum


@given(received=st.integers(0, 2**60), fee=st.integers(0, 9_999))
def test_what_must_be_sent_for_an_amount_to_arrive_is_the_least(received: int, fee: int) -> None:
    """The transfer fee is inverted exactly, so that a purchase's minimum is what arrives."""
    token = Token(symbol="FEE", mint=Pubkey.default(), decimals=6, transfer_fee=BasisPoints(fee))
    sent = token.sent_for(received)
    assert token.received(sent) >= received
    assert sent == 0 or token.received(sent - 1) < received


def test_an_order_worth_the_whole_depth_is_paid_half_its_worth() -> None:
    """The figure that gives the depth its meaning."""
    pricing = Pricing.starting_at(Decimal(1), decimals=0, depth=Lamports(10 * LAMPORTS_PER_SOL))
    scaled = pricing.scaled(Decimal(1))
    assert pricing.sale(scaled, RawAmount(10)) == 5 * LAMPORTS_PER_SOL
    assert pricing.impact(scaled, Side.SELL, 10) == Decimal("0.5")
    assert pricing.purchase(scaled, Lamports(10 * LAMPORTS_PER_SOL)) == 5
    assert pricing.impact(scaled, Side.BUY, 10 * LAMPORTS_PER_SOL) == Decimal("0.5")
