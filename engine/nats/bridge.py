"""The bridge from the bus to a NATS server, on a thread of its own that nobody waits for.

It reads a subscription of the bus, which bounds what waits for it. What is durable and does not reach the server is in
the store, and is read from there once the server takes it: what was published last, the server's stream says.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, Self

import structlog

from engine.bus.subscription import Journal, Subscription
from engine.config import NatsSection
from engine.domain.alert import Severity, Trouble
from engine.domain.events import Event, StoredEvent
from engine.events.envelope import cloud_event
from engine.nats.connection import Line, NotPublishedError, connected, reason_of
from engine.nats.stream import PAGE, Stream

log = structlog.get_logger(__name__)

RETRY_WAITS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... attempt in a row; the last one repeats."""
FLUSH_SECONDS = 5.0
"""How long what has happened may take to be published when the engine ends."""
TROUBLE = "nats"
"""The matter of the alert."""
_LOOK_UP_SECONDS = 0.25
"""How long nothing happens before the bridge looks whether it is to end."""
_END_SECONDS = 5.0


class Opens(Protocol):
    """A bus that can be subscribed to."""

    def open(self, pattern: str, since: int | None = None) -> Subscription:
        """Return a subscription to every subject that *pattern* names, from the event after *since* on."""


@dataclass(slots=True)
class Counts:
    """What became of the events since the bridge was made."""

    durable: int = 0
    """Taken by the stream."""
    live: int = 0
    """Taken by the server."""
    dropped: int = 0
    """Live ones that the server was too slow for, or that are too large for it."""
    losses: int = 0
    """Connections that ended or could not be made."""


class Bridge:
    """Publishes every event of an engine, from `start` to `close`. Also a context manager, and a `Connections` port.

    Args:
        bus: is subscribed to.
        journal: the durable events.
        settings: name the server.
        source: of the events; see `engine.events.envelope.source_of`.
        waits: see `RETRY_WAITS`.
    """

    def __init__(
        self, bus: Opens, journal: Journal, settings: NatsSection, source: str, *, waits: Sequence[float] = RETRY_WAITS
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._settings = settings
        self._source = source
        self._waits = tuple(waits)
        self._counts = Counts()
        self._problem: str | None = None
        self._failures = 0
        self._published = 0
        self._closing = threading.Event()
        self._working: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return replace(self._counts)

    @property
    def published(self) -> int:
        """The number of the event that the stream took last, as far as is known."""
        return self._published

    def troubles(self) -> list[Trouble]:
        """Return what keeps events from being published now; never waits."""
        problem = self._problem
        if problem is None:
            return []
        return [
            Trouble(
                key=TROUBLE,
                severity=Severity.WARNING,
                title="NATS TAKES NO EVENTS - they wait in the database",
                message=f"{self._settings.url}: {problem}. Trading goes on; they are published once this is over.",
            )
        ]

    def start(self) -> None:
        """Publish from now on; returns at once."""
        self._thread.start()

    def close(self, timeout: float = FLUSH_SECONDS) -> None:
        """Publish what has happened, for at most *timeout* seconds, and end; harmless when repeated."""
        self._closing.set()
        self._thread.join(timeout)
        if self._thread.is_alive() and self._working is not None:
            loop, task = self._working
            with suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(task.cancel)
            self._thread.join(_END_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # On the bridge's thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._until_closed())
        left = self._journal.last_event() - self._published
        if left:
            log.warning("nats_left_behind", events=left, published=self._published, reason=self._problem)

    async def _until_closed(self) -> None:
        self._working = asyncio.get_running_loop(), asyncio.ensure_future(self._publish())
        await self._working[1]

    async def _publish(self) -> None:
        while not self._closing.is_set():
            try:
                async with connected(self._settings, self._source) as line:
                    await self._publish_on(line)
            except Exception as error:  # noqa: BLE001 - whatever it was, another connection is all that can help
                await self._lost(error)

    async def _lost(self, error: Exception) -> None:
        wait = self._waits[min(self._failures, len(self._waits) - 1)]
        self._counts.losses += 1
        self._failures += 1
        problem = reason_of(error)
        if problem != self._problem:
            log.warning("nats_lost", server=str(self._settings.url), reason=problem)
        self._problem = problem
        await asyncio.to_thread(self._closing.wait, wait)

    async def _publish_on(self, line: Line) -> None:
        """Publish until the bridge is closed and nothing is left, or the connection is lost, which raises."""
        stream = Stream(line, self._settings, self._source, self._journal)
        self._published = await stream.last()
        subscription = await asyncio.to_thread(self._bus.open, ">", self._published)
        try:
            while True:
                closing = self._closing.is_set()
                page = await asyncio.to_thread(_page, subscription, 0 if closing else _LOOK_UP_SECONDS)
                if line.is_closed:
                    raise line.last_error or NotPublishedError("the connection was lost")
                if page:
                    await self._pass_on(page, line, stream)
                self._proven()
                if closing and not page:
                    return
        finally:
            subscription.close()
            self._counts.dropped += subscription.dropped

    async def _pass_on(self, page: Sequence[Event], line: Line, stream: Stream) -> None:
        """Publish *page* in its order, and return once the server has all of it."""
        live = 0
        for event in page:
            subject = f"{self._settings.prefix}.{event.subject}"
            payload = json.dumps(cloud_event(event, self._source)).encode()
            if isinstance(event, StoredEvent):
                await stream.send(event, subject, payload)
            elif len(payload) > line.max_payload:
                self._counts.dropped += 1
                log.warning("event_too_large", subject=event.subject, size=len(payload), limit=line.max_payload)
            else:
                await line.publish(subject, payload)
                live += 1
        durable = await stream.taken()
        self._published += durable
        self._counts.durable += durable
        if live:
            # Answered once the server has read them: no more than this page is ever on its way.
            await line.flush(self._settings.ack_timeout)  # type: ignore[arg-type]  # it takes fractions as well
            if line.refusal is not None:
                raise line.refusal
            self._counts.live += live

    def _proven(self) -> None:
        self._failures = 0
        if self._problem is not None:
            self._problem = None
            log.info("nats_restored", server=str(self._settings.url), published=self._published)


def _page(subscription: Subscription, timeout: float) -> list[Event]:
    """Return what waits for the subscriber, at most `PAGE` events; none where nothing comes in *timeout* seconds."""
    page: list[Event] = []
    event = subscription.get(timeout)
    while event is not None:
        page.append(event)
        event = subscription.get(0) if len(page) < PAGE else None
    return page
