"""Playing a price path into a market, by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chain.simulated.prices.path import PricePath
from engine.ports import Clock, Timer


class Playback:
    """Sets each price of a path when its time has come. The times are the path's own: see `PricePath.starting`."""

    def __init__(self, clock: Clock, path: PricePath, set_price: Callable[[float], None]) -> None:
        """Prepare to play *path* to *set_price*, which is called on the clock's thread and must not block."""
        self._clock = clock
        self._points = path.points
        self._set_price = set_price
        self._next = 0
        self._timer: Timer | None = None
        self._lock = threading.RLock()

    @property
    def finished(self) -> bool:
        """Whether every price was set."""
        return self._next == len(self._points)

    def start(self) -> None:
        """Set the newest price that is due, and the others as they fall due."""
        with self._lock:
            if self._timer is None:
                self._play()

    def stop(self) -> None:
        """Set no more prices; `start` goes on with the newest that is due then."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _due(self) -> None:
        with self._lock:
            # A timer that was cancelled while it fired must not play on.
            if self._timer is not None:
                self._play()

    def _play(self) -> None:
        due = self._next
        now = self._clock.now()
        while due < len(self._points) and self._points[due].at <= now:
            due += 1
        if due > self._next:
            self._set_price(self._points[due - 1].price)
        self._next = due
        self._timer = None if self.finished else self._clock.call_at(self._points[due].at, self._due)
