"""Profit and loss: the totals, how they came in time, and by day, token or reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.console import figures
from engine.console.charts import bars_chart, columns_chart, curve_chart
from engine.console.fragment import fragment
from engine.console.markup import cell, tone
from engine.console.page import Call, Live
from engine.console.tabs.style import CSS, box, chips, row, table, tiles
from engine.wording import reason_text

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "PnL"
BY: Mapping[str, str] = {"day": "By day", "token": "By token", "reason": "By reason"}
_POINTS = 300
"""Of the curve: more would not be seen."""
_COLUMNS = (
    *(("Closed", "rc-num"), ("Win rate", "rc-num"), ("Net SOL", "rc-num")),
    *(("Gross SOL", "rc-num rc-minor"), ("Fees SOL", "rc-num rc-minor")),
)


def totals(results: Mapping[str, Any]) -> str:
    """Return what was made and lost in all, as `GET /pnl` has it."""
    closed = results["closed"]
    rate = f"{float(closed['win_rate']):.0%} of {int(closed['positions']):,}" if closed["positions"] else figures.NONE
    money = (
        ("Realized, net", "realized_net"),
        ("Realized, gross", "realized_gross"),
        ("Unrealized", "unrealized"),
    )
    return tiles(
        [
            *((name, f"{figures.sol(results[key], signed=True)} SOL", tone(results[key])) for name, key in money),
            ("Network fees", f"{figures.sol(results['fees'], places=6)} SOL", ""),
            ("Won", rate, ""),
            ("Open positions", f"{int(results['open_positions']):,}", ""),
        ]
    )


def named(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *groups* by token under the symbols of their tokens; two of one symbol keep a part of their addresses."""
    groups = list(groups)
    symbols = [group["symbol"] for group in groups]
    return [
        {**group, "name": symbol if symbols.count(symbol) == 1 else f"{symbol} {str(group['name'])[:4]}"}
        for group, symbol in zip(groups, symbols, strict=True)
    ]


def group_table(groups: Iterable[Mapping[str, Any]], by: str) -> str:
    """Return the results of each group; of days the newest first, of others the best."""
    groups = list(groups)
    if by == "day":
        groups.sort(key=lambda group: str(group["name"]), reverse=True)
    else:
        groups.sort(key=lambda group: -int(group["net"]))
    heads = ((BY[by].removeprefix("By ").capitalize(), ""), *_COLUMNS)
    return table(heads, (_row(group) for group in groups), name=BY[by], nothing="No position was closed yet.")


def _row(group: Mapping[str, Any]) -> str:
    name = reason_text(group["name"])
    return row(
        [
            cell(name if len(name) < 20 else figures.short(name), "", title=name),  # noqa: PLR2004
            cell(f"{int(group['positions']):,}"),
            cell(f"{float(group['win_rate']):.0%}", title=f"{int(group['wins']):,} won"),
            cell(figures.sol(group["net"], signed=True), f"rc-num {tone(group['net'])}"),
            cell(figures.sol(group["gross"], signed=True), f"rc-num rc-minor {tone(group['gross'])}"),
            cell(figures.sol(group["fees"], places=6), "rc-num rc-minor"),
        ]
    )


def group_page(groups: Iterable[Mapping[str, Any]], by: str) -> str:
    """Return the chart of *groups* and their table."""
    groups = list(groups)
    chart = columns_chart(groups) if by == "day" else bars_chart(groups)
    return box(f"Net result of closed positions {BY[by].lower()}, SOL", chart, group_table(groups, by))


def build(frame: Frame) -> Live:
    """Make the tab; see `engine.console`."""
    summary = fragment(css_template=CSS)
    choice = fragment(sends=True, css_template=CSS)
    grouped = fragment(css_template=CSS)

    async def refresh(call: Call) -> Sequence[Any]:
        by = call.page.kept.get("pnl.by", "day")
        results = await call.api.get("/pnl", by=by, points=_POINTS)
        groups = results["groups"]
        if by == "token":
            groups = named(groups)
        curve = box("Realized result in time, SOL before fees", curve_chart(results["curve"]))
        return [
            box("Result", totals(results)) + curve,
            chips("Results", [(text, name, None) for name, text in BY.items()], by, key="by"),
            group_page(groups, by),
        ]

    async def choose(call: Call) -> None:
        if call.detail.get("by") in BY:
            call.page.kept["pnl.by"] = call.detail["by"]

    live = Live(outputs=[summary, choice, grouped], refresh=refresh)
    frame.on(choice.send, choose, then=live)
    return live
