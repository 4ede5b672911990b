"""Faults of HTTP, as httpx and the unmodified `solana` package see them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.core import RPCException
from solders.rpc.errors import NodeUnhealthyMessage

from chain.simulated.faults.acknowledgements import LostAcknowledgement, LostInGateway
from chain.simulated.faults.call import JUPITER, NODE, Ending, Fault
from chain.simulated.faults.delays import Latency, Trickle
from chain.simulated.faults.garbled import BrokenJson, TruncatedJson, WrongType
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.refusals import (
    NODE_IS_BEHIND,
    RPC_TOO_MANY_REQUESTS,
    RateLimited,
    ServerError,
)
from engine.domain.units import SECOND, SOL_MINT, Nanos, seconds
from tests.simulated.faults.stage import GOOD_FOR, PRICES, Stage, staged


def always(fault: Fault, *on: str) -> Rule:
    """Return the rule by which *fault* strikes every request."""
    return Rule(fault=fault, on=on, every=1)


def held(stage: Stage, ask: Callable[[], httpx.Response], span: Nanos) -> httpx.Response:
    """Return the answer to *ask*, which must be held until the clock has moved by *span*."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        assert stage.plan.waiting.wait_for(1, GOOD_FOR)
        stage.clock.advance(Nanos(span - 1))
        assert stage.plan.waiting.count == 1
        assert not answer.done()
        stage.clock.advance(Nanos(1))
        return answer.result(GOOD_FOR)


def test_a_slow_server_is_slow_by_the_clock_of_the_world() -> None:
    """The node and Jupiter alike; no second of the machine is waited for."""
    with staged(always(Latency(least=seconds(30), most=seconds(30)))) as stage:
        assert held(stage, lambda: stage.rpc("getSlot"), seconds(30)).json()["result"] > 0
        assert held(stage, lambda: stage.jupiter(PRICES, ids=SOL_MINT), seconds(30)).status_code == 200
        assert stage.plan.counts() == {"latency": 2}


def test_a_random_delay_is_within_its_bounds_and_repeatable() -> None:
    """Drawn for each request."""

    def delays() -> list[int]:
        with staged(always(Latency(least=seconds(1), most=seconds(9)))) as stage:
            due = []
            for _ in range(4):
                with ThreadPoolExecutor(1) as pool:
                    answer = pool.submit(stage.rpc, "getSlot")
                    assert stage.plan.waiting.wait_for(1, GOOD_FOR)
                    began = stage.clock.now()
                    stage.clock.advance_to(stage.clock.next_at() or began)
                    answer.result(GOOD_FOR)
                due.append(stage.clock.now() - began)
            return due

    first = delays()
    assert all(seconds(1) <= delay <= seconds(9) for delay in first)
    assert len(set(first)) == 4
    assert first == delays()


def test_a_request_is_executed_when_it_arrives_or_answered_late() -> None:
    """A slow way there: what was sent is not queued yet. A slow way back: it is."""
    rules = [
        Rule(fault=Latency(least=seconds(8), most=seconds(8)), on=["sendTransaction"], at=[1], name="there"),
        Rule(
            fault=Latency(least=seconds(8), most=seconds(8), on_the_way_back=True),
            on=["sendTransaction"],
            at=[2],
            name="back",
        ),
    ]
    with staged(*rules) as stage, ThreadPoolExecutor(1) as pool:
        for number, landed_before_the_answer in enumerate((False, True), start=1):
            payment = stage.payment(number)
            answer = pool.submit(stage.send, payment)
            assert stage.plan.waiting.wait_for(1, GOOD_FOR)
            stage.pass_slots(3)
            assert (stage.landed(payment) is not None) is landed_before_the_answer
            stage.pass_slots(30)
            assert answer.result(GOOD_FOR).json()["result"] == str(payment.signatures[0])
            stage.pass_slots(2)
            assert stage.landed(payment) is not None


def test_whoever_asked_may_have_given_up_and_the_request_still_arrives() -> None:
    """A time-out proves nothing about what was sent."""
    with staged(always(Latency(least=seconds(8), most=seconds(8)), "sendTransaction")) as stage:
        payment = stage.payment()
        with pytest.raises(httpx.ReadTimeout):
            stage.rpc("sendTransaction", _base58(bytes(payment)), {"skipPreflight": True}, timeout=0.2)
        stage.pass_slots(20)
        assert stage.plan.waiting.wait_for(0, GOOD_FOR)
        stage.result("getHealth")  # one request at a time: the late one has been served
        stage.pass_slots(2)
        assert stage.landed(payment) is not None


def test_a_world_that_stops_lets_go_of_what_it_holds() -> None:
    """A stopped clock does not keep the server from stopping."""
    failed = threading.Event()

    def ask(stage: Stage) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            stage.rpc("getSlot")
        failed.set()

    with ThreadPoolExecutor(1) as pool:
        with staged(always(Latency(least=seconds(8), most=seconds(8)))) as stage:
            asking = pool.submit(ask, stage)
            assert stage.plan.waiting.wait_for(1, GOOD_FOR)
            stage.world.stop()
            asking.result(GOOD_FOR)
        assert failed.is_set()


def test_an_answer_may_come_by_the_byte() -> None:
    """Every byte is in time, the whole takes for ever."""
    with staged(always(Trickle(pace=seconds(1)))) as stage, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stage.rpc, "getHealth")
        for _ in range(len(b'{"jsonrpc":"2.0","result":"ok","id":5}')):
            assert stage.plan.waiting.wait_for(1, GOOD_FOR)
            stage.clock.advance(seconds(1))
        assert answer.result(GOOD_FOR).json()["result"] == "ok"


def test_jupiter_s_plan_limit_says_when_to_come_back() -> None:
    """With the headers of the gateway."""
    with staged(always(RateLimited(resets_after=seconds(20)), JUPITER)) as stage:
        answer = stage.jupiter(PRICES, ids=SOL_MINT)
        assert (answer.status_code, answer.json()["message"]) == (429, "[API Gateway] Too many requests")
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert int(answer.headers["x-ratelimit-reset"]) == (stage.clock.now() + seconds(20)) // SECOND
        assert answer.headers["x-api-gateway-request-id"]
        assert stage.world.gateway.rate_limit.headers()["x-ratelimit-current"] == "0"


def test_jupiter_s_firewall_does_not() -> None:
    """The same status without a word of when."""
    with staged(always(RateLimited(told=False), JUPITER)) as stage:
        answer = stage.jupiter(PRICES, ids=SOL_MINT)
        assert (answer.status_code, answer.json()) == (429, {"code": 429, "message": "Too many requests"})
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize("told", [True, False])
def test_a_node_s_limit_is_a_json_rpc_error_with_http_429(told: bool) -> None:
    """The `solana` package gives up at the status."""
    with staged(always(RateLimited(told=told), NODE)) as stage:
        answer = stage.rpc("getSlot")
        assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (429, 5, 429)
        assert answer.headers.get("retry-after") == ("10" if told else None)
        with pytest.raises(SolanaRpcException):
            stage.node.get_slot()


def test_a_limit_may_hide_behind_http_200() -> None:
    """Only the JSON says so."""
    with staged(always(RPC_TOO_MANY_REQUESTS)) as stage:
        answer = stage.rpc("getSlot")
        assert (answer.status_code, answer.json()["error"]["code"]) == (200, 429)


def test_a_node_that_is_behind_says_so() -> None:
    """As the `solana` package knows it: code -32005 with the number of slots."""
    with staged(always(NODE_IS_BEHIND)) as stage:
        with pytest.raises(RPCException) as caught:
            stage.node.get_block_height()
        (error,) = caught.value.args
        assert isinstance(error, NodeUnhealthyMessage)
        assert error.data.num_slots_behind == 206


def test_a_batch_is_refused_call_by_call() -> None:
    """One error for each, under its id."""
    with staged(always(NODE_IS_BEHIND)) as stage:
        batch = [{"jsonrpc": "2.0", "id": number, "method": "getSlot"} for number in (1, 2)]
        answers = httpx.post(stage.world.rpc_url, json=batch).json()
        assert [(answer["id"], answer["error"]["code"]) for answer in answers] == [(1, -32005), (2, -32005)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 522])
def test_a_gateway_answers_with_a_page(status: int) -> None:
    """HTML, from the node's address and from Jupiter's."""
    with staged(always(ServerError(status=status))) as stage:
        for answer in (stage.rpc("getSlot"), stage.jupiter(PRICES, ids=SOL_MINT)):
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
        with pytest.raises(SolanaRpcException):
            stage.node.get_slot()


@pytest.mark.parametrize("ending", [Ending.CLOSED, Ending.BROKEN_OFF])
def test_a_lost_acknowledgement_was_executed(ending: Ending) -> None:
    """The second sendTransaction alone; whoever sent it learns nothing, and it lands."""
    rule = Rule(fault=LostAcknowledgement(ending=ending), on=["sendTransaction"], at=[2])
    with staged(rule) as stage:
        acknowledged, lost, again = (stage.payment(lamports) for lamports in (1, 2, 3))
        assert stage.node.send_transaction(acknowledged).value == acknowledged.signatures[0]
        with pytest.raises(SolanaRpcException) as caught:
            stage.node.send_transaction(lost)
        assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError)
        assert stage.node.send_transaction(again).value == again.signatures[0]
        stage.pass_slots(3)
        assert None not in [stage.landed(payment) for payment in (acknowledged, lost, again)]
        assert stage.plan.counts() == {"lost_acknowledgement": 1}


def test_an_answer_that_breaks_off_has_begun() -> None:
    """The status came, half of the body came, and the end never."""
    with staged(always(LostAcknowledgement(ending=Ending.BROKEN_OFF))) as stage:
        url = stage.world.jupiter_url + PRICES
        with httpx.stream("GET", url, params={"ids": SOL_MINT}) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                answer.read()


def test_a_gateway_s_504_may_hide_a_sent_transaction() -> None:
    """The page of a load balancer, and the transaction lands."""
    with staged(always(LostInGateway(), "sendTransaction")) as stage:
        payment = stage.payment()
        assert (stage.send(payment).status_code, stage.plan.counts()) == (504, {"lost_in_gateway": 1})
        stage.pass_slots(2)
        assert stage.landed(payment) is not None


def test_broken_json_is_none_in_every_form() -> None:
    """With HTTP 200, from both servers; every body that is drawn is different from time to time."""
    with staged(always(BrokenJson())) as stage:
        bodies = set()
        for _ in range(20):
            answer = stage.rpc("getSlot")
            assert answer.status_code == 200
            bodies.add(answer.content)
            with pytest.raises((ValueError, RecursionError)):
                json.loads(answer.content, parse_constant=_refuse)
        assert len(bodies) == 6


def test_truncated_json_has_a_sound_length() -> None:
    """It is the body that ends, not the connection."""
    with staged(always(TruncatedJson())) as stage:
        lengths = set()
        for _ in range(10):
            answer = stage.rpc("getEpochInfo")
            assert answer.headers["content-length"] == str(len(answer.content))
            lengths.add(len(answer.content))
            with pytest.raises(json.JSONDecodeError):
                answer.json()
        assert len(lengths) > 1


def test_a_wrong_type_is_put_where_the_script_says() -> None:
    """Null where an object belongs; an answer without that place is left alone."""
    with staged(always(WrongType(place=("result", "value"), value=None))) as stage:
        assert stage.rpc("getLatestBlockhash").json()["result"]["value"] is None
        assert stage.rpc("getSlot").json()["result"] > 0


def test_a_wrong_type_leaves_the_envelope_whole() -> None:
    """The answer is to the request, and something in it is not what it was."""
    with staged(always(WrongType(), NODE)) as stage:
        good = stage.world.bank.slot()
        answers = [stage.rpc("getSlot").json() for _ in range(10)]
        assert {(answer["jsonrpc"], answer["id"]) for answer in answers} == {("2.0", 5)}
        assert all(type(answer["result"]) is not int or answer["result"] != good for answer in answers)


def _base58(raw: bytes) -> str:
    import base58

    return base58.b58encode(raw).decode()


def _refuse(text: str) -> None:
    raise ValueError(text)
