"""One order in full: its figures, every attempt with its quote and its fill, and every transition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from engine.console import figures
from engine.console.markup import cell, esc, facts
from engine.console.tabs.style import box, row, table
from engine.wording import moment, reason_text, rent_facts

UNFINISHED = ("pending", "submitted", "confirming")
_TONES = {"filled": "rc-good", "landed": "rc-good", "failed": "rc-bad", "cancelled": "rc-bad", "reverted": "rc-bad"}
_GOT = {"entry": "tokens", "exit": "sol", "reclaim": "rent"}
"""Which field of a fill says what an order got."""
_ATTEMPTS = (
    *(("No.", "rc-num"), ("Status", ""), ("Transaction", ""), ("Quoted", "rc-num"), ("At least", "rc-num")),
    *(("Got", "rc-num"), ("Against quote", "rc-num"), ("Tolerance", "rc-num"), ("Priority fee", "rc-num")),
    *(("Fee", "rc-num"), ("Venue", "rc-muted")),
)


def status_tone(status: str) -> str:
    """Return the class of a status of an order or an attempt: good, bad, or under way."""
    return _TONES.get(status, "rc-warn" if status in UNFINISHED else "")


def what_text(order: Mapping[str, Any]) -> str:
    """Return what an order is for: entry, or an exit's reason and share."""
    if order["kind"] != "exit":
        return "rent of markers" if order["kind"] == "reclaim" else str(order["kind"])
    share = figures.percent(order["sell_pct"], signed=False, places=0)
    again = ", retried" if order["retry_of"] else ""
    return f"{reason_text(order['exit_reason'])}, {share}{again}"


def when(at: str | None) -> str:
    """Return the day and time of RFC 3339 *at*, in UTC and to the millisecond."""
    return figures.NONE if at is None else f"{moment(at):%d %b %H:%M:%S.%f}"[:-3]


def bps(value: object) -> str:
    """Return basis points, signed."""
    return figures.NONE if value is None else f"{float(str(value)):+.0f} bps"


def may_cancel(order: Mapping[str, Any]) -> bool:
    """Return whether *order* is one that can be taken back: it waits, and nothing of it is in flight."""
    return str(order["status"]) == "pending" and str(order["kind"]) != "reclaim"


def may_retry(order: Mapping[str, Any], position: Mapping[str, Any] | None) -> bool:
    """Return whether *order* is an exit that failed for good, and that its *position* still waits with."""
    if order["kind"] != "exit" or order["status"] != "cancelled" or position is None:
        return False
    active = position["active_exit"]
    return bool(position["needs_action"]) and active is not None and active["order_id"] == order["id"]


def order_detail(timeline: Mapping[str, Any] | None, explorer: str | None, now: int) -> str:
    """Return an order with all that happened to it.

    Args:
        timeline: what `GET /orders/{id}` answered; None where none is selected.
        explorer: URL of a transaction, with {signature} in it; None where no explorer knows the cluster.
        now: nanoseconds since the epoch.
    """
    if timeline is None:
        return box("Order", '<p class="rc-muted">Select an order to see all that happened to it.</p>')
    order = timeline["order"]
    status = str(order["status"])
    head = (
        f"<p><b>{esc(order['symbol'])}</b> {esc(what_text(order))} "
        f'<span class="rc-badge {status_tone(status)}">{esc(reason_text(status))}</span></p>'
    )
    error = (
        f'<p class="rc-bad rc-why">{esc(order["last_error"])}</p>' if order["last_error"] and status != "filled" else ""
    )
    return (
        '<div class="rc-pair">'
        + box("Order", head, error, _facts(timeline, now))
        + box("Timeline", _history(timeline["history"], explorer))
        + "</div>"
        + box("Attempts", _attempts(timeline, explorer))
    )


def amount_text(order: Mapping[str, Any]) -> str:
    """Return what an order swaps: an entry SOL, an exit tokens; bringing rent back swaps nothing."""
    if order["kind"] == "entry":
        return f"{figures.sol(order['amount_sol'])} SOL"
    return figures.tokens(order["amount_tokens"], order["decimals"]) if order["kind"] == "exit" else figures.NONE


def _facts(timeline: Mapping[str, Any], now: int) -> str:
    order = timeline["order"]
    lines: list[tuple[str, object]] = [
        ("Order", order["id"]),
        ("Created", f"{when(order['created_at'])} UTC"),
        ("Attempts", f"{order['attempt_count']} of {order['max_attempts']}"),
        ("Fees", f"{figures.sol(order['fees'], places=6)} SOL"),
    ]
    if order["kind"] in ("entry", "exit"):
        entry = order["kind"] == "entry"
        lines += [
            ("Position", order["position_id"]),
            ("Spends" if entry else "Sells", amount_text(order) + ("" if entry else f" {order['symbol']}")),
            ("Expected price", figures.price(order["expected_price"])),
            ("Fill price", figures.price(order["actual_price"])),
            ("Slippage", f"{bps(order['slippage_bps'])}, tolerance {order['max_slippage_bps']} bps"),
        ]
    if wait := figures.until(order["next_retry_at"], now):
        lines.append(("Next attempt", f"in {wait}"))
    if order["filled_at"]:
        lines.append(("Filled", f"{when(order['filled_at'])} UTC"))
    if order["retry_of"]:
        lines.append(("Retry of", order["retry_of"]))
    return facts([*lines, *rent_facts(timeline)])


def _attempts(timeline: Mapping[str, Any], explorer: str | None) -> str:
    order = timeline["order"]
    fills = {fill["signature"]: fill for fill in timeline["fills"]}
    rows = []
    for attempt in timeline["attempts"]:
        rows.append(_attempt(order, attempt, fills.get(attempt["signature"]), explorer))
        if failure := attempt["failure"]:
            said = f"{reason_text(failure['kind'])}: {failure['message']}"
            rows.append(f'<tr><td></td><td colspan="{len(_ATTEMPTS) - 1}" class="rc-bad rc-why">{esc(said)}</td></tr>')
    return table(_ATTEMPTS, rows, name="Attempts", nothing="No transaction was signed yet.")


def _attempt(
    order: Mapping[str, Any], attempt: Mapping[str, Any], fill: Mapping[str, Any] | None, explorer: str | None
) -> str:
    def out(amount: int) -> str:
        if order["kind"] == "entry":
            return figures.tokens(amount, order["decimals"])
        return f"{figures.sol(amount, places=6)} SOL"

    got = None if fill is None else abs(int(fill[_GOT[order["kind"]]]))
    quoted = int(attempt["quoted_out"])
    against = figures.NONE if got is None or not quoted else f"{(got - quoted) / quoted * 100:+.2f} %"
    status = str(attempt["status"])
    return row(
        [
            cell(attempt["number"]),
            cell(reason_text(status), status_tone(status)),
            f"<td>{signature(attempt['signature'], explorer, short=True)}</td>",
            cell(out(quoted)),
            cell(out(int(attempt["minimum_out"]))),
            cell(figures.NONE if got is None else out(got)),
            cell(against),
            cell(f"{attempt['slippage_bps']} bps"),
            cell(f"{figures.sol(attempt['priority_fee'], places=6)} SOL"),
            cell(figures.NONE if fill is None else f"{figures.sol(fill['fee'], places=6)} SOL"),
            cell(attempt["venue"], "rc-muted"),
        ]
    )


def signature(text: str, explorer: str | None, *, short: bool = False) -> str:
    """Return a signature, as a link where an *explorer* is known that is a web page."""
    shown = esc(figures.short(text) if short else text)
    if explorer is None or not explorer.startswith(("https://", "http://")):
        return f'<span class="rc-sign" title="{esc(text)}">{shown}</span>'
    url = explorer.replace("{signature}", quote(text, safe=""))
    return (
        f'<a class="rc-sign" title="{esc(text)}" href="{esc(url)}" target="_blank" rel="noopener noreferrer">'
        f"{shown}</a>"
    )


def _history(history: Sequence[Mapping[str, Any]], explorer: str | None) -> str:
    lines = []
    for event in history:
        status = str(event["status"])
        attempt = f" · attempt {esc(event['attempt'])}" if event["attempt"] else ""
        again = f" · next attempt at {esc(when(event['next_retry_at']))}" if event["next_retry_at"] else ""
        paid = f"{event['slippage_bps']} bps, priority fee {figures.sol(event['priority_fee'], places=6)} SOL"
        parts = [
            f'<div class="rc-muted">tolerance {esc(paid)}</div>',
            f"<div>{signature(event['signature'], explorer)}</div>" if event["signature"] else "",
            f"<div>{esc(event['error'])}</div>" if event["error"] else "",
        ]
        note = f" · {esc(event['note'])}" if event["note"] else ""
        tone, at = status_tone(status).replace("rc-", "rc-is-"), event["at"]
        lines.append(
            f'<li class="{tone}"><time datetime="{esc(at)}">{esc(when(at))}</time>'
            f"<b>{esc(reason_text(status))}</b>{attempt}{note}{again}{''.join(parts)}</li>"
        )
    return f'<ol class="rc-line">{"".join(lines)}</ol>'
