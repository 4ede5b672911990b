"""Playing a price path by the clock."""

from __future__ import annotations

from chain.simulated.prices.generated import scripted
from chain.simulated.prices.playback import Playback
from engine.clock import ManualClock
from engine.domain.units import seconds


class Played:
    """A replay of 1, 2, 3, 4 at the next four seconds, and what it has set."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.prices: list[float] = []
        path = scripted([(0, 1.0), (3, 4.0)]).starting(at=self.clock.now())
        self.replay = Playback(self.clock, path, self.prices.append)


def test_each_price_is_set_when_its_time_has_come() -> None:
    """The first at once, the others as the clock gets there."""
    played = Played()
    played.replay.start()
    assert played.prices == [1.0]
    played.clock.advance(seconds(1))
    assert played.prices == [1.0, 2.0]
    played.clock.advance(seconds(5))
    assert played.prices == [1.0, 2.0, 3.0, 4.0]
    assert played.replay.finished


def test_a_replay_that_starts_late_sets_the_newest_price_alone() -> None:
    """What is past is past."""
    played = Played()
    played.clock.advance(seconds(2))
    played.replay.start()
    assert played.prices == [3.0]


def test_a_stopped_replay_sets_nothing_until_it_is_started_again() -> None:
    """Then it goes on where the clock is, not where it was stopped."""
    played = Played()
    played.replay.start()
    played.replay.stop()
    played.clock.advance(seconds(2))
    assert played.prices == [1.0]
    played.replay.start()
    played.replay.start()
    assert played.prices == [1.0, 3.0]
    played.clock.advance(seconds(1))
    assert played.prices == [1.0, 3.0, 4.0]
