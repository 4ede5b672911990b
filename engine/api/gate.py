"""The gate before the application: nothing reaches it that may not, is too large, or comes all at once.

Host, then Origin, then who it is: for every request and every websocket, before anything of it is read. Who it is
shows a token, which too many wrong ones shut out, or the cookie of a session, which a browser sends by itself: with it
alone, whatever changes something must also come from a page of this server. What passes carries in its scope who gave
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.api.access import Access
from engine.api.lockout import Lockout
from engine.api.problems import Problem
from engine.api.sessions import Sessions
from engine.api.sign_in import SIGN_IN
from engine.api.tokens import ApiToken

log = structlog.get_logger(__name__)

LARGEST_BODY = 524_288
"""Bytes: enough for the longest import, with a plan of its own for each of its tokens."""
BODY_SECONDS = 10.0
"""How long a request may take to come in."""
AT_ONCE = 16
"""Requests of each kind, reading and writing, that are worked on at a time; others wait their turn. Together they are
fewer than the threads that there are for them, and neither kind keeps the other waiting."""
OPEN_PATHS = frozenset({"/livez", "/readyz", "/docs", "/openapi.json", SIGN_IN})
"""Answered without a token: they show nothing of the wallet."""
_STREAMS = ("/api/v1/events", "/gradio_api/queue/data", "/gradio_api/heartbeat/")
"""Answers that last, and have a bound of their own."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SAFE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What the gate found out; it stands in the scope as ``ripcord``."""

    who: str
    """For the audit log: the token's or the session's name, and the address."""
    address: str
    body: bytes


class Gate:
    """ASGI middleware. See the module.

    Args:
        app: what is guarded.
        access: the names and pages that are let in.
        token: what is asked for.
        sessions: those who have shown it.
        lockout: who is not heard.
    """

    def __init__(self, app: ASGIApp, *, access: Access, token: ApiToken, sessions: Sessions, lockout: Lockout) -> None:
        self._app = app
        self._access = access
        self._token = token
        self._sessions = sessions
        self._lockout = lockout
        self._reading = asyncio.Semaphore(AT_ONCE)
        self._writing = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one connection through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        peer = (scope.get("client") or ("", 0))[0]
        address = self._access.client(peer, headers)
        try:
            self._check_names(headers)
            who = self._known(scope, headers, address)
            body = await _body(receive, headers) if scope["type"] == "http" else b""
        except Problem as problem:
            log.warning("api_refused", status=problem.status, address=address, path=scope["path"])
            await _refuse(problem, scope, receive, send)
            return
        scope["ripcord"] = Passed(who=f"{who} from {address}", address=address, body=body)
        await self._pass(scope, _replay(body, receive) if scope["type"] == "http" else receive, send)

    def _check_names(self, headers: Headers) -> None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._access.knows_host(hosts[0]):
            raise Problem(403, "the Host header names another server: use the API's own address, or set api.hosts")
        if len(origins) > 1 or not all(self._access.knows_origin(origin, hosts[0]) for origin in origins):
            raise Problem(403, "pages of that Origin may not use the API: set api.origins")

    def _known(self, scope: Scope, headers: Headers, address: str) -> str:
        """Return who it is: a session, or the token."""
        if not headers.get("authorization") and (session := self._sessions.of(headers)):
            if (scope["type"] == "websocket" or scope["method"] not in _READING) and not _own_page(headers):
                raise Problem(403, "with a session's cookie, only a page of this server may do that")
            return f"session {session}"
        if scope["path"] in OPEN_PATHS and scope["type"] == "http":
            return "anyone"
        if scope.get("method") == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            return "anyone"  # a preflight has no token, and is answered before it reaches a route
        self._check_token(scope, headers, address)
        return f"token {self._token.name}"

    def _check_token(self, scope: Scope, headers: Headers, address: str) -> None:
        wait = self._lockout.wait(address)
        if wait:
            raise Problem(429, f"too many wrong tokens: wait {wait} s", {"Retry-After": str(wait)})
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._token.matches(given.strip()):
            return
        if given:
            self._lockout.failed(address)
        elif _is_page(scope, headers):
            raise Problem(303, "sign in first", {"Location": SIGN_IN})
        what = "the token is wrong" if given else "a token is missing: send Authorization: Bearer TOKEN"
        raise Problem(401, what, {"WWW-Authenticate": 'Bearer realm="ripcord"'})

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safe(message: Message) -> None:
            await send(_with_safe_headers(message))

        path = scope["path"]
        if scope["type"] == "websocket" or path in OPEN_PATHS or path.startswith(_STREAMS):
            await self._app(scope, receive, safe)
            return
        async with self._reading if scope["method"] in _READING else self._writing:
            await self._app(scope, receive, safe)


async def _body(receive: Receive, headers: Mapping[str, str]) -> bytes:
    length = headers.get("content-length", "0")
    too_large = Problem(413, f"a body has at most {LARGEST_BODY} bytes", {"Connection": "close"})
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise too_large
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while (message := await receive())["type"] == "http.request":
                body += bytes(message.get("body", b""))
                if len(body) > LARGEST_BODY:
                    raise too_large
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise Problem(408, "the body did not come in time", {"Connection": "close"}) from None
    raise Problem(400, "the connection ended before the body did")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives *body*, which was received already, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _own_page(headers: Headers) -> bool:
    """Return whether a page of this server asks; that an Origin which is there is let in, was looked at before."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    return urlsplit(origin.lower()).netloc == headers["host"].lower()


def _is_page(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser opens a page, for which a person sits before it."""
    return scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    async def safe(message: Message) -> None:
        await send(_with_safe_headers(message))

    if scope["type"] == "http":
        await problem.response()(scope, receive, safe)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await problem.response()({**scope, "type": "websocket"}, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})


def _with_safe_headers(message: Message) -> Message:
    """Return *message* with the safe headers that it does not bring itself, where it begins an answer."""
    if message["type"] == "http.response.start":
        given = message.get("headers", [])
        named = {name.lower() for name, _ in given}
        message["headers"] = [*given, *(header for header in _SAFE_HEADERS if header[0] not in named)]
    return message
