"""A server on loopback that takes webhooks and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass
class Webhook:
    """What the server answers next, and what it was asked."""

    port: int = 0
    answers: deque[int] = field(default_factory=deque)
    """Status codes of the next answers; 0 is silence until `release`. Then 200."""
    requests: list[Request] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    heard: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int, *, timeout: float = 20.0) -> None:
        """Wait until *count* requests have come."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.requests) >= count, timeout), self.requests

    def take(self, request: Request) -> int:
        """Keep *request* and return the status to answer it with."""
        with self.heard:
            status = self.answers.popleft() if self.answers else 200
            self.requests.append(request)
            self.heard.notify_all()
        if status == 0:
            self.release.wait(30)
        return status or 200


def _handler(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = webhook.take(Request(self.command, self.path, json.loads(body) if body else {}))
            try:
                self.send_response(status)
                if status in (301, 302, 307, 308):
                    self.send_header("Location", f"http://127.0.0.1:{webhook.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except ConnectionError:
                pass  # whoever asked has gone

        do_GET = do_POST  # noqa: N815 - the name that the base class calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Yield a server that listens."""
    hook = Webhook()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hook))
    server.daemon_threads = True
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
