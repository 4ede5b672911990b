"""A replay as a picture: the price, the lines that it was watched for, and every exit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chain.simulated.prices.path import PricePath, PricePoint
from engine.domain.exits import stop_price, target_price, trailing_price
from engine.domain.order import Order, OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import SECOND
from engine.wording import reason_text

_DAY = 86_400 * SECOND
_MOST_POINTS = 4_000
_AFTER = 0.25
"""How much of the path after the close is shown, as a share of the time that the position was held."""

_PRICE, _ENTRY, _STOP, _TARGET, _TRAIL = "#3b4252", "#6b7280", "#c2410c", "#15803d", "#b45309"


def draw(
    path: PricePath, plan: ExitPlan, position: Position, orders: Sequence[Order], file: Path, *, title: str
) -> None:
    """Draw *path* with the stop, target and trailing lines of *plan* and the exits of *position* to *file*."""
    points = _shown(path, position)
    mpl.rcParams["svg.hashsalt"] = "ripcord"
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    axes = figure.add_subplot()
    drawn = points[:: max(1, len(points) // _MOST_POINTS)]
    axes.plot([_time(p.at) for p in drawn], [p.price for p in drawn], color=_PRICE, linewidth=1.1, label="price")
    _draw_lines(axes, plan, position)
    _draw_trailing(axes, points, plan, position)
    _draw_exits(axes, orders)
    axes.set_title(f"{title}   PnL {position.realized_pnl / 1e9:+.4f} SOL", loc="left", fontsize=11)
    axes.xaxis_date()
    axes.set_ylabel("SOL per token")
    axes.margins(x=0.01)
    axes.grid(visible=True, color="#e5e7eb", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelrotation=20)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    figure.savefig(file, dpi=110, metadata={"Date": None} if file.suffix == ".svg" else None)


def _shown(path: PricePath, position: Position) -> list[PricePoint]:
    if position.closed_at is None:
        return list(path.points)
    held = position.closed_at - position.opened_at
    until = position.closed_at + max(int(held * _AFTER), 60 * SECOND)
    return [point for point in path.points if point.at <= until]


def _draw_lines(axes: Axes, plan: ExitPlan, position: Position) -> None:
    entry = position.entry_price
    axes.axhline(float(entry), color=_ENTRY, linewidth=0.9, linestyle=":", label="entry")
    axes.axhline(stop_price(entry, plan), color=_STOP, linewidth=1, linestyle="--", label="stop loss")
    for level in range(len(plan.take_profits)):
        target = target_price(entry, plan, level)
        label = "take profits" if level == 0 else None
        if level < position.levels_taken or target <= position.peak_price * 1.25:
            axes.axhline(target, color=_TARGET, linewidth=1, linestyle="--", label=label)


def _draw_trailing(axes: Axes, points: Sequence[PricePoint], plan: ExitPlan, position: Position) -> None:
    held = [p for p in points if position.opened_at <= p.at <= (position.closed_at or p.at)]
    peaks = accumulate((p.price for p in held), max, initial=float(position.entry_price))
    trail = [
        (_time(point.at), price)
        for point, peak in zip(held, list(peaks)[1:], strict=True)
        if (price := trailing_price(position.entry_price, plan, peak)) is not None
    ]
    if trail:
        times, prices = zip(*trail, strict=True)
        axes.step(times, prices, color=_TRAIL, linewidth=1, where="post", label="trailing stop")


def _draw_exits(axes: Axes, orders: Sequence[Order]) -> None:
    for order in orders:
        if order.status is not OrderStatus.FILLED or order.actual_price is None or order.filled_at is None:
            continue
        at, price = _time(order.filled_at), float(order.actual_price)
        axes.plot(at, price, marker="v", markersize=8, color=_STOP, markeredgecolor="white", zorder=5)
        axes.annotate(
            reason_text(order.exit_reason),
            (at, price),
            textcoords="offset points",
            xytext=(4, 9),
            fontsize=9,
            color=_PRICE,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            zorder=6,
        )


def _time(at: int) -> float:
    """Return a moment as matplotlib counts it: days since the epoch."""
    return at / _DAY
