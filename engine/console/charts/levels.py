"""The lines that a position's price is watched for: what they are called, and which of them are in view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.console.charts.scale import Prices, finite, spread
from engine.console.charts.svg import BOTTOM, COLUMN, LINE, TOP, number
from engine.console.markup import esc
from engine.wording import price_text

_FAR = 1.1
"""A target further away than this share of what is in view anyway is named at the edge, lest the price be flattened."""


@dataclass(frozen=True, slots=True)
class Level:
    """One price that matters."""

    name: str
    short: str
    """As there is room for beside its price."""
    price: float
    tone: str
    """Class of its colour."""
    taken: bool = False

    @property
    def words(self) -> str:
        """What it is, for a tooltip or a voice."""
        return f"{self.name} at {price_text(self.price)} SOL{', taken' if self.taken else ''}"


def levels_of(levels: Mapping[str, Any]) -> list[Level]:
    """Return the `levels` of a position as the API has them; those without a price are left out."""
    named = [
        ("entry", "entry", levels.get("entry"), "muted", False),
        ("stop loss", "stop", levels.get("stop"), "bad", False),
        ("trailing stop", "trail", levels.get("trailing_stop"), "warn", False),
        *(
            (f"take profit {n}", f"TP {n}", target.get("price"), "good", bool(target.get("taken")))
            for n, target in enumerate(levels.get("targets") or (), 1)
        ),
    ]
    return [
        Level(name, short, price, tone, taken)
        for name, short, value, tone, taken in named
        if (price := finite(value)) is not None and price > 0
    ]


def in_view(levels: Iterable[Level], seen: Iterable[float]) -> list[float]:
    """Return the prices that the axis must span: those *seen*, every stop, and the targets that are not far."""
    levels = list(levels)
    values = [*seen, *(level.price for level in levels if level.tone != "good")] or [level.price for level in levels]
    if not values:
        return []
    low, high = min(values), max(values)
    reach = max((high - low) * _FAR, high * 0.02)
    return values + [level.price for level in levels if low - reach <= level.price <= high + reach]


def drawn(levels: Iterable[Level], scale: Prices) -> Iterable[str]:
    """Yield the lines of *levels* that stand on *scale*, over the width of the plot."""
    for level in levels:
        if scale.low <= level.price <= scale.high:
            y = number(scale.y(level.price))
            yield (
                f'<line class="level {level.tone}{" taken" if level.taken else ""}" x1="0" x2="100%" y1="{y}" y2="{y}">'
                f"<title>{esc(level.words)}</title></line>"
            )


def labelled(levels: Iterable[Level], last: float | None, scale: Prices) -> tuple[list[str], list[float]]:
    """Return the labels of *levels* and of the *last* price for the column at the right, and where they stand.

    Labels of levels that are close are spread, each with a lead to its line. A level off the scale is named at its
    edge, with an arrow.
    """
    named = sorted(
        [(scale.y(level.price), level) for level in levels]
        + ([] if last is None else [(scale.y(last), Level("last price", "", last, "last"))]),
        key=lambda each: (each[0], -each[1].price),
    )
    places = spread([y for y, _ in named], apart=LINE, low=TOP - 4, high=TOP + scale.height + 4)
    return [_label(level, y, place, scale) for (y, level), place in zip(named, places, strict=True)], places


def _label(level: Level, y: float, place: float, scale: Prices) -> str:
    lead = f'<path class="lead" d="M0,{number(y)}L10,{number(place)}"/>'
    baseline = number(place + 4)
    if level.tone == "last":
        return (
            f'<g>{lead}<rect class="pill" x="10" y="{number(place - 8)}" width="{COLUMN - 10}" height="16" '
            f'rx="3"/><text x="{COLUMN - 5}" y="{baseline}" class="end">{price_text(level.price)}</text></g>'
        )
    text = f'<text class="say" x="14" y="{baseline}">{level.short}</text>'
    beyond = "↑" if level.price > scale.high else "↓" if level.price < scale.low else ""
    return (
        f'<g class="{level.tone}{" taken" if level.taken else ""}"><title>{esc(level.words)}</title>'
        f'{f"""<text class="say" x="2" y="{baseline}">{beyond}</text>""" if beyond else lead}{text}'
        f'<text class="say end" x="{COLUMN - 5}" y="{baseline}">{price_text(level.price)}</text></g>'
    )


def axis(scale: Prices, taken: Iterable[float], *, most: int = 6, right: int = COLUMN) -> tuple[list[str], list[str]]:
    """Return the lines of the grid, and the labels of those that no other label at *taken* stands on.

    Args:
        scale: of the axis.
        taken: pixels.
        most: lines.
        right: pixels that the labels have.
    """
    taken = list(taken)
    ticks = [(number(y), y, label) for value, label in scale.ticks(most) for y in (scale.y(value),)]
    lines = [f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y, _, _ in ticks]
    labels = [
        f'<text x="{right - 5}" y="{number(y + 4)}" class="end">{label}</text>'
        for _, y, label in ticks
        if all(abs(y - other) >= LINE - 1 for other in taken)
    ]
    return lines, labels


def height_of(height: int) -> int:
    """Return how many pixels of a chart of *height* are left for its plot."""
    return height - TOP - BOTTOM
