"""Jupiter's errors, and its v2 API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from solders.hash import Hash

from chain.jupiter.build import JupiterBuild
from chain.jupiter.errors import RateLimitedError
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SECOND, SOL_MINT
from tests.chain.answers import (
    BLOCKHASH,
    BUY,
    LAST_VALID,
    MINT,
    POOLS,
    SELL,
    TABLE,
    WALLET,
    build_answer,
    instruction_parts,
)
from tests.chain.recordings import needs_recordings, recorded
from tests.chain.wire import Wire, always, failing, jupiter

KEY = "jup-secret-key"


def _build(wire: Wire, **options: Any) -> JupiterBuild:
    return JupiterBuild(jupiter(wire, KEY), taker=WALLET, **options)


def _error(status: int, body: Any, headers: dict[str, str] | None = None) -> SwapError:
    with pytest.raises(SwapError) as caught:
        _build(always(status, body, headers)).ask(SELL)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "No routes found", "errorCode": "NO_ROUTES_FOUND"}, FailureKind.REFUSED, "NO_ROUTES_FOUND"),
        (400, {"error": "x", "errorCode": "COULD_NOT_FIND_ANY_ROUTE"}, FailureKind.REFUSED, "COULD_NOT_FIND_ANY_ROUTE"),
        (400, {"error": "x", "errorCode": "TOKEN_NOT_TRADABLE"}, FailureKind.REFUSED, "TOKEN_NOT_TRADABLE"),
        (400, {"error": "x", "errorCode": "NEXT_YEARS_CODE"}, FailureKind.REFUSED, "NEXT_YEARS_CODE"),
        (400, {"error": "Failed to get quotes"}, FailureKind.REFUSED, "HTTP_400"),
        (
            400,
            {"error": "x", "errorCode": "FAILED_TO_GET_SWAP_AND_ACCOUNT_METAS"},
            FailureKind.TRANSIENT,
            "FAILED_TO_GET_SWAP_AND_ACCOUNT_METAS",
        ),
        (400, "<html>Bad Request</html>", FailureKind.TRANSIENT, "HTTP_400"),
        (200, {"error": "x", "errorCode": "NO_ROUTES_FOUND"}, FailureKind.REFUSED, "NO_ROUTES_FOUND"),
        (200, ["not", "an", "object"], FailureKind.REFUSED, "HTTP_200"),
        (200, "<html>hello</html>", FailureKind.TRANSIENT, "HTTP_200"),
        (401, {"code": 401, "message": "Unauthorized"}, FailureKind.PERMANENT, "HTTP_401"),
        (403, {"message": "API key does not have access to this endpoint"}, FailureKind.PERMANENT, "HTTP_403"),
        (403, "<html>Request blocked by firewall</html>", FailureKind.PERMANENT, "HTTP_403"),
        (404, {"error": "not found"}, FailureKind.TRANSIENT, "HTTP_404"),
        (408, {}, FailureKind.TRANSIENT, "HTTP_408"),
        (429, {"code": 429, "message": "[API Gateway] Too many requests"}, FailureKind.TRANSIENT, "HTTP_429"),
        (429, "<html>429</html>", FailureKind.TRANSIENT, "HTTP_429"),
        (500, {"error": "Something unexpected occurred"}, FailureKind.TRANSIENT, "HTTP_500"),
        (500, {"error": "x", "errorCode": "NO_ROUTES_FOUND"}, FailureKind.TRANSIENT, "HTTP_500"),
        (502, "<html>Bad Gateway</html>", FailureKind.TRANSIENT, "HTTP_502"),
        (503, {}, FailureKind.TRANSIENT, "HTTP_503"),
        (504, "", FailureKind.TRANSIENT, "HTTP_504"),
    ],
)
def test_what_an_answer_other_than_a_quote_means(status: int, body: Any, kind: FailureKind, code: str) -> None:
    """The error code decides where there is one; a page without JSON is a gateway's and passes."""
    error = _error(status, body)
    assert (error.kind, error.code) == (kind, code)


@needs_recordings
@pytest.mark.parametrize("at", range(6))
def test_the_recorded_error_bodies_are_refused_or_transient(at: int) -> None:
    """HTTP 400 with its code is refused, HTTP 500 is transient; the code is kept."""
    case = recorded("jupiter/error_codes_and_limits.json")["quote_v1_error_bodies"][at]
    error = _error(case["http"], case["body"])
    assert error.kind is (FailureKind.REFUSED if case["http"] == 400 else FailureKind.TRANSIENT)
    if case["http"] == 400:
        assert error.code == case["body"]["errorCode"]
    assert case["body"]["error"] in str(error)


@pytest.mark.parametrize(
    ("headers", "reset_at"),
    [
        ({"x-ratelimit-reset": "1780000042", "x-ratelimit-remaining": "-1"}, 1_780_000_042 * SECOND),
        ({}, None),
        ({"x-ratelimit-reset": "soon"}, None),
    ],
)
@pytest.mark.parametrize("body", [{"code": 429, "message": "Too many requests"}, "<html>"])
def test_a_used_up_limit_says_when_it_is_free_again(headers: dict[str, str], reset_at: int | None, body: Any) -> None:
    """By x-ratelimit-reset, Unix seconds, where it is a number."""
    with pytest.raises(RateLimitedError) as caught:
        _build(always(429, body, headers)).ask(SELL)
    assert caught.value.reset_at == reset_at
    assert caught.value.kind is FailureKind.TRANSIENT


def test_a_refused_key_says_what_to_check_and_does_not_show_it() -> None:
    """A person has to act, so the sentence says upon what."""
    error = _error(401, {"message": f"invalid api key {KEY}"})
    assert "check the Jupiter API key" in str(error)
    assert KEY not in str(error)


def test_jupiters_reference_of_a_request_is_kept() -> None:
    """Their support asks for it."""
    headers = {"x-api-gateway-request-id": "req-7"}
    assert "req-7" in str(_error(500, {"error": "x"}, headers))
    assert "req-7" in str(_error(400, {"error": "x", "errorCode": "NO_ROUTES_FOUND"}, headers))


@pytest.mark.parametrize("raised", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_silent_jupiter_is_transient(raised: Exception) -> None:
    """Nothing was signed, so nothing is uncertain."""
    with pytest.raises(SwapError) as caught:
        _build(failing(raised)).ask(SELL)
    assert caught.value.kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("request_", "mints"), [(SELL, (MINT, SOL_MINT)), (BUY, (SOL_MINT, MINT))], ids=["sell", "buy"]
)
def test_build_is_asked_for_the_swap_of_the_wallet(request_: Any, mints: tuple[str, str]) -> None:
    """Every documented parameter that we decide, slippage 0 included, and the key in its header."""
    wire = always(200, build_answer(request_))
    _build(wire).ask(request_)
    sent = wire.requests[0]
    assert (sent.method, sent.url.path, sent.headers["x-api-key"]) == ("GET", "/swap/v2/build", KEY)
    assert {key: value[0] for key, value in parse_qs(sent.url.query.decode()).items()} == {
        "inputMint": mints[0],
        "outputMint": mints[1],
        "amount": str(request_.amount),
        "taker": WALLET,
        "slippageBps": str(request_.slippage),
        "wrapAndUnwrapSol": "true",
        "blockhashSlotsToExpiry": "60",
    }


def test_without_a_key_none_is_sent() -> None:
    """Jupiter takes an empty key for a wrong one."""
    wire = always(200, build_answer(SELL))
    JupiterBuild(jupiter(wire), taker=WALLET).ask(SELL)
    assert "x-api-key" not in wire.requests[0].headers


def test_a_route_may_be_kept_short() -> None:
    """Fewer accounts make a smaller transaction."""
    wire = always(200, build_answer(SELL))
    _build(wire, max_accounts=40).ask(SELL)
    assert "maxAccounts=40" in str(wire.requests[0].url)


def test_a_builds_blockhash_height_and_tables_are_taken_over() -> None:
    """The blockhash comes as 32 numbers, the tables with their contents."""
    swap = _build(always(200, {})).instructions(build_answer(SELL))
    assert (swap.blockhash, swap.last_valid_block_height) == (Hash(BLOCKHASH), LAST_VALID)
    (table,) = swap.lookup_tables
    assert (str(table.key), [str(key) for key in table.addresses]) == (TABLE, POOLS)


def test_a_build_without_tables_is_whole() -> None:
    """Null stands for none."""
    swap = _build(always(200, {})).instructions(build_answer(SELL, addressesByLookupTableAddress=None))
    assert swap.lookup_tables == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"swapInstruction": None},
        {"swapInstruction": {"programId": "x"}},
        {"setupInstructions": [7]},
        {"blockhashWithMetadata": None},
        {"blockhashWithMetadata": {"blockhash": [1, 2], "lastValidBlockHeight": 7}},
        {"blockhashWithMetadata": {"blockhash": [999] * 32, "lastValidBlockHeight": 7}},
        {"blockhashWithMetadata": {"blockhash": "abc", "lastValidBlockHeight": 7}},
        {"blockhashWithMetadata": {"blockhash": list(BLOCKHASH), "lastValidBlockHeight": None}},
        {"addressesByLookupTableAddress": {"x": ["y"]}},
        {"addressesByLookupTableAddress": [TABLE]},
    ],
)
def test_a_build_of_unknown_shape_is_refused(changes: dict[str, Any]) -> None:
    """Nothing is guessed; the other instructions are not sent without the missing one."""
    with pytest.raises(SwapError, match="unknown shape") as caught:
        _build(always(200, {})).instructions(build_answer(SELL, **changes))
    assert caught.value.kind is FailureKind.REFUSED


@needs_recordings
def test_recorded_instructions_are_read_like_a_builds() -> None:
    """A recorded answer has the same parts, and a blockhash of 32 numbers."""
    answer = recorded("jupiter/jupiter_go/swapInstructionsWithJito.json")
    swap = _build(always(200, {})).instructions(answer)
    assert swap.last_valid_block_height == 306902157
    assert len(swap.instructions) == len(answer["setupInstructions"]) + 3
    assert set(instruction_parts()) <= set(answer)
