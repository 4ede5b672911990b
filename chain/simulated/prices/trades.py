"""Files of trades: one swap a row, in the order in which the chain executed them, with their second.

Trades of one second are spread evenly over it, in the order of the file. Two kinds of row say nothing of the
price and are left out and counted: those without a price, and dust, whose tiny amount of SOL makes a price
of rounding errors. Prices are not otherwise cleaned: outliers between the rows are what such data has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from chain.simulated.prices import checks
from chain.simulated.prices.path import PricePoint
from chain.simulated.prices.rows import Row
from engine.domain.units import SECOND, Nanos

HEADER = ("seq", "ts", "t_since_create", "side", "sol", "tokens", "price_sol")
HEADER_WITH_ORIGIN = (*HEADER, "venue", "sig")

WITHOUT_PRICE = "without a price"
DUST = "dust"

_TIME, _SOL, _PRICE = (HEADER.index(name) for name in ("ts", "sol", "price_sol"))


def read(
    rows: Iterable[Row], *, max_gap: Nanos, min_trade_sol: Decimal, left_out: Counter[str]
) -> Iterator[PricePoint]:
    """Yield a point for each trade of *rows* that says something of the price.

    Args:
        rows: without the header.
        max_gap: the longest silence between two such trades.
        min_trade_sol: a trade of less is dust.
        left_out: counts the rows left out, by reason.

    Raises:
        BadInputError: a price, amount or time is none, or times run backwards or leave too long a silence.
    """
    second: list[float] = []
    at: Nanos | None = None
    for row in rows:
        moment, price = checks.moment(row, row.cells[_TIME]), _price(row, min_trade_sol, left_out)
        if price is None:
            continue
        if at is not None and moment != at:
            checks.follows(row, row.cells[_TIME], at, moment)
            checks.no_gap(row, at, moment, max_gap)
            yield from _spread(at, second)
            second = []
        at = moment
        second.append(price)
    if at is not None:
        yield from _spread(at, second)


def _price(row: Row, min_trade_sol: Decimal, left_out: Counter[str]) -> float | None:
    if not row.cells[_PRICE]:
        left_out[WITHOUT_PRICE] += 1
        return None
    if checks.number(row, row.cells[_SOL], "sol amount") < min_trade_sol:
        left_out[DUST] += 1
        return None
    return checks.price(row, row.cells[_PRICE])


def _spread(at: Nanos, prices: list[float]) -> Iterator[PricePoint]:
    for index, price in enumerate(prices):
        yield PricePoint(Nanos(at + SECOND * index // len(prices)), price)
