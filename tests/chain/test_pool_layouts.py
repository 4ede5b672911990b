"""What pool accounts say, and which of them say nothing."""

from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.prices.layouts import (
    PUMP,
    RAYDIUM_CPMM,
    AccountState,
    Reserves,
    UnfitAccountError,
    curve_address,
    pump_swap_address,
    read_curve,
    read_vault,
    read_vault_pool,
)
from chain.programs import SYSTEM, TOKEN_2022
from engine.domain.units import SOL_MINT
from tests.chain.pool_bytes import (
    POOL,
    SOL_VAULT,
    TOKEN_MINT,
    TOKEN_VAULT,
    cpmm,
    curve,
    plain_pool,
    pump_swap,
    vault,
)
from tests.chain.recordings import needs_recordings, recorded

USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
_TRADE_EVENT = bytes.fromhex("bddb7fd34ee661ee")
U64 = st.integers(min_value=1, max_value=2**64 - 1)


@given(tokens=U64, lamports=U64, decimals=st.integers(0, 9))
def test_the_price_is_the_quotient_of_the_reserves(tokens: int, lamports: int, decimals: int) -> None:
    """In SOL per whole token, whatever the token's decimals, and as a float that is a price."""
    price = Reserves(tokens=tokens, lamports=lamports).price(decimals)
    exact = Fraction(lamports, 10**9) / Fraction(tokens, 10**decimals)
    assert abs(Fraction(price) / exact - 1) < Fraction(1, 10**20)
    assert float(price) > 0


@given(tokens=U64, lamports=U64)
def test_a_curve_is_read_as_it_was_written(tokens: int, lamports: int) -> None:
    """Its virtual reserves, not its real ones."""
    assert read_curve(curve(tokens, lamports)).reserves == Reserves(tokens=tokens, lamports=lamports)


@pytest.mark.parametrize("size", [49, 81, 83, 115, 166])
def test_a_curve_of_before_a_field_reads_it_as_zero(size: int) -> None:
    """Fields were only ever appended."""
    found = read_curve(curve(10**15, 30 * 10**9, size=size))
    assert found.reserves is not None
    assert found.reserves.price(6) == Decimal("3e-8")


def test_a_complete_curve_has_no_price() -> None:
    """All its reserves are zero, which is no price of zero."""
    found = read_curve(curve(0, 0, complete=True))
    assert (found.complete, found.reserves) == (True, None)


def test_a_curve_against_another_token_is_refused() -> None:
    """Its reserves are no lamports; one that names wrapped SOL is as good as one that names nothing."""
    assert read_curve(curve(1, 1, quote_mint=SOL_MINT)).reserves is not None
    with pytest.raises(UnfitAccountError, match=f"against {USDC}, not against SOL"):
        read_curve(curve(1, 1, quote_mint=USDC))


@given(
    tokens=st.integers(1, 2**63),
    lamports=st.integers(10**10, 2**63),
    virtual=st.integers(-(10**10) + 1, 10**20),
)
def test_what_pump_swap_prices_by_is_its_vault_and_the_signed_virtual_reserves(
    tokens: int, lamports: int, virtual: int
) -> None:
    """Fees that wait in the vault make them negative."""
    pool = read_vault_pool(pump_swap(virtual=virtual), TOKEN_MINT)
    assert pool.vaults == (TOKEN_VAULT, SOL_VAULT)
    assert pool.reserves(tokens, lamports) == Reserves(tokens=tokens, lamports=lamports + virtual)


def test_a_pump_swap_pool_of_before_the_virtual_reserves_has_none() -> None:
    """And one the other way round has them on the token's side."""
    assert read_vault_pool(pump_swap(virtual=-5, size=243), TOKEN_MINT).lamports_beside == 0
    turned = read_vault_pool(pump_swap(virtual=-5, base=SOL_MINT, quote=TOKEN_MINT), TOKEN_MINT)
    assert (turned.tokens_beside, turned.lamports_beside, turned.vaults) == (-5, 0, (TOKEN_VAULT, SOL_VAULT))


@pytest.mark.parametrize("sol_first", [True, False])
def test_the_vaults_of_cpmm_hold_what_is_owed_to_others(sol_first: bool) -> None:
    """Fees of the protocol, the fund and the creator, on either side, whichever mint comes first."""
    pool = read_vault_pool(cpmm(sol_first=sol_first, owed=(7, 100)), TOKEN_MINT)
    assert pool.vaults == (TOKEN_VAULT, SOL_VAULT)
    assert pool.reserves(1_000, 50) == Reserves(tokens=700, lamports=29)


@pytest.mark.parametrize(("tokens", "lamports"), [(0, 5), (5, 0), (0, 0)])
def test_an_empty_pool_has_no_price(tokens: int, lamports: int) -> None:
    """Somebody took what was in it."""
    with pytest.raises(UnfitAccountError, match="empty"):
        plain_pool().reserves(tokens, lamports)
    with pytest.raises(UnfitAccountError, match="empty"):
        read_curve(curve(tokens, lamports))


def test_a_vault_of_either_token_program_is_read() -> None:
    """The amount is at the same place in both."""
    assert read_vault(vault(TOKEN_VAULT, TOKEN_MINT, 12), TOKEN_MINT) == 12
    assert read_vault(vault(TOKEN_VAULT, TOKEN_MINT, 2**64 - 1, owner=TOKEN_2022), TOKEN_MINT) == 2**64 - 1


def _of(account: AccountState, **changes: Any) -> AccountState:
    return replace(account, **changes)


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        (_of(curve(1, 1), owner=RAYDIUM_CPMM), "is no pump.fun bonding curve: it belongs to CPMM"),
        (_of(curve(1, 1), data=b"\0" * 166), "another account of that program"),
        (_of(curve(1, 1), data=curve(1, 1).data[:48]), "48 bytes of at least 49"),
        (_of(curve(1, 1), owner=SYSTEM, data=b""), "There is no pump.fun bonding curve at"),
    ],
)
def test_what_is_no_curve_is_refused_with_a_sentence(account: AccountState, sentence: str) -> None:
    """It says which account, and what it is instead."""
    with pytest.raises(UnfitAccountError, match=sentence):
        read_curve(account)


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        (_of(pump_swap(), owner=PUMP), "is no PumpSwap pool: it belongs to 6EF8"),
        (_of(pump_swap(), data=cpmm().data), "another account of that program"),
        (_of(pump_swap(), data=pump_swap().data[:200]), "200 bytes of at least 203"),
        (_of(cpmm(), data=cpmm().data[:-1]), "no whole Raydium CPMM pool"),
        (cpmm(status=4), "closed to swaps"),
        (pump_swap(quote=USDC), f"a pool of {TOKEN_MINT} and {USDC}, not of {TOKEN_MINT} and SOL"),
        (pump_swap(base=USDC), f"a pool of {USDC} and {SOL_MINT}"),
    ],
)
def test_what_is_no_pool_of_the_mint_is_refused_with_a_sentence(account: AccountState, sentence: str) -> None:
    """A price of something else is worse than none."""
    with pytest.raises(UnfitAccountError, match=sentence):
        read_vault_pool(account, TOKEN_MINT)


@pytest.mark.parametrize(
    "account",
    [
        vault(TOKEN_VAULT, SOL_MINT, 5),
        vault(TOKEN_VAULT, TOKEN_MINT, 5, owner=PUMP),
        _of(vault(TOKEN_VAULT, TOKEN_MINT, 5), data=b"\0" * 82),
        _of(vault(TOKEN_VAULT, TOKEN_MINT, 5), data=b""),
    ],
)
def test_what_is_no_vault_of_the_mint_is_refused(account: AccountState) -> None:
    """Of another mint, another program, or no token account."""
    with pytest.raises(UnfitAccountError, match=f"{TOKEN_VAULT} is no token account of {TOKEN_MINT}"):
        read_vault(account, TOKEN_MINT)


def test_the_pool_that_a_curve_migrates_to_follows_from_the_mint() -> None:
    """As does the curve; neither is the other."""
    assert len({curve_address(TOKEN_MINT), pump_swap_address(TOKEN_MINT), POOL}) == 3


@needs_recordings
def test_a_recorded_swap_names_the_curve_that_is_derived() -> None:
    """A purchase of July 2026: the curve owns the vaults, and is paid in USDC."""
    transaction = recorded("tx/chainstack/raw_buy_tx_from_gettransaction.json")["result"]
    balances = transaction["meta"]["postTokenBalances"]
    minted = next(held["mint"] for held in balances if held["mint"].endswith("pump"))
    owned = {held["mint"] for held in balances if held["owner"] == curve_address(minted)}
    assert owned == {minted, USDC}


@needs_recordings
def test_the_price_of_a_recorded_trade_lies_between_those_of_its_virtual_reserves() -> None:
    """A creation with its first purchase, of July 2026: what was paid for a token is what the reserves say."""
    transaction = recorded("tx/chainstack/raw_create_tx_from_gettransaction.json")["result"]
    event = next(
        data
        for line in transaction["meta"]["logMessages"]
        if line.startswith("Program data: ")
        and (data := base64.b64decode(line.removeprefix("Program data: ") + "=="))[:8] == _TRADE_EVENT
    )
    paid, bought, lamports, tokens = (int.from_bytes(event[at : at + 8], "little") for at in (40, 48, 97, 105))
    before, after = (
        found.price(6)
        for account in (curve(tokens + bought, lamports - paid), curve(tokens, lamports))
        if (found := read_curve(account).reserves) is not None
    )
    assert before < Reserves(tokens=bought, lamports=paid).price(6) < after
    assert before == Decimal(30) / Decimal(1_073_000_000)
    assert curve_address("CWiTGbCiDd8BKtNYNE2boT9fJGFG2MU53Uf6HQk4pump") in {
        held["owner"] for held in transaction["meta"]["postTokenBalances"]
    }
