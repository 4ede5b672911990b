"""Which days an export is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from engine.domain.errors import BadInputError
from engine.domain.units import SECOND, Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days from *first* to *last*, both of them in it and in UTC; without one of them it has no such end.

    Raises:
        BadInputError: the last day is before the first.
    """

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise BadInputError(f"--to {self.last} is before --from {self.first}: name them the other way round")

    def has(self, moment: Nanos) -> bool:
        """Return whether *moment* is in it."""
        day = (datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=moment // SECOND)).date()
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


ALWAYS = Period()
