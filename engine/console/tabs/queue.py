"""The queue: what waits by urgency and type, what is in flight, and how fast it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.console import figures
from engine.console.fragment import fragment
from engine.console.markup import cell, esc
from engine.console.page import Call, Live
from engine.console.tabs.order_detail import status_tone, what_text
from engine.console.tabs.style import CSS, box, row, table, tiles
from engine.domain.units import seconds
from engine.domain.urgency import Urgency
from engine.wording import count_text, reason_text, span_text

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "Queue"
MOST = 100
"""Rows of each list."""
_RANKS = (("Urgency", ""), ("Rank", "rc-num"), ("Queued", "rc-num"), ("Waiting", "rc-num"), ("In flight", "rc-num"))
_TYPES = (("Type", ""), ("Queued", "rc-num"), ("Waiting", "rc-num"), ("In flight", "rc-num"))
_PARTS = ("queued", "waiting", "in_flight")
_ORDERS = (
    *(("Token", ""), ("What", ""), ("Age", "rc-num"), ("Attempt", "rc-num")),
    *(("Next attempt", "rc-num"), ("Status", "")),
)


def queue_figures(queue: Mapping[str, Any]) -> str:
    """Return the figures of the queue, as `GET /queue` has it."""
    flying, slots = len(queue["in_flight"]), int(queue["slots"])
    wait = queue.get("estimated_wait_s")
    notes = [
        text
        for name, text in (
            ("draining", "The engine drains: nothing new is begun."),
            ("holding", "Waits for what the chain knows of the attempts before the start."),
        )
        if queue[name]
    ]
    return tiles(
        [
            ("In flight", f"{flying} of {slots}", "rc-warn" if flying >= slots else ""),
            ("Queued", len(queue["queued"]), ""),
            ("Waiting for a retry", len(queue["waiting"]), ""),
            ("Estimated wait", figures.NONE if wait is None else span_text(seconds(wait)), ""),
            ("Orders a minute", queue["orders_per_minute"], ""),
        ]
    ) + "".join(f'<p class="rc-warn">{esc(note)}</p>' for note in notes)


def by_rank(queue: Mapping[str, Any]) -> str:
    """Return how many orders there are of each urgency, in the order in which they are served."""
    counted = {part: Counter(int(each["order"]["urgency"]) for each in queue[part]) for part in _PARTS}
    ranks = sorted(set().union(*counted.values()))
    rows = [row([cell(_rank(rank), ""), cell(rank), *(cell(counted[part][rank]) for part in _PARTS)]) for rank in ranks]
    return table(_RANKS, rows, name="By urgency", nothing="Nothing is queued or in flight.")


def by_type(queue: Mapping[str, Any]) -> str:
    """Return how many orders there are of each type: entries, and exits by their reason."""
    counted = {part: Counter(_type(each["order"]) for each in queue[part]) for part in _PARTS}
    kinds = sorted(set().union(*counted.values()))
    rows = [row([cell(kind, ""), *(cell(counted[part][kind]) for part in _PARTS)]) for kind in kinds]
    return table(_TYPES, rows, name="By type", nothing="Nothing is queued or in flight.")


def _rank(rank: int) -> str:
    return reason_text(Urgency(rank).name.lower()) if rank in list(Urgency) else str(rank)


def _type(order: Mapping[str, Any]) -> str:
    return reason_text(order["exit_reason"] or order["kind"])


def queued_orders(orders: Sequence[Mapping[str, Any]], now: int, *, name: str, nothing: str) -> str:
    """Return a list of orders with their age, at most `MOST`, in the order in which they are served."""
    left_out = len(orders) - MOST
    more = f'<p class="rc-muted">{count_text(left_out, "more", "more")}</p>' if left_out > 0 else ""
    return table(_ORDERS, _rows(orders[:MOST], now), name=name, nothing=nothing) + more


def _rows(orders: Iterable[Mapping[str, Any]], now: int) -> Iterable[str]:
    for each in orders:
        order = each["order"]
        status = str(order["status"])
        wait = figures.until(order["next_retry_at"], now)
        yield row(
            [
                cell(order["symbol"], "", title=order["id"]),
                cell(what_text(order), ""),
                cell(span_text(seconds(each["age_s"]))),
                cell(f"{order['attempt_count']}/{order['max_attempts']}"),
                cell(f"in {wait}" if wait else figures.NONE, title=order["last_error"]),
                f'<td><span class="rc-badge {status_tone(status)}">{esc(reason_text(status))}</span></td>',
            ]
        )


def queue_page(queue: Mapping[str, Any], now: int) -> str:
    """Return the whole tab.

    Args:
        queue: what `GET /queue` answered.
        now: nanoseconds since the epoch.
    """
    parts = (
        ("In flight", "in_flight", "Nothing is in flight."),
        ("Queued", "queued", "Nothing is queued."),
        ("Waiting for a retry", "waiting", "Nothing waits for a retry."),
    )
    return (
        box("Queue", queue_figures(queue))
        + f'<div class="rc-pair">{box("By urgency", by_rank(queue))}{box("By type", by_type(queue))}</div>'
        + "".join(box(name, queued_orders(queue[part], now, name=name, nothing=said)) for name, part, said in parts)
    )


def build(frame: Frame) -> Live:  # noqa: ARG001 - every tab is given the frame
    """Make the tab; see `engine.console`."""
    page = fragment(css_template=CSS)

    async def refresh(call: Call) -> Sequence[Any]:
        return [queue_page(await call.api.get("/queue"), call.now)]

    return Live(outputs=[page], refresh=refresh)
