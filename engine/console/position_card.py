"""The position that is selected: its figures, its plan and its orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.console import figures
from engine.console.markup import cell, esc, facts, tone
from engine.console.position_table import status_badge

_MOST_ORDERS = 20
_ORDER_COLUMNS = (
    ("Time", ""),
    ("What", ""),
    ("Status", ""),
    ("Amount", "rc-num"),
    ("Price", "rc-num"),
    ("Slippage", "rc-num"),
    ("Fees", "rc-num"),
    ("Error", ""),
)


def headline(detail: Mapping[str, Any] | None, now: int) -> str:
    """Return who the position is, as `GET /positions/{id}` has it; the buttons act on the one that is shown here."""
    if detail is None:
        return '<section class="rc-box"><p class="rc-muted">Select a position.</p></section>'
    row = detail["position"]
    pairs = [
        ("Price", figures.price(row["price"] if row["closed_at"] is None else row["last_exit_price"]), ""),
        ("Change", figures.percent(row["change_pct"]), tone(row["change_pct"])),
        ("Unrealized SOL", figures.sol(row["unrealized_pnl"], signed=True), tone(row["unrealized_pnl"])),
        ("Realized SOL", figures.sol(row["realized_pnl"], signed=True), tone(row["realized_pnl"])),
        ("Fees SOL", figures.sol(row["fees"], places=6), ""),
        ("Age", figures.age(row["opened_at"], now, until=row["closed_at"]), ""),
    ]
    shown = "".join(
        f'<span class="rc-figure"><i>{name}</i><b class="rc-live {style}">{esc(value)}</b></span>'
        for name, value, style in pairs
    )
    mint = f'<span title="{esc(row["mint"])}">{esc(figures.short(row["mint"]))}</span>'
    return (
        '<section id="rc-selected" class="rc-box rc-headline" '
        f'data-id="{esc(row["id"])}" data-name="{esc(row["symbol"])}">'
        f"<h2>{esc(row['symbol'])} {status_badge(row)}</h2>"
        f'<p class="rc-muted">{esc(figures.left(row))} · {mint} · {esc(row["id"])}</p>'
        f'<div class="rc-figures">{shown}</div></section>'
    )


def plan_box(detail: Mapping[str, Any] | None) -> str:
    """Return the exit plan with the prices at which it fires."""
    if detail is None:
        return ""
    row, levels = detail["position"], detail["levels"]
    plan = row["plan"]
    lines: list[tuple[str, object]] = [
        ("Entry", f"{figures.price(levels['entry'])} SOL"),
        ("Stop loss", f"{_points(plan['stop_loss_pct'])} below entry, at {figures.price(levels['stop'])}"),
    ]
    if trailing := plan.get("trailing"):
        at = levels["trailing_stop"]
        where = f"at {figures.price(at)}" if at is not None else f"from +{_points(trailing['activation_pct'])}"
        lines.append(("Trailing stop", f"{_points(trailing['trail_pct'])} below the peak, {where}"))
    for number, (target, level) in enumerate(zip(plan["take_profits"], levels["targets"], strict=True), 1):
        done = ", taken" if level["taken"] else ""
        said = (
            f"+{_points(target['gain_pct'])}, at {figures.price(level['price'])}, sells {_points(target['sell_pct'])}"
        )
        lines.append((f"Target {number}", said + done))
    if hold := plan.get("max_hold"):
        lines.append(("Time limit", hold))
    if calm := plan.get("stagnation"):
        lines.append(("Stagnation", f"within ±{_points(calm['band_pct'])} for {calm['window']}"))
    return f'<section class="rc-box" aria-label="Plan"><h3>Plan</h3>{facts(lines)}</section>'


def orders_box(orders: Sequence[Mapping[str, Any]]) -> str:
    """Return the orders of the position, the newest first."""
    newest = sorted(orders, key=lambda order: str(order["created_at"]), reverse=True)[:_MOST_ORDERS]
    nothing = f'<tr><td colspan="{len(_ORDER_COLUMNS)}" class="rc-empty">No order so far.</td></tr>'
    rows = "".join(_order(order) for order in newest) or nothing
    heads = "".join(f'<th scope="col" class="{style}">{name}</th>' for name, style in _ORDER_COLUMNS)
    return (
        '<section class="rc-box" aria-label="Orders"><h3>Orders</h3><div class="rc-scroll">'
        f'<table class="rc-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _order(order: Mapping[str, Any]) -> str:
    entry, error = order["kind"] == "entry", order["last_error"]
    amount = (
        f"{figures.sol(order['amount_sol'])} SOL"
        if entry
        else figures.tokens(order["amount_tokens"], order["decimals"])
    )
    return (
        f'<tr title="{esc(order["id"])}">'
        f"{cell(figures.clock(order['created_at']), 'rc-muted')}"
        f"{cell('entry' if entry else figures.words(order['exit_reason']), '')}"
        f"{cell(figures.words(order['status']), 'rc-good' if order['status'] == 'filled' else '')}"
        f"{cell(amount)}{cell(figures.price(order['actual_price']))}"
        f"{cell(figures.bps(order['slippage_bps']))}"
        f"{cell(figures.sol(order['fees'], places=6))}"
        f"{cell(error, 'rc-bad rc-error', title=error)}</tr>"
    )


def _points(value: object) -> str:
    return f"{float(str(value)):g} %"
