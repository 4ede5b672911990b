"""The box "Exit Order Status": one order, live, through its states, attempts and result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.console import figures
from engine.console.markup import esc, facts

_WAY = ("pending", "submitted", "confirming", "filled")


def order_status(timeline: Mapping[str, Any] | None, said: Mapping[str, str] | None, now: int) -> str:
    """Return what becomes of an exit.

    Args:
        timeline: what `GET /orders/{id}` answered; None where the position has had no exit.
        said: what came of the last press, as `text` and its `tone`, if any.
        now: nanoseconds since the epoch.
    """
    parts = ['<section class="rc-box" id="rc-exit-status" aria-label="Exit Order Status" role="status">']
    parts.append("<h3>Exit Order Status</h3>")
    if said is not None:
        parts.append(f'<p class="rc-said rc-{esc(said["tone"])}">{esc(said["text"])}</p>')
    if timeline is None:
        parts.append('<p class="rc-muted">No exit so far.</p>')
    else:
        parts += _order(timeline, now)
    return "".join([*parts, "</section>"])


def _order(timeline: Mapping[str, Any], now: int) -> list[str]:
    order = timeline["order"]
    status = order["status"]
    lines: list[tuple[str, object]] = [
        ("Order", order["id"]),
        (
            "Reason",
            f"{figures.words(order['exit_reason'])}, {figures.percent(order['sell_pct'], signed=False, places=0)}",
        ),
        ("Amount", f"{figures.tokens(order['amount_tokens'], order['decimals'])} {order['symbol']}"),
        ("Attempts", f"{order['attempt_count']} of {order['max_attempts']}"),
    ]
    if wait := figures.until(order["next_retry_at"], now):
        lines.append(("Next attempt", f"in {wait}"))
    if timeline["fills"]:
        lines += _result(timeline)
    parts = [_way(status, str(order["status"]).upper()), facts(lines)]
    if order["last_error"] and status != "filled":
        parts.append(f'<p class="rc-bad rc-error">{esc(order["last_error"])}</p>')
    return parts


def _way(status: str, said: str) -> str:
    """Return the states of an order in their line, as far as it has come."""
    at = _WAY.index(status) if status in _WAY else -1
    steps = []
    for number, name in enumerate(_WAY):
        style = "rc-at" if number == at else "rc-past" if number < at else ""
        current = ' aria-current="step"' if number == at else ""
        steps.append(f'<li class="{style}"{current}>{name.upper()}</li>')
    if at < 0:
        steps.append(f'<li class="rc-at rc-ended" aria-current="step">{esc(said)}</li>')
    done = " rc-done" if status == "filled" else ""
    return f'<ol class="rc-way{done}" data-status="{esc(said)}">{"".join(steps)}</ol>'


def _result(timeline: Mapping[str, Any]) -> list[tuple[str, object]]:
    order, fills = timeline["order"], timeline["fills"]
    sold = sum(abs(int(fill["tokens"])) for fill in fills)
    got = sum(int(fill["sol"]) for fill in fills)
    return [
        ("Sold", f"{figures.tokens(sold, order['decimals'])} {order['symbol']} for {figures.sol(got, places=6)} SOL"),
        (
            "Price",
            f"{figures.price(order['actual_price'])} SOL, {figures.bps(order['slippage_bps'])} against the expected",
        ),
        ("Fees", f"{figures.sol(order['fees'], places=6)} SOL"),
    ]
