"""The buttons that sell a position, and those that take it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from engine.console import figures
from engine.console.client import ApiError
from engine.console.confirm import SHOWN, confirming
from engine.console.page import Call, Live, Page

if TYPE_CHECKING:
    from engine.console.frame import Frame

_PICKED, _SAID = "exits.picked", "exits.said"
_EMERGENCY = confirming(
    "Sell everything that remains of {position} now, before anything else?", action="Sell everything", shown=True
)
_CANCEL = confirming("Take the queued exit of {position} back?", action="Cancel the exit", shown=True)
_RELEASE = confirming(
    "Give up the failed exit of {position}? It is guarded again, and keeps its tokens.", action="Release", shown=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buttons:
    """The components."""

    percent: gr.Slider
    manual: gr.Button
    emergency: gr.Button
    retry: gr.Button
    cancel: gr.Button
    release: gr.Button
    position: gr.Textbox
    """Never seen: a script puts the id of the position that is shown here, so that what is sold is what was seen."""

    @property
    def changing(self) -> Sequence[gr.Button]:
        """Those that come and go; `shown` returns their values."""
        return [self.manual, self.emergency, self.retry, self.cancel, self.release]


def buttons() -> Buttons:
    """Make the components."""
    with gr.Column(elem_classes="rc-box rc-exit"):
        percent = gr.Slider(10, 100, value=100, step=10, label="Exit Percentage", buttons=[])
        with gr.Row():
            manual = gr.Button("Manual Exit", variant="primary", elem_classes="command")
            emergency = gr.Button("Emergency Exit", variant="stop", elem_classes="command urgent")
        with gr.Row():
            retry = gr.Button("Retry Exit", variant="primary", elem_classes="command urgent", visible=False)
            release = gr.Button("Release", elem_classes="command urgent", visible=False)
            cancel = gr.Button("Cancel Queued Exit", elem_classes="command urgent", visible=False)
    return Buttons(
        percent=percent,
        manual=manual,
        emergency=emergency,
        retry=retry,
        cancel=cancel,
        release=release,
        position=gr.Textbox(visible=False),
    )


def shown(detail: Mapping[str, Any] | None) -> list[Any]:
    """Return what of the buttons fits the position *detail*, as `GET /positions/{id}` has it."""
    row: Mapping[str, Any] = detail["position"] if detail is not None else {}
    sellable, active = bool(row) and row["closed_at"] is None, row.get("active_exit")
    failed = bool(active and row["needs_action"])
    queued = bool(active and active["status"] == "pending")
    return [
        gr.update(interactive=sellable),
        gr.update(interactive=sellable),
        gr.update(visible=failed),
        gr.update(visible=queued),
        gr.update(visible=failed),
    ]


def picked(page: Page) -> str | None:
    """Return the id of the position that is selected."""
    return page.kept.get(_PICKED)


def pick(page: Page, position_id: str | None) -> None:
    """Select a position."""
    page.kept[_PICKED] = position_id


def said(page: Page, position_id: str | None) -> Mapping[str, str] | None:
    """Return what came of the last press for a position."""
    answers: Mapping[str, Mapping[str, str]] = page.kept.get(_SAID, {})
    return answers.get(position_id or "")


def wire(frame: Frame, made: Buttons, live: Live) -> None:
    """Have the buttons do what they say."""
    frame.on(
        made.manual.click,
        manual_exit,
        inputs=[made.percent, made.position],
        outputs=[made.percent],
        then=live,
        js=SHOWN,
    )
    for button, handler, js in (
        (made.emergency, emergency_exit, _EMERGENCY),
        (made.retry, retry_exit, SHOWN),
        (made.cancel, cancel_exit, _CANCEL),
        (made.release, release, _RELEASE),
    ):
        frame.on(button.click, handler, inputs=[made.position], then=live, js=js)


async def manual_exit(call: Call, percent: float, position_id: str) -> list[Any]:
    """Sell *percent* of what remains."""

    async def act() -> str:
        key = call.key("exit", position_id, f"{percent:g}")
        return _ordered(await call.api.post(f"{_position(position_id)}/exit", {"percent": f"{percent:g}"}, key=key))

    await _say(call, position_id, act)
    return [gr.skip()]


async def emergency_exit(call: Call, position_id: str) -> None:
    """Sell everything that remains before anything else."""

    async def act() -> str:
        key = call.key("emergency", position_id)
        return _ordered(await call.api.post(f"{_position(position_id)}/emergency", key=key))

    await _say(call, position_id, act)


async def retry_exit(call: Call, position_id: str) -> None:
    """Try the exit that failed for good once more."""

    async def act() -> str:
        order_id = await _active(call, position_id)
        order = await call.api.post(f"/orders/{quote(order_id, safe='')}/retry", key=call.key("retry", order_id))
        return f"Tried again as order {order['id']}."

    await _say(call, position_id, act)


async def cancel_exit(call: Call, position_id: str) -> None:
    """Take the queued exit back."""

    async def act() -> str:
        order_id = await _active(call, position_id)
        await call.api.post(f"/orders/{quote(order_id, safe='')}/cancel", key=call.key("cancel", order_id))
        return "The exit was taken back."

    await _say(call, position_id, act)


async def release(call: Call, position_id: str) -> None:
    """Give up the exit that failed for good, and guard on."""

    async def act() -> str:
        await call.api.post(f"{_position(position_id)}/release", key=call.key("release", position_id))
        return "Released: the position is guarded again."

    await _say(call, position_id, act)


async def _say(call: Call, position_id: str, act: Callable[[], Awaitable[str]]) -> None:
    """Keep what *act* answers, or why the API refused it, for the status box of the position."""
    if not position_id:
        return
    try:
        answer = {"tone": "muted", "text": await act()}
    except ApiError as error:
        answer = {"tone": "bad", "text": f"Not done: {error}"}
    call.page.kept.setdefault(_SAID, {})[position_id] = answer


async def _active(call: Call, position_id: str) -> str:
    detail = await call.api.get(_position(position_id))
    active = detail["position"]["active_exit"]
    if active is None:
        raise ApiError(409, "the position has no exit any more")
    return str(active["order_id"])


def _ordered(answer: Mapping[str, Any]) -> str:
    order = answer["order"]
    if order is None:
        return f"Ordered: it follows order {answer['waits_for']}, which is in flight."
    amount = figures.tokens(order["amount_tokens"], order["decimals"])
    return f"Ordered: {figures.words(order['exit_reason'])} exit of {amount} {order['symbol']}."


def _position(position_id: str) -> str:
    return f"/positions/{quote(position_id, safe='')}"
