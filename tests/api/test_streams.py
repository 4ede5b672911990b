"""Events reach a reader outside, in order, resumed where it left off; a slow one harms only itself."""

from __future__ import annotations

import itertools
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.domain.units import AlertId
from tests.api.desk import V1, Desk
from tests.factories import an_alert
from tests.waiting import meanwhile

EXIT = f"{V1}/positions/position-1/exit"


@contextmanager
def listening(desk: Desk, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    """Listen by websocket."""
    url = f"ws://{desk.client.base_url.netloc.decode()}{V1}/ws?{query}"
    with connect(url, additional_headers={"Authorization": f"Bearer {desk.token}"}, **options) as line:
        assert isinstance(line, ClientConnection)
        yield line


@contextmanager
def events(desk: Desk, query: str = "", **headers: str) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """Listen by server-sent events; yield each with its id."""
    with desk.client.stream("GET", f"{V1}/events?{query}", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        next(lines)  # the comment that says that it listens
        yield _events(lines)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    number = ""
    for line in lines:
        if line.startswith("id: "):
            number = line[4:]
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])
            number = ""


def test_a_websocket_hears_of_what_it_asked_for(desk: Desk) -> None:
    """Durable and live events come as CloudEvents; subjects that were not asked for do not."""
    with listening(desk, "subjects=position.*.exit_requested") as line:
        desk.post(EXIT, {"percent": 50})
        event = json.loads(line.recv(timeout=10))
    assert (event["specversion"], event["type"]) == ("1.0", "ripcord.position.exit_requested")
    assert (event["subject"], event["source"]) == ("position.position-1.exit_requested", "ripcord/demo/wallet")
    assert event["data"]["active_exit"]["reason"] == "manual"
    with listening(desk, "subjects=engine.>") as line:
        desk.bus.publish("engine.drained", {"queued": 3})
        event = json.loads(line.recv(timeout=10))
    assert (event["type"], event["data"], "sequence" in event) == ("ripcord.engine.drained", {"queued": 3}, False)


def test_server_sent_events_have_the_number_to_resume_by(desk: Desk) -> None:
    """A reader that comes back with it, in the query or as Last-Event-ID, misses nothing and sees nothing twice."""
    desk.post(EXIT, {"percent": 50})
    with events(desk, "subjects=order.>&since=0") as heard:
        first, event = next(heard)
        assert event["sequence"] == f"{int(first):020}"
        second = next(heard)
    with events(desk, f"subjects=order.>&since={first}") as heard:
        assert next(heard) == second
    with events(desk, "subjects=order.>", **{"Last-Event-ID": first}) as heard:
        assert next(heard) == second
    with events(desk, "subjects=order.>&since=0", **{"Last-Event-ID": first}) as heard:
        assert next(heard) == second  # a browser that connects again asks with what it was given at first
    with listening(desk, f"subjects=order.>&since={first}") as line:
        assert json.loads(line.recv(timeout=10)) == second[1]


@pytest.mark.parametrize("last", ["\xb2", "x", "-1", "1.5", "9" * 30])
def test_a_last_event_id_that_is_no_number_is_refused(desk: Desk, last: str) -> None:
    """A reader that believed to resume would miss what happened meanwhile."""
    answer = desk.client.get(f"{V1}/events", headers={b"Last-Event-ID": last.encode("latin-1")}, timeout=5)
    assert (answer.status_code, "Last-Event-ID" in answer.json()["detail"]) == (400, True)


@contextmanager
def by_websocket(desk: Desk, since: int) -> Iterator[Callable[[], int]]:
    """Listen to durable events after number *since*; yield what returns the number of the next."""
    with listening(desk, f"since={since}&subjects=*.*.*") as line:
        yield lambda: int(json.loads(line.recv(timeout=10))["sequence"])
        line.socket.shutdown(socket.SHUT_RDWR)  # no farewell: its process was killed


@contextmanager
def by_server_sent_events(desk: Desk, since: int) -> Iterator[Callable[[], int]]:
    """Do the same by the other way."""
    with events(desk, f"since={since}&subjects=*.*.*") as heard:
        yield lambda: int(next(heard)[0])


@contextmanager
def busy(desk: Desk) -> Iterator[threading.Event]:
    """Let durable and live events happen meanwhile, until what is yielded is set."""
    numbers = itertools.count(1)

    def happen() -> None:
        number = next(numbers)
        desk.store.commit(an_alert(id=AlertId(f"alert-{number}")))
        desk.bus.publish("engine.drained", {"queued": number})

    with meanwhile(happen, every=0.002) as over:
        yield over


@pytest.mark.parametrize("listen", [by_websocket, by_server_sent_events])
def test_a_reader_that_is_killed_100_times_sees_each_durable_event_once_and_in_order(
    desk: Desk, listen: Callable[[Desk, int], Any]
) -> None:
    """During a busy run it comes back with the last number that it saw, after as many events as chance has it."""
    chance, seen = random.Random(11), list[int]()

    def read(count: int) -> None:
        with listen(desk, seen[-1] if seen else 0) as following:
            for _ in range(count):
                seen.append(following())

    with busy(desk) as over:
        for _ in range(100):
            read(chance.randrange(1, 8))
        over.set()
    read(desk.store.last_event() - len(seen))
    assert seen == list(range(1, desk.store.last_event() + 1))
    assert len(seen) > 100


def test_a_number_that_is_not_there_yet_is_refused(desk: Desk) -> None:
    """It is another database's: to listen on would be to miss without a word."""
    answer = desk.client.get(f"{V1}/events", params={"since": 10**9})
    assert (answer.status_code, "no event 1000000000" in answer.json()["detail"]) == (422, True)
    with pytest.raises(InvalidStatus), listening(desk, "since=1000000000"):
        pass


@pytest.mark.parametrize("query", ["subjects=", "subjects=a b", "subjects=a..b", "since=-1", "since=x"])
def test_what_makes_no_sense_is_refused(desk: Desk, query: str) -> None:
    """By request with 422, by websocket before it is accepted."""
    assert desk.client.get(f"{V1}/events?{query}").status_code == 422
    with pytest.raises(InvalidStatus), listening(desk, query):
        pass


def test_there_is_a_most_of_readers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told to come later; once one has gone there is room again."""
    monkeypatch.setattr("engine.api.routes.streams.MOST_STREAMS", 1)
    with listening(desk):
        answer = desk.client.get(f"{V1}/events")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        with pytest.raises(InvalidStatus), listening(desk):
            pass


def test_a_reader_that_takes_nothing_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The publisher never waits for it, and the API goes on."""
    monkeypatch.setattr("engine.api.routes.streams.SEND_SECONDS", 0.2)
    with listening(desk, "subjects=engine.>", max_queue=1) as line:
        for _ in range(300):
            desk.bus.publish("engine.message_failed", {"actor": "a", "message": "b", "error": "x" * 100_000})
        gone(desk)
        with pytest.raises(ConnectionClosed):
            drain(line)


def test_a_reader_of_server_sent_events_that_takes_nothing_is_cut_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by websocket: its connection ends."""
    monkeypatch.setattr("engine.api.routes.streams.SEND_SECONDS", 0.2)
    with events(desk, "subjects=engine.>") as heard:
        for _ in range(300):
            desk.bus.publish("engine.message_failed", {"actor": "a", "message": "b", "error": "x" * 100_000})
        gone(desk)
        with pytest.raises(httpx.RemoteProtocolError):
            assert len(list(heard)) < 300


def gone(desk: Desk) -> None:
    """Ask the API, which must answer, until nobody listens to events any more."""
    assert desk.server is not None
    readers = desk.server.app.state.context.readers
    for _ in range(5000):
        if not readers:
            return
        assert desk.get(f"{V1}/engine")["open_positions"] == 1
    pytest.fail("the reader was not cut off")


def drain(line: ClientConnection) -> None:
    """Read what is left of 300 events, and one more."""
    for _ in range(301):
        line.recv(timeout=10)


def test_a_reader_that_goes_leaves_nothing_behind(desk: Desk) -> None:
    """Its subscription ends with it."""
    for _ in range(3):
        with events(desk, "subjects=engine.>"):
            pass
        with listening(desk):
            pass
    assert desk.server is not None
    desk.server.stop()
    assert desk.server.app.state.context.readers == set()
    assert desk.bus._subscriptions == ()


def test_streams_end_with_the_server(desk: Desk) -> None:
    """Whoever stops the server does not wait for readers."""
    with listening(desk, "subjects=engine.>") as line, httpx.Client():
        assert desk.server is not None
        desk.server.stop()
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=10)
