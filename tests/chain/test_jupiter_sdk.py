"""jupiter-python-sdk, replaced where it could not be traded with."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from jupiter_python_sdk.jupiter import Jupiter
from solders.hash import Hash

from chain.jupiter.build import jupiter_http
from chain.jupiter.sdk import JupiterSdk
from chain.programs import ADDRESS_LOOKUP_TABLE, SYSTEM
from chain.transactions.assembly import decode_transaction
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SOL_MINT
from tests.chain.answers import (
    BLOCKHASH,
    BUY,
    LAST_VALID,
    MINT,
    POOLS,
    SELL,
    TABLE,
    WALLET,
    instruction_parts,
    quote_answer,
    table_account,
)
from tests.chain.conftest import Loopback
from tests.chain.recordings import needs_recordings, recorded
from tests.chain.wire import JUPITER_URL, Failing, Node, Wire, always, failing, jupiter, rpc

KEY = "jup-secret-key"
SWAP = {"swapTransaction": "AQ==", "lastValidBlockHeight": LAST_VALID, "prioritizationFeeLamports": 9999}


def _node(**results: Any) -> Node:
    context = {"slot": 1}
    return Node(
        **{
            "getLatestBlockhash": {
                "context": context,
                "value": {"blockhash": str(Hash(BLOCKHASH)), "lastValidBlockHeight": LAST_VALID},
            },
            "getMultipleAccounts": {"context": context, "value": [table_account(POOLS)]},
            **results,
        }
    )


def _server(**answers: Any) -> Wire:
    """Return a Jupiter v1 that answers by the last part of the path."""
    parts = {**instruction_parts(), "addressLookupTableAddresses": [TABLE], "tokenLedgerInstruction": None}
    default = {"quote": quote_answer(SELL), "swap": SWAP, "swap-instructions": parts}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={**default, **answers}[request.url.path.rsplit("/", 1)[1]])

    return Wire(answer)


def _sdk(wire: Wire, node: Node | None = None, **options: Any) -> JupiterSdk:
    return JupiterSdk(jupiter(wire, KEY), base_url=JUPITER_URL, taker=WALLET, rpc=rpc(node or _node()), **options)


def test_it_is_the_sdks_class_with_its_parameters() -> None:
    """Whoever holds a `Jupiter` of the SDK can hold this one."""
    sdk = _sdk(_server())
    assert isinstance(sdk, Jupiter)
    for method in ("quote", "swap"):
        theirs = inspect.signature(getattr(Jupiter, method)).parameters
        assert list(inspect.signature(getattr(JupiterSdk, method)).parameters) == list(theirs)


def test_instances_have_their_own_urls_and_leave_the_class_alone() -> None:
    """In the SDK a second instance redirects the first."""
    before = dict(Jupiter.ENDPOINT_APIS_URL)
    first = _sdk(_server())
    second = JupiterSdk(jupiter(_server()), base_url="https://second", taker=WALLET, rpc=rpc(_node()))
    assert first.ENDPOINT_APIS_URL["QUOTE"] == f"{JUPITER_URL}/swap/v1/quote?"
    assert second.ENDPOINT_APIS_URL["SWAP"] == "https://second/swap/v1/swap"
    assert before == Jupiter.ENDPOINT_APIS_URL


def test_the_sdk_is_given_no_secret() -> None:
    """What it takes for a keypair has a public key and nothing to sign with."""
    stand_in = _sdk(_server()).keypair
    assert str(stand_in.pubkey()) == WALLET
    assert not hasattr(stand_in, "sign_message")
    assert not hasattr(stand_in, "secret")


def test_all_calls_share_one_connection_and_carry_the_key(loopback: Loopback) -> None:
    """The SDK opens one for each call, and can send no key."""
    loopback.answer = {**quote_answer(SELL), **SWAP}
    http = jupiter_http(loopback.url, KEY)
    sdk = JupiterSdk(http, base_url=loopback.url, taker=WALLET, rpc=rpc(_node()))
    asyncio.run(sdk.quote(MINT, SOL_MINT, 5))
    asyncio.run(sdk.swap(MINT, SOL_MINT, 5))
    sdk.whole_swap(sdk.ask(SELL))
    http.close()
    assert (len(loopback.ports), loopback.keys) == (1, [KEY] * 5)


@pytest.mark.parametrize("slippage", [0, 150, None])
def test_slippage_is_sent_as_it_was_given(slippage: int | None) -> None:
    """Zero is a tolerance; only None leaves it to Jupiter."""
    wire = _server()
    asyncio.run(_sdk(wire).quote(MINT, SOL_MINT, 5, slippage_bps=slippage))
    sent = dict(wire.requests[0].url.params)
    assert sent.get("slippageBps") == (None if slippage is None else str(slippage))
    assert wire.requests[0].headers["x-api-key"] == KEY


def test_the_sdks_options_reach_jupiter() -> None:
    """Exchange labels keep their case."""
    wire = _server()
    asyncio.run(
        _sdk(wire).quote(MINT, SOL_MINT, 5, 10, "ExactOut", True, True, ["Raydium", "Meteora DLMM"], max_accounts=20)
    )
    assert dict(wire.requests[0].url.params) == {
        "inputMint": MINT,
        "outputMint": SOL_MINT,
        "amount": "5",
        "slippageBps": "10",
        "swapMode": "ExactOut",
        "onlyDirectRoutes": "true",
        "asLegacyTransaction": "true",
        "excludeDexes": "Raydium,Meteora DLMM",
        "maxAccounts": "20",
    }


def test_swap_quotes_once_and_forwards_the_quote_whole() -> None:
    """Fields that nobody documented are forwarded too, and the transaction comes back as the SDK's text."""
    wire = _server()
    assert asyncio.run(_sdk(wire).swap(MINT, SOL_MINT, SELL.amount, slippage_bps=150)) == "AQ=="
    assert [request.url.path for request in wire.requests] == ["/swap/v1/quote", "/swap/v1/swap"]
    body = wire.json()
    assert (body["quoteResponse"], body["userPublicKey"], body["wrapAndUnwrapSol"]) == (
        quote_answer(SELL),
        WALLET,
        True,
    )


@needs_recordings
def test_a_recorded_quote_is_forwarded_verbatim() -> None:
    """Every byte of its JSON that matters: unknown fields, fractions, nulls."""
    found = recorded("jupiter/quote_open_sol_bot_2025-02.json")["response"]
    wire = _server(quote=found)
    sdk = _sdk(wire)
    sdk.instructions(sdk.ask(BUY))
    assert json.dumps(wire.json()["quoteResponse"]) == json.dumps(found)


def test_a_whole_swap_keeps_height_and_fee() -> None:
    """Without the height nobody could tell when it has expired."""
    wire = _server()
    whole = _sdk(wire).whole_swap(quote_answer(SELL), prioritizationFeeLamports=9999)
    assert (whole.transaction, whole.last_valid_block_height, whole.priority_fee) == ("AQ==", LAST_VALID, 9999)
    assert wire.json()["prioritizationFeeLamports"] == 9999


@needs_recordings
def test_the_recorded_whole_swap_is_a_transaction() -> None:
    """Of 2025, with the height that the SDK drops."""
    answer = recorded("jupiter/swap_open_sol_bot_2025-02.json")["response"]
    whole = _sdk(_server(swap=answer)).whole_swap({})
    assert whole.last_valid_block_height == 301043236
    decode_transaction(whole.transaction)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Error processing Instruction 4: custom program error: 0x1771", FailureKind.SLIPPAGE),
        ("Error processing Instruction 4: custom program error: 0x1", FailureKind.REFUSED),
    ],
)
def test_a_swap_whose_simulation_failed_is_none(said: str, kind: FailureKind) -> None:
    """The SDK hands such a transaction out."""
    answer = {**SWAP, "simulationError": {"errorCode": "TRANSACTION_ERROR", "error": said}}
    with pytest.raises(SwapError) as caught:
        _sdk(_server(swap=answer)).whole_swap({})
    assert (caught.value.kind, caught.value.code) == (kind, "TRANSACTION_ERROR")


CALLS: dict[str, Callable[[JupiterSdk], Any]] = {
    "quote": lambda sdk: asyncio.run(sdk.quote(MINT, SOL_MINT, 5)),
    "swap": lambda sdk: asyncio.run(sdk.swap(MINT, SOL_MINT, 5)),
    "ask": lambda sdk: sdk.ask(SELL),
    "whole_swap": lambda sdk: sdk.whole_swap({}),
    "instructions": lambda sdk: sdk.instructions({}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (always(400, {"error": "x", "errorCode": "NO_ROUTES_FOUND"}), FailureKind.REFUSED),
        (always(401, {"message": "Unauthorized"}), FailureKind.PERMANENT),
        (always(429, {"code": 429, "message": "Too many requests"}), FailureKind.TRANSIENT),
        (always(502, "<html>"), FailureKind.TRANSIENT),
        (failing(httpx.ReadTimeout("slow")), FailureKind.TRANSIENT),
    ],
    ids=["no route", "key", "limit", "gateway", "silent"],
)
def test_every_call_tells_jupiters_errors_apart(
    call: Callable[[JupiterSdk], Any], wire: Wire, kind: FailureKind
) -> None:
    """Where the SDK would raise KeyError, or nothing."""
    with pytest.raises(SwapError) as caught:
        call(_sdk(wire))
    assert caught.value.kind is kind


@pytest.mark.parametrize("answer", [{}, {"swapTransaction": "AQ=="}, {**SWAP, "lastValidBlockHeight": None}])
def test_a_swap_of_unknown_shape_is_refused(answer: dict[str, Any]) -> None:
    """Also one without a height: it could never be proven dead."""
    with pytest.raises(SwapError, match="unknown shape"):
        _sdk(_server(swap=answer)).whole_swap({})


def test_instructions_come_with_tables_and_blockhash_of_our_node() -> None:
    """The v1 answer gives the addresses of the tables alone."""
    node = _node()
    swap = _sdk(_server(), node).instructions(quote_answer(SELL))
    (table,) = swap.lookup_tables
    assert (str(table.key), [str(key) for key in table.addresses]) == (TABLE, POOLS)
    assert (swap.blockhash, swap.last_valid_block_height) == (Hash(BLOCKHASH), LAST_VALID)
    assert node.params("getMultipleAccounts")[0] == [TABLE]
    assert node.params("getLatestBlockhash") == [{"commitment": "confirmed"}]


@pytest.mark.parametrize("account", [None, table_account(POOLS, owner=SYSTEM)], ids=["missing", "not a table"])
def test_a_table_that_the_node_does_not_have_is_left_out(account: Any) -> None:
    """The transaction becomes longer, not wrong."""
    node = _node(getMultipleAccounts={"context": {"slot": 1}, "value": [account]})
    assert _sdk(_server(), node).instructions(quote_answer(SELL)).lookup_tables == ()


def test_without_tables_none_are_asked_for() -> None:
    """A short route needs none."""
    node = _node()
    parts = {**instruction_parts(), "addressLookupTableAddresses": []}
    _sdk(_server(**{"swap-instructions": parts}), node).instructions(quote_answer(SELL))
    assert node.called() == ["getLatestBlockhash"]


@pytest.mark.parametrize(
    "results",
    [
        {"getLatestBlockhash": Failing({"code": -32005, "message": "Node is behind by 153 slots"})},
        {"getLatestBlockhash": {"value": None}},
        {"getMultipleAccounts": {"value": []}},
        {"getMultipleAccounts": {"value": [{"data": ["%%", "base64"], "owner": ADDRESS_LOOKUP_TABLE}]}},
    ],
)
def test_trouble_with_our_node_is_transient(results: dict[str, Any]) -> None:
    """It is no fault of the swap."""
    with pytest.raises(SwapError) as caught:
        _sdk(_server(), _node(**results)).instructions(quote_answer(SELL))
    assert caught.value.kind is FailureKind.TRANSIENT
