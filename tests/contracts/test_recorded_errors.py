"""Every error body that was recorded of Jupiter, of Solana's nodes and of the gateways before them has a meaning."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chain.failures import Blame, blame, of_rpc, was_processed
from chain.jupiter.build import JupiterBuild
from chain.jupiter.errors import JupiterError, KeyRefusedError, Problem, RateLimitedError
from chain.node.rpc import RpcError
from engine.domain.errors import ChainUnavailableError, FailureKind
from tests.chain.answers import SELL, WALLET
from tests.chain.recordings import DATA, needs_recordings, recorded
from tests.chain.wire import Wire, always, failing, jupiter, rpc

KINDS = {
    Problem.NO_ROUTE: FailureKind.REFUSED,
    Problem.NOT_TRADABLE: FailureKind.REFUSED,
    Problem.RATE_LIMITED: FailureKind.TRANSIENT,
    Problem.BAD_REQUEST: FailureKind.REFUSED,
    Problem.KEY_REFUSED: FailureKind.PERMANENT,
    Problem.UPSTREAM_DOWN: FailureKind.TRANSIENT,
}

SWAP_ERRORS = {
    "No routes found": Problem.NO_ROUTE,
    "Could not find any route": Problem.NO_ROUTE,
    "The token 11111111111111111111111111111111 is not tradable": Problem.NOT_TRADABLE,
    "Setting restrict_intermediate_tokens to false is not supported for free tier users": Problem.BAD_REQUEST,
    "Cannot set dexes and exclude dexes at the same time": Problem.BAD_REQUEST,
    "Something unexpected occurred": Problem.UPSTREAM_DOWN,
}
"""By the sentence of the body."""

UNREACHED = {
    "transport_deadline": httpx.ReadTimeout("slow"),
    "transport_eof": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "transport_refused": httpx.ConnectError("refused"),
}

NODE_ERRORS = {
    "blockhash_not_found": (FailureKind.TRANSIENT, Blame.NONE),
    "already_processed": (FailureKind.REFUSED, Blame.NONE),
    "jupiter4_program_error_0x1786": (FailureKind.REFUSED, Blame.NONE),
    "min_context_slot": (FailureKind.TRANSIENT, Blame.LACKS),
}
"""All others are an endpoint's own trouble: nothing is known, and the next one is asked."""

CODES = {
    "PARSE_ERROR": (FailureKind.REFUSED, Blame.NONE),
    "INVALID_REQUEST": (FailureKind.REFUSED, Blame.NONE),
    "INVALID_PARAMS": (FailureKind.REFUSED, Blame.NONE),
    "METHOD_NOT_FOUND": (FailureKind.REFUSED, Blame.LACKS),
    "INTERNAL_ERROR": (FailureKind.TRANSIENT, Blame.UNFIT),
    "SERVER_ERROR_NODE_UNHEALTHY": (FailureKind.TRANSIENT, Blame.UNFIT),
    "SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE": (FailureKind.TRANSIENT, Blame.NONE),
    "SERVER_ERROR_TRANSACTION_SIGNATURE_VERIFICATION_FAILURE": (FailureKind.REFUSED, Blame.NONE),
    "SERVER_ERROR_TRANSACTION_PRECOMPILE_VERIFICATION_FAILURE": (FailureKind.REFUSED, Blame.NONE),
    "SERVER_ERROR_TRANSACTION_SIGNATURE_LEN_MISMATCH": (FailureKind.REFUSED, Blame.NONE),
    "SERVER_ERROR_UNSUPPORTED_TRANSACTION_VERSION": (FailureKind.TRANSIENT, Blame.NONE),
    "SERVER_ERROR_EPOCH_REWARDS_PERIOD_ACTIVE": (FailureKind.TRANSIENT, Blame.NONE),
    "SERVER_ERROR_SLOT_NOT_EPOCH_BOUNDARY": (FailureKind.TRANSIENT, Blame.NONE),
    "SERVER_ERROR_FILTER_TRANSACTION_NOT_FOUND": (FailureKind.TRANSIENT, Blame.NONE),
    "SCAN_ERROR": (FailureKind.TRANSIENT, Blame.NONE),
}
"""All others are of a piece of the chain that this node has not, or not yet."""


def _of_jupiter(status: int, body: Any) -> JupiterError:
    with pytest.raises(JupiterError) as caught:
        JupiterBuild(jupiter(always(status, body)), taker=WALLET).ask(SELL)
    return caught.value


@needs_recordings
def test_every_recorded_error_of_a_quote_is_the_problem_that_it_names() -> None:
    """Each has one of six meanings, and the kind of failure that goes with it."""
    cases = recorded("jupiter/error_codes_and_limits.json")["quote_v1_error_bodies"]
    problems = {case["body"]["error"]: _of_jupiter(case["http"], case["body"]) for case in cases}
    assert {said: error.problem for said, error in problems.items()} == SWAP_ERRORS
    assert all(error.kind is KINDS[error.problem] for error in problems.values())


def _documented() -> Iterator[dict[str, Any]]:
    for example in recorded("jupiter/docs/examples.json"):
        body = example["json"]
        if isinstance(body, dict) and body.get("error") and "outAmount" not in body:
            yield body


@needs_recordings
def test_every_documented_error_body_has_one_meaning() -> None:
    """Of whichever of Jupiter's APIs; a code of the body that is an HTTP status is taken for the answer's."""
    seen: dict[Problem, int] = dict.fromkeys(Problem, 0)
    for body in _documented():
        code = body.get("code")
        error = _of_jupiter(code if isinstance(code, int) and 400 <= code < 600 else 400, body)
        assert str(body["error"])[:40] in str(error)
        assert error.kind is KINDS[error.problem]
        seen[error.problem] += 1
    assert sum(seen.values()) >= 20
    assert seen[Problem.NO_ROUTE] == sum(body["error"] == "Failed to get quotes" for body in _documented())
    assert seen[Problem.UPSTREAM_DOWN] == sum(body.get("code") == 500 for body in _documented())
    assert sum(seen.values()) - seen[Problem.NO_ROUTE] - seen[Problem.UPSTREAM_DOWN] == seen[Problem.BAD_REQUEST]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_typed(status: int) -> None:
    """Whoever tells a person can tell it from everything else."""
    assert isinstance(_of_jupiter(status, {"error": "Unauthorized"}), KeyRefusedError)


def test_a_used_up_limit_is_typed() -> None:
    """With its own body as with the firewall's."""
    for message in ("[API Gateway] Too many requests", "Too many requests"):
        assert isinstance(_of_jupiter(429, {"code": 429, "message": message}), RateLimitedError)


def _of_node(wire: Wire) -> ChainUnavailableError:
    with pytest.raises(ChainUnavailableError) as caught:
        rpc(wire).call("sendTransaction", ["..."])
    return caught.value


def _enveloped(body: Any) -> Any:
    return {"jsonrpc": "2.0", "id": 1, "error": body} if isinstance(body, dict) and "jsonrpc" not in body else body


@needs_recordings
def test_every_recorded_error_of_a_node_or_gateway_has_one_meaning() -> None:
    """For the swap that it stops, and for the endpoint that gave it."""
    found = {}
    for case in recorded("rpc/errors_recorded.json"):
        name, status = case["name"], case["http_status"]
        error = _of_node(failing(UNREACHED[name]) if status is None else always(status, _enveloped(case["body"])))
        found[name] = (of_rpc(error).kind, blame(error))
        assert was_processed(error) == (name == "already_processed")
    assert len(found) == 18
    assert {name: meaning for name, meaning in found.items() if meaning != (FailureKind.TRANSIENT, Blame.UNFIT)} == (
        NODE_ERRORS
    )


@needs_recordings
def test_every_recorded_answer_with_an_error_is_one() -> None:
    """None of a client library's own recordings is taken for a result; a lack of SOL is one of the wallet."""
    kinds = {}
    for case in recorded("rpc/solders/rpc_responses.json"):
        if "error" in (case["response"] if isinstance(case["response"], dict) else {}):
            kinds[case["name"]] = of_rpc(_of_node(always(200, case["response"]))).kind
    assert kinds == {
        "get_account_info_error": FailureKind.REFUSED,
        "get_health_resp_unhealthy_generic": FailureKind.TRANSIENT,
        "get_health_additional_info": FailureKind.TRANSIENT,
        "parse_ws_message": FailureKind.REFUSED,
        "parse_preflight_error_2": FailureKind.PERMANENT,
        "parse_instruction_error_2": FailureKind.REFUSED,
        "parse_transaction_error_2": FailureKind.PERMANENT,
    }


@needs_recordings
def test_every_code_of_solana_has_one_meaning() -> None:
    """Of the table of Solana's own client."""
    with (DATA / "rpc" / "jsonrpc_codes.csv").open() as table:
        codes = {row["name"]: int(row["code"]) for row in csv.DictReader(table)}
    errors = {name: RpcError("m", code, name) for name, code in codes.items()}
    assert set(CODES) < set(errors)
    for name, error in errors.items():
        expected = CODES.get(name, (FailureKind.TRANSIENT, Blame.LACKS))
        assert (of_rpc(error).kind, blame(error)) == expected, name
