"""The durable events in a database: numbered without a gap in the transaction that they tell of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Select, select

from engine.domain.alert import Alert
from engine.domain.events import Happening, StoredEvent, Told, arranged, events_of, matches, numbered
from engine.domain.order import Attempt, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.units import Nanos
from engine.events.catalogue import VERSION
from engine.events.durable import data_of
from engine.ports import Record
from engine.store import tables
from engine.store.rows import TABLES, from_row
from engine.store.upserts import insert_into

_EVENTS, _COUNTER = tables.events, tables.event_counter
_ROWS = 1000
"""Looked at in one query, where a pattern may leave out many of them."""
_COMPARED = (Position, Attempt, Alert)
"""Records whose events come of comparing them with what they were before."""


def happenings_of(connection: Connection, record: Record, beside: Iterable[Record]) -> list[Happening]:
    """Return what is to be told of *record*, which is about to be written along with those *beside* it."""
    if isinstance(record, OrderEvent):
        order = next((other for other in beside if isinstance(other, Order) and other.id == record.order_id), None)
        return events_of(None, record, order or _standing(connection, Order, record.order_id))
    if isinstance(record, _COMPARED):
        name = record.signature if isinstance(record, Attempt) else record.id
        return events_of(_standing(connection, type(record), name), record)
    return []


def _standing(connection: Connection, kind: type[Any], name: str) -> Any:
    table = TABLES[kind]
    (key,) = table.primary_key
    row = connection.execute(select(table).where(key == name)).mappings().first()
    return None if row is None else from_row(kind, dict(row))


def append(connection: Connection, happenings: Iterable[Happening]) -> list[tuple[StoredEvent, Told]]:
    """Write the events of one commit, within its transaction.

    The counter is a row and no sequence of the database: its lock is held until the commit, so that numbers appear in
    their order, and a transaction that is rolled back gives its numbers back.
    """
    told = arranged(happenings)
    if not told:
        return []
    begun = insert_into(_COUNTER, connection).values(id=1, last=len(told))
    counted = begun.on_conflict_do_update(index_elements=["id"], set_={"last": _COUNTER.c.last + len(told)})
    first = int(connection.execute(counted.returning(_COUNTER.c.last)).scalar_one()) - len(told) + 1
    events = [
        numbered(number, happening.subject, happening.time, data_of(happening), VERSION)
        for number, happening in enumerate(told, first)
    ]
    connection.execute(_EVENTS.insert(), [_row(event) for event in events])
    return [(event, happening.record) for event, happening in zip(events, told, strict=True)]


def last(reader: Engine) -> int:
    """Return the number of the newest event; 0 where there is none."""
    with reader.connect() as connection:
        return connection.execute(select(_COUNTER.c.last)).scalar() or 0


def read(reader: Engine, since: int, pattern: str, limit: int) -> list[StoredEvent]:
    """Return the first *limit* events after number *since* whose subjects *pattern* names."""
    rows = _may_match(pattern).order_by(_EVENTS.c.seq)
    return _matching(reader, pattern, limit, lambda last: rows.where(_EVENTS.c.seq > (since if last is None else last)))


def newest(reader: Engine, pattern: str, limit: int) -> list[StoredEvent]:
    """Return the last *limit* events whose subjects *pattern* names, in order."""
    rows = _may_match(pattern).order_by(_EVENTS.c.seq.desc())
    found = _matching(reader, pattern, limit, lambda last: rows if last is None else rows.where(_EVENTS.c.seq < last))
    return found[::-1]


def _matching(
    reader: Engine, pattern: str, limit: int, rows_after: Callable[[int | None], Select[Any]]
) -> list[StoredEvent]:
    """Return the first *limit* events that *pattern* names, of the rows after a number, None at first."""
    found: list[StoredEvent] = []
    last: int | None = None
    size = max(limit, _ROWS) if "*" in pattern else limit
    with reader.connect() as connection:
        while True:
            rows = connection.execute(rows_after(last).limit(size)).mappings().all()
            found += [_event(dict(row)) for row in rows if matches(pattern, row["subject"])]
            if len(rows) < size or len(found) >= limit:
                return found[:limit]
            last = rows[-1]["seq"]


def _may_match(pattern: str) -> Select[Any]:
    """Return the query for the rows that may match; what is beyond the first wildcard is not compared."""
    query = select(_EVENTS)
    fixed = re.split(r"(?:^|\.)[*>](?:\.|$)", pattern, maxsplit=1)[0]
    return query.where(_EVENTS.c.subject.startswith(fixed, autoescape=True)) if fixed else query


def _row(event: StoredEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "subject": event.subject,
        "time": event.time,
        "schema_version": event.version,
        "data": event.data,
    }


def _event(row: Mapping[str, Any]) -> StoredEvent:
    return numbered(row["seq"], row["subject"], Nanos(row["time"]), row["data"], row["schema_version"])
