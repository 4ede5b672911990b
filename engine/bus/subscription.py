"""A subscription that is read on the subscriber's own thread, at the subscriber's own pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from engine.domain.errors import BadInputError
from engine.domain.events import Event, StoredEvent, matches
from engine.domain.units import Nanos
from engine.events.catalogue import VERSION, plain

log = structlog.get_logger(__name__)

QUEUE = 1000
"""How many events wait for a subscriber in memory, durable ones and live ones each."""


class Journal(Protocol):
    """Where durable events are read again."""

    def events(self, since: int = 0, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the first *limit* events after number *since* whose subjects *pattern* names."""

    def last_event(self) -> int:
        """Return the number of the newest event; 0 where there is none."""


def check_known(since: int, newest: int) -> None:
    """See that there is an event of number *since*, where the newest is *newest*.

    Raises:
        BadInputError: there is none.
    """
    if since > newest:
        raise BadInputError(
            f"there is no event {since} to resume after: the newest is {newest}; "
            "it may be another database, whose events begin after 0"
        )


@dataclass(frozen=True, slots=True)
class Live:
    """A live event as it was published: whoever reads it writes it as JSON, and not whoever publishes."""

    id: str
    subject: str
    time: Nanos
    data: Mapping[str, Any]

    def event(self) -> Event | None:
        """Return it as subscribers get it; None, and a line in the log, where the catalogue does not have it."""
        try:
            data = plain(self.subject, self.data)
        except Exception:
            log.exception("event_not_in_catalogue", subject=self.subject)
            return None
        return Event(id=self.id, subject=self.subject, time=self.time, data=data, version=VERSION)


class Subscription:
    """Events for one subscriber: durable ones each once and in order, live ones as far as the subscriber keeps up.

    Being offered an event never waits and takes bounded memory. A durable event that finds no room is not kept: the
    subscriber reads it from the store. A live one takes the place of the oldest, which is counted in `dropped`.
    To be read by one thread at a time; iterating ends when it is closed.

    Args:
        pattern: subjects, with wildcards; see `engine.domain.events.matches`.
        journal: where durable events are read again.
        since: number of the last durable event that is known; None to begin with the next one.
        size: how many events may wait.
        on_close: called once it is closed.
    """

    def __init__(
        self, pattern: str, journal: Journal, *, since: int | None, size: int, on_close: Callable[[Subscription], None]
    ) -> None:
        self.pattern = pattern
        self.dropped = 0
        """Live events that the subscriber was too slow for."""
        self._journal = journal
        self._size = size
        self._on_close = on_close
        self._changed = threading.Condition()
        self._closed = False
        self._page: deque[StoredEvent] = deque()
        """Read from the store, not given out yet."""
        self._durable: deque[tuple[int, StoredEvent]] = deque()
        self._live: deque[tuple[int, Live]] = deque(maxlen=size)
        self._offered = 0
        """How many were put into either queue: says which of two came first."""
        self._tail = since
        """Every durable event up to this number was given out, or waits here."""
        self._newest = 0
        """The highest number that is known to be in the store."""
        self._reading = False

    def catch_up(self) -> None:
        """Have what the store holds after `since` read first; to be called once offers come.

        Raises:
            BadInputError: the store has not come as far as `since`.
        """
        newest = self._journal.last_event()
        with self._changed:
            check_known(self._tail or 0, max(newest, self._newest))
            self._newest = max(self._newest, newest)

    def offer(self, event: StoredEvent) -> None:
        """Take note of a durable event, whatever its subject; on any thread."""
        with self._changed:
            self._newest = max(self._newest, event.seq)
            if self._tail is None:
                self._tail = event.seq - 1
            in_turn = event.seq == self._tail + 1 and not self._reading
            if in_turn and len(self._durable) < self._size:
                self._tail = event.seq
                if matches(self.pattern, event.subject):
                    self._offered += 1
                    self._durable.append((self._offered, event))
            self._changed.notify()

    def offer_live(self, event: Live) -> None:
        """Take a live event whose subject matches; on any thread."""
        with self._changed:
            self.dropped += len(self._live) == self._size
            self._offered += 1
            self._live.append((self._offered, event))
            self._changed.notify()

    def get(self, timeout: float | None = None) -> Event | None:
        """Return the next event; None where none comes within *timeout* seconds, or the subscription is closed."""
        while True:
            with self._changed:
                if not self._changed.wait_for(self._something, timeout) or self._closed:
                    return None
                entry = self._take()
                since, newest = self._tail or 0, self._newest
                self._reading = entry is None
            if entry is None:
                self._read(since, newest)
            elif (event := entry.event() if isinstance(entry, Live) else entry) is not None:
                return event

    def _something(self) -> bool:
        return bool(self._closed or self._page or self._durable or self._live or self._behind())

    def _behind(self) -> bool:
        return self._tail is not None and self._newest > self._tail

    def _take(self) -> StoredEvent | Live | None:
        """Return what is next; None where it must be read from the store."""
        if self._page:
            return self._page.popleft()
        if self._durable and not (self._live and self._live[0][0] < self._durable[0][0]):
            return self._durable.popleft()[1]
        if not self._durable and self._behind():
            return None
        return self._live.popleft()[1]

    def _read(self, since: int, newest: int) -> None:
        """Read the next page, while nothing is queued that it may hold as well."""
        page: list[StoredEvent] = []
        through = since
        try:
            page = self._journal.events(since, self.pattern, self._size)
            # A page that is not full ends where the store did: at or after what was known to be in it.
            through = page[-1].seq if len(page) == self._size else max([newest, *(event.seq for event in page)])
        finally:
            with self._changed:
                self._page.extend(page)
                self._tail = through
                self._reading = False

    def __iter__(self) -> Iterator[Event]:
        """Give out events as they come, until the subscription is closed."""
        while True:
            event = self.get()
            if event is not None:
                yield event
            elif self._closed:
                return

    def close(self) -> None:
        """Take no more events, and end whoever waits for one."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._on_close(self)
