"""The gateway in front of Jupiter's API: request ids, rate limits, and a place for scripted faults."""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain.simulated.jupiter_errors import TOO_MANY_REQUESTS, too_many_requests
from engine.domain.units import SECOND, Nanos, seconds
from engine.ports import Clock

PRO_PLAN = 9_000
"""Requests in 60 seconds of Jupiter's largest plan."""

WINDOW = seconds(60)
_OK = 200


class Interceptor(Protocol):
    """Whoever answers in the API's place: the seam for faults."""

    async def intercept(self, request: Request) -> Response | None:
        """Return the answer to give instead of the API's, or None to let the API answer; may take its time."""


class RateLimit:
    """Requests within a sliding window, as every endpoint together may take."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.limit = limit
        self._clock = clock
        self._taken: deque[Nanos] = deque()

    def take(self) -> bool:
        """Count a request, and return whether it is within the limit; one beyond it is not counted."""
        now = self._clock.now()
        while self._taken and self._taken[0] <= now - WINDOW:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    def headers(self) -> dict[str, str]:
        """Return how much of the limit is used and when, in Unix seconds, the oldest request leaves the window."""
        oldest = self._taken[0] if self._taken else self._clock.now()
        return {
            "x-ratelimit-remaining": str(self.limit - len(self._taken)),
            "x-ratelimit-current": str(len(self._taken)),
            "x-ratelimit-reset": str((oldest + WINDOW) // SECOND),
        }


class Gateway:
    """ASGI middleware: what Jupiter's gateway adds to every answer.

    Attributes:
        interceptor: asked before the API is; None where nothing is scripted.
        rate_limit: shared by every endpoint.
    """

    def __init__(self, app: ASGIApp, clock: Clock, *, limit: int = PRO_PLAN) -> None:
        self.interceptor: Interceptor | None = None
        self.rate_limit = RateLimit(clock, limit)
        self._app = app
        self._numbers = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = hashlib.sha256(b"request %d" % next(self._numbers)).hexdigest()[:32]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-api-gateway-request-id"] = request_id
                if message["status"] in {_OK, TOO_MANY_REQUESTS}:
                    headers.update(self.rate_limit.headers())
            await send(message)

        answer: ASGIApp = self._app
        if not self.rate_limit.take():
            answer = too_many_requests()
        elif self.interceptor is not None:
            answer = await self.interceptor.intercept(Request(scope, receive)) or self._app
        await answer(scope, receive, send_with_headers)
