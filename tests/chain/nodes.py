"""A node's websocket on loopback that does, connection by connection, what a test scripts."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

GOOD_FOR = 10.0
"""Seconds that nothing in a test needs."""


class Talk:
    """One connection, from the node's end."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self._put_aside: deque[dict[str, Any]] = deque()
        self._numbers = 100

    def request(self, method: str, *, within: float = GOOD_FOR) -> dict[str, Any]:
        """Return the client's next request of *method*; what comes before it is put aside for another call.

        Raises:
            TimeoutError: nothing came for *within* seconds.
        """
        for request in list(self._put_aside):
            if request["method"] == method:
                self._put_aside.remove(request)
                return request
        while True:
            request = json.loads(self.connection.recv(timeout=within))
            if request["method"] == method:
                return dict(request)
            self._put_aside.append(request)

    def accept(self, method: str) -> int:
        """Accept the client's next subscription of *method*, and return its number."""
        request = self.request(method)
        self._numbers += 1
        self.send({"jsonrpc": "2.0", "id": request["id"], "result": self._numbers})
        return self._numbers

    def refuse(self, method: str, code: int = -32601) -> None:
        """Refuse the client's next subscription of *method*."""
        error = {"code": code, "message": "Method not found"}
        self.send({"jsonrpc": "2.0", "id": self.request(method)["id"], "error": error})

    def notify(self, number: int, result: object) -> None:
        """Tell of subscription *number*."""
        params = {"result": result, "subscription": number}
        self.send({"jsonrpc": "2.0", "method": "someNotification", "params": params})

    def send(self, message: object) -> None:
        """Send *message* as JSON, text and bytes as they are."""
        self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def beat(self) -> None:
        """Answer the client's pulse."""
        self.notify(self.accept("slotSubscribe"), {"slot": 1})

    def until_left(self) -> list[dict[str, Any]]:
        """Stay until the client goes, and return what it still asked for."""
        requests = list(self._put_aside)
        with suppress(ConnectionClosed):
            while True:
                requests.append(json.loads(self.connection.recv(timeout=GOOD_FOR)))
        return requests

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        self.connection.socket.shutdown(socket.SHUT_RDWR)


Script = Callable[[Talk], None]


class ScriptedNode:
    """Gives its first connection to the first script, and so on; the last one serves all others.

    Attributes:
        url: where it listens.
        headers: of each handshake.
        connections: that were made.
    """

    def __init__(self, url: str, scripts: tuple[Script, ...]) -> None:
        self.url = url
        self.headers: list[dict[str, str]] = []
        self.failures: list[BaseException] = []
        self._scripts = scripts
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()

    def shake(self, request: Request) -> None:
        """Note a handshake."""
        with self._changed:
            self.headers.append(dict(request.headers.raw_items()))
            self._changed.notify_all()

    def handle(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        with self._changed:
            self._threads.append(threading.current_thread())
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._changed.notify_all()
        try:
            script(Talk(connection))
        except ConnectionClosed:
            pass
        except BaseException as error:  # noqa: BLE001 - shown to the test when it ends
            self.failures.append(error)

    def finish(self) -> None:
        """Wait for the scripts to end; every one of them must have gone through."""
        for thread in self._threads:
            thread.join(GOOD_FOR)
        assert self.failures == []

    def served(self, connections: int, *, within: float = GOOD_FOR) -> bool:
        """Wait until that many connections were made; return whether they were within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connections >= connections, within)

    def shaken(self, handshakes: int) -> bool:
        """Wait until that many handshakes were begun; return whether they were."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.headers) >= handshakes, GOOD_FOR)


@contextmanager
def scripted(
    *scripts: Script, process_request: Callable[[ServerConnection, Request], Response | None] | None = None
) -> Iterator[ScriptedNode]:
    """Serve *scripts*; at the end every one of them must have gone through without an error."""
    node = ScriptedNode("", scripts)

    def note(connection: ServerConnection, request: Request) -> Response | None:
        node.shake(request)
        return process_request(connection, request) if process_request else None

    with serve(node.handle, "127.0.0.1", 0, process_request=note, close_timeout=1) as server:
        node.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield node
    thread.join()
    node.finish()


class Told:
    """What a subscriber was told, or a logger."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, result: Any) -> None:
        with self._changed:
            self.results.append(result)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Any]:
        """Wait until it was told *count* times, and return what."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.results) >= count, GOOD_FOR), f"told only {self.results}"
            return list(self.results)


@contextmanager
def logged() -> Iterator[Told]:
    """Yield what is logged, by whatever thread."""
    told, before = Told(), structlog.get_config()["processors"]

    def keep(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        told(dict(line))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    yield told
    structlog.configure(processors=before)


def stay(talk: Talk) -> None:
    """Serve a connection on which nothing happens."""
    talk.until_left()
