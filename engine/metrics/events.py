"""What the metrics read of an event: the one place that knows the shape of the bus's data.

A record is found by what it is, under whatever name it travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from engine.domain.alert import Alert
from engine.domain.order import Attempt, Order
from engine.domain.position import Position
from engine.domain.quality import Tick

T = TypeVar("T")


class Event(NamedTuple):
    """One event, taken apart.

    Its records are None where it does not tell of one.
    """

    family: str
    """The first token of the subject, such as ``order``."""
    subject_id: str
    """What lies between: the id of what it is about; empty for events of the engine."""
    what: str
    """The last token, such as ``filled``."""
    data: Mapping[str, Any]

    @property
    def tick(self) -> Tick | None:
        """The price that it tells of."""
        return self._record(Tick)

    @property
    def order(self) -> Order | None:
        """The order as it stands since."""
        return self._record(Order)

    @property
    def attempt(self) -> Attempt | None:
        """The attempt as it stands since."""
        return self._record(Attempt)

    @property
    def position(self) -> Position | None:
        """The position as it stands since."""
        return self._record(Position)

    @property
    def alert(self) -> Alert | None:
        """The alert as it stands since."""
        return self._record(Alert)

    def text(self, key: str) -> str:
        """Return what the event says of *key*; empty where it says nothing."""
        return str(self.data.get(key, ""))

    def _record(self, kind: type[T]) -> T | None:
        return next((value for value in self.data.values() if isinstance(value, kind)), None)


def event_of(subject: str, data: Mapping[str, Any]) -> Event:
    """Return the event that was published under the dotted *subject*."""
    family, _, rest = subject.partition(".")
    subject_id, _, what = rest.rpartition(".")
    return Event(family, subject_id, what, data)
