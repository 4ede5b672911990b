"""What tells of durable events once they are committed: each once, in the order of their numbers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from engine.domain.events import StoredEvent, Told

log = structlog.get_logger(__name__)

OnEvent = Callable[[StoredEvent, Told], None]


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

    def listen(self, listener: OnEvent) -> None:
        """Have *listener* told of every event that is committed from now on."""
        with self._state:
            self._listeners = (*self._listeners, listener)

    @contextmanager
    def committing(self) -> Iterator[list[tuple[StoredEvent, Told]]]:
        """Commit within this, one at a time; what is added to the list is told afterwards, unless it raises."""
        with self._committing:
            committed: list[tuple[StoredEvent, Told]] = []
            yield committed
            with self._state:
                self._waiting.extend(committed)
        self._tell()

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
