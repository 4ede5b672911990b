"""`ripcord events`: what comes out is every durable event once and in order, whatever the connection does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from engine.cli.codes import UnansweredError
from engine.cli.remote.client import Client
from engine.cli.remote.place import place_named
from engine.cli.remote.stream import events
from engine.domain.errors import BadInputError
from tests.api.desk import V1, Desk
from tests.cli.servers import bad_line, silent
from tests.cli.shell import ROOT, Shell, settings_of

EXIT = f"{V1}/positions/position-1/exit"
LEAVES_THE_SCREEN = b"\x1b[?1049l"
""""Back from the alternate screen", to a terminal."""


@contextmanager
def connected(desk: Desk, port: int | None = None) -> Iterator[Client]:
    """Yield a client of the engine of *desk*, or of what is on *port* before it."""
    assert desk.server is not None
    url = f"http://127.0.0.1:{port}" if port is not None else desk.server.url
    with Client(place_named(url, desk.folder / "api-token", None), timeout=5) as client:
        yield client


@contextmanager
def process(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command line as a process of its own, with a group of its own."""
    command = [sys.executable, str(ROOT / "run.py"), *arguments, *settings_of(desk)]
    environ = {**os.environ, "HOME": str(desk.folder)}
    with subprocess.Popen(
        command, cwd=desk.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_tail_shows_what_was_and_what_comes_until_it_is_interrupted(desk: Desk) -> None:
    """A CloudEvent a line, at once though into a pipe; Ctrl-C ends it with 130, and without a word."""
    with process(desk, "events", "order.>", "--since", "0") as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert json.loads(tail.stdout.readline())["subject"] == "order.exit-9.filled"
        desk.post(EXIT, {"percent": 50})
        assert json.loads(tail.stdout.readline())["subject"] == "order.exit-1.pending"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(20) == 130
        assert "Traceback" not in tail.stderr.read()


def test_a_tail_goes_on_across_lost_connections(desk: Desk) -> None:
    """Each durable event once and in order, though the line breaks after every one of the first three."""
    assert desk.server is not None
    desk.post(EXIT, {"percent": 50})
    desk.rest()
    said: list[str] = []
    stored = [event.seq for event in desk.store.events(0, "order.>")]
    with bad_line(desk.server.url) as line, connected(desk, line.port) as client:
        line.cut = [1, 1, 1]
        tail = events(client, "order.>", 0, tell=said.append)
        heard = [int(next(tail)["sequence"]) for _ in stored]
    assert len(stored) >= 3
    assert heard == stored
    assert [sentence.rsplit(" ", 2)[-2:] for sentence in said[:2]] == [["until", "Ctrl-C"], ["is", "back"]]


def test_what_has_happened_is_printed_and_no_more(ripcord: Shell, desk: Desk) -> None:
    """--no-follow ends by itself; in each form one line for each event."""
    desk.post(EXIT, {"percent": 50})
    count = len(desk.store.events(0, "order.*.pending"))
    for form, more in (("json", 0), ("csv", 1), ("table", 0)):
        done = ripcord("events", "order.*.pending", "--since", "0", "--no-follow", "--output", form)
        assert (done.code, done.out.count("\n"), done.err) == (0, count + more, "")
        assert "order.exit-1.pending" in done.out


def test_what_has_happened_is_printed_to_the_end_page_by_page(
    ripcord: Shell, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event once and in order, also where most of a page is of other subjects."""
    monkeypatch.setattr(sys.modules["engine.cli.events"], "_PAGE", 2)
    desk.post(EXIT, {"percent": 50})
    desk.rest()
    for pattern in (">", "order.>", "*.exit-1.*"):
        lines = ripcord("events", pattern, "--since", "1", "--no-follow").out.splitlines()
        stored = [event.seq for event in desk.store.events(1, pattern)]
        assert [int(json.loads(line)["sequence"]) for line in lines] == stored
        assert len(stored) >= 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("order.>", "--no-follow"), "say after which event with --since"),
        (("order..x", "--since", "0"), "subjects"),
        (("order.>", "--since", "1000000"), "there is no event 1000000"),
    ],
)
def test_a_tail_of_nothing_is_refused(ripcord: Shell, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, at once: it is not tried again."""
    done = ripcord("events", *arguments)
    assert (done.code, done.out, sentence in done.err) == (2, "", True), done.err


def test_an_engine_that_does_not_answer_at_first_is_not_waited_for(desk: Desk) -> None:
    """Only a connection that once stood is tried again."""
    with silent() as port:
        place = place_named(f"http://127.0.0.1:{port}", desk.folder / "api-token", None)
        with Client(place, timeout=0.2) as client, pytest.raises(UnansweredError):
            next(events(client, ">", None, tell=print))


def test_a_refusal_when_it_comes_back_ends_the_tail(desk: Desk) -> None:
    """Another database at the same address has no such event: to go on would be to miss without a word."""
    assert desk.server is not None
    with bad_line(desk.server.url) as line, connected(desk, line.port) as client:
        line.cut = [1]
        tail = events(client, "order.>", 0, tell=lambda _: None)
        next(tail)
        desk.store._events.clear()
        with pytest.raises(BadInputError, match="there is no event"):
            next(tail)


def test_live_events_come_without_a_number(desk: Desk) -> None:
    """From now on, where nothing is said of what was."""
    with connected(desk) as client:
        heard: list[dict[str, Any]] = []
        came = threading.Event()

        def listen() -> None:
            heard.append(next(events(client, "engine.>", None, tell=lambda _: None)))
            came.set()

        thread = threading.Thread(target=listen)
        thread.start()
        while not came.wait(0.05):
            desk.bus.publish("engine.drained", {"queued": 3})
        thread.join()
    assert (heard[0]["subject"], "sequence" in heard[0]) == ("engine.drained", False)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_live_table_is_drawn_until_it_is_interrupted(
    desk: Desk, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """On a terminal; what changes is seen without asking again, and a signal ends it and gives the screen back."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "run.py"), "orders", "--watch", "--every", "0.2", *settings_of(desk)]
    environ = {**os.environ, "HOME": str(tmp_path), "COLUMNS": "160", "TERM": "xterm"}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        seen = b""
        while b"exit-9" not in seen:
            seen += os.read(ours, 65_536)
        desk.post(EXIT, {"percent": 50})
        while b"exit-1 " not in seen:
            seen += os.read(ours, 65_536)
        running.send_signal(number)
        last = b"".join(_rest(ours))
        assert running.wait(20) == code
    assert LEAVES_THE_SCREEN in last
    os.close(ours)


def _rest(descriptor: int) -> Iterator[bytes]:
    with suppress(OSError):  # the other end is closed
        while some := os.read(descriptor, 65_536):
            yield some
