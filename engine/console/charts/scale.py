"""From figures to places: finite numbers, scales, and the ticks of an axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from math import isfinite

from engine.console.charts.svg import ACROSS, TOP, number
from engine.wording import moment, zeros_after_point, zeros_counted

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 4, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""Seconds between two ticks of a time axis: what a person counts by."""
_LEAST_SHARE = 1e-6
"""Of the value: a scale that spans less is one of a constant."""


def finite(value: object) -> float | None:
    """Return the number that *value* is or spells; None where it is none, or is not finite."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def seconds_of(value: object) -> float | None:
    """Return the moment that RFC 3339 *value* names in seconds since the epoch; None where it names none."""
    try:
        return moment(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Prices:
    """The scale of a vertical axis: values from *low* to *high*, over *height* pixels below `TOP`."""

    low: float
    high: float
    height: int

    @classmethod
    def of(cls, values: Iterable[float], height: int, *, pad: float = 0.06) -> Prices:
        """Return a scale on which all of *values* stand, with the share *pad* of its span left above and below."""
        values = list(values)
        low, high = min(values), max(values)
        span = high - low
        if span <= _LEAST_SHARE * max(abs(low), abs(high)):
            span = max(abs(low), abs(high)) * 0.02 or 1.0
            pad = 1.0
        return cls(low - span * pad, high + span * pad, height)

    def y(self, value: float) -> float:
        """Return the place of *value* in pixels; one that is off the scale stands at its edge."""
        share = (value - self.low) / (self.high - self.low)
        return TOP + self.height * (1 - min(1.0, max(0.0, share)))

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most *most* round values within the scale with their labels, all to the same digit."""
        low, high = Decimal(repr(self.low)), Decimal(repr(self.high))
        step = _round_up((high - low) / most)
        first = (low / step).to_integral_value(ROUND_CEILING) * step
        places = max(0, -int(step.normalize().as_tuple().exponent))
        values = [first + step * n for n in range(most + 1) if first + step * n <= high]
        texts = [f"{value:,.{places}f}" for value in values]
        zeros = min((zeros_after_point(text) for text, value in zip(texts, values, strict=True) if value), default=0)
        return [(float(value), zeros_counted(text, zeros)) for value, text in zip(values, texts, strict=True)]


def _round_up(value: Decimal) -> Decimal:
    """Return the least of 1, 2, 2.5, 5 and 10 times a power of ten that is not below *value*."""
    power = Decimal(1).scaleb(value.adjusted())
    return next(power * n for n in map(Decimal, ("1", "2", "2.5", "5", "10")) if power * n >= value)


@dataclass(frozen=True, slots=True)
class Times:
    """The scale of a horizontal axis: seconds since the epoch, from *start* to *end*."""

    start: float
    end: float

    @classmethod
    def of(cls, moments: Iterable[float]) -> Times:
        """Return a scale that all of *moments* stand on; one moment alone stands in its middle."""
        moments = list(moments)
        start, end = min(moments), max(moments)
        return cls(start, end) if end - start >= 1 else cls(start - 30, end + 30)

    def share(self, at: float) -> float:
        """Return how far from the left *at* stands, from 0 to 1."""
        return min(1.0, max(0.0, (at - self.start) / (self.end - self.start)))

    def percent(self, at: float) -> str:
        """Return the place of *at* as SVG takes it."""
        return f"{self.share(at) * 100:.2f}%"

    def across(self, at: float) -> str:
        """Return the place of *at* in a stretched path."""
        return number(self.share(at) * ACROSS)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most *most* + 1 round moments with their labels, in UTC: the day where one begins."""
        least = (self.end - self.start) / most
        step = next((step for step in _STEPS if step >= least), (least // _DAY + 1) * _DAY)
        first = -(-self.start // step) * step
        moments = [first + step * n for n in range(most + 1) if first + step * n <= self.end]
        return [(at, _clock(at, step)) for at in moments]


def _clock(at: float, step: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    if at % _DAY == 0:
        return f"{when.day} {when:%b}"
    return f"{when:%H:%M:%S}" if step < _MINUTE else f"{when:%H:%M}"


def time_axis(times: Times, height: int, *, most: int = 6) -> Iterable[str]:
    """Yield the labels of the time below a plot of *height* pixels; every second one gives way on a narrow page."""
    for index, (at, label) in enumerate(times.ticks(most)):
        share = times.share(at)
        side = "" if share < 0.04 else " end" if share > 0.96 else " mid"  # noqa: PLR2004
        minor = " minor" if index % 2 else ""
        yield f'<text x="{times.percent(at)}" y="{TOP + height + 17}" class="time{side}{minor}">{label}</text>'


def spread(places: list[float], *, apart: float, low: float, high: float) -> list[float]:
    """Return *places*, which are in order, moved as little as needed to stand *apart*, from *low* to *high*.

    Neighbours that would overlap are centred on the mean of where they belong (pool adjacent violators). Where there
    is no room for all they stand closer, evenly.
    """
    if not places:
        return []
    apart = min(apart, (high - low) / max(1, len(places) - 1))
    pools: list[tuple[float, int]] = []
    for index, place in enumerate(places):
        mean, count = place - index * apart, 1
        while pools and pools[-1][0] > mean:
            before, others = pools.pop()
            mean, count = (before * others + mean * count) / (others + count), others + count
        pools.append((mean, count))
    bound = high - apart * (len(places) - 1)
    settled = [min(bound, max(low, mean)) for mean, count in pools for _ in range(count)]
    return [place + index * apart for index, place in enumerate(settled)]
