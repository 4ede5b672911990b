"""Processes that begin as a copy of this one: everything is imported already.

Only a process of one thread may be copied: a lock that another thread holds would stay held in the copy for ever.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

BROKEN = 70
"""The exit code of a process whose body raised."""


class Forked:
    """A process that runs *body* and ends with the code that it returns.

    Args:
        body: what it runs.
        log: where its standard output and error go, at the end of the file.
    """

    def __init__(self, body: Callable[[], int], *, log: Path) -> None:
        if threading.active_count() > 1:
            raise RuntimeError(f"a process with the threads {threading.enumerate()} cannot be copied")
        sys.stdout.flush()
        sys.stderr.flush()
        self._alive, held = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._alive)
            _run(body, log)
        os.close(held)
        self._status: int | None = None

    def wait(self, seconds: float) -> bool:
        """Return whether it has ended, at the latest after *seconds*."""
        if self._status is None and select.select([self._alive], [], [], seconds)[0]:
            self._status = os.waitpid(self.pid, 0)[1]
            os.close(self._alive)
        return self._status is not None

    def kill(self) -> None:
        """End it now, and wait until it has."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            while not self.wait(1):
                pass

    @property
    def killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self._status is not None and os.WIFSIGNALED(self._status) and os.WTERMSIG(self._status) == signal.SIGKILL

    @property
    def code(self) -> int:
        """Its exit code; negative for a signal. Only once it has ended."""
        if self._status is None:
            raise RuntimeError(f"process {self.pid} has not ended")
        return os.waitstatus_to_exitcode(self._status)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _run(body: Callable[[], int], log: Path) -> None:
    code = BROKEN
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, sys.stdout.fileno())
        os.dup2(descriptor, sys.stderr.fileno())
        code = body()
    except BaseException:  # noqa: BLE001 - whatever it is, it must not get into the copied process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the copied process's own ending is ours to do.
        os._exit(code)
