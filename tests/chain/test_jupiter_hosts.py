"""Several hosts of Jupiter as one: who is asked next, and when nobody is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from chain.http.gate import Rank
from chain.http.rate_limit import RateLimit
from chain.jupiter.build import JupiterBuild, SwapApi, jupiter_http
from chain.jupiter.errors import KeyRefusedError, RateLimitedError
from chain.jupiter.hosts import REST, HostAnswer, JupiterHosts, swap_api
from chain.jupiter.venue import JupiterVenue
from chain.node.rpc import latest_blockhash
from engine.clock import ManualClock
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.units import SECOND
from tests.chain.answers import BUY, SELL, WALLET, build_answer, instruction_parts, quote_answer
from tests.chain.wire import JUPITER_URL, Node, Wire, always, failing, jupiter, rpc

LIMITED = {"code": 429, "message": "[API Gateway] Too many requests"}


def _v2(wire: Wire) -> SwapApi:
    return JupiterBuild(jupiter(wire), taker=WALLET)


def _hosts(*wires: Wire, clock: ManualClock | None = None) -> JupiterHosts:
    apis = {f"host {number}": _v2(wire) for number, wire in enumerate(wires, start=1)}
    return JupiterHosts(apis, clock=clock or ManualClock())


def _quoting(**changes: Any) -> Wire:
    return always(200, build_answer(SELL, **changes))


def test_the_first_host_is_asked_alone() -> None:
    """The others cost nothing while it is well."""
    second = _quoting()
    hosts = _hosts(_quoting(), second)
    assert hosts.ask(SELL) == build_answer(SELL)
    assert second.requests == []


@pytest.mark.parametrize(
    "wire",
    [
        failing(httpx.ConnectError("refused")),
        failing(httpx.ReadTimeout("slow")),
        always(500, {"error": "Something unexpected occurred"}),
        always(502, "<html>Bad Gateway</html>"),
        always(429, LIMITED),
        always(401, {"message": "Unauthorized"}),
        always(403, "<html>Request blocked by firewall</html>"),
        always(404, {"error": "not found"}),
        always(400, {"error": "x", "errorCode": "FAILED_TO_GET_SWAP_AND_ACCOUNT_METAS"}),
    ],
    ids=["refused", "silent", "500", "502", "429", "401", "403", "404", "own trouble"],
)
def test_another_host_is_asked_where_this_one_cannot_be_and_this_one_rests(wire: Wire) -> None:
    """For half a minute; then the next request finds out whether it is back."""
    clock = ManualClock()
    hosts = _hosts(wire, _quoting(), clock=clock)
    hosts.ask(SELL)
    hosts.ask(SELL)
    assert len(wire.requests) == 1
    clock.advance(REST)
    hosts.ask(SELL)
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"error": "No routes found", "errorCode": "NO_ROUTES_FOUND"},
        {"error": "x", "errorCode": "TOKEN_NOT_TRADABLE"},
        {"error": "x", "errorCode": "INVALID_REQUEST"},
        {"error": "Failed to get quotes"},
    ],
)
def test_a_host_that_answered_no_is_believed(body: dict[str, str]) -> None:
    """Elsewhere it would be the same."""
    second = _quoting()
    with pytest.raises(SwapError) as caught:
        _hosts(always(400, body), second).ask(SELL)
    assert caught.value.kind is FailureKind.REFUSED
    assert second.requests == []


def test_the_host_that_quoted_builds_though_another_is_preferred_by_then() -> None:
    """A quote means nothing to another host."""
    clock, down = ManualClock(), [True]

    def first(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={}) if down[0] else httpx.Response(200, json=build_answer(SELL))

    node = Node(getLatestBlockhash=_blockhash())
    posted = Wire(_v1_host)
    hosts = JupiterHosts(
        {
            "first": _v2(Wire(first)),
            "second": swap_api("v1", http=jupiter(posted), base_url=JUPITER_URL, rpc=rpc(node), wallet=WALLET),
        },
        clock=clock,
    )
    answer = hosts.ask(SELL)
    down[0] = False
    clock.advance(REST)
    assert hosts.instructions(answer).blockhash == latest_blockhash(rpc(node))[0]
    assert [request.url.path for request in posted.requests] == ["/swap/v1/quote", "/swap/v1/swap-instructions"]
    assert posted.json()["quoteResponse"] == quote_answer(SELL)


def _blockhash() -> dict[str, Any]:
    return {
        "context": {"slot": 1},
        "value": {"blockhash": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d", "lastValidBlockHeight": 9},
    }


def _v1_host(request: httpx.Request) -> httpx.Response:
    body = quote_answer(SELL) if request.url.path.endswith("/quote") else instruction_parts()
    return httpx.Response(200, json=body)


def test_a_quote_of_elsewhere_is_not_built() -> None:
    """Nobody knows whose it is."""
    with pytest.raises(SwapError, match="quote again"):
        _hosts(_quoting()).instructions(build_answer(SELL))


class _FailingBuild:
    """Quotes, and cannot build."""

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def ask(self, request: Any) -> dict[str, Any]:
        return build_answer(request)

    def instructions(self, answer: Mapping[str, Any]) -> Any:
        raise self._error


def test_a_host_that_cannot_build_rests_and_the_next_quote_is_anothers() -> None:
    """The order's retry quotes anew."""
    error = RateLimitedError("full", reset_at=None)
    hosts = JupiterHosts({"first": _FailingBuild(error), "second": _v2(_quoting())}, clock=ManualClock())
    with pytest.raises(RateLimitedError):
        hosts.instructions(hosts.ask(SELL))
    answer = hosts.ask(SELL)
    assert isinstance(answer, HostAnswer)
    assert answer.host.name == "second"


def test_our_own_nodes_trouble_is_not_the_hosts() -> None:
    """A v1 build asks it for the blockhash."""
    error = SwapError(FailureKind.TRANSIENT, "the node is down", code="rpc")
    hosts = JupiterHosts({"first": _FailingBuild(error), "second": _v2(_quoting())}, clock=ManualClock())
    with pytest.raises(SwapError, match="the node is down"):
        hosts.instructions(hosts.ask(SELL))
    assert hosts.health()[0].rests_until is None


def test_a_refused_key_is_no_reason_to_give_up_while_another_host_may_be_back() -> None:
    """The order is retried; that the key is refused is told apart."""
    hosts = _hosts(always(401, {}), always(503, {}))
    with pytest.raises(SwapError) as caught:
        hosts.ask(SELL)
    assert caught.value.kind is FailureKind.TRANSIENT
    assert [host.key_refused for host in hosts.health()] == [True, False]


def test_where_every_host_refuses_the_key_a_person_has_to_act() -> None:
    """Typed, and permanent."""
    with pytest.raises(KeyRefusedError, match="check the Jupiter API key") as caught:
        _hosts(always(401, {}), always(403, {})).ask(SELL)
    assert caught.value.kind is FailureKind.PERMANENT


def test_a_key_that_is_taken_again_is_no_longer_refused() -> None:
    """A person has renewed it."""
    clock, answers = ManualClock(), iter([(401, {}), (200, build_answer(SELL))])

    def answer(_: httpx.Request) -> httpx.Response:
        status, body = next(answers)
        return httpx.Response(status, content=json.dumps(body))

    hosts = _hosts(Wire(answer), clock=clock)
    with pytest.raises(KeyRefusedError):
        hosts.ask(SELL)
    hosts.ask(SELL)
    assert not hosts.health()[0].key_refused


def test_a_single_host_is_asked_though_it_rests() -> None:
    """An exit does not fail for want of asking."""
    wire = always(503, {})
    hosts = _hosts(wire)
    for _ in range(2):
        with pytest.raises(SwapError, match="HTTP 503"):
            hosts.ask(SELL)
    assert len(wire.requests) == 2


def test_a_limited_host_is_asked_again_when_its_limit_is_free() -> None:
    """Which Jupiter tells, in Unix seconds."""
    clock = ManualClock()
    reset = clock.now() // SECOND + 7
    hosts = _hosts(always(429, LIMITED, {"x-ratelimit-reset": str(reset)}), _quoting(), clock=clock)
    hosts.ask(SELL)
    assert hosts.health()[0].rests_until == reset * SECOND


def test_our_own_count_does_not_make_a_host_rest() -> None:
    """An entry that found no budget goes to the next host; an exit still goes to the first."""
    clock = ManualClock()
    limit = RateLimit(clock, limit=4, reserve=1)
    for _ in range(3):
        limit.admit(Rank.EXIT)
    first, second = _quoting(), always(200, build_answer(BUY))
    gated = JupiterBuild(jupiter_http(JUPITER_URL, None, gate=limit, transport=first.transport), taker=WALLET)
    hosts = JupiterHosts({"first": gated, "second": _v2(second)}, clock=clock)
    hosts.ask(BUY)
    assert (len(first.requests), len(second.requests)) == (0, 1)
    hosts.ask(SELL)
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_a_quote_is_marked_with_the_host_that_gave_it() -> None:
    """The order's history says where it was quoted."""
    hosts = _hosts(always(503, {}), _quoting())
    venue = JupiterVenue(hosts, rpc=rpc(Node()), wallet=WALLET, clock=ManualClock())
    assert venue.quote(SELL).venue == "host 2"


def test_no_hosts_at_all_are_bad_input() -> None:
    """A profile that names none is told so."""
    with pytest.raises(BadInputError, match="name one"):
        JupiterHosts({}, clock=ManualClock())
