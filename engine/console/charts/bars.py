"""Results by token or by reason: a bar for each, to the right for a profit and to the left for a loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.console.charts.results import Result, results_of
from engine.console.charts.svg import frame, message, number
from engine.console.figures import short
from engine.console.markup import esc
from engine.wording import count_text, reason_text

_ROW = 24
_NAMES, _FIGURES = 96, 84
"""Pixels at the left for the names, and at the right for the figures."""
_LONGEST = 14
"""Characters of a name: of a longer one, such as the address of a token, both ends are shown."""
_LEFT_OUT = 20
"""Pixels that the sentence on what is not shown needs."""


def bars_chart(groups: Iterable[Mapping[str, Any]], *, most: int = 12) -> str:
    """Return the chart of results by token or reason as SVG, the best first.

    Args:
        groups: what `GET /pnl?by=token` or `by=reason` answers as `groups`.
        most: how many are shown: of more, those that matter most, and a line says how many are left out.
    """
    results = results_of(groups)
    if not results:
        says = "Results: no position was closed yet."
        return frame([message("No position was closed yet.", 40)], height=72, says=says)
    weighty = sorted(results, key=lambda each: -abs(each.net_sol))[:most]
    shown = sorted(weighty, key=lambda each: -each.net_sol)
    left_out = len(results) - len(shown)
    height = len(shown) * _ROW + (_LEFT_OUT if left_out else 4)
    low, high = min(0.0, *(each.net_sol for each in shown)), max(0.0, *(each.net_sol for each in shown))
    span = (high - low) or 1.0
    zero = -low / span * 100
    content = [
        *(_names(each, row) for row, each in enumerate(shown)),
        *(_bar(each, row, zero, span) for row, each in enumerate(shown)),
        f'<line class="lead muted" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="{len(shown) * _ROW}"/>',
    ]
    if left_out:
        rest = count_text(left_out, "smaller one", "smaller ones")
        content.append(f'<text x="{-_NAMES}" y="{height - 5}">{rest} not shown</text>')
    says = "Net results: " + "; ".join(each.words for each in shown)
    return frame(content, height=height, says=f"{says}.", left=_NAMES, right=_FIGURES)


def _names(each: Result, row: int) -> str:
    y = number(row * _ROW + _ROW / 2 + 4)
    name = reason_text(each.name)
    return (
        f'<g class="{each.tone}"><title>{esc(each.words)}</title>'
        f'<text x="{-_NAMES}" y="{y}" class="name">{esc(name if len(name) <= _LONGEST else short(name))}</text>'
        f'<text x="100%" dx="{_FIGURES - 2}" y="{y}" class="say end">{each.net_sol:+.4f}</text></g>'
    )


def _bar(each: Result, row: int, zero: float, span: float) -> str:
    width = abs(each.net_sol) / span * 100
    left = zero if each.net_sol >= 0 else zero - width
    return (
        f'<g class="{each.tone}"><rect class="bar" x="{left:.2f}%" y="{row * _ROW + 5}" width="{width:.2f}%" '
        f'height="{_ROW - 10}"><title>{esc(each.words)}</title></rect></g>'
    )
