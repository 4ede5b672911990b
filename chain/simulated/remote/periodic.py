"""Doing something again and again, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

import structlog

from engine.domain.units import Nanos
from engine.ports import Clock, Timer

log = structlog.get_logger(__name__)


class Periodic:
    """Calls *job*, which may block, at once and then an *interval* after it has returned. A context manager."""

    def __init__(self, clock: Clock, interval: Nanos, job: Callable[[], object], *, name: str) -> None:
        self._clock = clock
        self._interval = interval
        self._job = job
        self._due = threading.Event()
        self._closed = False
        self._timer: Timer | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._due.set()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True
        self._due.set()
        self._thread.join()
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        while self._due.wait() and not self._closed:
            self._due.clear()
            try:
                self._job()
            except Exception:
                log.exception("periodic_job_failed", job=self._thread.name)
            self._timer = self._clock.call_at(Nanos(self._clock.now() + self._interval), self._due.set)
