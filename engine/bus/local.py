"""The bus within the process.

Subjects are dotted; in a pattern `*` stands for one token and a final `>` for one or more, as in NATS.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from engine.bus.subscription import QUEUE, Live, Subscription
from engine.domain.events import StoredEvent, Told, matches
from engine.ports import Clock, Store

log = structlog.get_logger(__name__)

Listener = Callable[[str, Mapping[str, Any]], None]


class Tellable(Protocol):
    """Anything with a `tell`, such as a reference to an actor."""

    def tell(self, message: Any) -> None:
        """Take *message*."""


class LocalBus:
    """Tells subscribers of what actors publish, and of the durable events that the store tells of.

    There are two ways to listen. A callable or an actor hears on the publisher's thread, must not block, and gets the
    data as it was published. A `Subscription`, or a listener with a number to resume after, has a thread of its own
    and may be as slow as it likes. Whoever raises is logged and harms nobody else.

    Args:
        clock: the time of live events.
        store: tells of durable events, and keeps them for those who resume.
    """

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._listeners: tuple[tuple[str, Listener], ...] = ()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()
        self._begun = clock.now()
        self._count = itertools.count(1)
        store.listen(self._happened)

    def subscribe(self, pattern: str, listener: Listener | Tellable, since: int | None = None) -> Callable[[], None]:
        """Have *listener* hear of every subject that *pattern* names; return what ends it.

        A callable is called with the subject and the data; anything else is told them as one tuple. The data of a
        durable event are the `StoredEvent` under `event`, and under `order`, `attempt`, `position` or `alert` the
        record as it stood then. With a *since* the listener is called on a thread of its own, first with the durable
        events after that number, and gets every event as `event` alone.

        Raises:
            BadInputError: there is no event of number *since*.
        """
        hear = listener if callable(listener) else lambda s, d: listener.tell((s, d))
        if since is not None:
            subscription = self.open(pattern, since)
            threading.Thread(target=_pass_on, args=(subscription, hear), name=f"bus:{pattern}", daemon=True).start()
            return subscription.close
        entry = (pattern, hear)
        with self._lock:
            self._listeners = (*self._listeners, entry)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not entry)

        return unsubscribe

    def open(self, pattern: str, since: int | None = None, *, size: int = QUEUE) -> Subscription:
        """Return a subscription to every subject that *pattern* names; to be closed by whoever reads it.

        Args:
            pattern: subjects, with wildcards.
            since: the number of the last durable event that the subscriber knows: those after it come first.
            size: how many events may wait in memory.

        Raises:
            BadInputError: there is no event of number *since*.
        """
        subscription = Subscription(pattern, self._store, since=since, size=size, on_close=self._forget)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        if since is not None:
            try:
                subscription.catch_up()
            except BaseException:
                subscription.close()
                raise
        return subscription

    def _forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Tell every listener and subscription whose pattern names *subject*: an event that is live only."""
        self._tell(subject, data)
        subscriptions = [s for s in self._subscriptions if matches(s.pattern, subject)]
        if subscriptions:
            event = Live(f"live-{self._begun:x}-{next(self._count)}", subject, self._clock.now(), data)
            for subscription in subscriptions:
                subscription.offer_live(event)

    def _happened(self, event: StoredEvent, record: Told) -> None:
        self._tell(event.subject, {"event": event, type(record).__name__.lower(): record})
        for subscription in self._subscriptions:
            subscription.offer(event)

    def _tell(self, subject: str, data: Mapping[str, Any]) -> None:
        for pattern, listener in self._listeners:
            if matches(pattern, subject):
                try:
                    listener(subject, data)
                except Exception:
                    log.exception("listener_failed", subject=subject, pattern=pattern)


def _pass_on(subscription: Subscription, listener: Listener) -> None:
    try:
        for event in subscription:
            try:
                listener(event.subject, {"event": event})
            except Exception:
                log.exception("listener_failed", subject=event.subject, pattern=subscription.pattern)
    except Exception:
        # The store cannot be read: to go on would be to miss something without a word.
        log.exception("subscription_failed", pattern=subscription.pattern)
        subscription.close()
