"""What is told of a change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.alert import acknowledged, again, resolved
from engine.domain.entries import EntrySwitch
from engine.domain.events import DURABLE, arranged, events_of, numbered, type_of
from engine.domain.order import AttemptStatus, OrderStatus
from engine.domain.plan import PRESETS
from engine.domain.position import ActiveExit, PositionStatus
from engine.domain.units import Lamports, Nanos, OrderId, RawAmount, seconds
from engine.domain.urgency import ExitReason
from engine.events.durable import data_of
from tests.factories import NOW, a_fill, a_plan, a_position, an_alert, an_attempt, an_event, an_exit

EXIT = ActiveExit(order_id=OrderId("exit-1"), reason=ExitReason.STOP_LOSS, amount=RawAmount(1), sell_pct=Decimal(100))
NEXT = replace(EXIT, order_id=OrderId("exit-2"))
OPEN = a_position()
PENDING = a_position(status=PositionStatus.EXIT_PENDING, active_exit=EXIT)
FAILED = replace(PENDING, needs_action=True)
PART = a_position(status=PositionStatus.PARTIAL_EXIT, sold_tokens=RawAmount(5))
FOLLOWED = replace(PENDING, active_exit=NEXT, sold_tokens=RawAmount(5))
CLOSED = a_position(status=PositionStatus.CLOSED, sold_tokens=OPEN.entry_amount_tokens)
ALERT = an_alert()
SIGNED = an_attempt()
LATER = Nanos(NOW + 1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, OPEN, ["opened"]),
        (OPEN, OPEN, []),
        (OPEN, replace(OPEN, peak_price=9.0, last_price=9.0, updated_at=LATER), []),
        (OPEN, PENDING, ["exit_requested"]),
        (PENDING, PENDING, []),
        (PENDING, OPEN, []),
        (PENDING, PART, ["partially_exited"]),
        (PENDING, CLOSED, ["closed"]),
        (PENDING, FAILED, ["needs_action"]),
        (FAILED, FAILED, []),
        (FAILED, replace(PENDING, active_exit=NEXT), ["exit_requested"]),
        (PENDING, FOLLOWED, ["partially_exited", "exit_requested"]),
        (CLOSED, replace(CLOSED, fees=Lamports(5)), []),
        (OPEN, replace(OPEN, plan=PRESETS["moonbag"], updated_at=LATER), ["plan_changed"]),
        (OPEN, replace(PENDING, plan=PRESETS["moonbag"]), ["plan_changed", "exit_requested"]),
        (None, replace(OPEN, plan=PRESETS["moonbag"]), ["opened"]),
        (None, SIGNED, ["signed"]),
        (SIGNED, SIGNED, []),
        *((SIGNED, replace(SIGNED, status=status), [status]) for status in list(AttemptStatus)[1:]),
        (None, ALERT, ["raised"]),
        (ALERT, ALERT, []),
        (ALERT, again(ALERT, ALERT), ["updated"]),
        (ALERT, acknowledged(ALERT, LATER), ["acknowledged"]),
        (acknowledged(ALERT, LATER), again(acknowledged(ALERT, LATER), ALERT), ["updated"]),
        (ALERT, resolved(ALERT, LATER), ["resolved"]),
        (acknowledged(ALERT, LATER), resolved(ALERT, LATER), ["resolved"]),
        (resolved(ALERT, LATER), resolved(ALERT, LATER), []),
        (None, an_exit(), []),
        (None, a_fill(), []),
        (None, EntrySwitch(wallet="wallet", paused=True, updated_at=NOW), []),
    ],
)
def test_a_change_is_told_as_what_it_is(before: Any, after: Any, told: list[str]) -> None:
    """Each change of a position, an attempt or an alert under its own subject, and nothing of what is no change."""
    happenings = events_of(before, after)
    assert [happening.subject.rpartition(".")[2] for happening in happenings] == told
    assert {happening.time for happening in happenings} <= {after.updated_at if told else None}


def test_a_changed_plan_is_told_with_the_one_before() -> None:
    """Both are in the data, with durations as they are given and null for a rule that is not there."""
    plan = a_plan(max_hold=seconds(90), stagnation=("2.50", seconds("0.5")), trailing=("1E+1", "5"))
    (happening,) = events_of(OPEN, replace(OPEN, plan=plan))
    data = data_of(happening)
    assert (happening.old_plan, data["old_plan"]["trailing"], data["old_plan"]["max_hold"]) == (OPEN.plan, None, None)
    assert data["new_plan"] == {
        "stop_loss_pct": "20",
        "take_profits": [
            {"gain_pct": str(level.gain_pct), "sell_pct": str(level.sell_pct)} for level in plan.take_profits
        ],
        "trailing": {"activation_pct": "10", "trail_pct": "5"},
        "max_hold": "90s",
        "stagnation": {"band_pct": "2.50", "window": "0.5s"},
    }


@pytest.mark.parametrize("status", OrderStatus)
def test_each_line_of_history_is_told(status: OrderStatus) -> None:
    """With the order as it stood at that line, though it has moved on in the same breath."""
    order = an_exit(attempt_count=2, status=OrderStatus.PENDING, next_retry_at=LATER, last_error="now")
    line = replace(an_event(), order_id=order.id, status=status, attempt=1, at=NOW, error="then")
    (happening,) = events_of(None, line, order)
    assert happening.subject == f"order.{order.id}.{status}"
    assert (happening.time, happening.line) == (NOW, line)
    expected = replace(order, status=status, attempt_count=1, next_retry_at=None, last_error="then", updated_at=NOW)
    assert happening.record == replace(expected, max_slippage_bps=line.slippage_bps, priority_fee=line.priority_fee)


@pytest.mark.parametrize(
    ("status", "note", "told"),
    [
        (OrderStatus.CANCELLED, "superseded by stop_loss", "superseded"),
        (OrderStatus.CANCELLED, "cancelled by a person", "cancelled"),
        (OrderStatus.FAILED, "superseded", "failed"),
    ],
)
def test_an_order_that_made_way_is_told_apart(status: OrderStatus, note: str, told: str) -> None:
    """It was cancelled, and not because it failed or a person did not want it."""
    order = an_exit()
    (happening,) = events_of(None, replace(an_event(), order_id=order.id, status=status, note=note), order)
    assert happening.subject == f"order.{order.id}.{told}"


def test_an_attempt_is_told_without_its_bytes() -> None:
    """Whoever hears of it before it is sent cannot send it."""
    (happening,) = events_of(None, SIGNED)
    assert SIGNED.raw
    assert happening.record == replace(SIGNED, raw=b"")


def test_what_one_commit_tells_follows_from_each_other() -> None:
    """A verdict, the order that it ends, the position, the exit that follows, the alert: however they were given."""
    old, new = an_exit(), an_exit(id=OrderId("exit-2"))
    happenings = [
        *events_of(None, ALERT),
        *events_of(None, replace(an_event(), order_id=new.id, status=OrderStatus.PENDING, attempt=0), new),
        *events_of(PENDING, FOLLOWED),
        *events_of(None, replace(an_event(), order_id=old.id, status=OrderStatus.FAILED, attempt=1), old),
        *events_of(None, replace(an_event(), order_id=old.id, status=OrderStatus.PENDING, attempt=1), old),
        *events_of(SIGNED, replace(SIGNED, status=AttemptStatus.REVERTED)),
    ]
    subjects = [happening.subject for happening in arranged(happenings)]
    assert subjects == [
        f"attempt.{SIGNED.signature}.reverted",
        "order.exit-1.failed",
        "order.exit-1.pending",
        f"position.{OPEN.id}.partially_exited",
        f"position.{OPEN.id}.exit_requested",
        "order.exit-2.pending",
        f"alert.{ALERT.id}.raised",
    ]
    assert {subject.partition(".")[0] for subject in subjects} == set(DURABLE)


def test_a_type_is_a_subject_without_a_name() -> None:
    """Of engine events, which have none, it is the subject itself."""
    assert type_of("order.exit-1.filled") == "ripcord.order.filled"
    assert type_of("engine.started") == "ripcord.engine.started"


def test_an_id_tells_events_of_two_databases_apart() -> None:
    """The same number at another time is another event."""
    ids = {numbered(seq, "a.b", Nanos(time), {}, 1).id for seq in (1, 11) for time in (NOW, NOW + 1)}
    assert len(ids) == 4
