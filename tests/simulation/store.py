"""The store of a run: in memory, watched, and now and then refusing to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from engine.domain.order import Order
from engine.domain.position import Position
from engine.domain.units import PositionId
from engine.ports import Record
from tests.doubles_store import MemoryStore
from tests.simulation.weather import Weather


class DiskFullError(Exception):
    """A commit that could not be written; nothing was kept."""


class SimulatedStore(MemoryStore):
    """Survives every process of a run."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self.weather = Weather()
        self.on_commit: Callable[[tuple[Record, ...]], None] = lambda _: None
        self._rng = rng

    def commit(self, *records: Record) -> None:
        """Keep *records*, or refuse them all."""
        self._may_refuse()
        self.keep(*records)

    def raise_peaks(self, peaks: Mapping[PositionId, float]) -> None:
        """Keep *peaks*, or refuse them all."""
        self._may_refuse()
        super().raise_peaks(peaks)

    def _may_refuse(self) -> None:
        if self._rng.random() < self.weather.refused_commit:
            raise DiskFullError("database or disk is full")

    def exit_of(self, position: Position) -> Order | None:
        """Return the order that *position* waits for."""
        return self.order(position.active_exit.order_id) if position.active_exit is not None else None

    def keep(self, *records: Record) -> None:
        """Keep *records* whatever the weather."""
        super().commit(*records)
        self.on_commit(records)
