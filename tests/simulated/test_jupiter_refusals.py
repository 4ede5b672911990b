"""What the Jupiter-compatible API answers when it cannot do what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from engine.domain.units import SOL_MINT
from tests.simulated.trading import Trading

UNKNOWN_MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def refusal(trading: Trading, path: str, **query: object) -> tuple[int, Any]:
    """Return status and body of a GET that is refused."""
    answer = trading.ask("GET", path, params={name: str(value) for name, value in query.items()})
    return answer.status_code, answer.json()


QUERY = {"outputMint": SOL_MINT, "amount": "1000000000"}
QUERY_REFUSALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "an unknown mint": (
        {"inputMint": UNKNOWN_MINT},
        {"error": f"The token {UNKNOWN_MINT} is not tradable", "errorCode": "TOKEN_NOT_TRADABLE"},
    ),
    "an unknown output": (
        {"outputMint": UNKNOWN_MINT},
        {"error": f"The token {UNKNOWN_MINT} is not tradable", "errorCode": "TOKEN_NOT_TRADABLE"},
    ),
    "a mint that is none": ({"inputMint": "0OIl"}, {"error": "Query parameter inputMint cannot be parsed: Invalid"}),
    "a mint that is too short": (
        {"inputMint": "abc"},
        {"error": "Query parameter inputMint cannot be parsed: WrongSize"},
    ),
    "SOL for SOL": (
        {"inputMint": SOL_MINT},
        {"error": "Circular arbitrage is disabled", "errorCode": "CIRCULAR_ARBITRAGE_IS_DISABLED"},
    ),
    "a fractional amount": (
        {"amount": "1.5"},
        {"error": "Query parameter amount cannot be parsed: ParseIntError { kind: InvalidDigit }"},
    ),
    "a negative amount": (
        {"amount": "-1"},
        {"error": "Query parameter amount cannot be parsed: ParseIntError { kind: InvalidDigit }"},
    ),
    "no amount": ({"amount": ""}, {"error": "Query parameter amount cannot be parsed: ParseIntError { kind: Empty }"}),
    "an amount beyond u64": (
        {"amount": str(2**64)},
        {"error": "Query parameter amount cannot be parsed: ParseIntError { kind: PosOverflow }"},
    ),
    "an amount of nothing": (
        {"amount": "0"},
        {"error": "Could not find any route", "errorCode": "COULD_NOT_FIND_ANY_ROUTE"},
    ),
    "slippage beyond everything": (
        {"slippageBps": "10001"},
        {
            "error": "Cannot compute other amount threshold: slippageBps must be from 0 to 10000",
            "errorCode": "CANNOT_COMPUTE_OTHER_AMOUNT_THRESHOLD",
        },
    ),
    "slippage that is no number": (
        {"slippageBps": "1%"},
        {"error": "Query parameter slippageBps cannot be parsed: ParseIntError { kind: InvalidDigit }"},
    ),
    "exact out": (
        {"swapMode": "ExactOut"},
        {"error": "swapMode ExactOut is not supported", "errorCode": "NOT_SUPPORTED"},
    ),
    "a platform fee": (
        {"platformFeeBps": "20"},
        {"error": "platformFeeBps is not supported", "errorCode": "NOT_SUPPORTED"},
    ),
    "two lists of venues": (
        {"dexes": "Raydium", "excludeDexes": "Whirlpool"},
        {"error": "Cannot set dexes and exclude dexes at the same time", "errorCode": "INVALID_REQUEST"},
    ),
    "venues that have no market": ({"dexes": "Raydium"}, {"error": "No routes found", "errorCode": "NO_ROUTES_FOUND"}),
    "no venue left": (
        {"excludeDexes": "Simulated Market"},
        {"error": "No routes found", "errorCode": "NO_ROUTES_FOUND"},
    ),
}


@pytest.mark.parametrize(("changes", "body"), QUERY_REFUSALS.values(), ids=QUERY_REFUSALS.keys())
def test_a_quote_is_refused_with_jupiter_s_own_body(changes: dict[str, str], body: dict[str, str]) -> None:
    """Each reason has its status 400, sentence and code."""
    trading = Trading()
    query = {"inputMint": trading.list_token().token.address, **QUERY, **changes}
    assert refusal(trading, "/swap/v1/quote", **query) == (400, body)


@pytest.mark.parametrize("missing", ["inputMint", "outputMint", "amount"])
def test_a_quote_without_a_parameter_is_refused(missing: str) -> None:
    """The parameter is named."""
    trading = Trading()
    query = {"inputMint": trading.list_token().token.address, **QUERY}
    del query[missing]
    status, body = refusal(trading, "/swap/v1/quote", **query)
    assert (status, body["error"]) == (400, f"Failed to deserialize query string: missing field `{missing}`")


def test_a_halted_market_has_no_route_on_either_path() -> None:
    """Until it is resumed; the second version states no code."""
    trading = Trading()
    market = trading.list_token()
    market.halt()
    query = {"inputMint": market.token.address, **QUERY}
    assert refusal(trading, "/swap/v1/quote", **query) == (
        400,
        {"error": "No routes found", "errorCode": "NO_ROUTES_FOUND"},
    )
    assert refusal(trading, "/swap/v2/build", taker=trading.address, **query) == (400, {"error": "No routes found"})
    market.resume()
    assert trading.quote(market.token.address, SOL_MINT, 10**9)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"taker": "0"}, "Query parameter taker cannot be parsed: Invalid"),
        ({"inputMint": UNKNOWN_MINT}, f"The token {UNKNOWN_MINT} is not tradable"),
        ({"dexes": "A", "excludeDexes": "B"}, "dexes and excludeDexes are mutually exclusive"),
        ({"wrapAndUnwrapSol": "maybe"}, "Query parameter wrapAndUnwrapSol cannot be parsed: ParseBoolError"),
        ({"payer": UNKNOWN_MINT}, "a payer besides the taker is not supported"),
        ({"destinationTokenAccount": UNKNOWN_MINT}, "destinationTokenAccount is not supported"),
        ({"tipAmount": "1000000"}, "tipAmount is not supported"),
        (
            {"computeUnitPricePercentile": "low"},
            "Query parameter computeUnitPricePercentile cannot be parsed: ParseIntError { kind: InvalidDigit }",
        ),
    ],
)
def test_a_build_is_refused_with_a_sentence_and_no_code(changes: dict[str, str], sentence: str) -> None:
    """The second version's bodies have nothing but the error."""
    trading = Trading()
    query = {"inputMint": trading.list_token().token.address, "taker": trading.address, **QUERY, **changes}
    assert refusal(trading, "/swap/v2/build", **query) == (400, {"error": sentence})


def posted(change: Callable[[dict[str, Any]], object]) -> httpx.Response:
    """Return the answer to a swap whose body was good before *change*."""
    trading = Trading()
    quote = trading.quote(trading.list_token(held=10_000).token.address, SOL_MINT, 10**9)
    body = {"userPublicKey": trading.address, "quoteResponse": quote}
    change(body)
    return trading.ask("POST", "/swap/v1/swap", json=body)


def test_a_quote_must_come_back_as_it_was_answered() -> None:
    """An altered amount is refused: the chain's minimum would not be the quote's."""
    answer = posted(lambda body: body["quoteResponse"].update(outAmount="19999201"))
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "quoteResponse is not a quote of this server: hand it back as it was answered",
        "errorCode": "INVALID_REQUEST",
    }


def test_a_quote_that_lost_an_unnamed_field_is_a_server_error() -> None:
    """As with the real API, a client must keep fields that it does not know."""
    answer = posted(lambda body: body["quoteResponse"].pop("loadedLongtailToken"))
    assert (answer.status_code, answer.json()) == (500, {"error": "quoteResponse is missing loadedLongtailToken"})


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda body: body.pop("userPublicKey"), "missing field `userPublicKey`"),
        (lambda body: body.pop("quoteResponse"), "missing field `quoteResponse`"),
        (lambda body: body["quoteResponse"].pop("routePlan"), "quoteResponse: missing field `routePlan`"),
        (lambda body: body.update(userPublicKey="0"), "userPublicKey: Invalid"),
        (lambda body: body.update(wrapAndUnwrapSol="yes"), "wrapAndUnwrapSol: Input should be a valid boolean"),
        (
            lambda body: body.update(
                prioritizationFeeLamports={"priorityLevelWithMaxLamports": {"priorityLevel": "huge", "maxLamports": 1}}
            ),
            "prioritizationFeeLamports.priorityLevelWithMaxLamports: invalid level or maxLamports",
        ),
    ],
)
def test_a_body_of_the_wrong_form_is_unprocessable(change: Callable[[dict[str, Any]], object], detail: str) -> None:
    """Status 422 with the deserializer's sentence as plain text."""
    answer = posted(change)
    assert answer.status_code == 422
    assert answer.text == f"Failed to deserialize the JSON body into the target type: {detail}"


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        (
            {"prioritizationFeeLamports": 1, "computeUnitPriceMicroLamports": 1},
            {
                "error": "Cannot set computeUnitPriceMicroLamports and prioritizationFeeLamports at the same time",
                "errorCode": "INVALID_COMPUTE_UNIT_PRICE_AND_PRIORITIZATION_FEE",
            },
        ),
        (
            {"prioritizationFeeLamports": {"jitoTipLamports": 1_000}},
            {"error": "prioritizationFeeLamports of jitoTipLamports is not supported", "errorCode": "NOT_SUPPORTED"},
        ),
        ({"feeAccount": UNKNOWN_MINT}, {"error": "feeAccount is not supported", "errorCode": "NOT_SUPPORTED"}),
        ({"payer": UNKNOWN_MINT}, {"error": "a payer besides the user is not supported", "errorCode": "NOT_SUPPORTED"}),
        (
            {"destinationTokenAccount": UNKNOWN_MINT},
            {"error": "destinationTokenAccount is not supported", "errorCode": "NOT_SUPPORTED"},
        ),
    ],
)
def test_a_swap_that_would_pay_otherwise_is_refused(changes: dict[str, object], body: dict[str, str]) -> None:
    """What is not done is refused rather than ignored."""
    answer = posted(lambda sent: sent.update(changes))
    assert (answer.status_code, answer.json()) == (400, body)


def test_prices_of_too_many_or_no_mints_are_refused() -> None:
    """Fifty at a time."""
    trading = Trading()
    assert refusal(trading, "/price/v3", ids=",".join([SOL_MINT] * 51))[0] == 400
    assert refusal(trading, "/price/v3", ids="")[0] == 400
    assert refusal(trading, "/price/v3")[0] == 400
    assert trading.get("/price/v3", ids=",".join([SOL_MINT] * 50))
