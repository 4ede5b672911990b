"""The price of a position since its entry, with every line that it is watched for and every exit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from engine.console.charts.exits import Exit, exits_of, marked
from engine.console.charts.levels import Level, axis, drawn, height_of, in_view, labelled, levels_of
from engine.console.charts.scale import Prices, Times, finite, seconds_of, time_axis
from engine.console.charts.svg import column, frame, message, number, stretched
from engine.wording import count_text, percent_text, price_text

_GAP = 3.0
"""Candles further apart than so many of their usual distance have a gap between them: no price is drawn there."""


@dataclass(frozen=True, slots=True)
class Candle:
    """The price within one span of time, in SOL per whole token."""

    at: float
    """Seconds since the epoch."""
    low: float
    high: float
    close: float


def price_chart(chart: Mapping[str, Any], *, symbol: str = "", decimals: int | None = None, height: int = 320) -> str:
    """Return the chart of a position as SVG.

    Args:
        chart: what `GET /positions/{id}/chart` answers.
        symbol: of its token, for who listens.
        decimals: of its token; without them the exits do not say how many tokens they sold.
        height: in pixels. The width is that of its place.
    """
    candles = _candles(chart.get("candles") or ())
    levels = levels_of(chart.get("levels") or {})
    exits = exits_of(chart.get("exits") or (), candles)
    last = candles[-1].close if candles else None
    seen = [price for each in candles for price in (each.low, each.high)] + [each.price for each in exits]
    values = in_view(levels, seen)
    says = _words(symbol, levels, exits, last)
    inner = height_of(height)
    if not values:
        return frame([message("No price yet.", height / 2)], height=height, says=says)
    scale = Prices.of(values, inner)
    labels, places = labelled(levels, last, scale)
    grid, ticks = axis(scale, places)
    content = [*grid, *drawn(levels, scale)]
    moments = [each.at for each in candles] + [each.at for each in exits]
    if moments:
        times = Times.of(moments)
        content += [
            *time_axis(times, inner),
            stretched(_price_line(candles, times, scale), height=height),
            *([_newest(candles[-1], times, scale)] if candles else []),
            *marked(exits, times, scale, decimals=decimals),
        ]
    if not candles:
        content.append(message("No price yet.", height / 2))
    return frame([*content, column([*ticks, *labels])], height=height, says=says)


def _candles(candles: Iterable[Mapping[str, Any]]) -> list[Candle]:
    """Return those that have a time and a price, in the order of time."""
    found = []
    for each in candles:
        at, close = seconds_of(each.get("at")), finite(each.get("close"))
        if at is not None and close is not None:
            low, high = (
                found_ if (found_ := finite(each.get(name))) is not None else close for name in ("low", "high")
            )
            found.append(Candle(at, min(low, close), max(high, close), close))
    return sorted(found, key=lambda candle: candle.at)


def _runs(candles: Sequence[Candle]) -> list[Sequence[Candle]]:
    """Return *candles* cut where there is a gap."""
    steps = [after.at - before.at for before, after in pairwise(candles)]
    usual = median(steps) if steps else 0.0
    cuts = [0, *(index for index, step in enumerate(steps, 1) if step > _GAP * usual), len(candles)]
    return [candles[start:end] for start, end in pairwise(cuts) if start < end]


def _price_line(candles: Sequence[Candle], times: Times, scale: Prices) -> Iterable[str]:
    """Yield the range between lows and highs, and the line of the closes upon it."""
    ranges, line = [], []
    for run in _runs(candles):
        xs = [times.across(each.at) for each in run]
        highs = [f"{x},{number(scale.y(each.high))}" for x, each in zip(xs, run, strict=True)]
        lows = [f"{x},{number(scale.y(each.low))}" for x, each in zip(xs, run, strict=True)]
        closes = [f"{x},{number(scale.y(each.close))}" for x, each in zip(xs, run, strict=True)]
        ranges.append(f"M{'L'.join(highs)}L{'L'.join(reversed(lows))}Z")
        line.append(f"M{'L'.join(closes)}{'h0' if len(run) == 1 else ''}")
    if line:
        yield f'<path class="range" d="{"".join(ranges)}"/><path class="price" d="{"".join(line)}"/>'


def _newest(candle: Candle, times: Times, scale: Prices) -> str:
    return f'<circle cx="{times.percent(candle.at)}" cy="{number(scale.y(candle.close))}" r="3" class="mark"/>'


def _words(symbol: str, levels: Sequence[Level], exits: Sequence[Exit], last: float | None) -> str:
    """Return the facts of the chart as a person would tell them."""
    entry = next((level.price for level in levels if level.name == "entry"), None)
    now = "no price yet"
    if last is not None:
        change = f", {percent_text(last / entry - 1)} from the entry" if entry else ""
        now = f"last {price_text(last)} SOL{change}"
    parts = [
        f"Price of {symbol or 'the token'} since entry: {now}",
        *(level.words for level in levels),
        count_text(len(exits), "exit", "exits") + "".join(f"; {each.words}" for each in exits),
    ]
    return ". ".join(parts) + "."
