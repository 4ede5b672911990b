"""The table of positions: a page of them, each row a button, each sortable head a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.console import figures
from engine.console.markup import cell, esc, send, tone

PAGE = 50
"""Positions on one page."""
STALE_S = 3.0
"""Seconds after which a price is shown as old."""
_NEAR_PCT = 3.0
"""A stop that is nearer is marked."""


@dataclass(frozen=True, slots=True)
class View:
    """Which positions are asked for."""

    show: str = "Open"
    search: str = ""
    sort: str = "opened_at"
    descending: bool = True
    offset: int = 0

    def query(self) -> dict[str, Any]:
        """Return the parameters of `GET /positions`."""
        return {
            **SHOWN[self.show],
            "search": self.search.strip() or None,
            "sort": self.sort,
            "descending": str(self.descending).lower(),
            "limit": PAGE,
            "offset": self.offset,
        }


SHOWN: Mapping[str, Mapping[str, str]] = {
    "Open": {"open": "true"},
    "Needs action": {"needs_action": "true"},
    "Closed": {"open": "false"},
    "All": {},
}
"""What can be shown, and by which parameters."""
_COLUMNS: Sequence[tuple[str, str | None]] = (
    ("Token", "symbol"),
    ("Left", None),
    ("Entry", None),
    ("Price", None),
    ("Change", "change"),
    ("To stop", "stop_distance"),
    ("To target", None),
    ("Realized", "realized_pnl"),
    ("Unrealized", "unrealized_pnl"),
    ("Age", "age"),
    ("Status", "status"),
    ("Exit", None),
)
"""Heads, and what the API calls the order by each."""
_TEXTS = frozenset({"Token", "Status", "Exit"})
"""Columns that hold no figures."""


def position_table(found: Mapping[str, Any], view: View, picked: str | None, now: int) -> str:
    """Return a page of positions.

    Args:
        found: what `GET /positions` answered.
        view: how it was asked.
        picked: the id of the position that is selected.
        now: nanoseconds since the epoch.
    """
    rows = found["positions"]
    body = "".join(_row(row, picked, now) for row in rows)
    if not rows:
        body = f'<tr><td colspan="{len(_COLUMNS)}" class="rc-empty">{esc(_nothing(view))}</td></tr>'
    heads = "".join(_head(name, sort, view) for name, sort in _COLUMNS)
    return (
        '<div class="rc-scroll" tabindex="0" role="region" aria-label="Positions">'
        f'<table class="rc-table rc-positions"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{_pager(int(found['total']), len(rows), view)}"
    )


def _head(name: str, sort: str | None, view: View) -> str:
    style = "" if name in _TEXTS else "rc-num"
    if sort is None:
        return f'<th scope="col" class="{style}">{name}</th>'
    chosen = view.sort == sort
    order = ("descending" if view.descending else "ascending") if chosen else "none"
    mark = ("▾" if view.descending else "▴") if chosen else ""
    return (
        f'<th scope="col" class="{style}" aria-sort="{order}">'
        f'<button type="button" class="rc-sort" {send({"sort": sort})}>{name}<span>{mark}</span></button></th>'
    )


def _row(row: Mapping[str, Any], picked: str | None, now: int) -> str:
    chosen, pick = row["id"] == picked, send({"pick": row["id"]})
    pressed = str(chosen).lower()
    cells = [
        f'<td><button type="button" class="rc-pick" {pick} aria-pressed="{pressed}">{esc(row["symbol"])}</button></td>',
        cell(figures.share_left(row), title=figures.left(row), label="Left"),
        cell(figures.price(row["entry_price"]), label="Entry"),
        *_live(row),
        cell(figures.sol(row["realized_pnl"], signed=True), f"rc-num {tone(row['realized_pnl'])}", label="Realized"),
        _unrealized(row),
        cell(figures.age(row["opened_at"], now, until=row["closed_at"]), label="Age"),
        f'<td data-label="Status">{status_badge(row)}</td>',
        _exit(row, now),
    ]
    return f'<tr {pick} class="{"rc-chosen" if chosen else ""}">{"".join(cells)}</tr>'


def _live(row: Mapping[str, Any]) -> list[str]:
    """Return the cells that follow the price."""
    style = f"rc-num rc-live{_old(row)}"
    return [
        cell(figures.price(row["price"]), style, label="Price"),
        cell(figures.percent(row["change_pct"]), f"{style} {tone(row['change_pct'])}", label="Change"),
        _stop(row, style),
        cell(figures.percent(row["next_target_distance_pct"]), style, label="To target"),
    ]


def _old(row: Mapping[str, Any]) -> str:
    age_s = row["price_age_s"]
    return " rc-old" if age_s is not None and age_s > STALE_S else ""


def _unrealized(row: Mapping[str, Any]) -> str:
    value = row["unrealized_pnl"] if row["closed_at"] is None else None
    return cell(figures.sol(value, signed=True), f"rc-num rc-live {tone(value)}{_old(row)}", label="Unrealized")


def _stop(row: Mapping[str, Any], style: str) -> str:
    distance = row["stop_distance_pct"]
    near = " rc-warn" if distance is not None and distance < _NEAR_PCT else ""
    title = f"{figures.words(row['stop_kind'])} at {figures.price(row['stop_price'])} SOL" if row["stop_kind"] else ""
    return cell(figures.percent(distance, signed=False), style + near, title=title, label="To stop")


def status_badge(row: Mapping[str, Any]) -> str:
    """Return the status of a position, marked where a person is needed."""
    if row["needs_action"]:
        return '<span class="rc-badge rc-bad">needs action</span>'
    return f'<span class="rc-status rc-status-{esc(row["status"])}">{esc(figures.words(row["status"]))}</span>'


def _exit(row: Mapping[str, Any], now: int) -> str:
    active = row["active_exit"]
    if active is None:
        last = figures.words(row["exit_reason"]) if row["exit_reason"] else ""
        return cell(last, "rc-muted", label="Exit")
    said = f"{figures.words(active['reason'])} · {figures.words(active['status'])}"
    if active["attempt"]:
        said += f" · attempt {active['attempt']} of {active['max_attempts']}"
    if wait := figures.until(active["next_retry_at"], now):
        said += f" · next in {wait}"
    style = "rc-bad" if row["needs_action"] else "rc-accent"
    return cell(said, style, title=active["last_error"] or "", label="Exit")


def _nothing(view: View) -> str:
    if view.search.strip():
        return f"No position of these matches {view.search.strip()!r}."
    return {
        "Open": "No position is open.",
        "Needs action": "No position needs a person.",
        "Closed": "No position is closed yet.",
    }.get(view.show, "There is no position yet.")


def _pager(total: int, shown: int, view: View) -> str:
    if total <= PAGE and view.offset == 0:
        said = "1 position" if total == 1 else f"{total:,} positions"
        return f'<div class="rc-pager"><span>{said}</span></div>'
    first = view.offset + 1 if shown else 0
    back, on = max(0, view.offset - PAGE), view.offset + PAGE
    return (
        f'<div class="rc-pager"><span>{first:,} to {view.offset + shown:,} of {total:,}</span>'
        f'<button type="button" {send({"offset": back})} {"disabled" if view.offset == 0 else ""}>Previous</button>'
        f'<button type="button" {send({"offset": on})} {"disabled" if on >= total else ""}>Next</button></div>'
    )
