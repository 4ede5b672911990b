"""Which prices reach a position, and what silence leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.poller import poller_name
from actors.system import FEED
from engine.domain.position import PositionStatus
from engine.domain.units import Nanos, seconds
from engine.messages.prices import Tick, TickObserved, UnwatchMint, WatchMint
from tests.actors.rig import BONK, PLAN, Rig
from tests.actors.sources import FakeSource, FedRig


def tick(rig: Rig, price: float, *, at: Nanos | None = None) -> None:
    """Let the feed see one tick."""
    observed = rig.clock.now() if at is None else at
    rig.system.tell(FEED, TickObserved(tick=Tick(mint=BONK, price=price, source="test", observed_at=observed)))
    rig.run()


@pytest.mark.parametrize(
    ("price", "age", "fault"),
    [
        (float("nan"), 0, "not_finite"),
        (float("inf"), 0, "not_finite"),
        (0.0, 0, "not_positive"),
        (-1.0, 0, "not_positive"),
        (0.5, 11, "stale"),
        (0.5, -60, "from_the_future"),
    ],
)
def test_an_unfit_price_moves_nothing_and_is_counted(price: float, age: float, fault: str) -> None:
    """A price that is not a price, or not of now, is rejected, counted and published; no exit is raised."""
    rig = Rig(max_price_age=seconds(10)).start()
    position = rig.open()
    tick(rig, price, at=Nanos(rig.clock.now() - seconds(age)))
    assert rig.exits(position) == []
    assert rig.view(FEED)["rejected"] == {fault: 1}
    assert "engine.price_rejected" in rig.bus.subjects()


def test_a_price_from_before_the_last_one_is_rejected() -> None:
    """Time never runs backwards for a position."""
    rig = Rig().start()
    position = rig.open()
    tick(rig, 1.0)
    tick(rig, 0.5, at=Nanos(rig.clock.now() - 1))
    assert rig.exits(position) == []
    assert rig.view(FEED)["rejected"] == {"reversed": 1}


def test_a_blind_stop_is_a_critical_alert_within_a_second_and_resolves_itself() -> None:
    """A guarded mint without a usable price past the limit raises one alert; the next good price resolves it."""
    rig = Rig(max_price_age=seconds(10)).start()
    rig.open()
    tick(rig, 1.0)
    rig.advance(10)
    assert rig.store.alerts() == []
    rig.advance(1.1)
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert (alert.alert_type, alert.severity) == ("price_blind", "critical")
    rig.advance(30)
    assert len(rig.store.alerts()) == 1
    tick(rig, 1.0)
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_time_limit_waits_for_a_price() -> None:
    """Without a fresh price a time limit does not sell; the next tick does."""
    rig = Rig(max_price_age=seconds(10)).start()
    position = rig.open(plan=replace(PLAN, max_hold=seconds(60)))
    rig.advance(120)
    assert rig.exits(position) == []
    tick(rig, 1.0)
    rig.advance(2)
    assert rig.position(position.id).exit_reason == "time_limit"
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_poller_asks_at_its_pace_for_the_guarded_mints_only() -> None:
    """It fetches while there is something to guard, survives a failing source, and stops with the last mint."""
    source = FakeSource()
    rig = FedRig(source).start()
    rig.advance(5)
    assert source.asked == []
    rig.system.tell(FEED, WatchMint(mint=BONK))
    rig.advance(3.5)
    assert source.asked == [[BONK]] * 4
    source.fails = True
    rig.advance(1)
    assert "engine.price_source_down" in rig.bus.subjects()
    source.fails = False
    rig.system.tell(FEED, UnwatchMint(mint=BONK))
    asked = len(source.asked)
    rig.advance(5)
    assert len(source.asked) == asked
    rig.system.tell(FEED, WatchMint(mint=BONK))
    rig.advance(1)
    assert len(source.asked) == asked + 2


def test_a_poller_that_takes_the_place_of_another_learns_what_is_guarded() -> None:
    """A poller begins with no mint; the feed tells it of each one."""
    source = FakeSource()
    rig = FedRig(source).start()
    rig.open()
    rig.system.stop(poller_name(source.name))
    rig.advance(5)
    asked = len(source.asked)
    rig.spawn_poller(source)
    rig.advance(2.5)
    assert source.asked[asked:] == [[BONK]] * 3


def test_a_slow_source_is_not_asked_in_a_burst() -> None:
    """A request that takes longer than the interval is followed by one, not by those that were missed."""
    source = FakeSource()
    source.latency = seconds(2.5)
    rig = FedRig(source).start()
    rig.system.tell(FEED, WatchMint(mint=BONK))
    rig.advance(11)
    assert len(source.asked) == 5
