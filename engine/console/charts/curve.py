"""The result of all closed business so far, as it grew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.console.charts.levels import axis, height_of
from engine.console.charts.scale import Prices, Times, finite, seconds_of, time_axis
from engine.console.charts.svg import column, frame, message, number, stretched
from engine.domain.units import LAMPORTS_PER_SOL
from engine.wording import count_text, sol_text

_RIGHT = 84
"""Pixels for the labels of the axis."""


def curve_chart(curve: Iterable[Mapping[str, Any]], *, height: int = 240) -> str:
    """Return the chart of a cumulative result as SVG: a step at each exit, above and below zero.

    Args:
        curve: what `GET /pnl` answers as `curve`: `at`, and `realized_pnl`, cumulative lamports.
        height: in pixels. The width is that of its place.
    """
    points = _points(curve)
    if not points:
        says = "Realized result: nothing was sold yet."
        return frame([message("Nothing was sold yet.", height / 2)], height=height, says=says)
    inner = height_of(height)
    times = Times.of(at for at, _ in points)
    scale = Prices.of([0.0, *(value for _, value in points)], inner)
    last = points[-1][1]
    place = scale.y(last)
    grid, ticks = axis(scale, [place], most=5, right=_RIGHT)
    content = [
        *grid,
        stretched(_steps(points, times, scale), height=height),
        f'<line class="lead muted" x1="0" x2="100%" y1="{number(scale.y(0))}" y2="{number(scale.y(0))}"/>',
        *time_axis(times, inner),
    ]
    text = sol_text(round(last * LAMPORTS_PER_SOL), signed=True, places=4)
    pill = (
        f'<rect class="pill" x="10" y="{number(place - 8)}" width="{_RIGHT - 10}" height="16" rx="3"/>'
        f'<text x="{_RIGHT - 5}" y="{number(place + 4)}" class="end">{text}</text>'
    )
    best, worst = max(value for _, value in points), min(value for _, value in points)
    says = (
        f"Realized result over {count_text(len(points), 'step', 'steps')}: now {text} SOL, "
        f"highest {best:+.4f}, lowest {worst:+.4f}."
    )
    return frame([*content, column([*ticks, pill])], height=height, says=says, right=_RIGHT)


def _points(curve: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return moments in seconds since the epoch with the result in SOL, in the order of time."""
    found = []
    for each in curve:
        at, lamports = seconds_of(each.get("at")), finite(each.get("realized_pnl"))
        if at is not None and lamports is not None:
            found.append((at, lamports / LAMPORTS_PER_SOL))
    return sorted(found, key=lambda point: point[0])


def _steps(points: Sequence[tuple[float, float]], times: Times, scale: Prices) -> Iterable[str]:
    """Yield what lies above zero, what lies below, and the line."""
    zero = number(scale.y(0))
    for tone, bound in (("good", max), ("bad", min)):
        area = _stairs([(at, bound(value, 0.0)) for at, value in points], times, scale)
        left, right = times.across(points[0][0]), times.across(points[-1][0])
        yield f'<g class="{tone}"><path class="area" d="M{left},{zero}L{area[1:]}L{right},{zero}Z"/></g>'
    single = "h0" if len(points) == 1 else ""
    yield f'<path class="price" d="{_stairs(points, times, scale)}{single}"/>'


def _stairs(points: Sequence[tuple[float, float]], times: Times, scale: Prices) -> str:
    first, *others = points
    start = f"M{times.across(first[0])},{number(scale.y(first[1]))}"
    return start + "".join(f"H{times.across(at)}V{number(scale.y(value))}" for at, value in others)
