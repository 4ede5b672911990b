"""Swaps through the Jupiter-compatible API: they land, and move what was quoted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from chain.simulated.ledger import ExecutedTransaction
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, Nanos
from tests.simulated.trading import SLOT, Trading

KINDS = {
    "token": {"program": TOKEN_PROGRAM_ID, "transfer_fee": 0},
    "token-2022": {"program": TOKEN_2022_PROGRAM_ID, "transfer_fee": 0},
    "token-2022 with a fee": {"program": TOKEN_2022_PROGRAM_ID, "transfer_fee": 123},
}

Swap = Callable[[Trading, str, str, int], tuple[Mapping[str, Any], bytes]]


def by_swap(trading: Trading, paid: str, bought: str, amount: int) -> tuple[Mapping[str, Any], bytes]:
    """Quote and build by /swap/v1/swap, which gives a whole transaction."""
    quote = trading.quote(paid, bought, amount)
    answer = trading.post("/swap/v1/swap", {"userPublicKey": trading.address, "quoteResponse": quote})
    return quote, trading.sign_whole(answer["swapTransaction"])


def by_swap_instructions(trading: Trading, paid: str, bought: str, amount: int) -> tuple[Mapping[str, Any], bytes]:
    """Quote and build by /swap/v1/swap-instructions, assembled by the client."""
    quote = trading.quote(paid, bought, amount)
    body = {"userPublicKey": trading.address, "quoteResponse": quote}
    return quote, trading.assemble_swap(trading.post("/swap/v1/swap-instructions", body))


def by_build(trading: Trading, paid: str, bought: str, amount: int) -> tuple[Mapping[str, Any], bytes]:
    """Quote and build at once by /swap/v2/build, assembled by the client."""
    answer = trading.build(paid, bought, amount)
    return answer, trading.assemble_swap(answer)


def sol_moved(trading: Trading, before: int, landed: ExecutedTransaction) -> int:
    """Return the lamports that came to the taker since *before*, less what *landed* cost."""
    return trading.lamports() - before + landed.fee


@pytest.mark.parametrize("swap", [by_swap, by_swap_instructions, by_build])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
def test_a_sale_and_a_purchase_move_exactly_what_was_quoted(decimals: int, kind: str, swap: Swap) -> None:
    """On every path, with the taker's signature alone, to the lamport and to the raw unit."""
    trading = Trading()
    market = trading.list_token(decimals=decimals, held=5_000, **KINDS[kind])  # type: ignore[arg-type]
    token = market.token
    sold, before = 4_001 * 10**decimals, trading.lamports()

    quote, raw = swap(trading, token.address, SOL_MINT, sold)
    (landed,) = trading.land(raw)
    assert landed.err is None
    assert sol_moved(trading, before, landed) == int(quote["outAmount"])
    assert trading.held(token) == 999 * 10**decimals

    held, before = trading.held(token), trading.lamports()
    quote, raw = swap(trading, SOL_MINT, token.address, 123_456_789)
    (landed,) = trading.land(raw)
    assert landed.err is None
    assert sol_moved(trading, before, landed) == -123_456_789
    assert trading.held(token) - held == int(quote["outAmount"])


@pytest.mark.parametrize("swap", [by_swap, by_swap_instructions, by_build])
def test_a_price_that_moves_before_landing_reverts_the_swap_on_chain(swap: Swap) -> None:
    """The minimum of the quote is the chain's business: nothing moves but the fee."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    _, raw = swap(trading, market.token.address, SOL_MINT, 10**9)
    before = trading.lamports()
    market.set_price(market.price * Decimal("0.994"))
    (landed,) = trading.land(raw)
    assert landed.err["InstructionError"][1] == {"Custom": 6001}
    assert sol_moved(trading, before, landed) == 0
    assert trading.held(market.token) == 10**10


def test_a_price_that_moves_within_the_tolerance_pays_what_was_quoted() -> None:
    """Up or down, the quote is what is paid: the difference is the maker's."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    for factor in ("0.996", "1.5"):
        quote, raw = by_build(trading, market.token.address, SOL_MINT, 10**9)
        before = trading.lamports()
        market.set_price(market.price * Decimal(factor))
        (landed,) = trading.land(raw)
        assert landed.err is None
        assert sol_moved(trading, before, landed) == int(quote["outAmount"])


def test_two_swaps_of_one_taker_at_once_do_not_disturb_each_other() -> None:
    """Built before either lands, in either direction, both land with what they were quoted."""
    trading = Trading()
    first, second = trading.list_token(held=10_000), trading.list_token(held=10_000)
    built = [
        by_build(trading, first.token.address, SOL_MINT, 10**9),
        by_swap(trading, first.token.address, SOL_MINT, 2 * 10**9),
        by_build(trading, second.token.address, SOL_MINT, 3 * 10**9),
        by_build(trading, SOL_MINT, second.token.address, 10**9),
    ]
    before = trading.lamports()
    landed = trading.land(*(raw for _, raw in reversed(built)))
    assert [each.err for each in landed] == [None] * 4
    fees = sum(each.fee for each in landed)
    proceeds = sum(int(quote["outAmount"]) for quote, _ in built[:3])
    assert trading.lamports() - before == proceeds - 10**9 - fees
    assert trading.held(first.token) == 7 * 10**9
    assert trading.held(second.token) == 7 * 10**9 + int(built[3][0]["outAmount"])


def test_only_the_taker_can_use_its_hand_out() -> None:
    """Another wallet that signs the same transfers is refused by the token program."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    _, raw = by_build(trading, market.token.address, SOL_MINT, 10**9)
    other = Keypair()
    trading.bank.airdrop(other.pubkey(), LAMPORTS_PER_SOL)
    message = VersionedTransaction.from_bytes(raw).message
    assert isinstance(message, MessageV0)
    keys = [other.pubkey() if key == trading.taker.pubkey() else key for key in message.account_keys]
    stolen = MessageV0(message.header, keys, message.recent_blockhash, message.instructions, [])
    (landed,) = trading.land(bytes(VersionedTransaction(stolen, [other])))
    assert landed.err is not None


def test_without_wrapping_the_wrapped_account_is_used_and_kept() -> None:
    """A sale leaves its proceeds wrapped, and a purchase pays from them."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    sale = trading.build(market.token.address, SOL_MINT, 10**9, wrapAndUnwrapSol="false")
    assert sale["cleanupInstruction"] is None
    (landed,) = trading.land(trading.assemble_swap(sale))
    assert landed.err is None
    purchase = trading.build(SOL_MINT, market.token.address, int(sale["outAmount"]), wrapAndUnwrapSol="false")
    before = trading.held(market.token)
    (landed,) = trading.land(trading.assemble_swap(purchase))
    assert landed.err is None
    assert trading.held(market.token) - before == int(purchase["outAmount"])


def test_a_sale_of_more_than_is_held_fails_in_simulation_and_on_chain() -> None:
    """The whole transaction says so as a simulation error, and lands with the token program's error 1."""
    trading = Trading()
    market = trading.list_token(held=1)
    quote = trading.quote(market.token.address, SOL_MINT, 10**9)
    body = {"userPublicKey": trading.address, "quoteResponse": quote, "dynamicComputeUnitLimit": True}
    answer = trading.post("/swap/v1/swap", body)
    assert answer["simulationError"]["errorCode"] == "TRANSACTION_ERROR"
    assert answer["simulationError"]["error"].endswith("custom program error: 0x1")
    (landed,) = trading.land(trading.sign_whole(answer["swapTransaction"]))
    assert landed.err["InstructionError"][1] == {"Custom": 1}


def test_a_legacy_transaction_is_given_where_it_is_asked_for() -> None:
    """For wallets that know no other."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    quote = trading.quote(market.token.address, SOL_MINT, 10**9, asLegacyTransaction="true")
    body = {"userPublicKey": trading.address, "quoteResponse": quote, "asLegacyTransaction": True}
    raw = base64.b64decode(trading.post("/swap/v1/swap", body)["swapTransaction"])
    message = VersionedTransaction.from_bytes(raw).message
    assert isinstance(message, Message)
    (landed,) = trading.land(bytes(VersionedTransaction(message, [trading.taker])))
    assert landed.err is None


def test_a_transaction_expires_at_the_height_that_was_stated() -> None:
    """The stated height is the truth: there it lands, one block later it cannot."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    quote = trading.quote(market.token.address, SOL_MINT, 10**9)
    body = {"userPublicKey": trading.address, "quoteResponse": quote, "blockhashSlotsToExpiry": 10}
    answer = trading.post("/swap/v1/swap", body)
    left = answer["lastValidBlockHeight"] - trading.bank.block_height()
    trading.clock.advance(Nanos((left - 1) * SLOT))
    (landed,) = trading.land(trading.sign_whole(answer["swapTransaction"]))
    assert landed.err is None
