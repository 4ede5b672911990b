"""A price path: what a market's price was, or is to be, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from engine.domain.units import Nanos


class PricePoint(NamedTuple):
    """A price at a moment. A measurement, and so a float."""

    at: Nanos
    """Nanoseconds: since the Unix epoch in a path from a file, as asked for in a generated one."""
    price: float
    """In the unit of the source: SOL per whole token, unless the source says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePath:
    """Prices in the order of their times, which never repeat; at least one."""

    source: str
    """Where it comes from, for logs and errors."""
    points: Sequence[PricePoint] = field(repr=False)
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that the source had and the path does not, counted by reason."""

    @property
    def duration(self) -> Nanos:
        """From the first point to the last."""
        return Nanos(self.points[-1].at - self.points[0].at)

    def starting(self, *, at: Nanos, price: float | None = None) -> PricePath:
        """Return the same moves beginning at *at*, and at *price* where one is given.

        So a path in dollars, or of another token, serves as the shape of any token's path.
        """
        first = self.points[0]
        shift = at - first.at
        factor = 1.0 if price is None else price / first.price
        points = tuple(PricePoint(Nanos(point.at + shift), point.price * factor) for point in self.points)
        return replace(self, points=points)
