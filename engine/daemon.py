"""An engine as a process: it runs until a signal, drains, and says by its exit code how it ended.

The first SIGTERM or SIGINT drains: no entries, no new attempts, and what is in flight is resolved or left recorded for
the next start, within the grace. A second one does not wait. An engine that gave up by itself, or lost its wallet to
another one, ends with 1, so that whatever supervises the process starts it again. So does one that ends with a
CRITICAL alert which no channel has taken: the exit code is the last thing that can tell of it.

A service manager that started the process is told when the engine runs, that it stops, and in between that the
supervisor looks: where that falls silent, the manager ends the process and starts another.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType

import structlog

from engine.app import Engine
from engine.domain.units import SECOND, Nanos
from engine.systemd import ServiceManager

log = structlog.get_logger(__name__)

GRACE = 25.0
"""Seconds that a drain may take; the whole end stays within thirty."""
DONE, FAILED = 0, 1
_PINGS = 4
"""How often the watchdog is told in the time that it waits."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Daemon:
    """Runs *engine* in the foreground of the main thread.

    Args:
        engine: what runs.
        grace: seconds that a drain may take.
        manager: who is told; without it, whoever started the process, if the environment names one.
        serve: what is served while the engine runs, such as `engine.api.serving.served`: it is given the engine and
            this daemon, and may raise an `EngineError`, which ends both.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        grace: float = GRACE,
        manager: ServiceManager | None = None,
        serve: Callable[[Engine, Daemon], AbstractContextManager[object]] | None = None,
    ) -> None:
        self._engine = engine
        self._serve = serve
        self._grace = grace
        self._manager = manager or ServiceManager()
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._failed = False

    def run(self) -> int:
        """Start the engine, wait for its end, and return the exit code."""
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        bus = self._engine.ports.bus
        ends = [
            bus.subscribe("engine.failed", self._gave_up),
            bus.subscribe("engine.lease_lost", self._lost),
            bus.subscribe("engine.alerts_undelivered", self._gave_up),
        ]
        try:
            self._engine.start()
            with ExitStack() as stack:
                try:
                    if self._serve is not None:
                        stack.enter_context(self._serve(self._engine, self))
                    log.info("running")
                    self._manager.ready(f"Guarding the wallet {self._engine.ports.signer.address}")
                    self._wait()
                    self._manager.stopping()
                finally:
                    resolved = self._engine.stop(timeout=self._grace, hurry=self._hurry)
                    log.info("stopped", resolved=resolved)
        finally:
            for end in ends:
                end()
            for number, handler in before.items():
                signal.signal(number, handler)
        return FAILED if self._failed else DONE

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self._ending.is_set()

    def drain(self) -> None:
        """Begin to end, as the first signal does. Returns at once; on any thread."""
        self._ending.set()

    def _wait(self) -> None:
        """Wait for the end; meanwhile keep the watchdog quiet for as long as the supervisor looks."""
        patience = self._manager.watchdog
        if patience is None:
            self._ending.wait()
            return
        while not self._ending.wait(patience / _PINGS / SECOND):
            if self._engine.system.looked_within(Nanos(patience // 2)):
                self._manager.alive()

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


Serve = Callable[[Engine, Daemon], AbstractContextManager[object]]
"""What is served while an engine runs."""


def together(*serve: Serve) -> Serve:
    """Return what serves all of *serve*, begun in their order and ended in the reverse."""

    @contextmanager
    def served(engine: Engine, daemon: Daemon) -> Iterator[None]:
        with ExitStack() as stack:
            for each in serve:
                stack.enter_context(each(engine, daemon))
            yield

    return served
