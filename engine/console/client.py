"""The API, as the page asks it: in process, through the whole gate, with the cookie of whoever sits before the page.

So the page can do what its person may, and no more; and the audit log names that person's session and address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

PREFIX = "/api/v1"
_SECONDS = 30.0
"""How long an answer may take; the engine's own time-outs are shorter."""


class ApiError(Exception):
    """The API refused. The message is its one sentence.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sits before the page, as the browser's request had it."""

    cookie: str
    host: str
    """The Host header."""
    peer: tuple[str, int]
    forwarded: str = ""
    """X-Forwarded-For."""

    @classmethod
    def of(cls, request: HTTPConnection) -> Caller:
        """Return the caller of *request*."""
        return cls(
            cookie=request.headers.get("cookie", ""),
            host=request.headers.get("host", ""),
            peer=(request.client.host, request.client.port) if request.client is not None else ("", 0),
            forwarded=request.headers.get("x-forwarded-for", ""),
        )


class Client:
    """Asks the API *app* for *caller*. Paths are those below /api/v1, quoted."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        headers = {"Cookie": caller.cookie, "Host": caller.host, "Origin": f"http://{caller.host}"}
        if caller.forwarded:
            headers["X-Forwarded-For"] = caller.forwarded
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=caller.peer, raise_app_exceptions=False),
            base_url=f"http://{caller.host}{PREFIX}",
            headers=headers,
            timeout=_SECONDS,
            trust_env=False,
        )

    async def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a question; parameters that are None are left out.

        Raises:
            ApiError: the API refused.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return _answer(await self._client.get(path, params=given))

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str) -> Any:
        """Give a command, once for each *key*, and return its answer.

        Raises:
            ApiError: the API refused.
        """
        return _answer(await self._client.post(path, json=body, headers={"Idempotency-Key": key}))


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"the API answered {response.status_code}"
    raise ApiError(response.status_code, detail)
