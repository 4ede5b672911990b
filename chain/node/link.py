"""Websocket connections to a node: their addresses, how they are opened, and what may be said of their end.

Rule of this file: a URL or a header may carry a key, so neither gets into a log or an error. What is shown is the host.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chain.http.client import is_loopback
from engine.domain.errors import BadInputError

_SCHEMES = {"http": "ws", "https": "wss"}
_CLOSE_TIMEOUT = 0.5

# At level DEBUG the library logs the whole URL and every header.
_MUTE = logging.getLogger("chain.node.link.library")
_MUTE.disabled = True


class SilentConnectionError(Exception):
    """The connection is open, and the node tells nothing."""


class _Direct(connect):
    """A connection to the address that was given and no other: a redirect would take the key along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def link(
    url: str, *, headers: Mapping[str, str], open_timeout: float, ping_interval: float, ping_timeout: float
) -> connect:
    """Return a context manager that opens a connection to *url*; spans in seconds, and it closes within half of one."""
    return _Direct(
        url,
        additional_headers=headers,
        compression=None,  # small frames, which are to be fast
        # A proxy that the environment names cannot reach our own loopback.
        proxy=None if is_loopback(host_of(url)) else True,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        close_timeout=_CLOSE_TIMEOUT,
        logger=_MUTE,
    )


def reason_of(error: BaseException) -> str:
    """Return why a connection was lost or not made, in words that hold no part of a URL or a header."""
    match error:
        case BaseExceptionGroup():
            return reason_of(error.exceptions[0])
        case SilentConnectionError():
            return "silent"
        case InvalidStatus():
            return f"HTTP {error.response.status_code}"
        case ConnectionClosed():
            return "broken off" if error.rcvd is None else f"closed with {error.rcvd.code}"
        case _:
            return type(error).__name__


def ws_url_of(rpc_url: str) -> str:
    """Return where the node at *rpc_url* serves its subscriptions, by the convention of Solana's own clients.

    The scheme becomes ws or wss. A port that is named is a validator's own, whose websocket is at the next one (8899
    and 8900); without a port it is a provider's gateway, which serves both. See ``makeWebsocketUrl`` of
    @solana/web3.js. The path and the query stay as they are.

    Raises:
        BadInputError: *rpc_url* is no HTTP address.
    """
    parts = _parsed(rpc_url)
    if parts is None or parts.scheme not in _SCHEMES:
        raise BadInputError("The address of the Solana RPC is not an HTTP URL: give it as https://host/path")
    netloc = parts.netloc if parts.port is None else f"{parts.netloc.rpartition(':')[0]}:{parts.port + 1}"
    return parts._replace(scheme=_SCHEMES[parts.scheme], netloc=netloc).geturl()


def host_of(ws_url: str) -> str:
    """Return the host of *ws_url*, which may be shown.

    Raises:
        BadInputError: *ws_url* is no websocket address.
    """
    parts = _parsed(ws_url)
    if parts is None or parts.scheme not in _SCHEMES.values():
        raise BadInputError("The address of the Solana websocket is not a websocket URL: give it as wss://host/path")
    return parts.hostname or ""


def _parsed(url: str) -> SplitResult | None:
    """Return the parts of *url*; None where it has no host, or a port that is none."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
