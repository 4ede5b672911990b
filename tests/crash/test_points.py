"""What a commit means to a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain.order import AttemptStatus, OrderKind, OrderStatus
from engine.domain.position import ActiveExit, WantedExit
from engine.domain.units import OrderId, RawAmount
from engine.domain.urgency import ExitReason
from engine.ports import Record
from tests.crash.points import COMMITS, POINTS, Step, point_of, step_of
from tests.factories import a_fill, a_position, an_alert, an_attempt, an_event, an_exit, in_flight

EXIT = an_exit()
FILLED = an_exit(status=OrderStatus.FILLED)
CANCELLED = an_exit(status=OrderStatus.CANCELLED)
RETRIED = an_exit(attempt_count=1)
RECLAIM = an_exit(kind=OrderKind.RECLAIM, exit_reason=None)
RECLAIMED = replace(RECLAIM, status=OrderStatus.FILLED)
ACTIVE = ActiveExit(order_id=EXIT.id, reason=ExitReason.TAKE_PROFIT_1, amount=RawAmount(1), sell_pct=EXIT.sell_pct)
WANTED = WantedExit(reason=ExitReason.STOP_LOSS, sell_pct=EXIT.sell_pct)
WAITING = a_position(active_exit=ACTIVE, wanted_exit=WANTED)
FAILED = a_position(active_exit=ACTIVE, needs_action=True)
CALL_FOR_ACTION = an_alert(requires_action=True)

COMMITTED: list[tuple[Step | None, list[Record]]] = [
    (Step.RAISED, [a_position(active_exit=ACTIVE), EXIT, an_event()]),
    (Step.RAISED, [a_position(active_exit=ACTIVE), FILLED, a_fill(), an_exit(id=OrderId("exit-2"))]),
    (Step.SUBMITTED, [an_exit(status=OrderStatus.SUBMITTED), an_event()]),
    (Step.SIGNED, [an_attempt()]),
    (Step.SENT, [an_attempt(status=AttemptStatus.SENT)]),
    (Step.CONFIRMING, [in_flight(EXIT), an_event()]),
    (Step.LANDED, [an_attempt(status=AttemptStatus.LANDED)]),
    (Step.REVERTED, [an_attempt(status=AttemptStatus.REVERTED), a_fill(), RETRIED]),
    (Step.REVERTED, [an_attempt(status=AttemptStatus.REVERTED), a_fill(), FILLED]),
    (Step.EXPIRED, [an_attempt(status=AttemptStatus.EXPIRED), in_flight(EXIT)]),
    (Step.RETRY, [RETRIED, an_event()]),
    (Step.BOOKED, [a_position(), FILLED, an_event(), a_fill()]),
    (Step.WANTED, [WAITING]),
    (Step.TAKEN_BACK, [CANCELLED, an_event()]),
    (Step.GIVEN_UP, [CANCELLED, an_event(), CALL_FOR_ACTION]),
    (Step.NEEDS_ACTION, [FAILED]),
    (Step.ALERT, [CALL_FOR_ACTION]),
    (Step.RECLAIM, [RECLAIM, an_event(), FILLED]),
    (Step.RECLAIMED, [an_attempt(status=AttemptStatus.LANDED), RECLAIMED]),
    (None, [a_position()]),
    (None, [an_alert()]),
]


@pytest.mark.parametrize(("step", "records"), COMMITTED)
def test_a_commit_is_known_by_what_is_committed(step: Step | None, records: list[Record]) -> None:
    """Every commit between decision and fill is a step of its own."""
    assert step_of(records) is step


def test_every_step_that_is_committed_is_known() -> None:
    """No point waits for a commit that is taken for another."""
    assert {step for step, _ in COMMITTED if step is not None} == set(COMMITS)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_point_is_found_by_its_name(point: object) -> None:
    """What a failing run prints is what the command line takes."""
    assert point_of(str(point)) == point
