"""The websocket client: what it survives, what it asks for again, and that it holds nobody up."""

from __future__ import annotations

import http
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from chain.node.link import ws_url_of
from chain.node.signatures import WebsocketSignatures
from chain.node.websocket import SolanaWebsocket
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.sockets import DyingSocket
from engine.domain.errors import BadInputError
from engine.domain.units import Signature
from tests.chain.nodes import GOOD_FOR, Talk, Told, logged, scripted, stay
from tests.simulated.faults.stage import SOMEBODY, Stage, staged

WATCHED = str(SOMEBODY)
SECRET = "0a1b2c3d-the-key-of-a-provider"


@contextmanager
def client_of(url: str, **options: Any) -> Iterator[SolanaWebsocket]:
    """Yield a client that reconnects at once and takes no pulse while a test lasts; its thread ends with it."""
    chosen = {"waits": (0.01,), "pulse_interval": 60.0, "silent_after": 60.0, **options}
    client = SolanaWebsocket(url, **chosen)
    try:
        yield client
    finally:
        client.close()
        assert not client._thread.is_alive()


def watch(client: SolanaWebsocket, told: Told) -> None:
    """Subscribe to the account."""
    client.subscribe("accountSubscribe", [WATCHED, {"encoding": "base64", "commitment": "processed"}], told)


# With the simulated node -------------------------------------------------------------------------------------


def paid(stage: Stage, told: Told, count: int) -> None:
    """Pay the account until its subscriber was told *count* times: what precedes the subscription is never told."""
    while len(told.results) < count:
        stage.world.fund(WATCHED, lamports=1)
        stage.result("getHealth")


def test_the_node_tells_of_an_account_until_the_subscription_is_cancelled() -> None:
    """Each write is told with its slot and value; after the cancellation, nothing more is."""
    with staged() as stage, client_of(stage.world.ws_url) as client:
        told, other = Told(), Told()
        subscription = client.subscribe("accountSubscribe", [WATCHED, {"encoding": "base64"}], told)
        paid(stage, told, 1)
        first = told.wait(1)[0]
        assert first["context"]["slot"] == stage.world.bank.slot()
        assert first["value"]["lamports"] > 0
        subscription.cancel()
        watch(client, other)
        paid(stage, other, 1)  # the node has read the cancellation by now
        before = len(told.results)
        paid(stage, other, len(other.results) + 3)
        assert len(told.results) == before


@pytest.mark.parametrize("listened", ["before it lands", "after it was confirmed"])
def test_a_signature_is_told_once(listened: str) -> None:
    """The port is told of a confirmed signature once, and the client asks no more for it."""
    with staged() as stage, client_of(stage.world.ws_url) as client:
        told, payment = Told(), stage.payment()
        listener = WebsocketSignatures(client)
        signature = Signature(str(payment.signatures[0]))
        stage.send(payment)
        if listened == "after it was confirmed":
            stage.pass_slots(3)
        listener.listen(signature, told)
        if listened == "before it lands":
            while not stage.world.bank._cluster.watchers.signatures:
                stage.result("getHealth")
            stage.pass_slots(3)
        assert told.wait(1) == [signature]
        assert not [one for one in client._wanted if one.method == "signatureSubscribe"]
        listener.forget(signature)


def test_a_forgotten_signature_is_not_told() -> None:
    """What is forgotten before it lands is taken back at the node."""
    with staged() as stage, client_of(stage.world.ws_url) as client:
        told, payment = Told(), stage.payment()
        listener = WebsocketSignatures(client)
        signature, watchers = Signature(str(payment.signatures[0])), stage.world.bank._cluster.watchers
        listener.listen(signature, told)
        while not watchers.signatures:
            stage.result("getHealth")
        listener.forget(signature)
        while watchers.signatures:
            stage.result("getHealth")
        stage.send(payment)
        stage.pass_slots(3)
        assert told.results == []


@pytest.mark.parametrize("code", [None, 1011])
def test_after_a_websocket_died_everything_is_asked_for_again(code: int | None) -> None:
    """With a close frame or without one: the account is told of over the next connection."""
    with (
        staged(Rule(fault=DyingSocket(after=2, code=code), at=[1, 2])) as stage,
        client_of(stage.world.ws_url) as client,
    ):
        told = Told()
        watch(client, told)
        paid(stage, told, 5)
        assert client.counts.connects == 3
        assert client.counts.losses == 2


# With a scripted node ----------------------------------------------------------------------------------------


def test_a_lost_connection_is_made_anew_with_what_is_still_wanted() -> None:
    """Only the subscription that was neither cancelled nor told for good is asked for on the next connection."""
    ready, asked = threading.Event(), threading.Event()

    def first(talk: Talk) -> None:
        talk.beat()
        talk.notify(talk.accept("signatureSubscribe"), "done")
        talk.accept("logsSubscribe")
        talk.notify(talk.accept("accountSubscribe"), "once")
        talk.request("logsUnsubscribe")
        talk.hang_up()

    def second(talk: Talk) -> None:
        number = talk.accept("accountSubscribe")
        talk.notify(number, "again")
        ready.wait(GOOD_FOR)
        talk.connection.close()

    def third(talk: Talk) -> None:
        talk.request("accountSubscribe")
        asked.set()
        assert {request["method"] for request in talk.until_left()} <= {"slotSubscribe"}

    with scripted(first, second, third) as node, client_of(node.url) as client:
        account, signature = Told(), Told()
        client.subscribe("signatureSubscribe", ["sig"], signature)
        logs = client.subscribe("logsSubscribe", ["all"], Told())
        client.subscribe("accountSubscribe", ["key"], account)
        account.wait(1)
        logs.cancel()
        assert account.wait(2) == ["once", "again"]
        ready.set()
        assert asked.wait(GOOD_FOR)
        assert signature.results == ["done"]


def test_an_outage_is_one_line_in_the_log_however_long_it_is() -> None:
    """Each loss in a row is counted, the first is logged, and so is the end."""
    back = Told()

    def dies(talk: Talk) -> None:
        talk.accept("slotSubscribe")

    def lives(talk: Talk) -> None:
        talk.beat()
        talk.notify(talk.accept("accountSubscribe"), "back")
        talk.until_left()

    with logged() as logs, scripted(dies, dies, dies, lives) as node, client_of(node.url) as client:
        client.subscribe("accountSubscribe", ["key"], back)
        back.wait(1)
        assert client.counts.losses == 3
    assert [line["event"] for line in logs.results] == ["websocket_lost", "websocket_restored"]
    assert logs.results[0]["reason"] == "closed with 1000"
    assert logs.results[1]["losses"] == 3


def test_the_waits_begin_anew_once_a_node_has_told_something() -> None:
    """A second loss in a row would wait a minute; after a node that lived the next one is a first."""

    def dies(talk: Talk) -> None:
        talk.accept("slotSubscribe")

    with scripted(dies, Talk.beat, stay) as node, client_of(node.url, waits=(0.0, 60.0)):
        assert node.served(3)


def test_a_silent_connection_is_dropped() -> None:
    """A node that accepts everything, answers pings and tells nothing counts as lost."""

    def silent(talk: Talk) -> None:
        talk.accept("slotSubscribe")
        talk.accept("accountSubscribe")
        talk.until_left()

    def lively(talk: Talk) -> None:
        talk.beat()
        talk.notify(talk.accept("accountSubscribe"), "at last")
        talk.until_left()

    told = Told()
    with logged() as logs, scripted(silent, lively) as node, client_of(node.url, silent_after=0.2) as client:
        client.subscribe("accountSubscribe", ["key"], told)
        assert told.wait(1) == ["at last"]
    assert [line["reason"] for line in logs.results if line["event"] == "websocket_lost"] == ["silent"]


def test_a_connection_that_falls_silent_later_is_dropped_too() -> None:
    """The pulse is taken again after a while, and each one is taken back once it was felt."""
    felt: list[int] = []

    def fades(talk: Talk) -> None:
        for _ in range(2):
            number = talk.accept("slotSubscribe")
            talk.notify(number, {"slot": 1})
            assert talk.request("slotUnsubscribe")["params"] == [number]
            felt.append(number)
        talk.until_left()

    with scripted(fades, Talk.beat) as node, client_of(node.url, pulse_interval=0.02, silent_after=0.2):
        assert node.served(2)
    assert len(felt) == 2


def test_a_node_that_tells_of_no_slots_is_not_taken_for_silent() -> None:
    """Where the pulse is refused, the connection stays, and is not asked for it again."""
    told = Told()

    def refuses(talk: Talk) -> None:
        talk.refuse("slotSubscribe")
        number = talk.accept("accountSubscribe")
        with pytest.raises(TimeoutError):
            talk.connection.recv(timeout=0.3)  # several times as long as it may be silent
        talk.notify(number, "late")
        talk.until_left()

    with scripted(refuses) as node, client_of(node.url, pulse_interval=0.05, silent_after=0.05) as client:
        client.subscribe("accountSubscribe", ["key"], told)
        assert told.wait(1) == ["late"]
        assert client.counts.connects == 1


def test_a_refused_subscription_is_logged_and_waits_for_the_next_connection() -> None:
    """It is asked for once a connection; the others go on."""
    told = Told()

    def refuses(talk: Talk) -> None:
        talk.refuse("accountSubscribe", code=-32602)
        talk.beat()
        talk.notify(talk.accept("logsSubscribe"), "first")
        with pytest.raises(TimeoutError):
            talk.request("accountSubscribe", within=0.2)

    def accepts(talk: Talk) -> None:
        talk.notify(talk.accept("accountSubscribe"), "second")
        talk.until_left()

    with logged() as logs, scripted(refuses, accepts) as node, client_of(node.url) as client:
        subscription = client.subscribe("accountSubscribe", ["key"], told)
        client.subscribe("logsSubscribe", ["all"], told)
        assert told.wait(2) == ["first", "second"]
        assert client.counts.refusals == 1
        assert not subscription.refused
    (refusal,) = [line for line in logs.results if line["event"] == "subscription_refused"]
    assert (refusal["method"], refusal["code"]) == ("accountSubscribe", -32602)


def test_frames_that_make_no_sense_are_survived_and_counted() -> None:
    """Text, bytes, other JSON and answers to nothing: the connection goes on."""
    garbage: list[Any] = [
        "nonsense",
        b"\xff\xfe",
        "[" * 5_000,
        [],
        {"method": "accountNotification", "params": {"result": 1}},
        {"method": 5},
    ]
    harmless: list[Any] = [
        {"jsonrpc": "2.0", "id": 4_711, "result": True},
        {"jsonrpc": "2.0", "id": 4_711, "error": {"code": 1}},
        {"jsonrpc": "2.0", "id": None, "error": "?"},
    ]
    told = Told()

    def babbles(talk: Talk) -> None:
        number = talk.accept("accountSubscribe")
        for frame in garbage + harmless:
            talk.send(frame)
        talk.notify(number + 1, "of nobody")
        talk.notify(number, "sense")
        talk.until_left()

    with scripted(babbles) as node, client_of(node.url) as client:
        client.subscribe("accountSubscribe", ["key"], told)
        assert told.wait(1) == ["sense"]
        assert client.counts.connects == 1
        assert client.counts.unreadable == len(garbage) + 1


def test_a_subscription_that_is_cancelled_before_its_answer_is_taken_back_after_it() -> None:
    """Its number is not known before; what it is told meanwhile is dropped."""
    asked, cancelled, taken = threading.Event(), threading.Event(), threading.Event()
    told = Told()

    def slow(talk: Talk) -> None:
        request = talk.request("accountSubscribe")
        asked.set()
        cancelled.wait(GOOD_FOR)
        talk.beat()
        talk.send({"jsonrpc": "2.0", "id": request["id"], "result": 7})
        talk.notify(7, "too late")
        assert talk.request("accountUnsubscribe")["params"] == [7]
        taken.set()
        talk.until_left()

    with scripted(slow) as node, client_of(node.url) as client:
        subscription = client.subscribe("accountSubscribe", ["key"], told)
        assert asked.wait(GOOD_FOR)
        subscription.cancel()
        subscription.cancel()
        client.subscribe("logsSubscribe", ["all"], told)  # the cancellation is through once this was asked for
        cancelled.set()
        assert taken.wait(GOOD_FOR)
        assert told.results == []


def test_what_was_told_for_good_is_not_taken_back() -> None:
    """The node has forgotten a one-shot subscription with its notification: cancelling it sends nothing."""
    told, cancelled = Told(), threading.Event()

    def tells(talk: Talk) -> None:
        talk.notify(talk.accept("signatureSubscribe"), "done")
        talk.accept("logsSubscribe")
        cancelled.set()
        assert {request["method"] for request in talk.until_left()} <= {"slotSubscribe"}

    with scripted(tells) as node, client_of(node.url) as client:
        subscription = client.subscribe("signatureSubscribe", ["sig"], told)
        told.wait(1)
        subscription.cancel()
        client.subscribe("logsSubscribe", ["all"], told)
        assert cancelled.wait(GOOD_FOR)


def test_a_subscriber_that_raises_harms_only_itself() -> None:
    """It is told again, and so are the others."""
    told = Told()

    def broken(result: Any) -> None:
        told(result)
        raise RuntimeError("a bug")

    def tells(talk: Talk) -> None:
        number = talk.accept("accountSubscribe")
        for result in (1, 2):
            talk.notify(number, result)
        talk.until_left()

    with logged() as logs, scripted(tells) as node, client_of(node.url) as client:
        client.subscribe("accountSubscribe", ["key"], broken)
        assert told.wait(2) == [1, 2]
        assert client.counts.connects == 1
    assert [line["event"] for line in logs.results] == ["subscriber_failed"] * 2


# Closing -----------------------------------------------------------------------------------------------------


def test_closing_while_it_waits_to_reconnect_ends_at_once() -> None:
    """The wait of a minute after the second loss in a row is not waited out: `client_of` sees the thread's end."""

    def dies(talk: Talk) -> None:
        talk.accept("slotSubscribe")

    with scripted(dies) as node, client_of(node.url, waits=(0.0, 60.0)):
        assert node.served(2)
        assert not node.served(3, within=0.2)


def test_closing_while_a_node_does_not_answer_the_handshake_ends_at_once() -> None:
    """A port that accepts and says nothing is not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with client_of(f"ws://127.0.0.1:{mute.getsockname()[1]}", connect_timeout=60.0):
            taken, _ = mute.accept()
        taken.close()


def test_after_closing_nothing_raises_and_nothing_happens() -> None:
    """Subscribing, cancelling and closing again are harmless."""
    with scripted(stay) as node:
        with client_of(node.url) as client:
            assert node.served(1)
            subscription = client.subscribe("accountSubscribe", ["key"], Told())
        subscription.cancel()
        client.subscribe("accountSubscribe", ["key"], Told()).cancel()
        client.close()
        WebsocketSignatures(client).close()


# Keys and addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["served", "refused", "redirected", "unreachable"])
def test_no_key_is_ever_logged(outcome: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the URL's nor a header's, however the connection ends, and though every library logs all it has."""
    caplog.set_level(logging.DEBUG)

    def answer(_connection: ServerConnection, _request: Request) -> Response | None:
        if outcome == "refused":
            return Response(http.HTTPStatus.UNAUTHORIZED, "Unauthorized", Headers(), SECRET.encode())
        if outcome == "redirected":
            return Response(http.HTTPStatus.FOUND, "Found", Headers({"Location": f"/{SECRET}"}))
        return None

    def serves(talk: Talk) -> None:
        talk.refuse("slotSubscribe")
        talk.connection.close()

    # The library's own log of the server's end shows the request, as it should.
    logging.getLogger("websockets.server").setLevel(logging.ERROR)
    with logged() as logs, scripted(serves, process_request=answer) as node:
        url = "ws://127.0.0.1:1" if outcome == "unreachable" else node.url
        with client_of(f"{url}/{SECRET}?api-key={SECRET}", headers={"x-token": SECRET}) as client:
            logs.wait(1)
            assert outcome == "unreachable" or node.shaken(2)
            assert SECRET not in repr(client)
        assert all(headers["x-token"] == SECRET for headers in node.headers)
    assert {line["host"] for line in logs.results} == {"127.0.0.1"}
    assert SECRET not in str(logs.results)
    assert SECRET not in caplog.text


def test_a_redirect_is_not_followed() -> None:
    """It would take the key to another server."""
    with scripted(stay) as elsewhere:

        def away(_connection: ServerConnection, _request: Request) -> Response:
            return Response(http.HTTPStatus.FOUND, "Found", Headers({"Location": elsewhere.url}))

        with logged() as logs, scripted(process_request=away) as node, client_of(node.url):
            assert node.shaken(3)
        assert elsewhere.headers == []
        assert logs.results[0]["reason"] == "HTTP 302"


@pytest.mark.parametrize(
    ("rpc_url", "ws_url"),
    [
        ("https://api.mainnet-beta.solana.com", "wss://api.mainnet-beta.solana.com"),
        ("https://rpc.example/path?api-key=k", "wss://rpc.example/path?api-key=k"),
        ("http://localhost:8899", "ws://localhost:8900"),
        ("http://127.0.0.1:8899/", "ws://127.0.0.1:8900/"),
        ("http://[::1]:8899", "ws://[::1]:8900"),
        ("https://user:word@node.example:9000/x", "wss://user:word@node.example:9001/x"),
    ],
)
def test_the_websocket_of_a_node_is_where_solanas_clients_look_for_it(rpc_url: str, ws_url: str) -> None:
    """At the same place, or at the next port where one is named."""
    assert ws_url_of(rpc_url) == ws_url


@pytest.mark.parametrize("url", ["", "rpc.example", "ftp://rpc.example", "https://", "http://host:99999", "http://[x"])
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    """The sentence says what to give."""
    with pytest.raises(BadInputError, match="https://host/path"):
        ws_url_of(url)
    with pytest.raises(BadInputError, match="wss://host/path"):
        SolanaWebsocket(url)
