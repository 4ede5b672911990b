"""A client of a Solana node's subscriptions, which holds one websocket open from a thread of its own.

What comes over a websocket makes things faster and proves nothing: a connection breaks, and what happened until the
next one is never told. So nothing here is waited for, and nothing that goes wrong here is raised.

Rule of this file: the URL and the headers may carry a key, so neither gets into a log. What is shown is the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect

from chain.node.link import SilentConnectionError, host_of, link, reason_of
from chain.node.subscriptions import (
    Accepted,
    Conversation,
    Notified,
    OnNotification,
    Refused,
    Subscription,
    UnreadableFrameError,
)

log = structlog.get_logger(__name__)

RECONNECT_WAITS = (0.5, 1.0, 2.0, 5.0, 10.0)
_JOIN_TIMEOUT = 5.0


@dataclass(slots=True)
class Counts:
    """What became of a client since it was made."""

    connects: int = 0
    losses: int = 0
    """Connections that ended or could not be made."""
    notifications: int = 0
    """Those that were passed on, the slots of the pulse among them."""
    refusals: int = 0
    unreadable: int = 0


class SolanaWebsocket:
    """The subscriptions of one client. Safe to use from any thread; no call waits for the network or raises.

    A lost connection is made anew, after waits that grow until the node has told something again, and every
    subscription that is still wanted is asked for anew. One that the node refuses is asked for again only then.

    A connection may stay open while nothing is told any more, so its pulse is taken: where nothing was heard for
    *pulse_interval*, the client subscribes to slots until the first one comes. Where none comes within
    *silent_after*, the connection counts as lost.

    Args:
        url: ws:// or wss://; may hold a provider's key.
        headers: sent with the handshake; may hold a key.
        waits: seconds before the first, second, ... attempt to reconnect in a row; the last one repeats.
        pulse_interval: seconds.
        silent_after: seconds; a slot takes 0.4.
        connect_timeout: seconds to reach the node.

    Raises:
        BadInputError: *url* is no websocket address.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        waits: Sequence[float] = RECONNECT_WAITS,
        pulse_interval: float = 10.0,
        silent_after: float = 5.0,
        connect_timeout: float = 5.0,
    ) -> None:
        self._url = url
        self._host = host_of(url)
        self._headers = dict(headers or {})
        self._waits = tuple(waits)
        self._pulse_interval = pulse_interval
        self._silent_after = silent_after
        self._connect_timeout = connect_timeout
        self._counts = Counts()
        self._wanted: dict[Subscription, None] = {}
        self._losses_in_a_row = 0
        self._conversation = Conversation()
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._heard = asyncio.Event()
        self._closing = asyncio.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="websocket", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<SolanaWebsocket of {self._host}>"

    @property
    def counts(self) -> Counts:
        """What happened so far, for metrics."""
        return replace(self._counts)

    def subscribe(self, method: str, params: Sequence[Any], on_notification: OnNotification) -> Subscription:
        """Have *on_notification* called with what the node tells of *method*, until the subscription is cancelled.

        It is called on the client's thread: it must not block. It may never be called, and after a reconnection it
        has missed what happened meanwhile; it may be told the same twice.

        Args:
            method: such as ``accountSubscribe`` or ``signatureSubscribe``; the latter ends with its notification.
            params: of the method.
            on_notification: takes the notification's ``result``.
        """
        subscription = Subscription(method, tuple(params), on_notification, self._release)
        self._on_thread(self._want, subscription)
        return subscription

    def close(self) -> None:
        """Close the connection and end the thread; harmless when repeated."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_JOIN_TIMEOUT)

    def _release(self, subscription: Subscription) -> None:
        self._on_thread(self._unwant, subscription)

    def _on_thread(self, act: Callable[[Subscription], None], subscription: Subscription) -> None:
        with self._lock:
            if not self._closed:
                self._loop.call_soon_threadsafe(act, subscription)

    # On the client's thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        serving = asyncio.create_task(self._serve())
        await self._closing.wait()
        serving.cancel()
        await asyncio.wait([serving])

    async def _serve(self) -> None:
        while True:
            try:
                await self._converse()
            except Exception as error:  # noqa: BLE001 - whatever it was, another connection is all that can help
                await self._lost(error)

    async def _lost(self, error: Exception) -> None:
        wait = self._waits[min(self._losses_in_a_row, len(self._waits) - 1)]
        self._counts.losses += 1
        self._losses_in_a_row += 1
        if self._losses_in_a_row == 1:
            log.warning("websocket_lost", host=self._host, reason=reason_of(error), wanted=len(self._wanted))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._closing.wait()

    async def _converse(self) -> None:
        """Hold one connection until it is lost, which raises."""
        self._conversation, self._outgoing = Conversation(), asyncio.Queue()
        for subscription in self._wanted:
            self._outgoing.put_nowait(self._conversation.ask_for(subscription))
        async with self._link() as socket:
            self._counts.connects += 1
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(socket))
                tasks.create_task(self._write(socket))
                tasks.create_task(self._take_pulse())

    def _link(self) -> connect:
        return link(
            self._url,
            headers=self._headers,
            open_timeout=self._connect_timeout,
            ping_interval=self._pulse_interval,
            ping_timeout=self._silent_after,
        )

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            frame = await socket.recv()
            try:
                self._hear(self._conversation.understand(frame))
            except UnreadableFrameError:
                self._counts.unreadable += 1

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get())

    async def _take_pulse(self) -> None:
        while True:
            pulse = Subscription("slotSubscribe", (), lambda _slot: None, self._release)
            self._want(pulse)
            try:
                if not await self._hears_within(self._silent_after):
                    raise SilentConnectionError
            finally:
                self._unwant(pulse)
            if pulse.refused:
                return  # a node that tells of no slots has its connection's pings alone
            while await self._hears_within(self._pulse_interval):
                pass

    async def _hears_within(self, span: float) -> bool:
        self._heard.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(span):
                await self._heard.wait()
        return self._heard.is_set()

    def _want(self, subscription: Subscription) -> None:
        self._wanted[subscription] = None
        self._outgoing.put_nowait(self._conversation.ask_for(subscription))

    def _unwant(self, subscription: Subscription) -> None:
        self._wanted.pop(subscription, None)
        frame = self._conversation.take_back(subscription)
        if frame is not None:
            self._outgoing.put_nowait(frame)

    def _hear(self, heard: Accepted | Refused | Notified | None) -> None:
        match heard:
            case Accepted(subscription) if subscription not in self._wanted:
                self._unwant(subscription)  # cancelled before the node had given it a number
            case Refused(subscription, code):
                self._counts.refusals += 1
                log.warning("subscription_refused", host=self._host, method=subscription.method, code=code)
                self._proven_alive()
            case Notified(subscription, result):
                self._proven_alive()
                self._pass_on(subscription, result)

    def _proven_alive(self) -> None:
        self._heard.set()
        if self._losses_in_a_row:
            log.info("websocket_restored", host=self._host, losses=self._losses_in_a_row)
            self._losses_in_a_row = 0

    def _pass_on(self, subscription: Subscription, result: Any) -> None:
        self._counts.notifications += 1
        if subscription.one_shot:
            self._wanted.pop(subscription, None)
        try:
            subscription.on_notification(result)
        except Exception:
            log.exception("subscriber_failed", method=subscription.method)
