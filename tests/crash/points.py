"""Where an engine dies: every step between decision and fill that leaves a trace outside of the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.domain.alert import Alert
from engine.domain.order import Attempt, AttemptStatus, Order, OrderKind, OrderStatus
from engine.domain.position import Position
from engine.ports import Record


class Step(StrEnum):
    """What the engine is doing towards one of its ports."""

    # Commits, by what is written.
    RAISED = "raised"
    """Position and exit order, in one."""
    SUBMITTED = "submitted"
    """The order is handed to an executor."""
    SIGNED = "signed"
    """The attempt, before it is first sent."""
    SENT = "sent"
    """The attempt, once the node has answered."""
    CONFIRMING = "confirming"
    LANDED = "landed"
    """The attempt, before position and order hear of it."""
    REVERTED = "reverted"
    EXPIRED = "expired"
    RETRY = "retry"
    """The order waits for its next attempt."""
    BOOKED = "booked"
    """Position, order and fill, in one."""
    WANTED = "wanted"
    """A stop waits for a take profit to be out of the way."""
    TAKEN_BACK = "taken_back"
    """The take profit is out of the way."""
    GIVEN_UP = "given_up"
    """Order and alert, in one."""
    NEEDS_ACTION = "needs_action"
    """The position waits for a person."""
    ALERT = "alert"
    """By the alert actor, which then delivers it."""
    RECLAIM = "reclaim"
    """The order that brings back the rent of markers."""
    RECLAIMED = "reclaimed"
    # Calls to the other ports.
    QUOTE = "quote"
    PREPARE = "prepare"
    SIGN = "sign"
    SEND = "send"
    STATUSES = "statuses"
    HEIGHT = "height"
    FILL = "fill"
    # None of them in particular.
    ANYWHERE = "anywhere"


class Moment(StrEnum):
    """When in the course of a step."""

    BEFORE = "before"
    WITHIN = "within"
    """The bytes have left, and the answer was not read."""
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a step."""

    step: Step
    moment: Moment

    def __str__(self) -> str:
        return f"{self.step}:{self.moment}"


ANYWHERE = Point(Step.ANYWHERE, Moment.WITHIN)
"""After a while, whatever the engine is doing."""
SEND_WITHIN = Point(Step.SEND, Moment.WITHIN)

CALLS = (Step.QUOTE, Step.PREPARE, Step.SIGN, Step.SEND, Step.STATUSES, Step.HEIGHT, Step.FILL)
COMMITS = tuple(step for step in Step if step not in (*CALLS, Step.ANYWHERE))
POINTS: tuple[Point, ...] = (
    *(Point(step, moment) for step in (*COMMITS, *CALLS) for moment in (Moment.BEFORE, Moment.AFTER)),
    SEND_WITHIN,
    ANYWHERE,
)


def point_of(text: str) -> Point:
    """Return the point that *text* names, such as ``send:within``.

    Raises:
        ValueError: there is none.
    """
    for point in POINTS:
        if str(point) == text:
            return point
    raise ValueError(f"{text} is no point: give one of {', '.join(map(str, POINTS))}")


_FAILURES = {AttemptStatus.REVERTED: Step.REVERTED, AttemptStatus.EXPIRED: Step.EXPIRED}
_OF_ATTEMPTS = {
    **_FAILURES,
    AttemptStatus.SIGNED: Step.SIGNED,
    AttemptStatus.SENT: Step.SENT,
    AttemptStatus.LANDED: Step.LANDED,
}
_OF_ORDERS = {
    OrderStatus.PENDING: Step.RAISED,
    OrderStatus.SUBMITTED: Step.SUBMITTED,
    OrderStatus.CONFIRMING: Step.CONFIRMING,
    OrderStatus.FILLED: Step.BOOKED,
    OrderStatus.CANCELLED: Step.TAKEN_BACK,
}
_OF_RECLAIMS = {**_OF_ORDERS, OrderStatus.PENDING: Step.RECLAIM, OrderStatus.FILLED: Step.RECLAIMED}


def step_of(records: Sequence[Record]) -> Step | None:
    """Return what a commit of *records* means; None for what no exit hangs on."""
    orders = [record for record in records if isinstance(record, Order)]
    attempts = [record for record in records if isinstance(record, Attempt)]
    # Beside one that goes on stand finished ones: whose markers it empties, or which it follows.
    going_on = [order for order in orders if not order.finished]
    if any(isinstance(record, Alert) and record.requires_action for record in records):
        return Step.GIVEN_UP if orders else Step.ALERT
    for attempt in attempts:
        if attempt.status in _FAILURES:
            return _FAILURES[attempt.status]
    if orders and not going_on:
        return _step_of_order(orders[-1])
    if attempts:
        return _OF_ATTEMPTS[attempts[0].status]
    if going_on:
        return _step_of_order(going_on[0])
    return next((_step_of_position(record) for record in records if isinstance(record, Position)), None)


def _step_of_order(order: Order) -> Step | None:
    if order.status is OrderStatus.PENDING and order.attempt_count:
        return Step.RETRY
    return (_OF_RECLAIMS if order.kind is OrderKind.RECLAIM else _OF_ORDERS).get(order.status)


def _step_of_position(position: Position) -> Step | None:
    if position.needs_action:
        return Step.NEEDS_ACTION
    return Step.WANTED if position.wanted_exit is not None else None
