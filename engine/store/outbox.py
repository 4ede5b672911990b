"""What tells of commits once they are done: of durable events, in the order of their numbers, and of all records."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from engine.domain.events import StoredEvent, Told
from engine.ports import Record

log = structlog.get_logger(__name__)

OnEvent = Callable[[StoredEvent, Told], None]
OnCommit = Callable[[tuple[Record, ...]], None]


class Outbox:
    """Tells listeners what was committed, on the thread of whoever committed; commits do not wait for them.

    A listener that is told may commit in its turn: what follows from that is told after what is being told.
    """

    def __init__(self) -> None:
        self._committing = threading.Lock()
        self._state = threading.Lock()
        self._waiting: deque[tuple[StoredEvent, Told]] = deque()
        self._telling = False
        self._listeners: tuple[OnEvent, ...] = ()
        self._watchers: tuple[OnCommit, ...] = ()

    def listen(self, listener: OnEvent) -> None:
        """Have *listener* told of every event that is committed from now on."""
        with self._state:
            self._listeners = (*self._listeners, listener)

    def watch(self, watcher: OnCommit) -> None:
        """Have *watcher* told of the records of every commit from now on, before the next one begins."""
        with self._state:
            self._watchers = (*self._watchers, watcher)

    @contextmanager
    def committing(self, records: tuple[Record, ...]) -> Iterator[list[tuple[StoredEvent, Told]]]:
        """Commit *records* within this, one commit at a time.

        Unless it raises, watchers are told of them afterwards, and listeners of what is added to the list.
        """
        with self._committing:
            committed: list[tuple[StoredEvent, Told]] = []
            yield committed
            self._show(records)
            with self._state:
                self._waiting.extend(committed)
        self._tell()

    def _show(self, records: tuple[Record, ...]) -> None:
        for watcher in self._watchers:
            try:
                watcher(records)
            except Exception:
                log.exception("watcher_failed")

    def _tell(self) -> None:
        while (entry := self._next()) is not None:
            try:
                self._tell_of(*entry)
            finally:
                with self._state:
                    self._telling = False

    def _tell_of(self, event: StoredEvent, record: Told) -> None:
        for listener in self._listeners:
            try:
                listener(event, record)
            except Exception:
                log.exception("listener_failed", subject=event.subject)

    def _next(self) -> tuple[StoredEvent, Told] | None:
        """Return what is to be told next; None where there is nothing, or another thread is telling and goes on."""
        with self._state:
            if self._telling or not self._waiting:
                return None
            self._telling = True
            return self._waiting.popleft()
