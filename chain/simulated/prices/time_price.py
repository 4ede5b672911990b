"""Files of `time,price`: a price at each of a series of times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chain.simulated.prices import checks
from chain.simulated.prices.path import PricePoint
from chain.simulated.prices.rows import Row
from engine.domain.units import Nanos

HEADER = ("time", "price")


def read(rows: Iterable[Row], *, max_gap: Nanos) -> Iterator[PricePoint]:
    """Yield the points of *rows*; `checks.moment` says how a time may be written.

    Raises:
        BadInputError: a price or time is none, times repeat or run backwards or leave a silence of more
            than *max_gap*, or a price jumps.
    """
    before: PricePoint | None = None
    for row in rows:
        time_text, price_text = row.cells
        point = PricePoint(checks.moment(row, time_text), checks.price(row, price_text))
        if before is not None:
            checks.follows(row, time_text, before.at, point.at)
            checks.no_gap(row, before.at, point.at, max_gap)
            checks.no_jump(row, before.price, point.price)
        yield point
        before = point
