"""Several RPC endpoints as one: who is asked, who rests, and that what is sent goes to all."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from chain.http.circuit import Circuit, in_turn
from chain.node.endpoint import WrongClusterError, check_cluster
from chain.node.endpoints import REST, Endpoints, joined
from chain.node.rpc import RpcClient, RpcError, genesis_hash
from engine.clock import ManualClock
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import Nanos, seconds
from tests.chain.wire import Failing, Node, Wire, always, failing, rpc
from tests.waiting import eventually

GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
OTHER_GENESIS = "11111111111111111111111111111112"
BEHIND = {"code": -32005, "message": "Node is behind by 153 slots", "data": {"numSlotsBehind": 153}}
NO_METHOD = {"code": -32601, "message": "Method not found"}
INVALID = {"code": -32602, "message": "Invalid param: WrongSize"}


def _client(wire: Wire, number: int = 1) -> RpcClient:
    return RpcClient(f"http://node-{number}.example/", transport=wire.transport)


def _endpoints(*wires: Wire, clock: ManualClock | None = None, **options: Any) -> Endpoints:
    clients = [_client(wire, number) for number, wire in enumerate(wires, start=1)]
    return Endpoints(clients, clock=clock or ManualClock(), **options)


def _down() -> Wire:
    return failing(httpx.ConnectError("refused"))


def test_reads_go_to_the_first_endpoint_alone() -> None:
    """The others cost nothing while it is well."""
    first, second = Node(getSlot=7), Node(getSlot=8)
    endpoints = _endpoints(first, second)
    assert [endpoints.call("getSlot"), endpoints.call("getSlot")] == [7, 7]
    assert second.requests == []


@pytest.mark.parametrize(
    "wire",
    [
        _down(),
        failing(httpx.ReadTimeout("slow")),
        always(429, "<html>Too Many Requests</html>"),
        always(503, {"jsonrpc": "2.0", "error": {"code": -32002, "message": "Service unavailable"}, "id": "1"}),
        always(403, {"error": "forbidden"}),
        Node(getSlot=Failing(BEHIND)),
    ],
    ids=["refused", "silent", "429", "503", "403", "behind"],
)
def test_a_call_that_an_unfit_endpoint_fails_goes_to_the_next_and_the_endpoint_rests(wire: Wire) -> None:
    """The caller gets its answer; until the rest is over nobody asks that endpoint."""
    clock, second = ManualClock(), Node(getSlot=8)
    endpoints = _endpoints(wire, second, clock=clock)
    assert endpoints.call("getSlot") == 8
    assert len(wire.requests) == 1
    assert endpoints.call("getSlot") == 8
    assert len(wire.requests) == 1
    clock.advance(REST)
    assert endpoints.call("getSlot") == 8
    assert len(wire.requests) == 2


def test_an_endpoint_that_is_back_is_preferred_again() -> None:
    """After its rest the next call finds out."""
    clock, first = ManualClock(), Node(getSlot=Failing(BEHIND))
    endpoints = _endpoints(first, Node(getSlot=8), clock=clock)
    endpoints.call("getSlot")
    first.results["getSlot"] = 9
    clock.advance(REST)
    assert endpoints.call("getSlot") == 9


def test_a_question_that_an_endpoint_cannot_answer_goes_to_the_next_without_a_rest() -> None:
    """A provider without a method is well otherwise."""
    first = Node(getSlot=7, getPriorityFeeEstimate=Failing(NO_METHOD))
    endpoints = _endpoints(first, Node(getPriorityFeeEstimate=1))
    assert endpoints.call("getPriorityFeeEstimate") == 1
    assert endpoints.call("getSlot") == 7


def test_an_error_about_what_was_asked_is_the_answer() -> None:
    """Every other node would say the same."""
    second = Node(getBalance={"context": {"slot": 1}, "value": 1})
    with pytest.raises(RpcError, match="WrongSize"):
        _endpoints(Node(getBalance=Failing(INVALID)), second).call("getBalance", ["x"])
    assert second.requests == []


def test_where_every_endpoint_rests_the_one_that_rests_the_shortest_is_asked() -> None:
    """A short fault of all of them must not become a long one."""
    clock, first, second = ManualClock(), Node(getSlot=Failing(BEHIND)), Node(getSlot=Failing(BEHIND))
    endpoints = _endpoints(first, second, clock=clock)
    with pytest.raises(RpcError, match="behind by 153"):
        endpoints.call("getSlot")
    first.results["getSlot"] = second.results["getSlot"] = 9
    assert endpoints.call("getSlot") == 9
    assert (len(first.requests), len(second.requests)) == (2, 1)


def test_the_first_failure_is_told_when_nobody_answers() -> None:
    """It is that of the preferred endpoint."""
    with pytest.raises(ChainUnavailableError, match=r"node-1\.example could not be reached"):
        _endpoints(_down(), _down()).call("getSlot")


def test_no_endpoints_at_all_are_bad_input() -> None:
    """A profile that names none is told so."""
    with pytest.raises(BadInputError, match="give the URL of one"):
        Endpoints([], clock=ManualClock())


def _balance(slot: int, value: int = 1) -> dict[str, Any]:
    return {"context": {"slot": slot}, "value": value}


def test_an_answer_of_before_the_wallets_newest_transaction_is_asked_for_elsewhere() -> None:
    """The freshest endpoint wins; where none is fresh, the caller's own check refuses."""
    first, second = Node(getBalance=_balance(99)), Node(getBalance=_balance(100, 2))
    endpoints = _endpoints(first, second)
    endpoints.note_landing(100)
    assert endpoints.call("getBalance")["value"] == 2
    second.results["getBalance"] = _balance(98)
    result = endpoints.call("getBalance")
    with pytest.raises(ChainUnavailableError, match="1 slots behind the wallet"):
        endpoints.check_fresh("getBalance", result)


def test_a_simulation_that_does_not_know_its_blockhash_is_made_elsewhere() -> None:
    """Jupiter's nodes were ahead of this one; where nobody knows it, it has expired."""
    unknown = {"context": {"slot": 9}, "value": {"err": "BlockhashNotFound"}}
    known = {"context": {"slot": 9}, "value": {"err": {"InstructionError": [3, {"Custom": 6001}]}}}
    first, second = Node(simulateTransaction=unknown), Node(simulateTransaction=known)
    endpoints = _endpoints(first, second)
    assert endpoints.call("simulateTransaction") == known
    second.results["simulateTransaction"] = unknown
    assert endpoints.call("simulateTransaction") == unknown


def test_an_endpoint_that_lags_too_far_is_not_asked_until_it_has_caught_up() -> None:
    """Lag is what a check found, against the furthest; the limit itself is allowed."""
    first, second = Node(getHealth="ok", getSlot=1_000), Node(getHealth="ok", getSlot=1_021)
    endpoints = _endpoints(first, second)
    health = endpoints.check()
    assert [(each.slot, each.lag) for each in health] == [(1_000, 21), (1_021, 0)]
    assert health[0].problem == "21 slots behind, at most 20 are allowed"
    assert health[1].problem is None
    assert endpoints.call("getSlot") == 1_021
    first.results["getSlot"] = 1_001
    assert endpoints.check()[0].problem is None
    assert endpoints.call("getSlot") == 1_001


def test_a_laggard_is_the_furthest_once_the_others_are_gone() -> None:
    """Something must be asked, and the next check says so."""
    first = Node(getHealth="ok", getSlot=1_000)
    endpoints = _endpoints(first, Node(getHealth="ok", getSlot=900))
    assert endpoints.check()[1].lag == 100
    first.results["getHealth"] = Failing(BEHIND)
    first_gone, second = endpoints.check()
    assert (second.lag, second.problem) == (0, None)
    assert first_gone.slot is None
    assert endpoints.call("getSlot") == 900


def test_a_check_wakes_an_endpoint_that_is_back_and_rests_one_that_counts_itself_unwell() -> None:
    """Before a call has to find out."""
    clock = ManualClock()
    first, second = Node(getHealth="ok", getSlot=Failing(BEHIND)), Node(getHealth="ok", getSlot=8)
    endpoints = _endpoints(first, second, clock=clock)
    assert endpoints.call("getSlot") == 8
    first.results["getSlot"] = 9
    assert [each.problem for each in endpoints.check()] == [None, None]
    assert endpoints.call("getSlot") == 9
    first.results["getHealth"] = Failing(BEHIND)
    problem = endpoints.check()[0].problem
    assert problem is not None
    assert "behind by 153" in problem
    assert endpoints.call("getSlot") == 8


def test_a_provider_that_does_not_serve_get_health_is_judged_by_its_slot() -> None:
    """Not every gateway passes it on."""
    endpoints = _endpoints(Node(getHealth=Failing(NO_METHOD), getSlot=9))
    (health,) = endpoints.check()
    assert (health.slot, health.problem) == (9, None)


# Sending --------------------------------------------------------------------------------------------------------------


def _held(until: threading.Event, result: str = "sig") -> Wire:
    def answer(request: httpx.Request) -> httpx.Response:
        assert until.wait(10)
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "result": result})

    return Wire(answer)


def test_a_transaction_goes_to_every_endpoint_and_to_those_that_only_send() -> None:
    """Whoever reaches the leader first wins; a sender has its own path and key."""
    nodes = [Node(sendTransaction="sig") for _ in range(3)]
    sender = RpcClient(
        "http://sender.example/api/v1/transactions", headers={"x-api-key": "k"}, transport=nodes[2].transport
    )
    endpoints = _endpoints(nodes[0], nodes[1], senders=[sender])
    endpoints.broadcast("sendTransaction", ["AQ==", {}])
    eventually(lambda: all(node.requests for node in nodes), "each is asked")
    assert [node.json()["params"] for node in nodes] == [["AQ==", {}]] * 3
    request = nodes[2].requests[0]
    assert (request.url.path, request.headers["x-api-key"]) == ("/api/v1/transactions", "k")


def test_reads_never_go_to_an_endpoint_that_only_sends() -> None:
    """It serves nothing else."""
    sender = Node(getSlot=7)
    endpoints = _endpoints(_down(), senders=[_client(sender, 9)])
    with pytest.raises(ChainUnavailableError):
        endpoints.call("getSlot")
    assert sender.requests == []
    assert len(endpoints.providers) == 1


def test_a_silent_endpoint_does_not_hold_a_send_up() -> None:
    """The first that takes it is enough."""
    release = threading.Event()
    silent = _held(release)
    endpoints = _endpoints(silent, Node(sendTransaction="sig"))
    endpoints.broadcast("sendTransaction", ["AQ=="])
    assert not release.is_set()
    release.set()


def test_silent_endpoints_are_sent_no_more_than_they_can_hold() -> None:
    """Sends that wait for answers must not pile up, and a well endpoint gets every one of them."""
    release = threading.Event()
    silent, well = _held(release), Node(sendTransaction="sig")
    endpoints = _endpoints(silent, well)
    for _ in range(10):
        endpoints.broadcast("sendTransaction", ["AQ=="])
    assert len(well.requests) == 10
    assert len(silent.requests) <= 4
    release.set()


def test_where_all_endpoints_are_silent_a_send_says_so() -> None:
    """It is not taken for sent."""
    release = threading.Event()
    endpoints = _endpoints(_held(release))
    waiting = [threading.Thread(target=endpoints.broadcast, args=("sendTransaction", [])) for _ in range(4)]
    for thread in waiting:
        thread.start()
    silent = endpoints._targets[0]
    eventually(lambda: silent.waiting._value == 0, "each of its threads waits")
    with pytest.raises(ChainUnavailableError, match="no endpoint has answered what was sent"):
        endpoints.broadcast("sendTransaction", [])
    release.set()
    for thread in waiting:
        thread.join()


def test_a_resting_endpoint_is_sent_to_all_the_same() -> None:
    """It may be the one that reaches the leader."""
    first = Node(getSlot=Failing(BEHIND), sendTransaction="sig")
    endpoints = _endpoints(first, Node(getSlot=8, sendTransaction="sig"))
    endpoints.call("getSlot")
    endpoints.broadcast("sendTransaction", ["AQ=="])
    eventually(lambda: "sendTransaction" in first.called(), "it is sent")


def test_a_send_that_one_endpoint_has_seen_already_was_taken() -> None:
    """The earlier copy came there another way."""
    seen = {"code": -32002, "message": "already processed", "data": {"err": "AlreadyProcessed"}}
    _endpoints(_down(), Node(sendTransaction=Failing(seen))).broadcast("sendTransaction", ["AQ=="])


def test_a_send_that_nobody_took_fails_with_a_nodes_own_word() -> None:
    """That says more than that another one was silent."""
    refusing = Node(sendTransaction=Failing(INVALID))
    with pytest.raises(RpcError, match="WrongSize"):
        _endpoints(_down(), refusing, _down()).broadcast("sendTransaction", ["AQ=="])


def test_a_single_client_is_left_as_it_is() -> None:
    """The demo pays nothing for what it has not; a sender beside it makes two to send to."""
    client, clock = _client(Node()), ManualClock()
    assert joined([client], clock=clock) is client
    assert isinstance(joined([client], senders=[_client(Node(), 2)], clock=clock), Endpoints)
    assert len(joined([client, _client(Node(), 2)], clock=clock).providers) == 2


def test_a_single_client_needs_no_threads_to_send() -> None:
    """It is a plain call."""
    node, before = Node(sendTransaction="sig"), threading.active_count()
    rpc(node).broadcast("sendTransaction", ["AQ=="])
    assert node.called() == ["sendTransaction"]
    assert threading.active_count() == before


# Clusters -------------------------------------------------------------------------------------------------------------


def test_endpoints_of_the_expected_cluster_pass() -> None:
    """One that cannot be asked now does not stand in the way."""
    endpoints = _endpoints(_down(), Node(getGenesisHash=GENESIS))
    assert check_cluster(endpoints, GENESIS) == GENESIS
    assert check_cluster(rpc(Node(getGenesisHash=GENESIS)), None) == GENESIS


def test_an_endpoint_of_another_cluster_is_named_with_what_to_do() -> None:
    """The sentence names it, and both clusters."""
    with pytest.raises(BadInputError, match=rf"node-2\.example is of .*{OTHER_GENESIS}, the profile is of {GENESIS}"):
        check_cluster(_endpoints(Node(getGenesisHash=GENESIS), Node(getGenesisHash=OTHER_GENESIS)), GENESIS)


def test_all_endpoints_must_be_of_one_cluster_whatever_that_is() -> None:
    """Also where the profile expects none."""
    with pytest.raises(BadInputError, match=r"node-2\.example is of .*node-1\.example is of"):
        check_cluster(_endpoints(Node(getGenesisHash=GENESIS), Node(getGenesisHash=OTHER_GENESIS)), None)


def test_a_cluster_that_nobody_tells_is_unavailable() -> None:
    """Nothing may be traded on a guess."""
    with pytest.raises(ChainUnavailableError):
        check_cluster(_endpoints(_down(), _down()), GENESIS)


@pytest.mark.parametrize("hash_", [None, 7, "", "not base58!"])
def test_a_genesis_hash_that_is_none_is_an_unknown_shape(hash_: Any) -> None:
    """A gateway's nonsense names no cluster."""
    with pytest.raises(ChainUnavailableError, match="getGenesisHash"):
        genesis_hash(rpc(Node(getGenesisHash=hash_)))


def test_an_endpoint_that_comes_up_on_another_cluster_is_never_believed() -> None:
    """It was down when the engine started; its first answer is not taken before its cluster is known."""
    wrong, right = (
        Node(getGenesisHash=OTHER_GENESIS, getSlot=9_999),
        Node(getGenesisHash=GENESIS, getHealth="ok", getSlot=8),
    )
    endpoints = _endpoints(wrong, right, genesis=GENESIS)
    assert endpoints.call("getSlot") == 8
    assert "getSlot" not in wrong.called()
    problem = endpoints.check()[0].problem
    assert problem is not None
    assert OTHER_GENESIS in problem
    with pytest.raises(WrongClusterError):
        _endpoints(wrong, genesis=GENESIS).call("getSlot")


def test_an_endpoints_cluster_is_asked_for_once() -> None:
    """It does not change."""
    node = Node(getGenesisHash=GENESIS, getSlot=8)
    endpoints = _endpoints(node, genesis=GENESIS)
    endpoints.call("getSlot")
    endpoints.call("getSlot")
    assert node.called() == ["getGenesisHash", "getSlot", "getSlot"]


# The circuit ----------------------------------------------------------------------------------------------------------


def test_a_rest_ends_when_the_server_said_but_never_later_than_its_length() -> None:
    """A server's clock cannot bar it for ever."""
    clock = ManualClock(Nanos(0))
    circuit = Circuit(clock, seconds(30))
    circuit.failed(seconds(5))
    assert circuit.rests_until == seconds(5)
    circuit.failed(seconds(500))
    assert circuit.rests_until == seconds(30)
    clock.advance(seconds(30))
    assert circuit.rests_until is None


def test_who_worked_is_awake() -> None:
    """Whatever was before is over."""
    circuit = Circuit(ManualClock(), seconds(30))
    circuit.failed()
    circuit.worked()
    assert circuit.rests_until is None


def test_one_that_rests_is_the_last_resort() -> None:
    """That whose rest ends first, and no other: each may cost a time-out."""
    circuits = [Circuit(ManualClock(Nanos(0)), seconds(30)) for _ in range(4)]
    for circuit, until in zip(circuits, (9, 7, 8), strict=False):
        circuit.failed(seconds(until))
    assert in_turn(circuits, lambda circuit: circuit) == [circuits[3], circuits[1]]
    assert in_turn(circuits[:3], lambda circuit: circuit) == [circuits[1]]
    assert in_turn([], lambda circuit: circuit) == []
