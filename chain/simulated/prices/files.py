"""Price files of three formats, told apart by their header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from chain.simulated.prices import candles, time_price, trades
from chain.simulated.prices.path import PricePath, PricePoint
from chain.simulated.prices.rows import Row, read_rows
from engine.domain.errors import BadInputError
from engine.domain.units import Nanos, seconds

HOUR = seconds(3600)
DUST_SOL = Decimal("0.05")


def read_price_file(file: Path, *, max_gap: Nanos = HOUR, min_trade_sol: Decimal = DUST_SOL) -> PricePath:
    """Return the path that *file* holds; see `time_price`, `candles` and `trades` for the formats.

    Args:
        file: CSV in UTF-8, plain or gzipped.
        max_gap: the longest silence that is taken for one; candles allow none.
        min_trade_sol: a trade of less SOL says nothing of the price.

    Raises:
        BadInputError: anything is wrong with the file. The sentence names the file, the line and the value.
    """
    rows = read_rows(file)
    header = next(rows, None)
    if header is None:
        raise BadInputError(f"{file} is empty: give a CSV file with a header.")
    left_out: Counter[str] = Counter()
    points = tuple(_points(header, rows, max_gap, min_trade_sol, left_out))
    if not points:
        omitted = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "no rows"
        raise BadInputError(f"{file} has no price below its header ({omitted}): give one row or more.")
    return PricePath(source=file.name, points=points, left_out=dict(left_out))


def _points(
    header: Row, rows: Iterator[Row], max_gap: Nanos, min_trade_sol: Decimal, left_out: Counter[str]
) -> Iterator[PricePoint]:
    match tuple(header.cells):
        case time_price.HEADER:
            return time_price.read(rows, max_gap=max_gap)
        case candles.HEADER:
            return candles.read(rows)
        case trades.HEADER | trades.HEADER_WITH_ORIGIN:
            return trades.read(rows, max_gap=max_gap, min_trade_sol=min_trade_sol, left_out=left_out)
    known = " or ".join(",".join(names) for names in (time_price.HEADER, candles.HEADER, trades.HEADER))
    raise header.error(f"the header {','.join(header.cells)!r} is of no known format", f"make it {known}")
