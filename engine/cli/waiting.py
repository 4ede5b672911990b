"""Waiting on the machine's clock."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.domain.units import Nanos

if TYPE_CHECKING:
    from engine.ports import Clock


def pause(clock: Clock, span: Nanos) -> None:
    """Wait for *span*; Ctrl-C ends it."""
    over = threading.Event()
    clock.call_at(Nanos(clock.now() + span), over.set)
    over.wait()
