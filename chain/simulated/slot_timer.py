"""Waking up at the start of a slot."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chain.simulated.slots import SlotSchedule
from engine.ports import Clock, Timer


class SlotTimer:
    """At most one call outstanding with the clock, for the earliest slot that was asked for."""

    def __init__(self, clock: Clock, schedule: SlotSchedule, wake: Callable[[], object]) -> None:
        self._clock = clock
        self._schedule = schedule
        self._wake = wake
        self._lock = threading.Lock()
        self._armed: tuple[int, Timer] | None = None
        self._closed = False

    def wake_by(self, slot: int | None) -> None:
        """Wake at the start of *slot*, or earlier where that was asked for before; None asks for nothing."""
        with self._lock:
            if self._closed or slot is None or (self._armed is not None and self._armed[0] <= slot):
                return
            if self._armed is not None:
                self._armed[1].cancel()
            self._armed = (slot, self._clock.call_at(self._schedule.start_of(slot), self._ring))

    def close(self) -> None:
        """Wake no more."""
        with self._lock:
            self._closed = True
            if self._armed is not None:
                self._armed[1].cancel()
                self._armed = None

    def _ring(self) -> None:
        with self._lock:
            self._armed = None
            if self._closed:
                return
        self._wake()
