"""The peak saver writes down the highest price that each position has seen, for a trailing stop to go on from.

A market that rises moves all peaks at once. What comes while a commit is under way is written by the next one,
together: so no exit waits behind more than one of them. What could not be written is tried again: the market may have
turned, and no position tells of its peak twice.
"""

from __future__ import annotations

from typing import Any

from actors.base import EngineActor
from actors.system import System
from engine.domain.units import Nanos, seconds
from engine.messages.prices import PeaksRaised
from engine.ports import Store

AGAIN = seconds(1)
"""After which time peaks that could not be saved are tried once more."""


class PeakSaver(EngineActor):
    """From positions to the store. See the module."""

    def __init__(self, system: System, name: str, *, store: Store) -> None:
        super().__init__(system, name)
        self._store = store

    def receive(self, message: Any) -> Any:
        """Save."""
        match message:
            case PeaksRaised(peaks=peaks):
                try:
                    self._store.raise_peaks(peaks)
                except Exception:
                    self.tell_self_at(Nanos(self.now() + AGAIN), message)
                    raise
            case _:
                return super().receive(message)
        return None
