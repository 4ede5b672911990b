"""Events as they come, by websocket or as server-sent events.

Both send one CloudEvents 1.0 JSON document for each event. A reader that takes nothing for too long is cut off, and
what waits for it is bounded: it may come back with `since`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from anyio import to_thread
from fastapi import APIRouter, Request, WebSocket
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from engine.api.context import MOST_STREAMS, Api, Context, Pattern, Since
from engine.api.problems import Problem, problem_of
from engine.bus.subscription import Subscription
from engine.domain.errors import EngineError
from engine.events.envelope import cloud_event, source_of

log = structlog.get_logger(__name__)
router = APIRouter(tags=["events"])

SEND_SECONDS = 10.0
"""How long a reader may take nothing before it is cut off."""
KEEP_ALIVE_SECONDS = 15.0
"""How long nothing is sent before a comment, or a ping of the server's own, shows that the stream lives."""
_DIGITS = 18
"""No event has a longer number."""
_TRY_AGAIN_LATER = 1013
_POLICY = 1008
_OURS = 500


@router.get("/events", response_class=Response)
async def events(request: Request, api: Api, subjects: Pattern = ">", since: Since = None) -> Response:
    """Stream events as server-sent events.

    `subjects` is a pattern as NATS has them. `since`, or the header Last-Event-ID of a client that comes back, is the
    number of the last event that was seen: those after it come first. Of both the later counts.
    """
    last = request.headers.get("last-event-id", "")
    if last:
        since = max(since or 0, _number(last))
    return _EventStream(api, await _opened(api, subjects, since))


def _number(last: str) -> int:
    if not last.isdecimal() or len(last) > _DIGITS:
        raise Problem(400, f"Last-Event-ID is {last[:30]!r}, and must be the number of an event")
    return int(last)


@router.websocket("/ws")
async def websocket(connection: WebSocket, subjects: Pattern = ">", since: Since = None) -> None:
    """Stream events by websocket, each as one text message."""
    api: Context = connection.app.state.context
    try:
        subscription = await _opened(api, subjects, since)
    except (Problem, EngineError) as error:
        problem = problem_of(error)
        await connection.close(_POLICY if problem.status < _OURS else _TRY_AGAIN_LATER, problem.detail[:100])
        return

    async def send() -> None:
        async for _, text in _texts(api, subscription):
            if text is not None:
                async with asyncio.timeout(SEND_SECONDS):
                    await connection.send_text(text)

    async def listen() -> None:
        while (await connection.receive())["type"] != "websocket.disconnect":
            pass  # a reader has nothing to say

    try:
        await connection.accept()
        await _first(send(), listen())
    except TimeoutError:
        log.warning("reader_too_slow", subjects=subjects, dropped=subscription.dropped)
    except WebSocketDisconnect:
        pass
    finally:
        _closed(api, subscription)  # the server hangs up once this returns: a farewell would wait for the reader too


class _EventStream(Response):
    """Server-sent events, sent one by one so that each can be given its time."""

    media_type = "text/event-stream"

    def __init__(self, api: Context, subscription: Subscription) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._api, self._subscription = api, subscription

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader goes, or is too slow."""

        async def write() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for seq, text in _texts(self._api, self._subscription):
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": _sse(seq, text).encode(), "more_body": True})

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        try:
            with suppress(OSError):
                await _first(write(), listen())
        except TimeoutError:
            log.warning("reader_too_slow", dropped=self._subscription.dropped)
        finally:
            _closed(self._api, self._subscription)


def _sse(seq: int | None, text: str | None) -> str:
    if text is None:
        return ": still here\n\n"
    return (f"id: {seq}\n" if seq is not None else "") + f"data: {text}\n\n"


async def _opened(api: Context, subjects: str, since: int | None) -> Subscription:
    """Return a subscription of the bus, which bounds what waits for it and reads again what found no room."""
    if len(api.readers) >= MOST_STREAMS:
        raise Problem(503, f"{MOST_STREAMS} readers are listening already", {"Retry-After": "10"})
    # Counted before it is opened: others may ask meanwhile.
    place = object()
    api.readers.add(place)
    try:
        subscription = await to_thread.run_sync(api.engine.ports.bus.open, subjects, since)
    finally:
        api.readers.discard(place)
    api.readers.add(subscription)
    return subscription


def _closed(api: Context, subscription: Subscription) -> None:
    api.readers.discard(subscription)
    subscription.close()  # which also ends the thread that waits for its next event


async def _texts(api: Context, subscription: Subscription) -> AsyncIterator[tuple[int | None, str | None]]:
    """Yield each event with its number, if it has one; None at the beginning, and where nothing came for a while."""
    source = source_of(str(api.engine.settings.profile), api.engine.ports.signer.address)
    yield None, None
    while True:
        # A thread for each reader: to wait for an event must keep no request waiting.
        event = await to_thread.run_sync(
            subscription.get, KEEP_ALIVE_SECONDS, limiter=api.reading_threads, abandon_on_cancel=True
        )
        if event is None:
            yield None, None
        else:
            yield getattr(event, "seq", None), json.dumps(cloud_event(event, source))


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Run *works* beside each other until one ends, end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
