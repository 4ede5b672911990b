"""Requests that are held back until the clock says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from engine.domain.units import Nanos
from engine.ports import Clock


class HungUpError(Exception):
    """Whoever held the request has let go of it: the connection is to be closed."""


class Waiting:
    """Everything that waits. Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wakers: set[Callable[[], None]] = set()

    async def pause(self, clock: Clock, span: Nanos) -> None:
        """Wait until *clock* has moved on by *span*; a clock that stands still holds on for as long.

        Raises:
            HungUpError: `hang_up` was called meanwhile.
        """
        if span <= 0:
            return
        loop, woken, in_time = asyncio.get_running_loop(), asyncio.Event(), False

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        def come() -> None:
            nonlocal in_time
            # Under the lock: whoever has stopped waiting may have closed its loop.
            with self._changed:
                if wake in self._wakers:
                    in_time = True
                    self._wakers.discard(wake)
                    wake()
                    self._changed.notify_all()

        with self._changed:
            # Whoever waits for this one to wait, to move the clock then, must find the timer set.
            timer = clock.call_at(Nanos(clock.now() + span), come)
            self._wakers.add(wake)
            self._changed.notify_all()
        try:
            await woken.wait()
        finally:
            timer.cancel()
            with self._changed:
                self._wakers.discard(wake)
                self._changed.notify_all()
        if not in_time:
            raise HungUpError

    def hang_up(self) -> None:
        """Let go of everything that waits now."""
        with self._changed:
            for wake in self._wakers:
                wake()

    @property
    def count(self) -> int:
        """How many are waiting."""
        with self._changed:
            return len(self._wakers)

    def wait_for(self, count: int, timeout: float) -> bool:
        """Return, once exactly *count* are waiting, True; or False after *timeout* seconds of the machine."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._wakers) == count, timeout)
