"""Serving an ASGI application on loopback, from a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import Any, Self

import uvicorn

_GRACE_SECONDS = 2
"""What open requests are given to finish when the server stops."""


class _Server(uvicorn.Server):
    """A uvicorn server that says when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()


class LoopbackServer:
    """Runs an application on 127.0.0.1 until it is stopped. Also a context manager."""

    def __init__(self, app: Any, *, port: int = 0) -> None:
        """Prepare to serve the ASGI application *app* on *port*; 0 lets the system choose a free one."""
        self._app = app
        self._wanted_port = port
        self._running: tuple[_Server, threading.Thread, int] | None = None

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: it is not running.
        """
        if self._running is None:
            raise RuntimeError("the server has no port before start() and after stop()")
        return self._running[2]

    @property
    def url(self) -> str:
        """Where HTTP is served, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where websockets are served."""
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> str:
        """Serve from now on, and return `url` once connections are accepted.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is running already, or the application did not start.
        """
        if self._running is not None:
            raise RuntimeError("the server is running already")
        # Bound here and not by uvicorn, which would end the process where the port is taken.
        listener = socket.create_server(("127.0.0.1", self._wanted_port))
        # asyncio sets it only on sockets that name their protocol; without it every answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        thread = threading.Thread(target=self._serve, args=(server, listener), name="loopback", daemon=True)
        self._running = (server, thread, listener.getsockname()[1])
        thread.start()
        server.settled.wait()
        if not server.started:
            self.stop()
            raise RuntimeError("the application did not start; its own log says why")
        return self.url

    def stop(self) -> None:
        """Close every connection and wait for the thread to end; harmless when it is not running."""
        if self._running is None:
            return
        server, thread, _ = self._running
        server.should_exit = True
        thread.join()
        self._running = None

    def _serve(self, server: _Server, listener: socket.socket) -> None:
        try:
            server.run(sockets=[listener])
        finally:
            listener.close()
            server.settled.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
