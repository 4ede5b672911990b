"""What dies is started again, and what cannot be helped is said."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from actors.base import EngineActor
from actors.mailbox import Mailbox
from actors.system import ALERTS, FEED, ROUTER, SUPERVISOR, NotRunningError, System, market_name, position_name
from engine.clock import SystemClock
from engine.domain.exits import still
from engine.domain.order import Order
from engine.domain.position import PositionStatus
from engine.domain.units import seconds
from engine.ids import CountedIds
from engine.messages.control import Drain
from engine.messages.orders import PlaceEntry
from engine.messages.prices import PriceMoved
from tests.actors.rig import BONK, PLAN, Rig
from tests.doubles import RecordingBus, no_route


class Fragile(EngineActor):
    """Breaks when it is told to."""

    def receive(self, message: object) -> object:
        """Raise what it is given, or answer it."""
        if isinstance(message, BaseException):
            raise message
        return message


class Panic(BaseException):
    """Stands for a panic out of native code, which does not derive from Exception."""


@pytest.mark.parametrize("error", [ValueError("bad"), Panic("native"), SystemExit(1)])
def test_an_error_costs_one_message_and_not_the_actor(error: BaseException) -> None:
    """Whatever a handler raises, the actor handles its next message, and the failure is published."""
    bus, clock = RecordingBus(), SystemClock()
    system = System(clock=clock, bus=bus, ids=CountedIds())
    system.spawn("fragile", Fragile)
    system.tell("fragile", error)
    assert system.ask("fragile", "still there?", timeout=5) == "still there?"
    assert bus.subjects() == ["engine.message_failed"]
    system.stop("fragile")
    clock.close()
    with pytest.raises(NotRunningError):
        system.ask("fragile", "gone", timeout=5)
    assert system.activity.wait_idle(5)


def test_an_error_in_an_answer_goes_to_whoever_asked() -> None:
    """An asker gets the error itself, and the actor lives on."""
    clock = SystemClock()
    system = System(clock=clock, bus=RecordingBus(), ids=CountedIds())
    system.spawn("fragile", Fragile)
    with pytest.raises(ValueError, match="bad"):
        system.ask("fragile", ValueError("bad"), timeout=5)
    assert system.alive("fragile")
    system.stop("fragile")
    clock.close()


def test_idleness_is_seen_from_outside() -> None:
    """Waiting for idleness returns once every message, and what it led to, is handled."""
    clock = SystemClock()
    system = System(clock=clock, bus=RecordingBus(), ids=CountedIds())
    gate = threading.Event()

    class Waiting(EngineActor):
        def receive(self, message: object) -> None:
            gate.wait(5)

    system.spawn("waiting", Waiting)
    system.tell("waiting", "work")
    assert not system.activity.wait_idle(0.01)
    gate.set()
    assert system.activity.wait_idle(5)
    system.stop("waiting")
    clock.close()


@pytest.mark.parametrize("victim", ["market", "feed", "position", "router", "alerts"])
def test_a_dead_actor_is_replaced_and_the_stop_still_fires(victim: str) -> None:
    """Whichever actor dies, it is back within a second, and the stop loss of the position works."""
    rig = Rig().start()
    position = rig.open()
    name = {"market": market_name(BONK), "position": position_name(position.id)}.get(victim, victim)
    rig.system.reference(name).stop(block=False)
    rig.advance(1)
    assert rig.system.alive(name)
    rig.price("0.8")
    rig.advance(3)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_too_many_deaths_drain_the_engine_and_raise_an_alert() -> None:
    """Past the intensity the supervisor gives up: no entries, a CRITICAL alert, and engine.failed."""
    rig = Rig().start()
    rig.token()
    for _ in range(6):
        rig.system.reference(FEED).stop(block=False)
        rig.advance(0.6)
    assert "engine.failed" in rig.bus.subjects()
    assert [a.alert_type for a in rig.store.alerts()] == ["engine_failed"]
    with pytest.raises(Exception, match="draining"):
        rig.ask(ROUTER, PlaceEntry(order=rig.entry()))


def test_draining_finishes_what_is_in_flight_and_says_when() -> None:
    """A draining router begins nothing new and publishes engine.drained once nothing is in flight."""
    rig = Rig().start()
    position = rig.open()
    rig.chain.outcomes.append("hold")
    rig.price("0.8")
    rig.advance(1)
    rig.system.tell(ROUTER, Drain())
    rig.run()
    assert "engine.drained" not in rig.bus.subjects()
    rig.chain.release("land")
    rig.advance(1)
    assert "engine.drained" in rig.bus.subjects()
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_an_undeliverable_alert_stays_in_the_store() -> None:
    """A channel that is down loses nothing: the alert stands unresolved and its actor lives."""
    rig = Rig().start()
    rig.notifier.broken = True
    rig.open()
    rig.venue.fail(*[no_route()] * 5)
    rig.price("0.8")
    rig.advance(60)
    assert [a.status for a in rig.store.alerts()] == ["active"]
    assert rig.system.alive(ALERTS)


def test_a_stop_touched_between_two_deliveries_fires() -> None:
    """A position that was slow to read hears of the low in between, and the stop fires at the recovered price."""
    rig = Rig().start()
    position = rig.open()
    for price in (0.95, 0.79, 1.0):
        rig.system.tell(market_name(BONK), PriceMoved(mint=BONK, window=still(price, rig.clock.now())))
    rig.advance(2)
    (order,) = rig.exits(position)
    assert order.exit_reason == "stop_loss"


def test_the_supervisor_knows_who_runs() -> None:
    """The actors of a closed position and of its market are let go."""
    rig = Rig().start()
    position = rig.open()
    assert {position_name(position.id), market_name(BONK)} <= set(rig.view(SUPERVISOR)["actors"])
    rig.price("0.8")
    rig.advance(2)
    actors = rig.view(SUPERVISOR)["actors"]
    assert position_name(position.id) not in actors
    assert market_name(BONK) not in actors


def test_time_limits_run_on_the_clock() -> None:
    """A position held for its time limit is sold without any tick, at the last price, where that is fresh."""
    rig = Rig().start()
    position = rig.open(plan=replace(PLAN, max_hold=seconds(3600)))
    rig.advance(3598)
    assert rig.exits(position) == []
    rig.advance(5)
    assert rig.position(position.id).exit_reason == "time_limit"
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_an_actor_that_cannot_set_itself_up_is_dead_and_said_to_be() -> None:
    """An actor whose set-up fails again and again is restarted, and past the intensity the engine gives up aloud."""
    rig = Rig()
    rig.store.orders = _broken  # type: ignore[method-assign]
    rig.start()
    rig.advance(10)
    assert not rig.system.alive(ROUTER)
    assert "engine.failed" in rig.bus.subjects()


def _broken(**_: object) -> list[Order]:
    raise OSError("the database is gone")


def test_an_actor_that_hangs_ends_the_engine_aloud() -> None:
    """An actor that is at one message for too long cannot be stopped: the engine says so and gives up."""
    rig = Rig().start()
    rig.open()
    rig.advance(1)
    mailbox = rig.system.reference(ALERTS).actor_inbox
    assert isinstance(mailbox, Mailbox)
    mailbox.busy_since = rig.clock.now()
    rig.advance(19)
    assert "engine.failed" not in rig.bus.subjects()
    rig.advance(2)
    assert "engine.failed" in rig.bus.subjects()
    (alert,) = [a for a in rig.store.alerts() if a.alert_type == "engine_failed"]
    assert "alerts has been at one message for more than 20 s" in alert.message


def test_a_fill_that_cannot_be_booked_is_set_aside_and_said() -> None:
    """A position that fails at a fill three times makes it a person's matter; once it is booked the alert resolves."""
    rig = Rig().start()
    position = rig.open()
    commit, broken = rig.store.commit, True

    def fragile(*records: object) -> None:
        if broken and any(isinstance(r, Order) and r.kind == "exit" and r.status == "filled" for r in records):
            raise OSError("the disk is full")
        commit(*records)  # type: ignore[arg-type]

    rig.store.commit = fragile  # type: ignore[method-assign]
    rig.price("0.8")
    rig.advance(20)
    assert [a.alert_type for a in rig.store.alerts(unresolved_only=True)] == ["message_failed"]
    broken = False
    rig.advance(65)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.store.alerts(unresolved_only=True) == []


@pytest.mark.parametrize("failing", range(1, 8))
def test_a_store_that_fails_once_loses_no_order(failing: int) -> None:
    """Whichever commit on the way of a stop loss fails once, the position is sold, once, and the books agree."""
    rig = Rig().start()
    position = rig.open()
    commit, left = rig.store.commit, failing

    def fragile(*records: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError("the disk was full for a moment")
        commit(*records)  # type: ignore[arg-type]

    rig.store.commit = fragile  # type: ignore[method-assign]
    rig.price("0.8")
    rig.advance(1)
    rig.price("0.79")
    rig.advance(15)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    assert rig.position(position.id).fees == rig.paid()
