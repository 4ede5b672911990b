"""What happened in a run, as a hash to compare and as lines to read."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import singledispatch
from typing import Any

from engine.domain.alert import Alert
from engine.domain.order import Attempt, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import SECOND


class Trace:
    """Every message handled, every record committed, everything that was done to the engine; in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._hash = hashlib.sha256()

    def add(self, elapsed: int, who: str, what: Any) -> None:
        """Add one event, *elapsed* nanoseconds after the start."""
        self._hash.update(f"{elapsed} {who} {what!r}\n".encode())
        self.lines.append(f"{elapsed / SECOND:9.3f}  {who:22} {brief(what)}")

    @property
    def digest(self) -> str:
        """The hash of all of it."""
        return self._hash.hexdigest()


@singledispatch
def brief(value: Any) -> str:
    """Return *value* in few words: of a record what changes in it, of a message its name and what it carries."""
    if not is_dataclass(value):
        return f"{value}"
    inside = ", ".join(brief(getattr(value, field.name)) for field in fields(value) if field.name != "urgency")
    return f"{type(value).__name__}({inside})"


@brief.register
def _(value: tuple) -> str:  # type: ignore[type-arg]  # the dispatch is by the bare class
    return "; ".join(brief(item) for item in value)


@brief.register
def _(order: Order) -> str:
    error = f" ({order.last_error})" if order.last_error else ""
    what = order.exit_reason or order.kind
    return f"{order.id} {what} of {order.position_id} {order.status} try {order.attempt_count}{error}"


@brief.register
def _(attempt: Attempt) -> str:
    return f"{attempt.signature} of {attempt.order_id} {attempt.status}, dies at {attempt.last_valid_block_height}"


@brief.register
def _(position: Position) -> str:
    active = position.active_exit.order_id if position.active_exit else "-"
    wanted = position.wanted_exit.reason if position.wanted_exit else "-"
    action = " NEEDS ACTION" if position.needs_action else ""
    sold = f"{position.sold_tokens}/{position.entry_amount_tokens}"
    return f"{position.id} {position.status} sold {sold} active {active} wanted {wanted}{action}"


@brief.register
def _(fill: Fill) -> str:
    return f"{fill.signature} moved {fill.tokens} for {fill.sol}, fee {fill.fee}"


@brief.register
def _(alert: Alert) -> str:
    return f"alert {alert.dedupe_key} {alert.status}"


@brief.register
def _(event: OrderEvent) -> str:
    return f"[{event.note or event.status}]"
