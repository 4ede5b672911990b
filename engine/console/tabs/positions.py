"""Positions, and what is done with the one that is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from engine.console.charts import price_chart
from engine.console.fragment import fragment
from engine.console.order_status import order_status
from engine.console.page import Call, Live
from engine.console.position_card import headline, orders_box, plan_box
from engine.console.position_table import SHOWN, View, position_table
from engine.console.tabs import exits, plan_form

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "Positions"
_VIEW, _CHART_POINTS = "positions.view", 300


def build(frame: Frame) -> Live:
    """Make the tab; see `engine.console`."""
    with gr.Row(elem_classes="rc-bar"):
        show = gr.Radio(list(SHOWN), value="Open", label="Show", show_label=False, container=False)
        search = gr.Textbox(
            "", label="Search", show_label=False, placeholder="Search token, mint or id", container=False, max_lines=1
        )
    table = fragment(sends=True)
    head = fragment()
    with gr.Row(elem_classes="rc-desk"):
        with gr.Column(scale=3, min_width=320):
            chart = fragment()
            orders = fragment()
        with gr.Column(scale=2, min_width=320):
            buttons = exits.buttons()
            status = fragment()
            plan = fragment()
            form = plan_form.form()

    async def refresh(call: Call, shown: str, words: str) -> Sequence[Any]:
        view = _view(call, shown, words)
        found = await call.api.get("/positions", **view.query())
        picked = exits.picked(call.page) or (found["positions"][0]["id"] if found["positions"] else None)
        exits.pick(call.page, picked)
        detail, drawn, timeline = await _of(call, picked)
        return [
            position_table(found, view, picked, call.now),
            headline(detail, call.now),
            drawn,
            orders_box(detail["orders"]) if detail else "",
            order_status(timeline, exits.said(call.page, picked), call.now),
            plan_box(detail),
            *exits.shown(detail),
            *plan_form.shown(detail),
        ]

    outputs = [table, head, chart, orders, status, plan, *buttons.changing, *form.fields]
    live = Live(inputs=[show, search], outputs=outputs, refresh=refresh)
    frame.on(table.send, _turn, outputs=[buttons.percent], then=live)
    frame.on(show.change, None, then=live)
    frame.on(search.change, None, then=live)
    exits.wire(frame, buttons, live)
    plan_form.wire(frame, form, live)
    return live


def _view(call: Call, shown: str, words: str) -> View:
    """Return what the person looks at: another filter begins on its first page."""
    before: View = call.page.kept.get(_VIEW, View())
    view = before
    if (shown, words) != (before.show, before.search):
        view = replace(before, show=shown, search=words, offset=0)
    call.page.kept[_VIEW] = view
    return view


async def _turn(call: Call) -> list[Any]:
    """Select a position, order the table, or turn its page."""
    view: View = call.page.kept.get(_VIEW, View())
    percent = gr.skip()
    match call.detail:
        case {"pick": str(position_id)} if position_id != exits.picked(call.page):
            exits.pick(call.page, position_id)
            call.page.sent.clear()  # what was typed for the one before is not meant for this one
            percent = 100
        case {"sort": str(sort)}:
            down = not view.descending if view.sort == sort else sort != "symbol"
            view = replace(view, sort=sort, descending=down, offset=0)
        case {"offset": int(offset)}:
            view = replace(view, offset=max(0, offset))
    call.page.kept[_VIEW] = view
    return [percent]


async def _of(call: Call, picked: str | None) -> tuple[Any, str, Any]:
    """Return the position *picked*, its chart, and the order that its exit is, or was."""
    if picked is None:
        return None, "", None
    detail = await call.api.get(f"/positions/{quote(picked, safe='')}")
    drawn = await call.api.get(f"/positions/{quote(picked, safe='')}/chart", points=_CHART_POINTS)
    order = _exit_of(detail)
    timeline = await call.api.get(f"/orders/{quote(order, safe='')}") if order is not None else None
    position = detail["position"]
    svg = price_chart(drawn, symbol=position["symbol"], decimals=position["decimals"], height=300)
    return detail, f'<section class="rc-box rc-live" aria-label="Chart">{svg}</section>', timeline


def _exit_of(detail: Mapping[str, Any]) -> str | None:
    active = detail["position"]["active_exit"]
    if active is not None:
        return str(active["order_id"])
    made = [order for order in detail["orders"] if order["kind"] == "exit"]
    return max(made, key=lambda order: str(order["created_at"]))["id"] if made else None
