"""Units: exact in both directions, and nothing rounded that is money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.units import lamports, price_of, seconds, sol, whole

U64 = 2**64 - 1
amounts = st.integers(0, U64)


@given(st.integers(-U64, U64))
def test_lamports_survive_the_way_to_sol_and_back(amount: int) -> None:
    """SOL and lamports convert into each other without a loss, whatever the amount and its sign."""
    assert lamports(sol(amount)) == amount


@pytest.mark.parametrize(
    ("text", "expected"), [("1", 10**9), ("0.000000001", 1), ("-0.5", -(10**9) // 2), (2, 2 * 10**9)]
)
def test_lamports_reads_sol_exactly(text: str | int, expected: int) -> None:
    """SOL as text or number becomes lamports exactly."""
    assert lamports(text) == expected


@pytest.mark.parametrize("text", ["0.0000000001", "1.0000000005"])
def test_what_is_finer_than_a_lamport_is_refused(text: str) -> None:
    """Nothing is rounded away in silence."""
    with pytest.raises(ValueError, match="finer than a lamport"):
        lamports(text)


@given(amounts, st.integers(0, 18))
def test_whole_tokens_are_exact_for_every_amount_and_decimals(raw: int, decimals: int) -> None:
    """Whole tokens times ten to the decimals are the raw amount again."""
    assert int(whole(raw, decimals).scaleb(decimals)) == raw


@pytest.mark.parametrize(
    ("raw", "decimals", "expected"),
    [(1_500_000, 6, "1.5"), (150_000, 5, "1.5"), (1_500_000_000, 9, "1.5"), (7, 0, "7")],
)
def test_decimals_are_those_of_the_mint(raw: int, decimals: int, expected: str) -> None:
    """No token is taken to have 9 decimals."""
    assert whole(raw, decimals) == Decimal(expected)


@pytest.mark.parametrize(("decimals", "tokens"), [(0, 4), (5, 400_000), (6, 4_000_000), (9, 4_000_000_000)])
def test_a_price_is_per_whole_token(decimals: int, tokens: int) -> None:
    """The same trade has the same price whatever the decimals of its mint."""
    assert price_of(2_000_000_000, tokens, decimals) == Decimal("0.5")


def test_a_price_without_tokens_is_an_error() -> None:
    """Nothing moved, so nothing was paid for it."""
    with pytest.raises(ZeroDivisionError, match="none moved"):
        price_of(1, 0, 6)


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 10**9), (0.1, 10**8), (Decimal("1.5"), 1_500_000_000), (1e-9, 1), (0, 0)]
)
def test_seconds_are_read_by_their_digits(value: float | Decimal, expected: int) -> None:
    """A tenth of a second is a hundred million nanoseconds, not the float nearest to it."""
    assert seconds(value) == expected
