"""Clocks that step."""

from __future__ import annotations

from collections.abc import Callable

from engine.domain.units import Nanos
from engine.ports import Clock, Timer


class SteppingClock:
    """A clock that can be set, over one that runs on steadily. Safe to use from any thread.

    Stands for: a machine whose wall clock is corrected by NTP or by hand, a virtual machine that was paused. It breaks
    the promise of `engine.ports.Clock` never to go back, and that is the fault: hand it to a client, never to the
    world. The cluster's own time is stepped by `chain.simulated.trading_bank.TradingBank.step_block_time`.

    Args:
        clock: runs on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    def step(self, by: Nanos) -> None:
        """Set the clock *by* nanoseconds forward, or back where they are negative; calls already made stay as due."""
        self._ahead += by

    def now(self) -> Nanos:
        """Return nanoseconds since the Unix epoch, as this clock has them."""
        return Nanos(self._clock.now() + self._ahead)

    def call_at(self, at: Nanos, callback: Callable[[], None]) -> Timer:
        """Call *callback* when this clock, as it is set now, will show *at*."""
        return self._clock.call_at(Nanos(at - self._ahead), callback)
