"""The JSON of the Jupiter-compatible API, against recorded and documented answers."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chain.simulated.slots import Commitment
from engine.domain.units import SOL_MINT
from tests.simulated.trading import Trading

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "jupiter"
UNKNOWN_MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def kinds(value: Any) -> Any:
    """Return the shape of a JSON *value*: its keys and the names of its types."""
    if isinstance(value, dict):
        return {name: kinds(each) for name, each in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return type(value).__name__


def assert_like(ours: Any, recorded: Any, dropped: frozenset[str] = frozenset(), path: str = "") -> None:
    """Fail unless *ours* has every key of *recorded*, with the same types wherever both have a value."""
    if ours is None or recorded is None:
        return
    if isinstance(recorded, dict):
        missing = recorded.keys() - ours.keys() - dropped
        assert not missing, f"{path or 'the answer'} lacks {missing}"
        for name in recorded.keys() & ours.keys():
            assert_like(ours[name], recorded[name], dropped, f"{path}.{name}")
    elif isinstance(recorded, list):
        for each in ours[:1]:
            assert_like(each, (recorded or [None])[0], dropped, f"{path}[]")
    else:
        assert kinds(ours) == kinds(recorded), path


def recorded(name: str) -> Any:
    """Return a recorded file, or skip."""
    file = RECORDED / name
    if not file.exists():
        pytest.skip("Jupiter's recorded answers are not beside this checkout")
    return json.loads(file.read_text())


def documented(path: str, *, key: str) -> list[Any]:
    """Return the examples of one page of Jupiter's documentation that have *key*, or skip."""
    return [
        example["json"]
        for example in recorded("docs/examples.json")
        if example["path"] == path and key in example["json"]
    ]


BEFORE_2026 = frozenset({"feeAmount", "feeMint", "scoreReport", "simplerRouteUsed", "jito"})
"""What older answers have and those of 2026 do not."""

QUOTE_OF_2026 = {
    "inputMint": "str",
    "inAmount": "str",
    "outputMint": "str",
    "outAmount": "str",
    "otherAmountThreshold": "str",
    "swapMode": "str",
    "slippageBps": "int",
    "platformFee": "NoneType",
    "priceImpactPct": "str",
    "routePlan": [
        {
            "swapInfo": {
                "ammKey": "str",
                "label": "str",
                "inputMint": "str",
                "outputMint": "str",
                "inAmount": "str",
                "outAmount": "str",
                "updateContextSlot": "str",
            },
            "percent": "int",
            "bps": "NoneType",
        }
    ],
    "contextSlot": "int",
    "timeTaken": "float",
    "swapUsdValue": "str",
    "longtailMarketQuoteReport": "NoneType",
    "useIncurredSlippageForQuoting": "NoneType",
    "useRewards": "NoneType",
    "otherRoutePlans": "NoneType",
    "loadedLongtailToken": "bool",
    "instructionVersion": "NoneType",
    "transactionVersion": "int",
}


def test_a_quote_has_the_fields_and_types_of_2026() -> None:
    """No fee fields, null basis points, amounts as strings, and the fields that no specification names."""
    trading = Trading()
    quote = trading.quote(trading.list_token().token.address, SOL_MINT, 10**9)
    assert quote.pop("mostReliableAmmsQuoteReport")["info"] == {
        quote["routePlan"][0]["swapInfo"]["ammKey"]: quote["outAmount"]
    }
    assert kinds(quote) == QUOTE_OF_2026


def test_a_quote_is_like_the_recorded_ones() -> None:
    """Of a bot of 2025, and of the documentation."""
    trading = Trading()
    quote = trading.quote(trading.list_token().token.address, SOL_MINT, 10**9)
    assert_like(quote, recorded("quote_open_sol_bot_2025-02.json")["response"], BEFORE_2026)
    for example in documented("swap/v1/get-quote.mdx", key="routePlan"):
        example.pop("mostReliableAmmsQuoteReport", None)  # keyed by market
        assert_like(quote, example, BEFORE_2026)


def test_a_swap_is_like_the_recorded_one() -> None:
    """With a whole version-0 transaction that has a placeholder for the one signature it needs."""
    trading = Trading()
    quote = trading.quote(trading.list_token().token.address, SOL_MINT, 10**9)
    answer = trading.post("/swap/v1/swap", {"userPublicKey": trading.address, "quoteResponse": quote})
    transaction = VersionedTransaction.from_bytes(base64.b64decode(answer["swapTransaction"]))
    assert transaction.signatures == [Signature.default()]
    assert transaction.message.account_keys[0] == trading.taker.pubkey()
    assert isinstance(transaction.message, MessageV0)
    assert answer["lastValidBlockHeight"] == trading.bank.latest_blockhash(Commitment.CONFIRMED)[1]
    assert_like(answer, recorded("swap_open_sol_bot_2025-02.json")["response"], BEFORE_2026)


@pytest.mark.parametrize("name", ["swapInstructionsWithJito.json", "swapInstructionsWithoutJito.json"])
def test_swap_instructions_are_like_the_recorded_ones(name: str) -> None:
    """Every key of the recorded answers, and no other."""
    trading = Trading()
    quote = trading.quote(SOL_MINT, trading.list_token().token.address, 10**9)
    body = {"userPublicKey": trading.address, "quoteResponse": quote}
    answer, theirs = trading.post("/swap/v1/swap-instructions", body), recorded(f"jupiter_go/{name}")
    assert answer.keys() == theirs.keys()
    assert_like(answer, theirs, BEFORE_2026)
    assert len(answer["blockhashWithMetadata"]["blockhash"]) == 32


def test_a_build_has_the_specified_fields_and_types() -> None:
    """Those of openapi-spec/swap/v2/swap.yaml; the blockhash is the newest confirmed one, as numbers."""
    trading = Trading()
    answer = trading.build(trading.list_token().token.address, SOL_MINT, 10**9)
    instruction = {
        "programId": "str",
        "accounts": [{"pubkey": "str", "isSigner": "bool", "isWritable": "bool"}],
        "data": "str",
    }
    assert kinds(answer) == {
        "inputMint": "str",
        "outputMint": "str",
        "inAmount": "str",
        "outAmount": "str",
        "otherAmountThreshold": "str",
        "swapMode": "str",
        "slippageBps": "int",
        "priceImpactPct": "str",
        "routePlan": [
            {
                "swapInfo": {
                    "ammKey": "str",
                    "label": "str",
                    "inputMint": "str",
                    "outputMint": "str",
                    "inAmount": "str",
                    "outAmount": "str",
                },
                "percent": "int",
                "bps": "int",
            }
        ],
        "computeBudgetInstructions": [{"programId": "str", "accounts": [], "data": "str"}],
        "setupInstructions": [instruction],
        "swapInstruction": instruction,
        "cleanupInstruction": instruction,
        "otherInstructions": [],
        "tipInstruction": "NoneType",
        "addressesByLookupTableAddress": "NoneType",
        "blockhashWithMetadata": {
            "blockhash": ["int"],
            "lastValidBlockHeight": "int",
            "fetchedAt": {"secs_since_epoch": "int", "nanos_since_epoch": "int"},
        },
    }
    blockhash, height = trading.bank.latest_blockhash(Commitment.CONFIRMED)
    assert str(Pubkey(bytes(answer["blockhashWithMetadata"]["blockhash"]))) == blockhash
    assert answer["blockhashWithMetadata"]["lastValidBlockHeight"] == height


@pytest.mark.parametrize(("slippage", "minimum"), [(0, 19_999_200), (1, 19_997_201), (50, 19_899_204), (10_000, 0)])
def test_the_minimum_is_rounded_up(slippage: int, minimum: int) -> None:
    """As in every recorded quote: the tolerance is what is rounded down."""
    trading = Trading()
    quote = trading.quote(trading.list_token().token.address, SOL_MINT, 10**9, slippageBps=slippage)
    assert quote["outAmount"] == "19999200"
    assert quote["otherAmountThreshold"] == str(minimum)


def test_the_impact_is_a_fraction_as_a_string() -> None:
    """Half for an order worth the whole depth."""
    trading = Trading()
    market = trading.list_token(price=Decimal(1), depth_sol=Decimal(10))
    assert trading.quote(market.token.address, SOL_MINT, 10 * 10**6)["priceImpactPct"] == "0.5"
    assert trading.quote(SOL_MINT, market.token.address, 10 * 10**9)["priceImpactPct"] == "0.5"


def test_a_price_is_in_dollars_and_sol_s_is_in_the_same_answer() -> None:
    """So that a client gets the price in SOL from one answer."""
    trading = Trading()
    market = trading.list_token(price=Decimal("0.00002"))
    answer = trading.get("/price/v3", ids=f"{market.token.address},{SOL_MINT}")
    assert answer[market.token.address]["usdPrice"] == 0.003
    assert answer[SOL_MINT]["usdPrice"] == 150.0
    assert answer[market.token.address]["decimals"] == 6
    assert answer[SOL_MINT]["decimals"] == 9
    assert answer[SOL_MINT]["blockId"] == trading.bank.slot()


def test_a_mint_without_a_market_is_left_out() -> None:
    """No key, no null and no error, for real mints and for nonsense."""
    trading = Trading()
    market = trading.list_token()
    answer = trading.get("/price/v3", ids=f"{UNKNOWN_MINT},{market.token.address},nonsense")
    assert list(answer) == [market.token.address]
    assert trading.get("/price/v3", ids=UNKNOWN_MINT) == {}


def test_a_halted_market_keeps_its_price() -> None:
    """The price endpoint tells the last price; only a quote shows that nothing can be sold."""
    trading = Trading()
    market = trading.list_token()
    market.halt()
    assert market.token.address in trading.get("/price/v3", ids=market.token.address)


def test_prices_are_like_the_documented_ones() -> None:
    """With the fields of the current page and of the guide."""
    answer = Trading().get("/price/v3", ids=SOL_MINT)
    examples = [
        *documented("price/index.mdx", key=SOL_MINT),
        *documented("guides/how-to-get-token-price.mdx", key=SOL_MINT),
    ]
    for example in examples:
        assert_like(answer[SOL_MINT], example[SOL_MINT])
