"""Prices that are far off, frozen, or come from a source that fails: what reaches a position, and how soon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import pytest

from actors.system import FEED, ROUTER
from chain.simulated.prices.files import read_price_file
from chain.simulated.prices.path import PricePoint
from engine.domain.position import Position
from engine.domain.quality import DEFAULT_RULES
from engine.domain.units import Mint, Nanos
from engine.messages.orders import PlaceEntry
from engine.messages.prices import Tick, TickObserved, WatchMint
from tests.actors.rig import BONK, PLAN, Rig
from tests.actors.sources import FakeSource, FedRig

SPAN = DEFAULT_RULES.second_look / 1e9


def guarded(*sources: FakeSource, mint: Mint = BONK) -> tuple[FedRig, Position]:
    """Return a rig fed by *sources* and its one position, bought at 1, a moment after each source said 1."""
    rig = FedRig(*sources).start()
    position = rig.open(mint)
    rig.advance(0.1)
    assert rig.exits(position) == []
    return rig, position


def reasons(rig: Rig, position: Position) -> list[str]:
    """Return why exits of *position* were raised."""
    return [str(order.exit_reason) for order in rig.exits(position)]


# The second look -------------------------------------------------------------------------------------------


def test_a_crash_is_looked_at_again_at_once_and_fires() -> None:
    """The source is asked again in the very moment, says the same, and the stop fires before the next poll."""
    source = FakeSource()
    rig, position = guarded(source)
    source.price = 0.3
    asked = len(source.asked)
    rig.advance(0.95)
    assert len(source.asked) == asked + 2
    assert rig.bus.subjects("engine.price_held") == ["engine.price_held"]
    assert reasons(rig, position) == ["stop_loss"]
    assert rig.accepted()[-2:] == [0.3, 0.3]


@pytest.mark.parametrize("outlier", [0.01, 0.3, 3.0, 1e6])
def test_a_single_bad_price_moves_nothing(outlier: float) -> None:
    """The second look contradicts it: no exit, no peak, one rejection that is counted and published."""
    source = FakeSource()
    rig, position = guarded(source)
    source.next = [outlier]
    rig.advance(5)
    assert rig.exits(position) == []
    assert rig.held(position).peak_price == 1.0
    assert rig.rejected() == [(outlier, "outlying")]
    assert rig.view(FEED)["rejected"] == {"outlying": 1}
    assert set(rig.accepted()) == {1.0}


def test_a_crash_that_nobody_can_look_at_again_fires_after_the_span() -> None:
    """The source says it once and is gone: the price counts after a second, and not before."""
    source = FakeSource()
    rig, position = guarded(source)
    source.fails, source.latency = True, Nanos(0)
    rig.price(0.3)
    assert rig.view(FEED)["held"][BONK].price == 0.3
    rig.advance(SPAN)
    assert rig.exits(position) == []
    rig.advance(0.001)
    assert reasons(rig, position) == ["stop_loss"]
    assert rig.view(FEED)["held"] == {}


def test_many_doubtful_mints_are_asked_for_in_one_request() -> None:
    """When everything falls at once, the second look at all of it is one request, not one for each mint."""
    source = FakeSource()
    rig = FedRig(source).start()
    mints = [Mint(f"mint{number}") for number in range(20)]
    positions = [rig.open(mint, spend="0.1") for mint in mints]
    rig.advance(2)
    source.price, asked = 0.3, len(source.asked)
    rig.advance(1)
    assert [len(mints) for mints in source.asked[asked:]] == [20, 20]
    assert {reason for position in positions for reason in reasons(rig, position)} == {"stop_loss"}


def test_the_first_price_after_a_restart_is_compared_with_the_stored_one() -> None:
    """A feed that just began knows each open position's last price, and takes no outlier for the market."""
    source = FakeSource()
    rig, position = guarded(source)
    rig.system.stop(FEED)
    rig.spawn_feed()
    source.next = [0.01]
    rig.system.tell(FEED, WatchMint(mint=BONK))
    rig.advance(3)
    assert (rig.exits(position), rig.rejected()) == ([], [(0.01, "outlying")])


# Recordings ------------------------------------------------------------------------------------------------


def test_in_a_recording_the_next_point_is_the_second_look() -> None:
    """Without a poller the next price confirms the jump, or contradicts it."""
    rig = Rig().start()
    position = rig.open()
    for price in (1.0, 0.3, 1.0):
        rig.price(price)
        rig.advance(1)
    assert rig.exits(position) == []
    rig.price(0.3)
    rig.advance(0.5)
    assert rig.exits(position) == []
    rig.price(0.29)
    assert reasons(rig, position) == ["stop_loss"]


def test_a_jump_at_the_end_of_a_recording_is_not_lost() -> None:
    """Nothing comes after it; once the span has passed on the clock, it counts."""
    rig = Rig().start()
    position = rig.open()
    rig.price(1.0)
    rig.price(0.3)
    assert rig.exits(position) == []
    rig.advance(SPAN + 0.001)
    assert reasons(rig, position) == ["stop_loss"]


# Several sources -------------------------------------------------------------------------------------------


def test_a_failed_source_rests_and_the_next_one_is_listened_to() -> None:
    """The fallback's prices move the position at once; the primary is asked again after half a minute, and leads."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback", price=0.99)
    rig, position = guarded(primary, fallback)
    assert set(rig.accepted()) == {1.0}
    primary.fails = True
    rig.advance(1)
    asked = len(primary.asked)
    assert rig.view(FEED)["resting"] == {"primary"}
    fallback.price = 0.7
    rig.advance(1)
    assert reasons(rig, position) == ["stop_loss"]
    primary.fails, primary.price = False, 0.71
    rig.advance(27.8)
    assert len(primary.asked) == asked
    rig.open(Mint("wif"))
    rig.advance(2)
    assert len(primary.asked) > asked
    assert rig.view(FEED)["resting"] == frozenset()


def test_when_every_source_fails_every_source_is_asked_on() -> None:
    """None of them is left alone, the position is blind, and whichever comes back first is listened to."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig, position = guarded(primary, fallback)
    primary.fails = fallback.fails = True
    before = len(primary.asked), len(fallback.asked)
    rig.advance(12)
    assert len(primary.asked) - before[0] >= 11
    assert len(fallback.asked) - before[1] >= 11
    assert rig.alerts() == {"price_blind"}
    fallback.fails, fallback.price = False, 0.7
    rig.advance(1)
    assert rig.alerts() == set()
    assert reasons(rig, position) == ["stop_loss"]


def test_a_source_without_a_price_of_the_mint_is_not_waited_for() -> None:
    """It answers, and not for this mint: after the limit of silence the next source's price moves the position."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig, position = guarded(primary, fallback)
    primary.unpriced = {BONK}
    fallback.price = 0.7
    rig.advance(1.5)
    assert rig.exits(position) == []
    rig.advance(2)
    assert reasons(rig, position) == ["stop_loss"]


def test_the_other_source_is_asked_for_the_second_look_as_well() -> None:
    """One source says a crash and dies in the same moment; the other one confirms or contradicts it at once."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig, position = guarded(primary, fallback)
    fallback.price = 0.3
    rig.system.tell(FEED, TickObserved(tick=tick("primary", 0.3, rig.clock.now())))
    primary.fails = True
    rig.run()
    assert reasons(rig, position) == ["stop_loss"]


def test_one_bad_source_cannot_hold_a_stop_back() -> None:
    """The fallback says on and on that nothing happens; the primary's crash fires all the same, and both are told."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback", price=1.01)
    rig, position = guarded(primary, fallback)
    primary.price = 0.3
    rig.advance(1)
    assert reasons(rig, position) == ["stop_loss"]


def test_one_bad_source_cannot_fire_a_stop() -> None:
    """The fallback says a crash on and on; the primary contradicts it, nothing is sold, and a person is told."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig, position = guarded(primary, fallback)
    fallback.price = 0.3
    for _ in range(8):
        primary.price += 0.001
        rig.advance(1)
    assert rig.exits(position) == []
    assert {price for price, _ in rig.rejected()} == {0.3}
    assert rig.alerts() == {"price_disputed"}
    fallback.price = 1.0
    rig.advance(2)
    assert rig.alerts() == set()


def test_a_frozen_primary_gives_way_to_the_source_that_moves() -> None:
    """A primary that repeats its last value is rejected as frozen, told of, and the fallback's fall fires the stop."""
    primary, fallback = FakeSource("primary"), FakeSource("fallback")
    rig, position = guarded(primary, fallback)
    rig.advance(20)
    fallback.price = 0.9
    rig.advance(15)
    assert rig.view(FEED)["rejected"]["frozen"] > 0
    assert "price_frozen" in rig.alerts()
    fallback.price = 0.75
    rig.advance(1)
    assert reasons(rig, position) == ["stop_loss"]


def test_a_lone_source_that_stands_still_is_told_of_and_goes_on_to_count() -> None:
    """The very same price for longer than the limit is an alert until it moves, not a rejection."""
    source = FakeSource()
    rig, position = guarded(source)
    rig.advance(29)
    assert rig.alerts() == set()
    rig.advance(4)
    assert rig.alerts() == {"price_frozen"}
    assert rig.view(FEED)["rejected"] == {}
    source.price = 0.75
    rig.advance(2)
    assert reasons(rig, position) == ["stop_loss"]
    assert rig.alerts() == set()


def test_a_feed_that_takes_over_resolves_what_its_predecessor_raised() -> None:
    """An alert from before does not stand for ever: the first good price resolves it."""
    source = FakeSource()
    rig, _ = guarded(source)
    source.fails = True
    rig.advance(12)
    assert rig.alerts() == {"price_blind"}
    rig.system.stop(FEED)
    rig.spawn_feed()
    source.fails = False
    rig.system.tell(FEED, WatchMint(mint=BONK))
    rig.advance(2)
    assert rig.alerts() == set()


# Real prices -----------------------------------------------------------------------------------------------


def tick(source: str, price: float, at: Nanos) -> Tick:
    """Return a tick of the one mint."""
    return Tick(mint=BONK, price=price, source=source, observed_at=at)


def told(points: Iterable[PricePoint]) -> list[tuple[float, Nanos]]:
    """Return what a feed passes on of *points*: each price, and when it was observed."""
    rig = Rig().start()
    start = rig.clock.now()
    first: Nanos | None = None
    for point in points:
        first = point.at if first is None else first
        at = Nanos(start + point.at - first)
        rig.advance((at - rig.clock.now()) / 1e9)
        rig.system.tell(FEED, TickObserved(tick=tick("trades", point.price, at)))
        rig.run()
    rig.advance(2)
    passed = [data["tick"] for subject, data in rig.bus.events if subject.endswith(".tick")]
    return [(t.price, Nanos(t.observed_at - start)) for t in passed]


def bad(points: Sequence[PricePoint]) -> set[int]:
    """Return the indices of the prices that are not within half and twice the median of the five around them."""
    return {
        number
        for number, point in enumerate(points)
        if not 0.5 <= point.price / median(p.price for p in points[max(0, number - 2) : number + 3]) <= 2
    }


def test_the_bad_ticks_of_real_trades_move_nothing(data: Path) -> None:
    """Of every recording a feed passes on the same, to the nanosecond, with its bad ticks and without them."""
    files = sorted((data / "prices/pumpswap_trades").glob("*.raw.csv"))
    found = 0
    for file in files:
        points = read_price_file(file).points
        outliers = bad(points)
        found += len(outliers)
        without = [point for number, point in enumerate(points) if number not in outliers]
        assert told(points) == told(without), file.name
    assert (len(files), found) == (8, 8)


def test_an_entry_that_is_on_its_way_needs_no_reference() -> None:
    """Ticks before the fill are compared with each other; the position's first one is none of its own."""
    rig = Rig().start()
    rig.token()
    order = rig.entry(plan=PLAN)
    rig.ask(ROUTER, PlaceEntry(order=order))
    rig.price(1.0)
    rig.advance(1)
    rig.price(0.3)
    rig.price(1.0)
    assert rig.exits(rig.position(order.position_id)) == []
