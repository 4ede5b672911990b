"""Saving what a trailing stop goes on from."""

from __future__ import annotations

from collections.abc import Mapping

from actors.peaks import AGAIN, PeakSaver
from actors.system import PEAKS, Steps, System
from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.domain.units import PositionId
from engine.ids import CountedIds
from engine.messages.prices import PeaksRaised
from tests.doubles_store import MemoryStore


class _CountingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.raised: list[dict[PositionId, float]] = []
        self.broken = False

    def raise_peaks(self, peaks: Mapping[PositionId, float]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.raised.append(dict(peaks))


def test_peaks_that_wait_are_saved_in_one_commit() -> None:
    """A thousand positions that rise at once are one commit, of the newest peak of each."""
    steps, store, clock = Steps(), _CountingStore(), ManualClock()
    system = System(clock=clock, bus=LocalBus(clock, store), ids=CountedIds(), runtime=steps)
    system.spawn(PEAKS, PeakSaver, store=store)
    names = [PositionId(f"pos-{number}") for number in range(1000)]
    for peak in (1.0, 2.0):
        for name in names:
            system.tell(PEAKS, PeaksRaised(peaks={name: peak}))
    steps.run()
    assert store.raised == [dict.fromkeys(names, 2.0)]


def test_a_peak_that_cannot_be_saved_is_saved_later() -> None:
    """It is tried again without a word of its position, beside newer ones, and none of these is lowered."""
    steps, store, clock = Steps(), _CountingStore(), ManualClock()
    system = System(clock=clock, bus=LocalBus(clock, store), ids=CountedIds(), runtime=steps)
    system.spawn(PEAKS, PeakSaver, store=store)
    one, other, third = (PositionId(f"pos-{number}") for number in range(3))
    store.broken = True
    system.tell(PEAKS, PeaksRaised(peaks={one: 2.0, other: 2.0}))
    steps.run()
    store.broken = False
    system.tell(PEAKS, PeaksRaised(peaks={one: 3.0, third: 1.0}))
    clock.advance(AGAIN)
    steps.run()
    assert store.raised == [{one: 3.0, other: 2.0, third: 1.0}]
