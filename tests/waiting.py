"""Waiting for what another thread or process brings about, and having one bring something about meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 20.0
"""Seconds within which everything comes about, on a busy machine as well."""
_LOOK = 0.02


def eventually(condition: Callable[[], bool], what: str | Callable[[], str], *, patience: float = PATIENCE) -> None:
    """Wait until *condition* holds.

    Raises:
        AssertionError: it does not within *patience* seconds; *what* says what was waited for.
    """
    end, tick = time.monotonic() + patience, threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:.0f} s: {what() if callable(what) else what}")
        tick.wait(_LOOK)


@contextmanager
def meanwhile(step: Callable[[], object], *, every: float = 0.0) -> Iterator[threading.Event]:
    """Repeat *step* on a thread of its own, with *every* seconds between, until what is yielded is set, or the end."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            step()
            over.wait(every)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield over
    finally:
        over.set()
        thread.join()
