"""Candles: what a price did within a span of time, and how many of them become fewer without losing a low or a high."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby

from engine.domain.units import SECOND, Mint, Nanos

MINUTE = Nanos(60 * SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """The prices of one mint within a span, in SOL per whole token."""

    mint: Mint
    at: Nanos
    """When the span begins."""
    open: float
    high: float
    low: float
    close: float

    def followed_by(self, later: Candle) -> Candle:
        """Return the candle of both spans. One that is followed by itself stays as it is."""
        return replace(self, high=max(self.high, later.high), low=min(self.low, later.low), close=later.close)


def span_begin(at: Nanos, span: Nanos) -> Nanos:
    """Return when the span of that length began in which *at* lies; spans are counted from the Unix epoch."""
    return Nanos(at - at % span)


def joined(candles: Iterable[Candle]) -> list[Candle]:
    """Return *candles* of one mint in the order of their times; those of the same moment become one, as they come."""
    ordered = sorted(candles, key=lambda candle: candle.at)
    return [reduce(Candle.followed_by, same) for _, same in groupby(ordered, key=lambda candle: candle.at)]


def thinned(candles: Sequence[Candle], points: int) -> list[Candle]:
    """Return at most *points* candles, each of an equal span of time, that stand for *candles*, oldest first."""
    if len(candles) <= points:
        return list(candles)
    begin, span = candles[0].at, candles[-1].at - candles[0].at + 1
    parts = groupby(candles, key=lambda candle: (candle.at - begin) * points // span)
    return [reduce(Candle.followed_by, part) for _, part in parts]
