"""When something that is named by its slot was true, by our own clock.

A source that names slots can show that it stands still: its newest slot then no longer moves. What it repeats is as
old as the moment at which that slot was first seen, however often it is told anew.
"""

from __future__ import annotations

import threading

from engine.domain.units import Nanos, seconds

LONGEST_SLOT = seconds(0.4)
"""The longest that a slot is meant to take: mainnet's until August 2026, since when they have become shorter. What is
some slots behind is no older than this makes it."""


class SlotTime:
    """The furthest slot that one source has shown, and when. Safe to share between threads."""

    def __init__(self) -> None:
        self._furthest = -1
        self._seen_at = Nanos(0)
        self._lock = threading.Lock()

    def of(self, slot: int, now: Nanos) -> Nanos:
        """Take up that the source showed *slot* at *now*, and return when that slot was the newest; never after *now*.

        A slot that is further than all before it is of now. The furthest again is of when it was first shown; one
        behind it is older by as many slots of `LONGEST_SLOT`.
        """
        with self._lock:
            if slot > self._furthest:
                self._furthest, self._seen_at = slot, now
            return Nanos(min(now, self._seen_at - (self._furthest - slot) * LONGEST_SLOT))
