"""Serving an ASGI application on loopback, from a thread of its own."""

from __future__ import annotations

import socket
from typing import Any, ClassVar

import uvicorn

from chain.http.server import ThreadedServer

_GRACE_SECONDS = 2
"""What open requests are given to finish when the server stops."""


class LoopbackServer(ThreadedServer):
    """Runs an application on 127.0.0.1 until it is stopped. Also a context manager.

    `start` raises OSError where the port is taken.
    """

    served: ClassVar[str] = "loopback server"

    def __init__(self, app: Any, *, port: int = 0) -> None:
        """Prepare to serve the ASGI application *app* on *port*; 0 lets the system choose a free one."""
        super().__init__()
        self._app = app
        self._wanted_port = port

    @property
    def url(self) -> str:
        """Where HTTP is served, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where websockets are served."""
        return f"ws://127.0.0.1:{self.port}"

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )

    def _listener(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", self._wanted_port))
