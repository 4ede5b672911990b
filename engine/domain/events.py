"""Events: what is told of a change, under which subject, in which order.

Those of orders, attempts, positions and alerts are durable: they follow from what is committed, and from nothing else.
An order's are the lines of its history, the others come of comparing a record with what it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.domain.alert import Alert, AlertStatus
from engine.domain.entries import EntrySwitch
from engine.domain.order import Attempt, Order, OrderEvent, OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import Nanos

SUPERSEDED = "superseded"
"""How the note in an order's history begins where the order made way for a more urgent one, and what is told of it."""
PLAN_CHANGED = "plan_changed"
DURABLE = ("order", "attempt", "position", "alert")
"""First tokens of the subjects that are kept and numbered."""

Told = Position | Order | Attempt | Alert
"""What durable events are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One change that is worth telling, before it has a number."""

    subject: str
    time: Nanos
    record: Told
    """As it stood then, an attempt without its bytes."""
    line: OrderEvent | None = None
    """Of an order: its line of history."""
    old_plan: ExitPlan | None = None
    """Of a position whose plan was changed: the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a subscriber is told."""

    id: str
    """Never given to another event of the same wallet."""
    subject: str
    """Dotted, such as order.<id>.filled."""
    time: Nanos
    data: Mapping[str, Any]
    """Plain JSON, as `engine.events.catalogue` describes it."""
    version: int
    """Of the schema of the data."""

    @property
    def type(self) -> str:
        """What kind of event it is, such as ripcord.order.filled: the subject without the name of the thing."""
        return type_of(self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent(Event):
    """A durable event."""

    seq: int
    """One more than the event's before it; the first has 1. In the order in which they were committed."""


def numbered(seq: int, subject: str, time: Nanos, data: Mapping[str, Any], version: int) -> StoredEvent:
    """Return the durable event with number *seq*; its id tells it from that of the same number in another database."""
    return StoredEvent(id=f"{seq}-{time:x}", seq=seq, subject=subject, time=time, data=data, version=version)


def type_of(subject: str) -> str:
    """Return the type of the events that are published under *subject*."""
    tokens = subject.split(".")
    return f"ripcord.{tokens[0]}.{tokens[-1]}"


def matches(pattern: str, subject: str) -> bool:
    """Return whether *subject* is one that *pattern* names.

    Both are dotted; in a pattern `*` stands for one token and a final `>` for one or more, as in NATS.
    """
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[: len(wanted)]
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))


def events_of(
    before: Told | OrderEvent | Fill | EntrySwitch | None,
    after: Told | OrderEvent | Fill | EntrySwitch,
    order: Order | None = None,
) -> list[Happening]:
    """Return what is told when *after* takes the place of *before*.

    Args:
        before: the record as it was committed last; None where it is new.
        after: the record as it is committed now.
        order: of a line of history: the order, as it stands after the commit.
    """
    match before, after:
        case ((None | Position()), Position()):
            told = [_happening("position", after.id, what, after) for what in _of_position(before, after)]
            return [*_of_plan(before, after), *told]
        case ((None | Attempt()), Attempt()):
            bare = replace(after, raw=b"")
            changed = before is None or before.status is not after.status
            return [_happening("attempt", after.signature, after.status, bare)] if changed else []
        case ((None | Alert()), Alert()):
            return [_happening("alert", after.id, what, after) for what in _of_alert(before, after)]
        case _, OrderEvent() if order is not None:
            return [_of_line(after, order)]
        case _:
            return []


def arranged(happenings: Iterable[Happening]) -> list[Happening]:
    """Return the *happenings* of one commit as they follow from each other.

    A verdict on an attempt comes first, then what became of its order, then of the position, and last the exit that
    the position raises and the alert.
    """
    return sorted(happenings, key=_rank)


def _rank(happening: Happening) -> int:
    match happening.record:
        case Attempt():
            return 0
        case Order(status=OrderStatus.PENDING, attempt_count=0):
            return 3
        case Order():
            return 1
        case Position():
            return 2
        case Alert():
            return 4


def _happening(kind: str, name: str, what: str, record: Told) -> Happening:
    return Happening(subject=f"{kind}.{name}.{what}", time=record.updated_at, record=record)


def _of_plan(before: Position | None, after: Position) -> Iterator[Happening]:
    if before is not None and before.plan != after.plan:
        yield replace(_happening("position", after.id, PLAN_CHANGED, after), old_plan=before.plan)


def _of_position(before: Position | None, after: Position) -> Iterator[str]:
    if before is None:
        yield "opened"
        return
    if after.closed and not before.closed:
        yield "closed"
    elif after.sold_tokens > before.sold_tokens:
        yield "partially_exited"
    awaited = before.active_exit.order_id if before.active_exit is not None else None
    if after.active_exit is not None and after.active_exit.order_id != awaited:
        yield "exit_requested"
    if after.needs_action and not before.needs_action:
        yield "needs_action"


def _of_alert(before: Alert | None, after: Alert) -> Iterator[str]:
    if before is None:
        yield "raised"
    elif before.status is not after.status and after.status is not AlertStatus.ACTIVE:
        yield after.status.value
    elif before.status is not after.status or before.count != after.count:
        yield "updated"


def _of_line(line: OrderEvent, order: Order) -> Happening:
    then = replace(
        order,
        status=line.status,
        attempt_count=line.attempt,
        max_slippage_bps=line.slippage_bps,
        priority_fee=line.priority_fee,
        next_retry_at=line.next_retry_at,
        last_error=line.error or order.last_error,
        updated_at=line.at,
    )
    made_way = line.status is OrderStatus.CANCELLED and line.note.startswith(SUPERSEDED)
    what = SUPERSEDED if made_way else line.status.value
    return Happening(subject=f"order.{order.id}.{what}", time=line.at, record=then, line=line)
