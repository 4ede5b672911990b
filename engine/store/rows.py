"""Records as rows and back: the columns of a table are the fields of its record, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Table

from engine.domain.alert import Alert
from engine.domain.entries import EntrySwitch
from engine.domain.order import Attempt, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.ports import Record
from engine.store import tables

R = TypeVar("R")

TABLES: Mapping[type[Any], Table] = {
    Position: tables.positions,
    Order: tables.orders,
    OrderEvent: tables.history,
    Attempt: tables.attempts,
    Fill: tables.fills,
    Alert: tables.alerts,
    EntrySwitch: tables.entry_switches,
}

_ADAPTERS = {kind: TypeAdapter(kind) for kind in TABLES}
_BYTES: Mapping[type[Any], set[str]] = {Attempt: {"raw"}}


def to_row(record: Record) -> dict[str, Any]:
    """Return *record* as the values of its table's columns."""
    kind = type(record)
    binary = _BYTES.get(kind, set())
    row: dict[str, Any] = _ADAPTERS[kind].dump_python(record, mode="json", exclude=binary)
    for name in binary:
        row[name] = getattr(record, name)
    return row


def from_row(kind: type[R], row: Mapping[str, Any]) -> R:
    """Return the record of *kind* that *row* holds."""
    values = {name: value for name, value in row.items() if name != "seq"}
    record: R = _ADAPTERS[kind].validate_python(values)
    return record
