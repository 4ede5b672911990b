"""What random runs found, each as the shortest run that shows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.base import EngineActor
from actors.system import ALERTS, FEED, ROUTER, SUPERVISOR, executor_name, position_name
from engine.domain.alert import AlertStatus
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import seconds
from engine.messages.control import ExitPosition
from engine.messages.orders import CancelOrder, PositionOpened
from engine.messages.prices import Tick, TickObserved
from tests.actors.rig import BONK, Rig
from tests.actors.test_recovery import killed_and_built_anew
from tests.doubles import no_route

# The entry was the first one's; the next order is handed to the second, and by a new router to the first again.
EXECUTORS = (executor_name(1), executor_name(0))


def after_all_others(*names: str) -> Callable[[list[EngineActor]], EngineActor]:
    """Return a pick that comes to the actors of those *names* when nobody else has mail, in that order."""
    places = {name: place for place, name in enumerate(names, 1)}
    return lambda ready: min(ready, key=lambda actor: places.get(actor.name, 0))


def step_until(rig: Rig, done: Callable[[], bool]) -> None:
    """Let one actor after another handle a message, and time pass where none has any, no further than *done*."""
    while not done():
        if not rig.steps.step():
            at = rig.clock.next_at()
            assert at is not None, "nothing is due any more, and it has not come to that"
            rig.clock.advance_to(at)


def tell_price(rig: Rig, price: float) -> None:
    """Let the feed be told of a price, and handle nothing yet."""
    rig.system.tell(FEED, TickObserved(tick=Tick(mint=BONK, price=price, source="test", observed_at=rig.clock.now())))


@pytest.mark.parametrize("quoted", [True, False])
def test_an_attempt_that_a_dead_router_asked_for_is_not_made(quoted: bool) -> None:
    """Its successor hands the order out anew: without that there were two live attempts, and two sales.

    Nor is its failure told, which would be taken for that of the newer attempt.
    """
    rig = Rig().start()
    position = rig.open()
    rig.steps.pick = after_all_others(SUPERVISOR, *EXECUTORS)
    rig.chain.outcomes.extend(["hold"] * 3)
    tell_price(rig, 0.8)
    step_until(rig, lambda: any(order.status is OrderStatus.SUBMITTED for order in rig.store.orders()))
    if not quoted:
        rig.venue.fail(no_route())
    rig.system.reference(ROUTER).stop(block=False)
    rig.clock.advance(seconds("0.5"))
    rig.run()
    (order,) = rig.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.CONFIRMING, 2)
    assert [attempt.number for attempt in rig.store.attempts(order.id)] == [2]


def test_a_withdrawal_that_overtakes_its_order_is_asked_for_again() -> None:
    """A stop loss is read before the manual exit that it is to replace, which must not be retried all the same."""
    rig = Rig().start()
    position = rig.open()
    rig.steps.pick = after_all_others(ROUTER)
    rig.system.reference(position_name(position.id)).ask(ExitPosition(), block=False)
    tell_price(rig, 0.8)
    rig.venue.fail(no_route())
    rig.run()
    assert rig.position(position.id).wanted_exit is not None
    rig.price("0.79")
    rig.advance(2)
    manual, stop = rig.exits(position)
    assert (manual.status, manual.attempt_count) == (OrderStatus.CANCELLED, 1)
    assert stop.status is OrderStatus.FILLED


def test_an_alert_whose_end_was_not_told_is_resolved_at_the_start() -> None:
    """A crash between the fill and the word of it leaves no alert that asks for action on a closed position."""
    old = Rig().start()
    position = old.open()
    old.venue.fail(*[no_route()] * 3)
    old.price("1.25")
    old.advance(60)
    old.steps.pick = after_all_others(ALERTS)
    tell_price(old, 0.8)
    step_until(old, lambda: old.position(position.id).closed)
    (alert,) = old.store.alerts()
    assert alert.status is AlertStatus.ACTIVE
    new = killed_and_built_anew(old)
    assert new.store.alerts(unresolved_only=True) == []
    assert new.notifier.delivered == []


def test_an_alert_that_may_not_have_been_delivered_is_delivered_again() -> None:
    """A crash between the failure and its delivery does not leave a person unaware of it."""
    old = Rig().start()
    position = old.open()
    old.venue.fail(*[no_route()] * 3)
    old.steps.pick = after_all_others(ALERTS)
    tell_price(old, 1.25)
    step_until(old, lambda: bool(old.store.alerts()))
    assert old.notifier.delivered == []
    new = killed_and_built_anew(old)
    new.run()
    assert [alert.position_id for alert in new.notifier.delivered] == [position.id]
    assert new.position(position.id).needs_action


def test_an_alert_about_an_exit_that_was_replaced_and_then_cancelled_is_resolved() -> None:
    """Once no exit is on its way, nothing asks for action on the one that had failed before."""
    rig = Rig().start()
    position = rig.open()
    rig.venue.fail(*[no_route()] * 4)
    rig.price("1.25")
    rig.advance(60)
    manual = rig.ask(position_name(position.id), ExitPosition())
    rig.ask(ROUTER, CancelOrder(order_id=manual.id))
    rig.run()
    assert rig.position(position.id).status is PositionStatus.OPEN
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_position_that_is_announced_twice_has_one_actor() -> None:
    """A position that was opened while the supervisor started is in the store and announced: it is guarded once."""
    rig = Rig().start()
    position = rig.open()
    actor = rig.system.reference(position_name(position.id))
    rig.system.tell(SUPERVISOR, PositionOpened(position=position))
    rig.run()
    assert rig.system.reference(position_name(position.id)) is actor


def test_an_alert_is_delivered_though_it_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refuses to write does not keep a person from hearing of a blind stop."""

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    rig = Rig(max_price_age=seconds(5)).start()
    rig.open()
    monkeypatch.setattr(rig.store, "commit", refuse)
    rig.advance(10)
    assert [alert.alert_type for alert in rig.notifier.delivered] == ["price_blind"]
