"""How long a source that failed rests, one that is spent, and how many must agree: as the feed and pollers do it."""

from __future__ import annotations

from collections.abc import Callable

from actors.poller import poller_name
from actors.system import FEED
from engine.domain.units import Nanos, seconds
from engine.messages.prices import Tick
from tests.actors.rig import BONK
from tests.actors.sources import FakeSource, FedRig


def test_a_source_that_failed_rests_for_as_long_as_was_set() -> None:
    """And is asked again then."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig = FedRig(primary, fallback)
    rig.rest = seconds(5)
    rig.start().open()
    primary.fails = True
    rig.advance(1)
    asked = len(primary.asked)
    rig.advance(3.9)
    assert len(primary.asked) == asked
    rig.advance(2)
    assert len(primary.asked) > asked


def test_a_source_that_is_spent_pauses_until_it_can_be_asked_and_has_not_failed() -> None:
    """Its requests are counted: asking sooner would take one from an exit."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback", price=1.01)
    rig = FedRig(primary, fallback).start()
    rig.open()
    primary.spent_until = Nanos(rig.clock.now() + seconds(8))
    rig.advance(1.5)
    asked = len(primary.asked)
    rig.advance(6)
    assert len(primary.asked) == asked
    assert rig.view(FEED)["resting"] == frozenset()
    assert rig.accepted()[-1] == 1.01
    rig.advance(2)
    assert len(primary.asked) > asked
    assert rig.accepted()[-1] == 1.0


def test_with_a_quorum_no_single_source_fires_a_stop() -> None:
    """One that is wrong alone moves nothing; when the other says it too, the stop fires."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig = FedRig(primary, fallback)
    rig.quorum = 2
    position = rig.start().open()
    rig.advance(1)
    primary.price = 0.3
    rig.advance(5)
    assert rig.exits(position) == []
    assert (0.3, "no_quorum") in rig.rejected()
    fallback.price = 0.3
    rig.market.prices[BONK] /= 4
    rig.advance(3)
    assert len(rig.exits(position)) == 1


def test_without_enough_sources_the_stop_is_blind_and_a_person_is_told() -> None:
    """A quorum that cannot be reached is no price at all."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig = FedRig(primary, fallback)
    rig.quorum = 2
    rig.start().open()
    fallback.fails = True
    rig.advance(15)
    assert "price_blind" in rig.alerts()


class _Pushing(FakeSource):
    def push_to(self, on_tick: Callable[[Tick], None]) -> None:
        self.on_tick = on_tick


def test_what_a_source_tells_by_itself_reaches_the_feed_between_two_polls() -> None:
    """From the moment its poller starts, and again after that was started anew."""
    source = _Pushing("pools")
    rig = FedRig(source).start()
    rig.open()
    rig.advance(0.5)
    for price in (1.1, 1.2):
        asked = len(source.asked)
        source.on_tick(Tick(mint=BONK, price=price, source="pools", observed_at=rig.clock.now()))
        rig.run()
        assert (len(source.asked), rig.accepted()[-1]) == (asked, price)
        rig.system.stop(poller_name("pools"))
        rig.run()
        source.price = price
        rig.spawn_poller(source)
        rig.run()
        rig.advance(0.1)
