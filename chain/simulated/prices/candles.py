"""Files of candles: `date,open,high,low,close,volume`.

Within a bar only four prices are known and not their order. A bar is played as open, low, high, close at its
beginning, first, second and third quarter: a holder's bad news comes first, so that a stop inside of the bar
is not saved by a high that may have come after the low. The volume is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chain.simulated.prices import checks
from chain.simulated.prices.path import PricePoint
from chain.simulated.prices.rows import Row
from engine.domain.units import Nanos

HEADER = ("date", "open", "high", "low", "close", "volume")
_PRICES_PER_BAR = 4


def read(rows: Iterable[Row]) -> Iterator[PricePoint]:
    """Yield four points for each candle of *rows*. The length of a bar is that of the first.

    Raises:
        BadInputError: a price or time is none, a candle is missing, repeated, out of order or contradicts
            itself, a price jumps, or there are fewer than two candles.
    """
    held: tuple[Row, Nanos, tuple[float, float, float, float]] | None = None
    last: float | None = None
    length = Nanos(0)
    for row in rows:
        bar = _prices(row)
        at = checks.moment(row, row.cells[0])
        if held is not None:
            length = _length(row, length, held[1], at)
            yield from _played(held[1], length, held[2])
        if last is not None:
            checks.no_jump(row, last, bar[0], "open")
        held, last = (row, at, bar), bar[3]
    if held is None:
        return
    if not length:
        raise held[0].error("a single candle does not say how long a candle is", "give two candles or more")
    yield from _played(held[1], length, held[2])


def _prices(row: Row) -> tuple[float, float, float, float]:
    """Return open, low, high and close, in the order in which they are played."""
    _, open_text, high_text, low_text, close_text, _ = row.cells
    opened = checks.price(row, open_text, "open")
    high = checks.price(row, high_text, "high")
    low = checks.price(row, low_text, "low")
    close = checks.price(row, close_text, "close")
    if high < low:
        raise row.error(f"the high {high_text} is below the low {low_text}", "correct the candle")
    for name, value, text in (("open", opened, open_text), ("close", close, close_text)):
        if not low <= value <= high:
            raise row.error(
                f"the {name} {text} is outside of the candle's {low_text} to {high_text}", "correct the candle"
            )
    checks.no_jump(row, low, high, "high")
    return opened, low, high, close


def _length(row: Row, length: Nanos, before: Nanos, at: Nanos) -> Nanos:
    """Return how long a bar is, having made sure that the one at *at* follows the one at *before*."""
    checks.follows(row, row.cells[0], before, at)
    step = Nanos(at - before)
    if length and step > length:
        raise row.error(
            f"the candle of {checks.describe(before + length)} is missing before {row.cells[0]}",
            "fetch the missing candles or cut the file there",
        )
    if length and step < length:
        raise row.error(
            f"the candle of {row.cells[0]} begins within the one of {checks.describe(before)}",
            "give every candle the same length",
        )
    return step


def _played(at: Nanos, length: Nanos, bar: tuple[float, ...]) -> Iterator[PricePoint]:
    for quarter, price in enumerate(bar):
        yield PricePoint(Nanos(at + length * quarter // _PRICES_PER_BAR), price)
