"""JSON-RPC over HTTP: results, the node's errors and the gateways'."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chain.node.rpc import RpcError, latest_blockhash, understood
from engine.domain.errors import ChainUnavailableError
from tests.chain.recordings import needs_recordings, recorded
from tests.chain.wire import Failing, Node, Wire, always, failing, rpc


def test_a_call_is_json_rpc_and_its_result_comes_back() -> None:
    """Version, method and params are sent; ids are never used twice."""
    node = Node(getSlot=7)
    client = rpc(node)
    assert [client.call("getSlot", [{"commitment": "finalized"}]), client.call("getSlot")] == [7, 7]
    assert node.json(0) == {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": [{"commitment": "finalized"}]}
    assert node.json(1)["id"] == 2


def test_a_null_result_is_a_result() -> None:
    """A node answers null for what it does not have."""
    assert rpc(Node(getTransaction=None)).call("getTransaction", ["sig"]) is None


def test_the_nodes_error_keeps_code_message_and_data() -> None:
    """Whoever called can tell what the node said."""
    node = Node(sendTransaction=Failing({"code": -32002, "message": "failed", "data": {"err": "BlockhashNotFound"}}))
    with pytest.raises(RpcError, match="sendTransaction failed with -32002: failed") as caught:
        rpc(node).call("sendTransaction", ["..."])
    assert (caught.value.code, caught.value.data, caught.value.status) == (-32002, {"err": "BlockhashNotFound"}, 200)


@needs_recordings
def test_every_recorded_error_is_an_error_of_the_chain() -> None:
    """Whatever nodes and gateways were seen to answer, nothing is taken for a result."""
    seen = 0
    for case in recorded("rpc/errors_recorded.json"):
        if case["http_status"] is None:
            continue
        body = case["body"]
        if isinstance(body, dict) and "jsonrpc" not in body:
            body = {"jsonrpc": "2.0", "id": 1, "error": body}
        with pytest.raises(ChainUnavailableError):
            rpc(always(case["http_status"], body)).call("sendTransaction", ["..."])
        seen += 1
    assert seen >= 12


@needs_recordings
@pytest.mark.parametrize(
    ("name", "code", "status"),
    [("helius_503", -32002, 503), ("helius_504", -32003, 504), ("http_429_json_rpcpool", 429, 429)],
)
def test_a_gateways_error_keeps_its_http_status(name: str, code: int, status: int) -> None:
    """Providers reuse the node's codes, so the status is needed to know who speaks."""
    case = next(case for case in recorded("rpc/errors_recorded.json") if case["name"] == name)
    with pytest.raises(RpcError) as caught:
        rpc(always(case["http_status"], case["body"])).call("getSlot")
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    "body",
    [[], 7, None, {}, {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "2.0", "id": 99, "result": 7}],
)
def test_what_is_no_answer_to_the_call_is_refused(body: Any) -> None:
    """Other JSON, an answer without result, and the answer to another call."""
    with pytest.raises(ChainUnavailableError, match="getSlot"):
        rpc(always(200, body)).call("getSlot")


@pytest.mark.parametrize("error", ["down", {"code": "x"}, None])
def test_a_malformed_error_is_still_an_error(error: Any) -> None:
    """Whatever is in the place of the error object, the call failed."""
    with pytest.raises(RpcError, match="HTTP 500"):
        rpc(always(500, {"error": error})).call("getSlot")


def test_a_silent_node_is_an_unavailable_chain() -> None:
    """A time-out is named with the method that ran into it."""
    with pytest.raises(ChainUnavailableError, match=r"getSlot: the Solana RPC at 127\.0\.0\.1 did not answer in time"):
        rpc(failing(httpx.ReadTimeout("slow"))).call("getSlot")


def test_a_null_error_is_none() -> None:
    """Servers that follow JSON-RPC 1.0 send one beside every result; without a result it is no answer."""
    answers = iter([{"id": 1, "result": 7, "error": None}, {"id": 2, "error": None}])
    client = rpc(Wire(lambda _: httpx.Response(200, json=next(answers))))
    assert client.call("getSlot") == 7
    with pytest.raises(ChainUnavailableError):
        client.call("getSlot")


def test_an_unknown_shape_becomes_the_error_of_the_port() -> None:
    """A missing field names the method and the field."""
    with pytest.raises(ChainUnavailableError, match=r"getBalance.*KeyError: 'value'"), understood("getBalance"):
        dict[str, int]()["value"]


@pytest.mark.parametrize("blockhash", ["", "not base58!", "1" * 31, 7, None])
def test_a_blockhash_that_is_none_is_an_unknown_shape(blockhash: Any) -> None:
    """Solders has an error of its own for it, which nobody else would understand."""
    value = {"blockhash": blockhash, "lastValidBlockHeight": 7}
    with pytest.raises(ChainUnavailableError, match="getLatestBlockhash"):
        latest_blockhash(rpc(Node(getLatestBlockhash={"context": {"slot": 1}, "value": value})))
