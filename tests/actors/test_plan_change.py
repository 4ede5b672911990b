"""A change of plan, through the real actors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.system import position_name
from engine.domain.order import OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position, PositionStatus
from engine.domain.units import Nanos, seconds
from engine.domain.urgency import ExitReason
from engine.messages.control import ChangePlan
from tests.actors.rig import PLAN, Rig
from tests.factories import a_plan

TIGHT = a_plan(stop_loss="1", take_profits=())
LOOSE = a_plan(stop_loss="40", take_profits=[("200", "50")])


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A started engine, in which no handler may fail."""
    rig = Rig(max_price_age=seconds(5)).start()
    yield rig
    assert rig.bus.subjects("engine.message_failed") == []


def change(rig: Rig, position: Position, plan: ExitPlan) -> Any:
    """Return the answer to a change of plan."""
    return rig.ask(position_name(position.id), ChangePlan(plan=plan))


def told(rig: Rig, position: Position) -> list[str]:
    """Return what the durable events say of a position."""
    return [event.subject.rpartition(".")[2] for event in rig.store.events(0, f"position.{position.id}.*")]


def test_a_changed_plan_is_stored_and_told(rig: Rig) -> None:
    """The answer, the store and the event have the new plan, and the event the old one too."""
    position = rig.open()
    changed = change(rig, position, LOOSE)
    assert changed.plan == rig.position(position.id).plan == rig.held(position).plan == LOOSE
    (event,) = rig.store.events(0, "position.*.plan_changed")
    assert [event.data[plan]["stop_loss_pct"] for plan in ("old_plan", "new_plan")] == ["20", "40"]
    assert event.data["new_plan"]["take_profits"] == [{"gain_pct": "200", "sell_pct": "50"}]
    assert (event.data["id"], event.data["new_plan"]["max_hold"]) == (position.id, None)


def test_the_new_rules_hold_at_the_next_price(rig: Rig) -> None:
    """What the old plan would have sold is kept, and what the new one says is done."""
    position = rig.open()
    change(rig, position, LOOSE)
    rig.price("0.7")
    assert rig.exits(position) == []
    rig.price("0.6")
    assert [order.exit_reason for order in rig.exits(position)] == [ExitReason.STOP_LOSS]


def test_a_stop_above_the_price_fires_at_once_through_the_router(rig: Rig) -> None:
    """An order is PENDING with the answer, before anything is swapped; then it is carried out like any other."""
    position = rig.open()
    rig.price("0.95")
    requests = len(rig.venue.requests)
    future = rig.system.reference(position_name(position.id)).ask(ChangePlan(plan=TIGHT), block=False)
    rig.steps.step()
    assert future.get(timeout=0).status is PositionStatus.EXIT_PENDING
    (order,) = rig.exits(position)
    assert (order.status, order.exit_reason) == (OrderStatus.PENDING, ExitReason.STOP_LOSS)
    assert len(rig.venue.requests) == requests
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert told(rig, position) == ["opened", "plan_changed", "exit_requested", "closed"]


def test_a_price_that_is_too_old_decides_nothing(rig: Rig) -> None:
    """The next one does."""
    position = rig.open()
    rig.price("0.95")
    rig.advance(6)
    change(rig, position, TIGHT)
    assert rig.exits(position) == []
    rig.price("0.95")
    assert len(rig.exits(position)) == 1


def test_what_could_not_be_stored_is_not_changed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked hears of it, and the old plan guards on."""
    position = rig.open()
    with monkeypatch.context() as broken:
        broken.setattr(rig.store, "commit", _full)
        with pytest.raises(OSError, match="disk"):
            change(rig, position, LOOSE)
    assert rig.held(position).plan == rig.position(position.id).plan == PLAN
    rig.price("0.7")
    assert len(rig.exits(position)) == 1


def test_a_change_and_the_exit_that_it_raises_are_one_commit(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the exit cannot be stored, the plan is the old one: nothing is half done."""
    position = rig.open()
    rig.price("0.95")
    with monkeypatch.context() as broken:
        commit = rig.store.commit
        broken.setattr(rig.store, "commit", lambda *records: _full() if len(records) > 1 else commit(*records))
        with pytest.raises(OSError, match="disk"):
            change(rig, position, TIGHT)
    assert rig.held(position).plan == rig.position(position.id).plan == PLAN
    assert told(rig, position) == ["opened"]


def _full(*_records: object) -> None:
    raise OSError("the disk is full")


def test_a_running_exit_stays_and_the_new_plan_guards_what_remains(rig: Rig) -> None:
    """A third is on its way by the old plan; it sells a third, and the new stop sells the rest."""
    position = rig.open()
    rig.chain.outcomes.append("hold")
    rig.price("1.25")
    (order,) = rig.exits(position)
    changed = change(rig, position, a_plan(stop_loss="10", take_profits=[("25", "100")]))
    assert changed.active_exit.order_id == order.id
    rig.chain.release()
    rig.advance(2)
    assert rig.position(position.id).sold_tokens == order.amount_tokens
    rig.price("1.25")
    assert len(rig.exits(position)) == 1, "the target was taken by the old plan"
    rig.price("0.89")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED


@pytest.mark.parametrize(("max_hold", "held"), [(10, 30), (30, 30), (60, 60)])
def test_a_new_time_limit_wakes_the_position(max_hold: int, held: int) -> None:
    """Counted from the opening, and without any price; one that is over already fires at once."""
    rig = Rig().start()
    position = rig.open(plan=LOOSE)
    rig.clock.advance_to(Nanos(position.opened_at + seconds(30)))
    change(rig, position, a_plan(take_profits=(), max_hold=seconds(max_hold)))
    rig.advance(60)
    (order,) = rig.exits(position)
    assert (order.exit_reason, order.created_at - position.opened_at) == (ExitReason.TIME_LIMIT, seconds(held))


def test_a_change_outlives_a_restart(rig: Rig) -> None:
    """The next engine goes by the new plan, and by the levels that count as taken."""
    position = rig.open()
    rig.price("1.25")
    rig.advance(2)
    assert rig.position(position.id).levels_taken == 1
    change(rig, position, a_plan(take_profits=[("20", "10"), ("30", "10")]))
    again = Rig(store=rig.store).start()
    held = again.held(position)
    assert ([str(level.gain_pct) for level in held.plan.take_profits], held.levels_taken) == (["20", "30"], 1)
