"""A real server on loopback, for what a stand-in of the network cannot show."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest


class Loopback:
    """A server that answers *answer* to everything.

    Attributes:
        ports: of the clients' ends of the connections that it saw.
        keys: the API key of each request.
    """

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.ports: set[int] = set()
        self.keys: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        seen = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen.ports.add(self.client_address[1])
                seen.keys.append(self.headers.get("x-api-key", ""))
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                body = json.dumps(seen.answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the base class looks it up by this name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Write nothing to stderr."""

        return Handler


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """Yield a listening server."""
    server = Loopback()
    yield server
    server.close()
