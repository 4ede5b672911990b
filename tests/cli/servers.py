"""Servers that are not as an engine should be: one that hangs, a stranger, and a line to an engine that breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


@contextmanager
def silent() -> Iterator[int]:
    """Yield the port of a server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def stranger(status: int = 200) -> Iterator[int]:
    """Yield the port of a web server that is no engine."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>Welcome")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is given
            """Say nothing."""

    with _serving(Page) as server:
        yield server.server_port


class BadLine:
    """A line to the engine at the URL *to* that breaks.

    Attributes:
        drop: how many of the next commands reach the engine, and their answers nobody.
        cut: after how many events each of the next streams ends; the others last.
        keys: the idempotency keys that came by.
        port: where it begins.
    """

    def __init__(self, to: str) -> None:
        self.to = to
        self.drop = 0
        self.cut: list[int] = []
        self.keys: list[str] = []
        self.port = 0


class _Forward(BaseHTTPRequestHandler):
    line: BadLine

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.line.keys.append(self.headers["idempotency-key"])
        names = ("authorization", "idempotency-key", "content-type")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        answer = httpx.post(self.line.to + self.path, content=body, headers=headers, timeout=30)
        if self.line.drop:
            self.line.drop -= 1
            self._hang_up()
        else:
            self._answer(answer)

    def do_GET(self) -> None:
        headers = {"authorization": self.headers["authorization"]}
        if "/events" in self.path:
            # The engine may end before whoever listens does.
            with (
                suppress(httpx.TransportError, OSError),
                httpx.stream("GET", self.line.to + self.path, headers=headers, timeout=30) as stream,
            ):
                if stream.is_error:
                    stream.read()
                    self._answer(stream)
                    return
                self._forward(stream, self.line.cut.pop(0) if self.line.cut else None)
            self._hang_up()
        else:
            self._answer(httpx.get(self.line.to + self.path, headers=headers, timeout=30))

    def _forward(self, stream: httpx.Response, left: int | None) -> None:
        self.send_response(stream.status_code)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for text in stream.iter_lines():
            self.wfile.write(text.encode() + b"\n")
            if left is not None and text.startswith("data: "):
                left -= 1
            if left == 0 and not text:
                return

    def _answer(self, answer: httpx.Response) -> None:
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.end_headers()
        self.wfile.write(answer.content)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is given
        """Say nothing."""


@contextmanager
def bad_line(to: str) -> Iterator[BadLine]:
    """Yield a line to the engine at the URL *to*."""
    line = BadLine(to)
    with _serving(type("Forward", (_Forward,), {"line": line})) as server:
        line.port = server.server_port
        yield line
