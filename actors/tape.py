"""The price tape: what prices did lately, a point a second and a candle a minute, for charts.

Prices are written on it by whoever tells of them, on their thread: that takes some microseconds, and waits for no disk
and no other actor. The historian takes the candles off and stores them.
"""

from __future__ import annotations

import threading
from array import array
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.domain.candles import MINUTE, Candle, span_begin
from engine.domain.units import SECOND, Mint, Nanos

FINE = Nanos(15 * MINUTE)
"""How far back the points of a second reach."""
UNWRITTEN = 60
"""So many candles of a mint wait to be stored at most, the oldest is given up first: a database may be out of reach."""
_POINTS = FINE // SECOND


@dataclass(frozen=True, slots=True)
class Recent:
    """What the tape holds of one mint, oldest first."""

    points: list[Candle]
    """One for each second that had a price, within the last `FINE`."""
    candles: list[Candle]
    """One for each minute that is not stored yet."""
    generation: int
    """Changes whenever candles were stored."""


class PriceTape:
    """The latest prices of every mint. For every thread.

    Its memory is bounded: 900 points and 60 candles for each mint that had a price within the last quarter of an hour,
    about 45 KiB.
    """

    def __init__(self) -> None:
        self._strips: dict[Mint, _Strip] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def hear(self, _subject: str, data: Mapping[str, Any]) -> None:
        """Write a price down, as the bus tells of it under `price.<mint>.tick`."""
        tick = data["tick"]
        self.take(tick.mint, tick.price, tick.observed_at)

    def take(self, mint: Mint, price: float, at: Nanos) -> None:
        """Write down that *mint* cost *price* at that time."""
        with self._lock:
            strip = self._strips.get(mint)
            if strip is None:
                strip = self._strips[mint] = _Strip()
            strip.take(price, at)

    def recent(self, mint: Mint) -> Recent:
        """Return what is known of *mint*."""
        with self._lock:
            strip = self._strips.get(mint)
            if strip is None:
                return Recent([], [], self._generation)
            return Recent(strip.points(mint), strip.candles(mint), self._generation)

    def unwritten(self, before: Nanos) -> list[Candle]:
        """Return the candles of all mints, not stored yet, of minutes that began before that time."""
        with self._lock:
            found = [candle for mint, strip in self._strips.items() for candle in strip.candles(mint)]
        return [candle for candle in found if candle.at < before]

    def written(self, candles: Collection[Candle]) -> None:
        """Forget *candles*, which are stored; one that went on meanwhile stays."""
        stored: defaultdict[Mint, dict[Nanos, Candle]] = defaultdict(dict)
        for candle in candles:
            stored[candle.mint][candle.at] = candle
        with self._lock:
            self._generation += 1
        for mint, by_minute in stored.items():
            with self._lock:  # for each mint anew: after an outage there are many, and prices must not wait for all
                strip = self._strips.get(mint)
                if strip is not None:
                    strip.forget(mint, by_minute)

    def forget(self, before: Nanos) -> None:
        """Forget the mints whose last price is from before that time and of which all is stored."""
        with self._lock:
            self._strips = {
                mint: strip for mint, strip in self._strips.items() if strip.newest >= before or strip.unwritten
            }


class _Bar:
    """A candle in the making."""

    __slots__ = ("at", "close", "high", "low", "open")

    def __init__(self, at: Nanos, price: float) -> None:
        self.at = at
        self.open = self.high = self.low = self.close = price

    def take(self, price: float) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price

    def candle(self, mint: Mint) -> Candle:
        return Candle(mint=mint, at=self.at, open=self.open, high=self.high, low=self.low, close=self.close)


class _Strip:
    """The tape of one mint. Points are kept as plain numbers: a thousand mints have a million of them."""

    def __init__(self) -> None:
        self.newest = Nanos(0)
        self.unwritten: deque[_Bar] = deque(maxlen=UNWRITTEN)
        self._second: _Bar | None = None
        self._times = array("q")
        self._prices = array("d")
        self._next = 0

    def take(self, price: float, at: Nanos) -> None:
        at = self.newest = max(at, self.newest)  # a price that counts later than a newer one belongs to what is now
        minute = span_begin(at, MINUTE)
        if not self.unwritten or self.unwritten[-1].at != minute:
            self.unwritten.append(_Bar(minute, price))
        else:
            self.unwritten[-1].take(price)
        second = span_begin(at, SECOND)
        if self._second is None or self._second.at != second:
            self._keep_second()
            self._second = _Bar(second, price)
        else:
            self._second.take(price)

    def _keep_second(self) -> None:
        """Put the second that is over in the place of the oldest one, once there are enough."""
        bar = self._second
        if bar is None:
            return
        prices = array("d", (bar.open, bar.high, bar.low, bar.close))
        if len(self._times) < _POINTS:
            self._times.append(bar.at)
            self._prices.extend(prices)
        else:
            self._times[self._next] = bar.at
            self._prices[4 * self._next : 4 * self._next + 4] = prices
            self._next = (self._next + 1) % _POINTS

    def points(self, mint: Mint) -> list[Candle]:
        oldest = self.newest - FINE
        found = []
        for index in (*range(self._next, len(self._times)), *range(self._next)):
            if self._times[index] > oldest:
                first, high, low, last = self._prices[4 * index : 4 * index + 4]
                at = Nanos(self._times[index])
                found.append(Candle(mint=mint, at=at, open=first, high=high, low=low, close=last))
        return found + ([self._second.candle(mint)] if self._second is not None else [])

    def candles(self, mint: Mint) -> list[Candle]:
        return [bar.candle(mint) for bar in self.unwritten]

    def forget(self, mint: Mint, stored: Mapping[Nanos, Candle]) -> None:
        kept = (bar for bar in self.unwritten if stored.get(bar.at) != bar.candle(mint))
        self.unwritten = deque(kept, maxlen=UNWRITTEN)
