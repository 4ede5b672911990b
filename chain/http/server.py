"""Serving an ASGI application from a thread of its own."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from typing import ClassVar, Self

import uvicorn


class _Server(uvicorn.Server):
    """A uvicorn server that says when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()


class ThreadedServer(ABC):
    """Runs an application until it is stopped. Also a context manager."""

    served: ClassVar[str] = "application"
    """What errors call it, and its thread."""

    def __init__(self) -> None:
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
    @abstractmethod
    def url(self) -> str:
        """Where it is served, without a trailing slash."""

    @abstractmethod
    def _config(self) -> uvicorn.Config:
        """Return what is served, and how."""

    @abstractmethod
    def _listener(self) -> socket.socket:
        """Return a bound socket to listen on: uvicorn itself would end the process where the port is taken."""

    def start(self) -> str:
        """Serve from now on, and return `url` once connections are accepted.

        Raises:
            RuntimeError: it is running already, or the application did not start.
        """
        if self._running is not None:
            raise RuntimeError("the server is running already")
        config = self._config()
        listener = self._listener()
        # asyncio sets it only on sockets that name their protocol; without it every answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(config)
        thread = threading.Thread(target=_serve, args=(server, listener), name=self.served, daemon=True)
        self._running = (server, thread, listener.getsockname()[1])
        thread.start()
        server.settled.wait()
        if not server.started:
            self.stop()
            raise RuntimeError(f"the {self.served} did not start; its own log says why")
        return self.url

    def begin_to_stop(self) -> None:
        """Have every connection closed, and do not wait for that; harmless when it is not running."""
        if self._running is not None:
            self._running[0].should_exit = True

    def stop(self) -> None:
        """Close every connection and wait for the thread to end; harmless when it is not running."""
        self.begin_to_stop()
        if self._running is not None:
            self._running[1].join()
            self._running = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def _serve(server: _Server, listener: socket.socket) -> None:
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        server.settled.set()
