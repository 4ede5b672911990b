"""Positions: amounts, costs and what is too little to sell."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.domain.position import PositionStatus, cost_of, exit_amount, is_dust, unrealized_pnl
from engine.domain.units import Lamports, RawAmount, lamports
from tests.factories import a_position

U64 = 2**64 - 1
raw_amounts = st.integers(0, U64).map(RawAmount)
percents = st.decimals("0.01", 100, places=2)


@given(raw_amounts, percents)
def test_an_exit_amount_is_the_floor_of_its_share(remaining: RawAmount, pct: Decimal) -> None:
    """It is remaining * pct / 100 in raw units, rounded down, whatever the size: the rest stays in the position."""
    assert exit_amount(remaining, pct) == int(Fraction(pct) * remaining / 100)


@given(raw_amounts)
def test_all_is_all(remaining: RawAmount) -> None:
    """100 % is every last unit."""
    assert exit_amount(remaining, Decimal(100)) == remaining


@given(raw_amounts, st.decimals("0.01", "99.99", places=20))
@example(RawAmount(U64), Decimal("99." + "9" * 40))
def test_less_than_all_is_never_all(remaining: RawAmount, pct: Decimal) -> None:
    """However many digits a percentage has, less than 100 % of something leaves something."""
    assert exit_amount(remaining, pct) < remaining or remaining == 0


@pytest.mark.parametrize(("decimals", "expected"), [(0, 330), (5, 33_000_000), (6, 330_000_000), (9, 330_000_000_000)])
def test_a_third_of_a_thousand_tokens_is_the_same_in_all_decimals(decimals: int, expected: int) -> None:
    """33 % of 1000 tokens are 330 tokens, whatever the decimals of the mint."""
    assert exit_amount(a_position(decimals=decimals).remaining_tokens, Decimal(33)) == expected


@pytest.mark.parametrize(("remaining", "pct", "expected"), [(10, "33", 3), (1, "99", 0), (3, "33.34", 1), (2, "50", 1)])
def test_few_units_are_not_rounded_up(remaining: int, pct: str, expected: int) -> None:
    """A share of a handful of base units is rounded down, to nothing where it must be."""
    assert exit_amount(RawAmount(remaining), Decimal(pct)) == expected


@pytest.mark.parametrize(
    ("decimals", "raw"), [(3, 1), (5, 100), (6, 1_000), (9, 1_000_000), (18, 1_000_000_000_000_000)]
)
def test_a_thousandth_of_a_token_is_dust_and_a_unit_more_is_not(decimals: int, raw: int) -> None:
    """The limit is 0.001 whole tokens, itself included."""
    assert is_dust(raw, decimals)
    assert not is_dust(raw + 1, decimals)


def test_no_unit_of_a_coarse_token_is_dust() -> None:
    """Where the base unit is more than 0.001 token, each one is worth an exit."""
    assert not is_dust(1, 0)
    assert not is_dust(1, 2)
    assert is_dust(0, 0)


@given(
    st.integers(1, U64),
    st.integers(0, U64),
    st.lists(st.integers(0, U64), max_size=8),
)
def test_the_parts_of_the_cost_add_up_to_the_whole(tokens: int, cost: int, cuts: list[int]) -> None:
    """However a position is sold in parts, their costs are the entry's cost to the lamport, and none is negative."""
    position = a_position(entry_amount_tokens=RawAmount(tokens), entry_amount_sol=Lamports(cost))
    marks = [0, *sorted(cut % (tokens + 1) for cut in cuts), tokens]
    parts = [cost_of(position, before, after) for before, after in itertools.pairwise(marks)]
    assert sum(parts) == cost
    assert all(part >= 0 for part in parts)


def test_the_entry_price_is_what_was_paid() -> None:
    """Lamports over whole tokens, exactly."""
    assert a_position(price="0.3", decimals=9).entry_price == Decimal("0.3")
    assert a_position(price="0.000000123", decimals=5).entry_price == Decimal("1.23E-7")


def test_remaining_tokens_are_what_was_not_sold() -> None:
    """Bought less sold."""
    assert a_position(sold_tokens=RawAmount(330_000_000)).remaining_tokens == 670_000_000


def test_net_is_gross_less_fees() -> None:
    """Both results can be told: before network fees and after them."""
    assert a_position(realized_pnl=Lamports(100), fees=Lamports(30)).net_pnl == 70


@pytest.mark.parametrize("status", PositionStatus)
def test_only_a_closed_position_is_closed(status: PositionStatus) -> None:
    """A position that is partly sold, or about to be, is guarded on."""
    assert a_position(status=status).closed is (status is PositionStatus.CLOSED)


@pytest.mark.parametrize(("decimals", "price", "sol"), [(6, 0.15, "50"), (9, 0.1, "0"), (0, 0.04, "-60")])
def test_unrealized_profit_is_what_selling_the_rest_would_add(decimals: int, price: float, sol: str) -> None:
    """1000 tokens bought at 0.1 SOL are worth what the price says, less what they cost."""
    assert unrealized_pnl(a_position(decimals=decimals), price) == lamports(sol)


def test_unrealized_profit_counts_only_what_is_left() -> None:
    """Of a position that is sold by half, half the cost stands against half the value."""
    position = a_position(sold_tokens=RawAmount(500_000_000))
    assert unrealized_pnl(position, 0.15) == lamports(25)
