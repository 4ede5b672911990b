"""Orders: those of the last day unless asked otherwise, by status, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from engine.console import figures
from engine.console.client import ApiError
from engine.console.confirm import confirming
from engine.console.fragment import action, fragment
from engine.console.markup import cell, esc, send
from engine.console.page import Call, Live
from engine.console.tabs.order_detail import (
    amount_text,
    bps,
    may_cancel,
    may_retry,
    order_detail,
    status_tone,
    what_text,
    when,
)
from engine.console.tabs.style import CSS, chips, picking, row, table
from engine.domain.order import OrderStatus
from engine.domain.units import Nanos, seconds
from engine.events.fields import rfc3339
from engine.wording import reason_text

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "Orders"
PAGE = 50
"""Orders on one page."""
PERIODS: Mapping[str, Nanos | None] = {
    "Last hour": seconds(3_600),
    "24 hours": seconds(86_400),
    "7 days": seconds(7 * 86_400),
    "All": None,
}
_NOT_FOUND = 404
_COLUMNS = (
    *(("Time", "rc-minor"), ("Token", ""), ("Status", ""), ("What", ""), ("Attempts", "rc-num"), ("Amount", "rc-num")),
    *(("Expected", "rc-num rc-minor"), ("Fill", "rc-num"), ("Slippage", "rc-num"), ("Fees", "rc-num rc-minor")),
    ("Error", "rc-minor"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which orders are asked for."""

    period: str = "24 hours"
    status: str | None = None
    offset: int = 0

    def changed(self, message: Mapping[str, Any]) -> Asked:
        """Return it after a press that sent *message*; one that makes no sense changes nothing."""
        if message.get("period") in PERIODS:
            return replace(self, period=str(message["period"]), offset=0)
        if "status" in message and message["status"] in (None, *OrderStatus):
            return replace(self, status=message["status"], offset=0)
        offset = message.get("offset")
        return replace(self, offset=offset) if isinstance(offset, int) and offset >= 0 else self

    def query(self, search: str, now: int) -> dict[str, Any]:
        """Return the parameters of `GET /orders`."""
        span = PERIODS[self.period]
        return {
            "created_after": None if span is None else rfc3339(now - span),
            "status": self.status,
            "search": search.strip() or None,
            "limit": PAGE,
            "offset": self.offset,
        }


def order_filters(found: Mapping[str, Any], asked: Asked) -> str:
    """Return what can be chosen, with how many orders there are of each status."""
    counts: Mapping[str, int] = found["counts"]
    statuses = [
        ("All", None, sum(counts.values())),
        *((reason_text(name), name, count) for name, count in counts.items()),
    ]
    return chips("Period", [(name, name, None) for name in PERIODS], asked.period, key="period") + chips(
        "Status", statuses, asked.status, key="status"
    )


def order_table(found: Mapping[str, Any], asked: Asked, picked: str | None) -> str:
    """Return a page of orders, as `GET /orders` has *found* them."""
    nothing = "No order of these." if asked.status else "No order was made in this time."
    rows = (_row(order, picked) for order in found["orders"])
    return table(_COLUMNS, rows, name="Orders", nothing=nothing) + _pager(int(found["total"]), asked)


def _row(order: Mapping[str, Any], picked: str | None) -> str:
    chosen = order["id"] == picked
    pick = {"pick": order["id"]}
    status = str(order["status"])
    error = order["last_error"] if status != "filled" else ""
    return row(
        [
            cell(figures.clock(order["created_at"]), "rc-muted rc-minor", title=f"{when(order['created_at'])} UTC"),
            picking(order["symbol"], pick, chosen=chosen),
            f'<td><span class="rc-badge {status_tone(status)}">{esc(reason_text(status))}</span></td>',
            cell(what_text(order), ""),
            cell(f"{order['attempt_count']}/{order['max_attempts']}"),
            cell(amount_text(order)),
            cell(figures.price(order["expected_price"]), "rc-num rc-minor"),
            cell(figures.price(order["actual_price"])),
            cell(bps(order["slippage_bps"])),
            cell(figures.sol(order["fees"], places=6), "rc-num rc-minor"),
            cell(error, "rc-bad rc-rest rc-minor", title=error),
        ],
        pick,
        chosen=chosen,
    )


def _pager(total: int, asked: Asked) -> str:
    if total <= PAGE and not asked.offset:
        return f'<div class="rc-pager"><span>{"1 order" if total == 1 else f"{total:,} orders"}</span></div>'
    last, on = min(total, asked.offset + PAGE), asked.offset + PAGE
    back = send({"offset": max(0, asked.offset - PAGE)})
    return (
        f'<div class="rc-pager"><span>{min(total, asked.offset + 1):,} to {last:,} of {total:,}</span>'
        f'<button type="button" {back} {"disabled" if not asked.offset else ""}>Newer</button>'
        f'<button type="button" {send({"offset": on})} {"disabled" if on >= total else ""}>Older</button></div>'
    )


async def timeline_of(call: Call, order_id: str | None) -> tuple[Any, Any]:
    """Return what `GET /orders/{id}` answers and, of an exit that was cancelled, its position; None for neither."""
    if order_id is None:
        return None, None
    try:
        timeline = await call.api.get(f"/orders/{quote(order_id, safe='')}")
        order = timeline["order"]
        if order["kind"] != "exit" or order["status"] != "cancelled":
            return timeline, None
        detail = await call.api.get(f"/positions/{quote(order['position_id'], safe='')}")
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return None, None
    return timeline, detail["position"]


def build(frame: Frame) -> Live:
    """Make the tab; see `engine.console`."""
    search = gr.Textbox(
        label="Search orders",
        show_label=False,
        placeholder="Search token, mint, order, position or signature",
        container=False,
        max_lines=1,
    )
    filters = fragment(sends=True, css_template=CSS)
    listed = fragment(sends=True, css_template=CSS)
    with gr.Row():
        retry = action("Retry now", "rc-order-retry")
        cancel = action("Cancel order", "rc-order-cancel")
    detail = fragment(css_template=CSS)
    # What the person sees when a button is pressed, whatever was selected since.
    shown = gr.Textbox(visible="hidden", label="Order shown", elem_id="rc-order-shown")

    async def refresh(call: Call, wanted: str) -> Sequence[Any]:
        asked, picked = call.page.kept.get("orders", Asked()), call.page.kept.get("order")
        found = await call.api.get("/orders", **asked.query(wanted, call.now))
        timeline, position = await timeline_of(call, picked)
        explorer = (await call.api.get("/engine")).get("explorer") if timeline else None
        order = timeline["order"] if timeline else None
        return [
            order_filters(found, asked),
            order_table(found, asked, picked),
            gr.update(visible=order is not None and may_retry(order, position)),
            gr.update(visible=order is not None and may_cancel(order)),
            order_detail(timeline, explorer, call.now),
            order["id"] if order else "",
        ]

    async def choose(call: Call) -> None:
        kept = call.page.kept
        if isinstance(call.detail.get("pick"), str):
            kept["order"] = call.detail["pick"]
        else:
            kept["orders"] = kept.get("orders", Asked()).changed(call.detail)

    async def search_again(call: Call) -> None:
        call.page.kept["orders"] = replace(call.page.kept.get("orders", Asked()), offset=0)

    async def retry_now(call: Call, order_id: str) -> None:
        again = await call.api.post(f"/orders/{quote(order_id, safe='')}/retry", {}, key=call.key("retry", order_id))
        call.page.kept["order"] = again["id"]

    async def take_back(call: Call, order_id: str) -> None:
        await call.api.post(f"/orders/{quote(order_id, safe='')}/cancel", key=call.key("cancel", order_id))

    live = Live(inputs=[search], outputs=[filters, listed, retry, cancel, detail, shown], refresh=refresh)
    for sending in (filters, listed):
        frame.on(sending.send, choose, then=live)
    frame.on(search.change, search_again, then=live)
    ask = "Try this exit once more, now? It sells with the wider tolerance of a manual retry."
    frame.on(retry.click, retry_now, inputs=[shown], then=live, js=confirming(ask, action="Retry now"))
    ask = "Cancel this order? Its position is guarded on, and nothing is sold by this order."
    frame.on(cancel.click, take_back, inputs=[shown], then=live, js=confirming(ask, action="Cancel order"))
    return live
