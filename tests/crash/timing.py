"""One time for all processes of a run: several times as fast as the machine's, and never set back by a restart.

Everything keeps its real proportions: slots, validity of blockhashes, time-outs and retries are those of production.
Only what is spent on computing counts for more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.clock import SystemClock
from engine.domain.units import SECOND, Nanos

SPEED = 20.0
"""Seconds of a run in one of the machine."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """When a run began."""

    began: Nanos
    """By the wall clock."""
    mark: int
    """By the machine's steady clock, which its processes share."""
    speed: float
    """Seconds of the run in one of the machine."""

    @classmethod
    def begin(cls, speed: float = SPEED) -> Epoch:
        """Return an epoch that begins now."""
        return cls(Nanos(time.time_ns()), time.monotonic_ns(), speed)

    def now(self) -> Nanos:
        """Return the time of the run."""
        return Nanos(self.began + int((time.monotonic_ns() - self.mark) * self.speed))

    def clock(self) -> SystemClock:
        """Return a clock of the run, with a thread of its own."""
        return SystemClock(speed=self.speed, start=self.now())


class Stopwatch:
    """Seconds of the machine since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic_ns()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (time.monotonic_ns() - self._began) / SECOND
