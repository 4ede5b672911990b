"""What keeps failing: counted by actor and matter, over restarts of the actor.

A message that was stored before it was told comes again, from a sweep or a restart, until it was acted on. One that
nobody can act on would come for ever, and cost an actor or the engine each time: after `LIMIT` failures a person is
told and it is set aside, to be tried now and then in case its cause has gone, as a full disk does. What is not stored,
such as a price, is only counted: the next one may be better.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from engine.domain.order import Attempt, Order
from engine.domain.units import Nanos, seconds

LIMIT = 3
REST = seconds(60)
"""How long what was set aside is left alone before it is tried once more."""


def matter_of(message: Any) -> str | None:
    """Return what *message* is about, where it comes again until it was acted on: an attempt or an order."""
    match message:
        case object(attempt=Attempt(signature=signature)):
            return str(signature)
        case object(order=Order(id=order_id)):
            return str(order_id)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Run:
    """Failures of one actor at one matter, with no success in between."""

    count: int = 0
    rests_until: Nanos = Nanos(0)


class Failures:
    """How often in a row each actor failed at each matter. Shared by the actors of a system; safe between threads."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()

    def failed(self, actor: str, message: Any, now: Nanos) -> int:
        """Count one more failure of *actor* at *message*; return how many there were in a row."""
        key = _key(actor, message)
        with self._lock:
            count = self._runs.get(key, _Run()).count + 1
            self._runs[key] = _Run(count, Nanos(now + REST))
            return count

    def handled(self, actor: str, message: Any) -> bool:
        """Forget the failures of *actor* at *message*, which it handled; return whether a person was told of them."""
        if not self._runs:
            return False
        with self._lock:
            return self._runs.pop(_key(actor, message), _Run()).count >= LIMIT

    def set_aside(self, actor: str, message: Any, now: Nanos) -> bool:
        """Return whether *actor* is to leave *message* alone for now."""
        if not self._runs or matter_of(message) is None:
            return False
        run = self._runs.get(_key(actor, message), _Run())
        return run.count >= LIMIT and now < run.rests_until


def _key(actor: str, message: Any) -> str:
    return f"{actor} {type(message).__name__} {matter_of(message) or ''}"
