"""Fills against transactions that really happened on mainnet."""

from __future__ import annotations

from typing import Any

import base58
import pytest
from solders.keypair import Keypair

from chain.fills import account_keys, fill_of
from chain.programs import SYSTEM
from engine.domain.swap import Fill
from engine.domain.units import SECOND, Mint
from tests.chain.recordings import named, needs_recordings, recorded, transaction

FAILED = "metamask_snap/swap-failed-transaction__EXPECTED_SWAP_FAILED_TRANSACTION_DATA"
USDC = Mint("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")


def _payer_fill(found: Any, mint: str) -> Fill:
    return fill_of(found, wallet=account_keys(found)[0], mint=Mint(mint))


def _expectations() -> list[Any]:
    try:
        return list(recorded("tx/open_sol_bot/EXPECTED.json"))
    except FileNotFoundError:
        return []


@needs_recordings
@pytest.mark.parametrize("expected", _expectations(), ids=lambda expected: str(expected["name"]))
def test_tokens_and_wallet_change_are_those_an_independent_parser_found(expected: Any) -> None:
    """Tokens moved exactly as expected, and the wallet's change is the expected amount of SOL."""
    found = transaction(f"open_sol_bot/{expected['name'].removeprefix('raw/')}")
    fill = fill_of(found, wallet=expected["expected_who"], mint=Mint(expected["expected_mint"]))
    wallet_change = fill.sol - fill.fee - fill.rent
    if expected["expected_tx_type"] in {"OPEN_POSITION", "ADD_POSITION"}:
        expected_change, expected_tokens = -expected["expected_from_amount"], expected["expected_to_amount"]
    else:
        expected_change, expected_tokens = expected["expected_to_amount"], -expected["expected_from_amount"]
    if expected["name"] == "raw/reduce":
        expected_change = -expected_change  # sold for USDT: the "705000" is the fee, which went out
    assert fill.signature == expected["expected_signature"]
    assert (fill.tokens, wallet_change) == (expected_tokens, expected_change)


@needs_recordings
@pytest.mark.parametrize("name", named("*/*.json"))
def test_the_wallets_lamports_changed_by_sol_less_fee_and_rent(name: str) -> None:
    """The identity that the books rest on holds for every recorded transaction of its fee payer."""
    found = transaction(name)
    fill = _payer_fill(found, str(USDC))
    meta = found["meta"]
    assert meta["postBalances"][0] - meta["preBalances"][0] == fill.sol - fill.fee - fill.rent


@needs_recordings
def test_a_reverted_transaction_moved_nothing_and_paid_its_fee() -> None:
    """The real 6001 failure: no tokens, no SOL, no rent, a fee of 5,146 lamports."""
    fill = _payer_fill(transaction(FAILED), "9m3nh7YDoF1WSYpNxCjKVU8D1MrXsWRic4HqRaTdcTYB")
    assert (fill.tokens, fill.sol, fill.fee, fill.rent) == (0, 0, 5146, 0)


@needs_recordings
@pytest.mark.parametrize(
    ("name", "mint", "tokens", "sol", "rent"),
    [
        ("open_sol_bot/open3", "9BB6NFEcjBCtnNLFko2FqVQBq8HHM13kCyYcdQbgpump", 1198591705, 0, 2039280),
        ("open_sol_bot/reduce", "9BB6NFEcjBCtnNLFko2FqVQBq8HHM13kCyYcdQbgpump", -4489913189, 0, 0),
        ("open_sol_bot/fail2", "CGuP59c51dZxXaVSsz1iqG9U7Smmhd42mEhspe4rpump", -17581262315, 279042, -2039280),
        ("metamask_snap/swap-sol-to-obric__EXPECTED_SWAP_SOL_TO_OBRIC_DATA", USDC, -1000000, 5903984, 0),
        ("metamask_snap/swap-sol-to-usdc__EXPECTED_SWAP_SOL_TO_USDC_DATA", USDC, 167225, -1000000, -2039280),
    ],
)
def test_rent_is_told_apart_from_what_the_swap_paid(name: str, mint: str, tokens: int, sol: int, rent: int) -> None:
    """Opened and closed token accounts, a closed wrapped-SOL account and other currencies do not blur the SOL."""
    fill = _payer_fill(transaction(name), mint)
    assert (fill.tokens, fill.sol, fill.rent) == (tokens, sol, rent)


@needs_recordings
def test_a_wallet_that_does_not_pay_the_fee_has_none() -> None:
    """The buyer of the recorded pump.fun buy is not its fee payer."""
    found = transaction("chainstack/raw_buy_tx_from_gettransaction")
    balances = found["meta"]["postTokenBalances"]
    payer = account_keys(found)[0]
    owner = next(balance["owner"] for balance in balances if balance["owner"] != payer)
    assert fill_of(found, wallet=owner, mint=USDC).fee == 0


def _json(wallet: str, *, keys: list[str], before: list[int], after: list[int], **parts: Any) -> dict[str, Any]:
    return {
        "slot": 7,
        "transaction": {
            "signatures": ["sig"],
            "message": {"accountKeys": keys, "instructions": parts.get("instructions", [])},
        },
        "meta": {
            "err": None,
            "fee": 5000,
            "preBalances": before,
            "postBalances": after,
            "preTokenBalances": parts.get("pre", []),
            "postTokenBalances": parts.get("post", []),
            "loadedAddresses": parts.get("loaded", {"writable": [], "readonly": []}),
        },
    }


def _balance(index: int, mint: str, owner: str, amount: int) -> dict[str, Any]:
    return {"accountIndex": index, "mint": mint, "owner": owner, "uiTokenAmount": {"amount": str(amount)}}


WALLET = str(Keypair.from_seed(bytes(32)).pubkey())
OTHER = str(Keypair.from_seed(bytes([1] * 32)).pubkey())
MARKER_RENT = 650_240


def _create_with_seed(base: str) -> dict[str, Any]:
    data = (3).to_bytes(4, "little") + base58.b58decode(base) + b"rest"
    return {"programIdIndex": 2, "accounts": [0, 1], "data": base58.b58encode(data).decode()}


def _parsed_create_with_seed(base: str) -> dict[str, Any]:
    info = {"base": base, "newAccount": "marker", "source": WALLET}
    return {"program": "system", "parsed": {"type": "createAccountWithSeed", "info": info}}


@pytest.mark.parametrize("make", [_create_with_seed, _parsed_create_with_seed])
def test_what_is_parked_in_an_order_marker_is_rent_and_no_loss(make: Any) -> None:
    """An account that the wallet made from its own key with a seed is its own, in either encoding."""
    found = _json(
        WALLET,
        keys=[WALLET, "marker", SYSTEM],
        before=[1_000_000_000, 0, 1],
        after=[1_000_000_000 - 5000 - MARKER_RENT, MARKER_RENT, 1],
        instructions=[make(WALLET)],
    )
    fill = fill_of(found, wallet=WALLET, mint=USDC)
    assert (fill.sol, fill.rent, fill.fee) == (0, MARKER_RENT, 5000)


@pytest.mark.parametrize("make", [_create_with_seed, _parsed_create_with_seed])
def test_a_seeded_account_of_somebody_else_is_not_ours(make: Any) -> None:
    """Lamports put into it are a cost of the swap."""
    found = _json(
        WALLET,
        keys=[WALLET, "marker", SYSTEM],
        before=[1_000_000_000, 0, 1],
        after=[1_000_000_000 - 5000 - MARKER_RENT, MARKER_RENT, 1],
        instructions=[make(OTHER)],
    )
    assert fill_of(found, wallet=WALLET, mint=USDC).sol == -MARKER_RENT


def test_the_rent_of_a_marker_comes_back_by_transfer_with_seed() -> None:
    """Reclaiming a marker is negative rent and no gain."""
    data = base58.b58encode((11).to_bytes(4, "little") + b"rest").decode()
    found = _json(
        WALLET,
        keys=[WALLET, "marker", SYSTEM],
        before=[1_000_000, MARKER_RENT, 1],
        after=[1_000_000 - 5000 + MARKER_RENT, 0, 1],
        instructions=[{"programIdIndex": 2, "accounts": [1, 0, 0], "data": data}],
    )
    fill = fill_of(found, wallet=WALLET, mint=USDC)
    assert (fill.sol, fill.rent) == (0, -MARKER_RENT)


def test_sol_that_was_wrapped_before_is_no_gain_when_the_swap_unwraps_it() -> None:
    """Selling for 5 SOL while an old wrapped-SOL account of 3 SOL is closed brings 5 SOL."""
    wsol, sol = "So11111111111111111111111111111111111111112", 10**9
    found = _json(
        WALLET,
        keys=[WALLET, "wsol", "ata"],
        before=[1 * sol, 3 * sol + 2039280, 2039280],
        after=[9 * sol + 2039280 - 5000, 0, 2039280],
        pre=[_balance(1, wsol, WALLET, 3 * sol), _balance(2, USDC, WALLET, 70)],
        post=[_balance(2, USDC, WALLET, 20)],
    )
    fill = fill_of(found, wallet=WALLET, mint=USDC)
    assert (fill.sol, fill.tokens, fill.rent) == (5 * sol, -50, -3 * sol - 2039280)


def test_balances_of_accounts_from_lookup_tables_are_found() -> None:
    """In the json encoding the writable loaded addresses follow the static ones, then the readonly ones."""
    found = _json(
        WALLET,
        keys=[WALLET],
        before=[10**9, 2039280, 0],
        after=[10**9 - 5000, 2039280, 0],
        loaded={"writable": ["ata"], "readonly": ["pool"]},
        pre=[_balance(1, USDC, WALLET, 5)],
        post=[_balance(1, USDC, WALLET, 9), _balance(2, USDC, OTHER, 1)],
    )
    assert account_keys(found) == [WALLET, "ata", "pool"]
    assert fill_of(found, wallet=WALLET, mint=USDC).tokens == 4


def test_tokens_are_added_up_over_all_accounts_of_the_wallet() -> None:
    """Two accounts of one mint count together, those of others not at all."""
    found = _json(
        WALLET,
        keys=[WALLET, "a", "b", "c"],
        before=[10**9, 1, 1, 1],
        after=[10**9 - 5000, 1, 1, 1],
        pre=[_balance(1, USDC, WALLET, 5), _balance(2, USDC, WALLET, 7), _balance(3, USDC, OTHER, 100)],
        post=[_balance(1, USDC, WALLET, 0), _balance(2, USDC, WALLET, 3), _balance(3, USDC, OTHER, 109)],
    )
    assert fill_of(found, wallet=WALLET, mint=USDC).tokens == -9


@needs_recordings
@pytest.mark.parametrize("told", [1_753_000_000, None])
@pytest.mark.parametrize("name", ["open_sol_bot/open", FAILED])
def test_a_fill_has_the_time_of_its_block(name: str, told: int | None) -> None:
    """In nanoseconds, landed or reverted; None where the node does not tell it."""
    found = transaction(name) | {"blockTime": told}
    assert _payer_fill(found, str(USDC)).time == (told * SECOND if told else None)
