"""The API's server: uvicorn in a thread of its own, with an event loop that nothing of the engine runs on."""

from __future__ import annotations

import socket
import threading
from typing import Any, Self

import structlog
import uvicorn

from engine.config import ApiSection
from engine.domain.errors import BadInputError

log = structlog.get_logger(__name__)

_GRACE_SECONDS = 2
"""What open requests are given to finish when the server stops."""
_MOST_CONNECTIONS = 512
_LARGEST_MESSAGE = 16_384
"""Bytes that a websocket reader may send at once: it has nothing to say."""


class _Server(uvicorn.Server):
    """A uvicorn server that says when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()


class ApiServer:
    """Serves the ASGI application *app* where *settings* say. Also a context manager."""

    def __init__(self, app: Any, settings: ApiSection) -> None:
        self.app = app
        self._settings = settings
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
        """Where it is served, without a trailing slash."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{'https' if self._settings.tls else 'http'}://{host}:{self.port}"

    def start(self) -> str:
        """Serve from now on, and return `url` once connections are accepted.

        Raises:
            BadInputError: the address or port cannot be used, or the certificate cannot be read.
            RuntimeError: it is running already, or the application did not start.
        """
        if self._running is not None:
            raise RuntimeError("the server is running already")
        config = self._config()
        listener = self._listener()
        server = _Server(config)
        thread = threading.Thread(target=self._serve, args=(server, listener), name="api", daemon=True)
        self._running = (server, thread, listener.getsockname()[1])
        thread.start()
        server.settled.wait()
        if not server.started:
            self.stop()
            raise RuntimeError("the API did not start; its own log says why")
        log.info("api", url=self.url)
        return self.url

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whom a proxy speaks for is the gate's business
            ws="websockets-sansio",
            ws_max_size=_LARGEST_MESSAGE,
            ws_per_message_deflate=False,  # the event loop has better to do
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_certfile=str(settings.tls_cert) if settings.tls_cert is not None else None,
            ssl_keyfile=str(settings.tls_key) if settings.tls_key is not None else None,
        )
        try:
            config.load()
        except OSError as error:
            raise BadInputError(f"api.tls_cert or api.tls_key cannot be used: {error}") from None
        return config

    def _listener(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            # Bound here and not by uvicorn, which would end the process where the port is taken.
            listener = socket.create_server((host, port), family=family, backlog=_MOST_CONNECTIONS)
        except OSError as error:
            raise BadInputError(f"the API cannot listen on {host}:{port} ({error.strerror}): set api.port") from None
        # asyncio sets it only on sockets that name their protocol; without it every answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

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

    def __exit__(self, *_exc: object) -> None:
        self.stop()
