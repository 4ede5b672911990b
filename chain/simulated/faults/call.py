"""What a fault is given: one request on its way to a stand-in, and the reply on its way back."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, ClassVar

from starlette.types import Send

from chain.simulated.exchange import Exchange
from chain.simulated.jupiter_gateway import RateLimit
from chain.simulated.rpc_call import Served
from chain.simulated.trading_bank import TradingBank
from engine.domain.units import Nanos
from engine.ports import Clock

HTTP = "http"
"""What every HTTP request is named, whichever server it is for."""
NODE = "node"
"""What every request to the node is named, its websockets included; besides, HTTP ones bear their methods."""
JUPITER = "jupiter"
"""What every request to the Jupiter API is named; besides, each bears its path, such as ``/swap/v2/build``."""
RPC = "rpc"
"""What every HTTP request to the node is named."""
WEBSOCKET = "websocket"
"""What every websocket is named."""

JSON_HEADERS = ((b"content-type", b"application/json"),)
HTML_HEADERS = ((b"content-type", b"text/html"),)

Pause = Callable[[Nanos], Awaitable[None]]
"""Waits for as long, by the clock of the world."""


class Ending(Enum):
    """How a reply ends."""

    WHOLE = "whole"
    BROKEN_OFF = "broken off"
    """The connection is closed in the middle of the body."""
    CLOSED = "closed"
    """The connection is closed before a single byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP response that has not been sent yet."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = JSON_HEADERS
    """Without the length of the body."""
    body: bytes = b""
    ending: Ending = Ending.WHOLE
    pace: Nanos | None = None
    """Between two bytes of the body; None sends it at once."""

    @classmethod
    def of_json(cls, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """Return *body* as a JSON reply with further *headers*."""
        more = tuple((name.encode(), value.encode()) for name, value in (headers or {}).items())
        return cls(status=status, headers=(*JSON_HEADERS, *more), body=json.dumps(body).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request."""

    names: frozenset[str]
    """What rules may know it by."""
    body: bytes
    clock: Clock
    pause: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCall(Call):
    """A JSON-RPC request, or a batch of them."""

    bank: TradingBank
    """The cluster, however it is seen."""
    served: Served
    """What it is answered from: a fault may put something else in its place."""
    requests: tuple[dict[str, Any], ...]
    """One, or those of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JupiterCall(Call):
    """A request to the Jupiter API."""

    exchange: Exchange
    query: Mapping[str, str]
    rate_limit: RateLimit


Serve = Callable[[Call], Awaitable[Reply]]
"""Whatever is behind a fault: further faults, and at last the server."""


class Misbehaviour(ABC):
    """What faults of requests and of websockets have in common.

    Attributes:
        where: names of the requests that it can strike at all.
    """

    where: ClassVar[frozenset[str]]

    @property
    def name(self) -> str:
        """What it is counted under, unless its rule has a name of its own."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()


class Fault(Misbehaviour):
    """One way to treat an HTTP request badly."""

    where: ClassVar[frozenset[str]] = frozenset({HTTP})

    @abstractmethod
    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Return the reply to *call*.

        Args:
            call: the request.
            serve: what answers it properly; may be left alone, or asked with another call.
            dice: this request's own randomness.
        """


class SocketFault(Misbehaviour):
    """One way to treat a websocket badly."""

    where: ClassVar[frozenset[str]] = frozenset({WEBSOCKET})

    @abstractmethod
    def over(self, send: Send, hang_up: Callable[[], None], dice: Random) -> Send:
        """Return what the connection sends with instead of *send*.

        Args:
            send: sends an ASGI message.
            hang_up: closes the TCP connection without a word.
            dice: this connection's own randomness.
        """
