"""Results day by day: a column for each, up for a profit and down for a loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from engine.console.charts.levels import axis, height_of
from engine.console.charts.results import Result, results_of
from engine.console.charts.scale import Prices
from engine.console.charts.svg import TOP, column, frame, message, number
from engine.console.markup import esc
from engine.wording import count_text

_MOST_DAYS = 120
_FILLED = 0.7
"""Share of a day's width that its column takes."""
_WIDEST = 4.0
"""Percent of the plot."""
_MOST_LABELS = 7
_EDGE = 4
"""Percent from the left, within which a label begins where it would else be centred."""
_RIGHT = 64
"""Pixels for the labels of the axis."""


def columns_chart(groups: Iterable[Mapping[str, Any]], *, height: int = 200) -> str:
    """Return the chart of results by day as SVG.

    Args:
        groups: what `GET /pnl?by=day` answers as `groups`. Days without a close stand between them, empty; of more than
            120 days the newest are shown.
        height: in pixels. The width is that of its place.
    """
    by_day = {day: each for each in results_of(groups) if (day := _day(each.name)) is not None}
    if not by_day:
        says = "Results by day: no position was closed yet."
        return frame([message("No position was closed yet.", height / 2)], height=height, says=says)
    last = max(by_day)
    first = max(min(by_day), last - timedelta(days=_MOST_DAYS - 1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    shown = {day: by_day[day] for day in days if day in by_day}
    scale = Prices.of([0.0, *(each.net_sol for each in shown.values())], height_of(height))
    grid, ticks = axis(scale, [], most=4, right=_RIGHT)
    zero = number(scale.y(0))
    content = [
        *grid,
        *(_column(shown[day], place, len(days), scale) for place, day in enumerate(days) if day in shown),
        f'<line class="lead muted" x1="0" x2="100%" y1="{zero}" y2="{zero}"/>',
        *_labels(days, TOP + height_of(height) + 17),
    ]
    says = f"Net results of {count_text(len(shown), 'day', 'days')}: " + "; ".join(
        each.words for each in list(shown.values())[-_MOST_LABELS:]
    )
    return frame([*content, column(ticks)], height=height, says=f"{says}.", right=_RIGHT)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _column(each: Result, place: int, places: int, scale: Prices) -> str:
    width = min(_WIDEST, _FILLED * 100 / places)
    left = (place + 0.5) * 100 / places - width / 2
    top, bottom = sorted((scale.y(each.net_sol), scale.y(0)))
    return (
        f'<g class="{each.tone}"><rect class="bar" x="{left:.2f}%" y="{number(top)}" width="{width:.2f}%" '
        f'height="{number(max(1.0, bottom - top))}"><title>{esc(each.words)}</title></rect></g>'
    )


def _labels(days: Sequence[date], y: int) -> Iterable[str]:
    step = -(-len(days) // _MOST_LABELS)
    for count, place in enumerate(range(0, len(days), step)):
        minor = " minor" if count % 2 else ""
        x = (place + 0.5) * 100 / len(days)
        side = "mid" if x > _EDGE else ""
        yield f'<text x="{x:.2f}%" y="{y}" class="{side}{minor}">{days[place].day} {days[place]:%b}</text>'
