"""An engine as a process: it runs until a signal, drains, and says by its exit code how it ended.

The first SIGTERM or SIGINT drains: no entries, no new attempts, and what is in flight is resolved or left recorded for
the next start, within the grace. A second one does not wait. An engine that gave up by itself, or lost its wallet to
another one, ends with 1, so that whatever supervises the process starts it again.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

import structlog

from engine.app import Engine

log = structlog.get_logger(__name__)

GRACE = 25.0
"""Seconds that a drain may take; the whole end stays within thirty."""
DONE, FAILED = 0, 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Daemon:
    """Runs *engine* in the foreground of the main thread."""

    def __init__(self, engine: Engine, *, grace: float = GRACE) -> None:
        self._engine = engine
        self._grace = grace
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._failed = False

    def run(self) -> int:
        """Start the engine, wait for its end, and return the exit code."""
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        bus = self._engine.ports.bus
        ends = [bus.subscribe("engine.failed", self._gave_up), bus.subscribe("engine.lease_lost", self._lost)]
        try:
            self._engine.start()
            log.info("running")
            self._ending.wait()
            resolved = self._engine.stop(timeout=self._grace, hurry=self._hurry)
            log.info("stopped", resolved=resolved)
        finally:
            for end in ends:
                end()
            for number, handler in before.items():
                signal.signal(number, handler)
        return FAILED if self._failed else DONE

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self._ending.is_set():
            self._hurry.set()
        self._ending.set()

    def _lost(self, subject: str, data: object) -> None:
        self._hurry.set()  # another engine has the wallet: nothing that this one does counts any more
        self._gave_up(subject, data)

    def _gave_up(self, _subject: str, _data: object) -> None:
        self._failed = True
        self._ending.set()
