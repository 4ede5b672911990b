"""Requests to the outside, as the clients tell of them and the metrics count them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import closing

import httpx
import pytest

from chain.http.client import HttpClient, HttpError, NoBudgetError, OnCall
from chain.http.gate import Rank
from chain.node.rpc import RpcClient
from chain.prices.dexscreener import DexScreenerPrices, dexscreener_http
from engine.clock import ManualClock
from engine.config import Settings
from engine.connections import Network
from engine.domain.errors import ChainUnavailableError, PriceUnavailableError
from engine.domain.units import Mint, Nanos
from engine.metrics.metrics import Metrics
from tests.chain.wire import Wire, always, failing
from tests.engine.metered import Metered

KEY = "0123456789abcdef"
URL = f"http://node.example/{KEY}"


class Calls:
    """Keeps what it is told of, without the seconds, which must be some."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, str]] = []

    def __call__(self, server: str, method: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.made.append((server, method, outcome))


class Spent:
    """A gate that lets nothing through."""

    def admit(self, rank: Rank) -> None:
        raise NoBudgetError("spent", next_at=Nanos(1))

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        raise AssertionError("nothing was asked")


@pytest.mark.parametrize(
    ("wire", "outcome"),
    [
        (always(200, {"result": 1}), "ok"),
        (always(200, {"error": {"code": -32005, "message": "behind"}}), "error"),
        (always(429, {"error": "slow down"}), "http_429"),
        (always(429, "<html>slow down</html>"), "http_429"),
        (always(404, {}), "http_4xx"),
        (always(503, "<html>busy</html>"), "http_5xx"),
        (always(200, "<html>welcome</html>"), "not_json"),
        (failing(httpx.ConnectError("refused")), "unreachable"),
        (failing(httpx.ReadTimeout("slow")), "no_answer"),
        (failing(httpx.RemoteProtocolError("gone")), "no_answer"),
    ],
)
def test_each_request_is_told_once_with_what_came_of_it(wire: Wire, outcome: str) -> None:
    """In one of a few words, whether or not it raises; the key in the URL does not show."""
    calls = Calls()
    client = HttpClient(URL, name="the node", on_call=calls, transport=wire.transport)
    try:
        client.get("/price", {"ids": "a,b"})
    except HttpError:
        assert outcome not in ("ok", "error")
    assert calls.made == [("the node at node.example", "/price", outcome)]
    assert KEY not in str(calls.made)


def test_a_request_that_was_not_made_is_told_as_such() -> None:
    """A limit that leaves no room is no fault of the server."""
    calls = Calls()
    client = HttpClient(URL, name="the node", gate=Spent(), on_call=calls, transport=always(200, {}).transport)
    with pytest.raises(NoBudgetError):
        client.post("/swap", {})
    assert calls.made == [("the node at node.example", "/swap", "not_made")]


def test_a_node_s_methods_are_told_by_name() -> None:
    """All of them have the same path."""
    calls = Calls()
    node = RpcClient(URL, on_call=calls, transport=failing(httpx.ReadTimeout("slow")).transport)
    with pytest.raises(ChainUnavailableError):
        node.call("getSlot")
    assert [(method, outcome) for _, method, outcome in calls.made] == [("getSlot", "no_answer")]


def test_the_mints_in_a_path_are_not_told() -> None:
    """DexScreener's paths end with what is asked for: there would be no end of them."""
    calls = Calls()
    clock = ManualClock()
    http = dexscreener_http("http://dex.example", clock, on_call=calls, transport=always(200, []).transport)
    DexScreenerPrices(http, clock).fetch([Mint("one"), Mint("two")])
    assert {method for _, method, _ in calls.made} == {"/tokens/v1/solana"}


def test_the_network_tells_of_its_nodes_and_of_jupiter() -> None:
    """Until who listens has heard enough; without a websocket there is nothing to count of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = Settings().at(rpc_url=nobody, ws_url=None, jupiter_url=nobody)
    calls = Calls()
    with closing(Network(settings, ManualClock(), listen=False)) as network:
        end = network.observe_calls(calls)
        ask(network)
        heard = set(calls.made)
        end()
        ask(network)
        assert network.websocket_counts() == {}
    assert heard == {
        ("the Solana RPC at 127.0.0.1", "getSlot", "unreachable"),
        ("Jupiter at 127.0.0.1", "/price/v3", "unreachable"),
    }
    assert len(calls.made) == len(heard)


def ask(network: Network) -> None:
    """Ask a node and Jupiter, neither of which is there."""
    with pytest.raises(ChainUnavailableError):
        network.rpc.call("getSlot")
    with pytest.raises(PriceUnavailableError):
        network.jupiter_prices().fetch([Mint("So11111111111111111111111111111111111111112")])


class FakeTraffic:
    """Connections that a test speaks for."""

    def __init__(self) -> None:
        self.observers: list[OnCall] = []

    def observe_calls(self, on_call: OnCall) -> Callable[[], None]:
        self.observers.append(on_call)
        return lambda: self.observers.remove(on_call)

    def websocket_counts(self) -> dict[str, int]:
        return {"connects": 3, "losses": 2}


def test_the_metrics_count_requests_and_what_the_websocket_does() -> None:
    """A request that was not made took no time; after the end nobody listens."""
    rig, traffic = Metered(), FakeTraffic()
    ports = rig.engine.ports
    rig.engine.metrics = Metrics(
        clock=rig.clock,
        bus=rig.bus,
        store=rig.store,
        chain=ports.chain,
        mailboxes=rig.engine.system,
        traffic=traffic,
    )
    rig.engine.metrics.start()
    for outcome in ("ok", "ok", "http_429", "not_made"):
        traffic.observers[0]("node", "getSlot", outcome, 0.02)
    figures = rig.figures()
    assert figures["ripcord_calls_total", "getSlot", "ok", "node"] == 2
    assert figures["ripcord_calls_total", "getSlot", "not_made", "node"] == 1
    assert figures["ripcord_call_seconds_count", "node"] == 3
    assert figures["ripcord_call_seconds_sum", "node"] == pytest.approx(0.06)
    assert figures["ripcord_websocket_events_total", "losses"] == 2
    rig.engine.metrics.stop()
    assert traffic.observers == []
