"""Quoting and preparing a swap: what is checked before anything is signed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chain.jupiter.build import JupiterBuild
from chain.jupiter.venue import MAX_QUOTE_AGE, MIN_COMPUTE_UNITS, JupiterVenue, jupiter_venue
from chain.programs import COMPUTE_BUDGET, JUPITER, SYSTEM, TOKEN, TOKEN_2022
from chain.transactions.assembly import TOO_LARGE, decode_message, programs_of
from engine.clock import ManualClock
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import SwapRequest
from engine.domain.units import Lamports, Nanos
from engine.ports import SwapVenue
from tests.chain.answers import (
    BUY,
    LAST_VALID,
    MINT,
    POOLS,
    SELL,
    WALLET,
    build_answer,
    own_account,
    quote_answer,
    table_account,
)
from tests.chain.wire import JUPITER_URL, Failing, Node, always, jupiter, rpc

FEE = Lamports(20_000)


def _simulated(err: Any = None, *, units: int | None = 100_000, logs: list[str] | None = None) -> dict[str, Any]:
    return {"context": {"slot": 1}, "value": {"err": err, "logs": logs, "unitsConsumed": units}}


def _node(**results: Any) -> Node:
    """Return a node that has the lookup table of the answers."""
    return Node(getMultipleAccounts={"context": {"slot": 1}, "value": [table_account(POOLS)]}, **results)


def _holding(amount: int, *, frozen: bool = False) -> dict[str, Any]:
    state = bytes([2 if frozen else 1])
    key = Pubkey.from_string
    data = bytes(key(MINT)) + bytes(key(WALLET)) + amount.to_bytes(8, "little") + bytes(36) + state + bytes(56)
    account = {"data": [base64.b64encode(data).decode(), "base64"], "owner": TOKEN}
    return {"context": {"slot": 1}, "value": [{"pubkey": own_account(MINT), "account": account}]}


def _venue(
    request: SwapRequest = SELL,
    *,
    node: Node | None = None,
    clock: ManualClock | None = None,
    answer: Mapping[str, Any] | None = None,
) -> JupiterVenue:
    node = node or _node(simulateTransaction=_simulated())
    api = JupiterBuild(jupiter(always(200, answer or build_answer(request))), taker=WALLET)
    return JupiterVenue(api, rpc=rpc(node), wallet=WALLET, clock=clock or ManualClock())


def _budget(message: MessageV0) -> list[int]:
    programs = programs_of(message)
    return [
        int.from_bytes(bytes(item.data)[1:], "little")
        for item, program in zip(message.instructions, programs, strict=True)
        if program == COMPUTE_BUDGET
    ]


def _refusal(node: Node, request: SwapRequest = SELL) -> SwapError:
    venue = _venue(request, node=node)
    quote = venue.quote(request)
    with pytest.raises(SwapError) as caught:
        venue.prepare(quote, priority_fee=FEE)
    return caught.value


@pytest.mark.parametrize("request_", [SELL, BUY], ids=["sell", "buy"])
def test_a_quote_has_jupiters_figures(request_: SwapRequest) -> None:
    """What it expects, and what the chain will enforce."""
    venue: SwapVenue = _venue(request_)
    quote = venue.quote(request_)
    assert (quote.request, quote.expected_out, quote.minimum_out) == (request_, 500_000_000, 492_500_000)
    assert quote.venue == "jupiter v2"


@pytest.mark.parametrize(
    "changes",
    [
        {"inputMint": "other"},
        {"outputMint": MINT},
        {"inAmount": "1000001"},
        {"outAmount": "0", "otherAmountThreshold": "0"},
        {"outAmount": "-5", "otherAmountThreshold": "-5"},
        {"otherAmountThreshold": "500000001"},
        {"outAmount": None},
        {"outAmount": "1.5"},
        {"otherAmountThreshold": "NaN"},
    ],
)
def test_a_quote_that_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    """Another swap than was asked for, nothing to be had, and what is no number."""
    with pytest.raises(SwapError) as caught:
        _venue(answer={**build_answer(SELL), **changes}).quote(SELL)
    assert caught.value.kind is FailureKind.REFUSED


def test_a_prepared_swap_is_what_was_simulated_with_its_own_limit() -> None:
    """A fifth more units than were used, our fee, the answer's blockhash and height, the wallet as payer."""
    node = _node(simulateTransaction=_simulated(units=100_000))
    venue = _venue(node=node)
    prepared = venue.prepare(venue.quote(SELL), priority_fee=FEE)
    message = decode_message(prepared.message)
    assert (prepared.compute_unit_limit, prepared.priority_fee) == (120_000, FEE)
    assert _budget(message) == [120_000, 20_000 * 1_000_000 // 120_000]
    assert prepared.last_valid_block_height == LAST_VALID
    assert str(message.account_keys[0]) == WALLET
    sent, _ = node.params("simulateTransaction")
    simulated = VersionedTransaction.from_bytes(base64.b64decode(sent)).message
    assert isinstance(simulated, MessageV0)
    assert _budget(simulated)[0] == 1_400_000
    assert simulated.instructions[2:] == message.instructions[2:]
    assert simulated.recent_blockhash == message.recent_blockhash


def test_the_simulation_is_unsigned_and_on_its_own_blockhash() -> None:
    """An expired blockhash must fail here, not on chain."""
    node = _node(simulateTransaction=_simulated())
    venue = _venue(node=node)
    venue.prepare(venue.quote(SELL), priority_fee=FEE)
    assert node.params("simulateTransaction")[1] == {
        "encoding": "base64",
        "sigVerify": False,
        "replaceRecentBlockhash": False,
        "commitment": "processed",
    }


@pytest.mark.parametrize(
    ("used", "limit"),
    [(100_001, 120_001), (10, MIN_COMPUTE_UNITS), (1_300_000, 1_400_000), (None, 1_400_000), (0, 1_400_000)],
)
def test_the_limit_stays_between_a_floor_and_solanas_cap(used: int | None, limit: int) -> None:
    """A node that does not count leaves the cap; the fee stays what was decided."""
    venue = _venue(node=_node(simulateTransaction=_simulated(units=used)))
    prepared = venue.prepare(venue.quote(SELL), priority_fee=FEE)
    assert prepared.compute_unit_limit == limit
    assert FEE - 2 <= prepared.priority_fee <= FEE


def test_nothing_more_than_asked_is_paid_for_priority() -> None:
    """Without a fee the price is zero, whatever Jupiter baked in."""
    venue = _venue()
    prepared = venue.prepare(venue.quote(SELL), priority_fee=Lamports(0))
    assert _budget(decode_message(prepared.message))[1] == prepared.priority_fee == 0


def test_a_fresh_quote_is_used_as_it_is() -> None:
    """One request to Jupiter in all: the transaction is the one that was quoted."""
    wire = always(200, build_answer(SELL))
    clock = ManualClock()
    api = JupiterBuild(jupiter(wire), taker=WALLET)
    venue = JupiterVenue(api, rpc=rpc(_node(simulateTransaction=_simulated())), wallet=WALLET, clock=clock)
    quote = venue.quote(SELL)
    clock.advance(MAX_QUOTE_AGE)
    assert venue.prepare(quote, priority_fee=FEE).quote is quote
    assert len(wire.requests) == 1


def test_an_old_quote_is_refused_and_not_renewed_in_silence() -> None:
    """Whoever asked decided on its figures."""
    clock = ManualClock()
    node = _node(simulateTransaction=_simulated())
    venue = _venue(clock=clock, node=node)
    quote = venue.quote(SELL)
    clock.advance(Nanos(MAX_QUOTE_AGE + 1))
    with pytest.raises(SwapError, match="quote again") as caught:
        venue.prepare(quote, priority_fee=FEE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "QUOTE_TOO_OLD")
    assert node.requests == []


def test_a_quote_of_another_venue_is_refused() -> None:
    """Its payload means nothing here."""
    venue = _venue()
    quote = replace(venue.quote(SELL), payload=quote_answer(SELL))
    with pytest.raises(SwapError, match="not one of this venue"):
        venue.prepare(quote, priority_fee=FEE)


def _custom(code: int) -> dict[str, Any]:
    return {"InstructionError": [3, {"Custom": code}]}


def _failed(program: str) -> list[str]:
    return [f"Program {program} failed: custom program error"]


def test_slippage_in_the_simulation_is_slippage() -> None:
    """Nothing is signed, and the next attempt may tolerate more."""
    error = _refusal(_node(simulateTransaction=_simulated(_custom(6001), logs=_failed(JUPITER))))
    assert (error.kind, error.code) == (FailureKind.SLIPPAGE, "6001")


def test_an_expired_blockhash_in_the_simulation_is_transient() -> None:
    """The next quote comes with a new one."""
    assert _refusal(_node(simulateTransaction=_simulated("BlockhashNotFound"))).kind is FailureKind.TRANSIENT


@pytest.mark.parametrize("err", ["InsufficientFundsForFee", {"InsufficientFundsForRent": {"account_index": 0}}])
def test_a_wallet_without_sol_is_permanent(err: Any) -> None:
    """Only a person can send it some."""
    node = _node(simulateTransaction=_simulated(err), getTokenAccountsByOwner=_holding(SELL.amount))
    error = _refusal(node)
    assert error.kind is FailureKind.PERMANENT
    assert "too little SOL" in str(error)


def test_a_lack_of_lamports_inside_the_swap_is_permanent() -> None:
    """System's error 1 is the wallet's, not a market's."""
    simulated = _simulated(_custom(1), logs=_failed(SYSTEM))
    node = _node(simulateTransaction=simulated, getTokenAccountsByOwner=_holding(SELL.amount))
    assert _refusal(node).kind is FailureKind.PERMANENT


@pytest.mark.parametrize(
    ("err", "logs"),
    [
        (_custom(1), _failed(TOKEN)),
        (_custom(3012), _failed(JUPITER)),
        ({"InstructionError": [3, "InvalidAccountData"]}, []),
    ],
    ids=["insufficient", "no account", "invalid data"],
)
def test_a_wallet_without_the_tokens_is_permanent(err: Any, logs: list[str]) -> None:
    """In whatever way the simulation failed, the wallet's balance explains it."""
    node = _node(simulateTransaction=_simulated(err, logs=logs), getTokenAccountsByOwner=_holding(SELL.amount - 1))
    error = _refusal(node)
    assert error.kind is FailureKind.PERMANENT
    assert "the wallet holds 999999 raw units" in str(error)


def test_a_markets_want_of_tokens_does_not_end_a_stop_loss() -> None:
    """The same error with the tokens in the wallet is the pool's, and another route may do."""
    simulated = _simulated(_custom(1), logs=_failed(TOKEN))
    node = _node(simulateTransaction=simulated, getTokenAccountsByOwner=_holding(SELL.amount))
    error = _refusal(node)
    assert error.kind is FailureKind.REFUSED
    assert "the market was short of tokens" in str(error)


def test_a_markets_want_of_tokens_in_a_buy_is_no_fault_of_the_wallet() -> None:
    """A buy spends SOL, which System moves."""
    assert _refusal(_node(simulateTransaction=_simulated(_custom(1), logs=_failed(TOKEN))), BUY).kind is (
        FailureKind.REFUSED
    )


def test_a_frozen_account_is_permanent() -> None:
    """Only the issuer can thaw it."""
    simulated = _simulated(_custom(17), logs=_failed(TOKEN))
    holding = _holding(SELL.amount, frozen=True)
    error = _refusal(_node(simulateTransaction=simulated, getTokenAccountsByOwner=holding))
    assert error.kind is FailureKind.PERMANENT
    assert f"the issuer has frozen your account {own_account(MINT)}" in str(error)


def test_a_markets_frozen_account_does_not_end_a_stop_loss() -> None:
    """The same error with the wallet's account thawed is the pool's, and another route may do."""
    simulated = _simulated(_custom(17), logs=_failed(TOKEN))
    error = _refusal(_node(simulateTransaction=simulated, getTokenAccountsByOwner=_holding(SELL.amount)))
    assert error.kind is FailureKind.REFUSED
    assert "an account of the market is frozen" in str(error)


def test_a_frozen_account_ends_a_buy_whosever_it_is() -> None:
    """It may be the new account of a mint whose accounts all start frozen."""
    simulated = _simulated(_custom(17), logs=_failed(TOKEN))
    none = {"context": {"slot": 1}, "value": []}
    error = _refusal(_node(simulateTransaction=simulated, getTokenAccountsByOwner=none), BUY)
    assert error.kind is FailureKind.PERMANENT


def test_a_paused_token_is_transient() -> None:
    """Its issuer may resume the transfers."""
    error = _refusal(_node(simulateTransaction=_simulated(_custom(67), logs=_failed(TOKEN_2022))))
    assert error.kind is FailureKind.TRANSIENT
    assert "the token's issuer has paused all transfers" in str(error)


# Closing the account that a sale empties ---------------------------------------------------------------------


def _closing(node: Node, **changes: Any) -> MessageV0:
    """Return the sale that a venue makes which closes what it empties."""
    venue = JupiterVenue(
        JupiterBuild(jupiter(always(200, build_answer(SELL, **changes))), taker=WALLET),
        rpc=rpc(node),
        wallet=WALLET,
        clock=ManualClock(),
        close_empty_accounts=True,
    )
    return decode_message(venue.prepare(venue.quote(SELL), priority_fee=FEE).message)


def _closes(message: MessageV0) -> bool:
    """Return whether *message* ends with the closing of the wallet's account of the token."""
    last = message.instructions[-1]
    accounts = [str(message.account_keys[index]) for index in bytes(last.accounts)]
    return (bytes(last.data), accounts) == (b"\x09", [own_account(MINT), WALLET, WALLET])


def test_a_sale_of_all_that_the_account_holds_closes_it() -> None:
    """Behind everything else, so that the account is empty by then."""
    node = _node(simulateTransaction=_simulated(), getTokenAccountsByOwner=_holding(SELL.amount))
    assert _closes(_closing(node))


def test_no_sale_waits_for_its_rent() -> None:
    """Where the account cannot be looked at, the sale is made without the closing."""
    unread = Failing({"code": -32005, "message": "Node is behind"})
    assert not _closes(_closing(_node(simulateTransaction=_simulated(), getTokenAccountsByOwner=unread)))


@pytest.mark.parametrize(("index", "simulations"), [(3, 1), (5, 2)], ids=["the swap", "the closing"])
def test_only_a_failure_of_the_closing_is_tried_without_it(index: int, simulations: int) -> None:
    """Instructions: limit, price, creation, swap, cleanup, closing. Of any other the verdict stands."""
    failed = _simulated({"InstructionError": [index, {"Custom": 6001}]}, logs=_failed(JUPITER))
    node = _node(simulateTransaction=failed, getTokenAccountsByOwner=_holding(SELL.amount))
    with pytest.raises(SwapError) as caught:
        _closing(node)
    assert (caught.value.kind, caught.value.code) == (FailureKind.SLIPPAGE, "6001")
    assert node.called().count("simulateTransaction") == simulations


def test_a_sale_with_no_room_for_the_closing_goes_without() -> None:
    """A few bytes decide, and the sale has them."""
    node = _node(simulateTransaction=_simulated(), getTokenAccountsByOwner=_holding(SELL.amount))
    route = build_answer(SELL)["swapInstruction"]
    plan = base64.b64decode(route["data"])

    def outcome(more: int) -> str:
        longer = {**route, "data": base64.b64encode(plan + bytes(more)).decode()}
        try:
            return "closed" if _closes(_closing(node, swapInstruction=longer)) else "left"
        except SwapError as error:
            return error.code

    outcomes = [outcome(more) for more in range(600, 1000, 3)]
    assert list(dict.fromkeys(outcomes)) == ["closed", "left", TOO_LARGE]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (Failing({"code": -32005, "message": "Node is behind by 153 slots"}), FailureKind.TRANSIENT),
        (Failing({"code": -32602, "message": "base64 encoded too large"}), FailureKind.REFUSED),
        ({"value": None}, FailureKind.TRANSIENT),
        ({"value": {"logs": []}}, FailureKind.TRANSIENT),
        (None, FailureKind.TRANSIENT),
    ],
)
def test_a_simulation_that_did_not_happen_is_no_success(result: Any, kind: FailureKind) -> None:
    """An answer without a verdict is none."""
    assert _refusal(_node(simulateTransaction=result)).kind is kind


def test_a_failed_reading_of_the_balance_is_transient() -> None:
    """Whose fault it was is then unknown, so nothing is final."""
    node = _node(
        simulateTransaction=_simulated(_custom(1), logs=_failed(TOKEN)),
        getTokenAccountsByOwner=Failing({"code": -32005, "message": "Node is behind"}),
    )
    assert _refusal(node).kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(("version", "name"), [("v2", "jupiter v2"), ("v1", "jupiter v1")])
def test_the_configuration_chooses_the_api(version: Any, name: str) -> None:
    """Both are asked for the same swap."""
    wire = always(200, build_answer(SELL))
    venue = jupiter_venue(
        version,
        http=jupiter(wire),
        swap_base_url=JUPITER_URL,
        rpc=rpc(_node()),
        wallet=WALLET,
        clock=ManualClock(),
        max_accounts=40,
    )
    assert venue.quote(SELL).venue == name
    assert wire.requests[0].url.params["maxAccounts"] == "40"
    assert wire.requests[0].url.path in {"/swap/v2/build", "/swap/v1/quote"}
