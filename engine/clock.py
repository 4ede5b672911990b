"""Time: the machine's, faster than the machine's, or by hand."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

from engine.domain.units import Nanos

log = structlog.get_logger(__name__)


_LONGEST_WAIT = 3600.0
"""Seconds; a condition variable cannot wait for as long as a call may lie ahead."""


class _Call:
    """A call that is due at a time."""

    __slots__ = ("at", "callback", "cancelled")

    def __init__(self, at: Nanos, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Agenda:
    """Calls in the order in which they are due; of the same moment, in the order in which they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, _Call]] = []
        self._arrivals = itertools.count()

    def add(self, at: Nanos, callback: Callable[[], None]) -> _Call:
        call = _Call(at, callback)
        heapq.heappush(self._heap, (at, next(self._arrivals), call))
        return call

    def next_at(self) -> Nanos | None:
        """Return when the next call is due, or None where there is none."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][2].at if self._heap else None

    def pop_due(self, now: Nanos) -> _Call | None:
        """Take the earliest call that is due at *now*, if any."""
        at = self.next_at()
        return heapq.heappop(self._heap)[2] if at is not None and at <= now else None


class SystemClock:
    """The machine's clock, steady: it starts at the wall clock's time and never steps with it.

    A daemon thread makes the calls. With *speed* N a second of the machine is N seconds here.
    """

    def __init__(self, *, speed: float = 1.0, start: Nanos | None = None) -> None:
        self.speed = speed
        self._wall = start if start is not None else time.time_ns()
        self._monotonic = time.monotonic_ns()
        self._agenda = _Agenda()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def now(self) -> Nanos:
        """Return nanoseconds since the epoch."""
        return Nanos(self._wall + int((time.monotonic_ns() - self._monotonic) * self.speed))

    def call_at(self, at: Nanos, callback: Callable[[], None]) -> _Call:
        """Call *callback* on the clock's thread once *at* has come."""
        with self._changed:
            call = self._agenda.add(at, callback)
            self._changed.notify()
            return call

    def close(self) -> None:
        """Make no more calls."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (call := self._wait_for_due()) is not None:
            try:
                call.callback()
            except Exception:
                log.exception("timer_failed")

    def _wait_for_due(self) -> _Call | None:
        with self._changed:
            while not self._closed:
                if call := self._agenda.pop_due(self.now()):
                    return call
                at = self._agenda.next_at()
                wait = _LONGEST_WAIT if at is None else max(0.0, (at - self.now()) / self.speed / 1e9)
                self._changed.wait(min(wait, _LONGEST_WAIT))
        return None


class ManualClock:
    """A clock that stands still until it is moved; it makes the calls that fall due on the way."""

    def __init__(self, start: Nanos = Nanos(1_750_000_000_000_000_000)) -> None:
        self._now = start
        self._agenda = _Agenda()
        self._lock = threading.RLock()

    def now(self) -> Nanos:
        """Return the time that the clock was last moved to."""
        return self._now

    def call_at(self, at: Nanos, callback: Callable[[], None]) -> _Call:
        """Call *callback* on the thread that moves the clock to *at* or past it."""
        with self._lock:
            return self._agenda.add(at, callback)

    def next_at(self) -> Nanos | None:
        """Return when the next call is due, or None where there is none."""
        with self._lock:
            return self._agenda.next_at()

    def advance_to(self, at: Nanos) -> None:
        """Move to *at*, stopping at each call on the way; a moment in the past moves nothing."""
        while True:
            with self._lock:
                call = self._agenda.pop_due(at)
                self._now = max(self._now, call.at if call else at)
            if call is None:
                return
            call.callback()

    def advance(self, span: Nanos) -> None:
        """Move on by *span*."""
        self.advance_to(Nanos(self._now + span))
