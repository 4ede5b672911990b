"""The API's server: uvicorn in a thread of its own, with an event loop that nothing of the engine runs on."""

from __future__ import annotations

import errno
import socket
from typing import Any, ClassVar

import structlog
import uvicorn

from chain.http.server import ThreadedServer
from engine.config import ApiSection
from engine.domain.errors import BadInputError, EngineError

log = structlog.get_logger(__name__)

_GRACE_SECONDS = 2
"""What open requests are given to finish when the server stops."""
_MOST_CONNECTIONS = 512
_LARGEST_MESSAGE = 16_384
"""Bytes that a websocket reader may send at once: it has nothing to say."""


class ApiServer(ThreadedServer):
    """Serves the ASGI application *app* where *settings* say. Also a context manager."""

    served: ClassVar[str] = "API"

    def __init__(self, app: Any, settings: ApiSection) -> None:
        super().__init__()
        self.app = app
        self._settings = settings

    @property
    def url(self) -> str:
        """Where it is served, without a trailing slash."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{'https' if self._settings.tls else 'http'}://{host}:{self.port}"

    def start(self) -> str:
        """Serve from now on, and return `url` once connections are accepted.

        Raises:
            BadInputError: the address or port cannot be used, or the certificate cannot be read.
            EngineError: another program has the port, perhaps only for a moment: whoever starts engines may try again.
            RuntimeError: it is running already, or the application did not start.
        """
        url = super().start()
        log.info("api", url=url)
        return url

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
            return socket.create_server((host, port), family=family, backlog=_MOST_CONNECTIONS)
        except OSError as error:
            kind = EngineError if error.errno == errno.EADDRINUSE else BadInputError
            raise kind(f"the API cannot listen on {host}:{port} ({error.strerror}): set api.port") from None
