"""The ports of an engine that is to die at a point: each of them calls the real one."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from chain.http.client import READ_TIMEOUT
from engine.ports import Record
from engine.wiring import Ports
from tests.crash.forks import die
from tests.crash.plan import Kill
from tests.crash.points import CALLS, SEND_WITHIN, Moment, Point, Step, step_of

_STEPS: dict[str, Step] = {
    "quote": Step.QUOTE,
    "prepare": Step.PREPARE,
    "prepare_reclaim": Step.PREPARE,
    "sign": Step.SIGN,
    "send": Step.SEND,
    "statuses": Step.STATUSES,
    "finalized_height": Step.HEIGHT,
    "fill": Step.FILL,
}
assert set(_STEPS.values()) == set(CALLS)


class Trap:
    """Ends the process at the n-th passage of its point, if it has one."""

    def __init__(self, kill: Kill | None) -> None:
        self._point = kill.point if kill else None
        self._left = kill.nth if kill else 0
        self._lock = threading.Lock()

    def passed(self, point: Point) -> None:
        """Note that *point* is being passed, and die there if it is time."""
        if self.due(point):
            die()

    def due(self, point: Point) -> bool:
        """Note that *point* is being passed, and return whether it is time to die there."""
        if point != self._point:
            return False
        with self._lock:
            self._left -= 1
            return self._left == 0


class _Watched:
    """A port whose calls are points."""

    def __init__(self, port: object, trap: Trap) -> None:
        self._port = port
        self._trap = trap

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        step = _STEPS.get(name)
        if step is None:
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            self._trap.passed(Point(step, Moment.BEFORE))
            try:
                return value(*arguments, **named)
            finally:
                self._trap.passed(Point(step, Moment.AFTER))

        return call


class _WatchedChain(_Watched):
    """A chain of which one can also die while it has the bytes and its answer was not read."""

    def __init__(self, port: object, trap: Trap, rpc_url: str) -> None:
        super().__init__(port, trap)
        self._rpc_url = rpc_url

    def send(self, raw: bytes) -> None:
        """Send *raw*, or let it go and die."""
        if self._trap.due(SEND_WITHIN):
            let_go(self._rpc_url, raw)
            die()
        self.__getattr__("send")(raw)


class _WatchedStore(_Watched):
    """A store whose commits are points, by what is committed."""

    def commit(self, *records: Record) -> None:
        """Commit *records*."""
        step = step_of(records)
        if step is not None:
            self._trap.passed(Point(step, Moment.BEFORE))
        self._port.commit(*records)  # type: ignore[attr-defined]
        if step is not None:
            self._trap.passed(Point(step, Moment.AFTER))


class _Forgetful(_WatchedStore):
    """A store that does not say what may still be on its way."""

    def attempts(self, order_id: Any = None, *, unresolved_only: bool = False) -> Sequence[Any]:
        """Return nothing where it is asked what is unresolved."""
        return [] if unresolved_only else self._port.attempts(order_id)  # type: ignore[attr-defined]


class _Unmarked(_Watched):
    """A venue that leaves the order's marker out."""

    def prepare(self, quote: Any, *, marker_seed: str = "", **fees: Any) -> Any:
        """Prepare without a marker."""
        del marker_seed
        return self.__getattr__("prepare")(quote, **fees)


def trapped(ports: Ports, trap: Trap, rpc_url: str, *, forgetful: bool = False) -> Ports:
    """Return *ports* whose steps are points of *trap*.

    Args:
        ports: the real ones.
        trap: where to die.
        rpc_url: of the node.
        forgetful: take away what keeps an engine from selling twice, to see that this is noticed.
    """
    store = (_Forgetful if forgetful else _WatchedStore)(ports.store, trap)
    venue = (_Unmarked if forgetful else _Watched)(ports.venue, trap)
    return replace(
        ports,
        store=cast("Any", store),
        venue=cast("Any", venue),
        signer=cast("Any", _Watched(ports.signer, trap)),
        chain=cast("Any", _WatchedChain(ports.chain, trap, rpc_url)),
    )


def let_go(rpc_url: str, raw: bytes) -> None:
    """Have the node at *rpc_url* receive the transaction *raw*, and read nothing of its answer."""
    config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
    params = [base64.b64encode(raw).decode(), config]
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "sendTransaction", "params": params}).encode()
    node = urlsplit(rpc_url)
    head = f"POST / HTTP/1.1\r\nHost: {node.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_connection((node.hostname, node.port), READ_TIMEOUT) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        # It is there to be read, or the node has hung up: either way the node has had the request.
        connection.recv(1, socket.MSG_PEEK)
