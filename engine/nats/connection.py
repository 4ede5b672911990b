"""The connection to a NATS server, and what may be said of its end.

It is made once and never by itself again: whoever holds it begins anew, from what the server's stream holds by then.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from nats import errors
from nats.aio.client import Client
from nats.js import errors as jetstream

from engine.config import NatsSection
from engine.domain.errors import EngineError
from engine.nats.credentials import read_credentials

PING_SECONDS = 5
"""How long a connection is silent before the server is asked whether it is there; after two answers that do not come
it counts as lost."""
_CLOSE_SECONDS = 1.0
_NO_JETSTREAM = "its JetStream does not answer: enable it (nats-server --jetstream), or look at the user's rights"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jetstream.NoStreamResponseError, _NO_JETSTREAM),
    (TimeoutError, "it does not answer in time"),
    (errors.ConnectionClosedError, "the connection was lost"),
    (errors.StaleConnectionError, "the connection was lost"),
    (errors.MaxPayloadError, "an event is larger than the server's max_payload allows"),
)


class NotPublishedError(EngineError):
    """Events cannot be published. The message says why, in one sentence without an end."""


class Line(Client):
    """A client that tells nobody who it is before the line is encrypted, where it is to be.

    Attributes:
        refusal: what the server last said that it does not let us do; it goes on all the same.
    """

    def __init__(self, *, encrypted: bool) -> None:
        super().__init__()
        self._encrypted = encrypted
        self.refusal: Exception | None = None

    async def hear(self, error: Exception) -> None:
        """Note what went wrong behind the scenes."""
        self.refusal = error

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._encrypted and not info.get("tls_required"):
            raise NotPublishedError("the server does not encrypt: name it as nats:// if that is meant")
        await super()._process_info(info, initial_connection)


@asynccontextmanager
async def connected(settings: NatsSection, name: str) -> AsyncIterator[Line]:
    """Yield a client of the server that *settings* name, shown there as *name*; close it afterwards.

    Raises:
        Exception: no connection was made; see `reason_of`.
    """
    line = Line(encrypted=_url(settings).startswith("tls://"))
    try:
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await line.connect(name=name, error_cb=line.hear, **_options(settings))
            line.refusal = None
            yield line
        except (TimeoutError, errors.NoServersError) as error:
            raise line.refusal or error from None
    finally:
        # A server that stands still takes no farewell.
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await line.close()


def _url(settings: NatsSection) -> str:
    return settings.url.reveal() if settings.url is not None else ""


def _options(settings: NatsSection) -> dict[str, Any]:
    options: dict[str, Any] = {
        "servers": [_url(settings)],
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0,
        "connect_timeout": settings.connect_timeout,
        "ping_interval": PING_SECONDS,
        "flush_timeout": settings.ack_timeout,
    }
    if settings.tls_ca is not None:
        try:
            options["tls"] = ssl.create_default_context(cafile=settings.tls_ca)
        except OSError as error:
            raise NotPublishedError(f"nats.tls_ca {settings.tls_ca} cannot be used: {error.strerror}") from None
    if settings.user is not None and settings.password is not None:
        options |= {"user": settings.user, "password": settings.password.get_secret_value()}
    if settings.token is not None:
        options["token"] = settings.token.get_secret_value()
    if settings.credentials_file is not None:
        credentials = read_credentials(settings.credentials_file)
        options |= {"user_jwt_cb": lambda: credentials.jwt, "signature_cb": credentials.sign}
    return options


def reason_of(error: Exception) -> str:
    """Return why nothing is published, in words that hold no secret."""
    return next((said for kind, said in _REASONS if isinstance(error, kind)), None) or _said_by(error)


def refused(description: str, code: int | None) -> str:
    """Return what JetStream says against what it was asked, by its error's *description* and *code*."""
    return f"JetStream refuses: {description} (error {code})"


def _said_by(error: Exception) -> str:
    match error:
        case EngineError():
            return str(error)
        case jetstream.APIError():
            if error.description is None:
                return _NO_JETSTREAM
            return refused(error.description, error.err_code)
        case errors.Error():
            said = str(error).removeprefix("nats: ").strip("'\" ")
            return f"{said}: look at how [nats] signs in" if "uthorization" in said else said
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}): set nats.tls_ca"
        case _:
            return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
