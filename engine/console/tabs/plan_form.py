"""The form that changes the stop and the targets of an open position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from engine.console.confirm import SHOWN
from engine.console.fragment import fragment
from engine.console.page import Call, Live
from engine.domain.plan import MAX_LEVELS

if TYPE_CHECKING:
    from engine.console.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The components."""

    fields: Sequence[gr.Number]
    """Stop, activation and trail of the trailing stop, then gain and share of each target. Percent points."""
    change: gr.Button
    position: gr.Textbox
    """Never seen: see `engine.console.tabs.exits.Buttons`."""


def form() -> Form:
    """Make the components."""
    with gr.Accordion("Change stop and targets", open=False, elem_classes="rc-form"):
        with gr.Row():
            fields = [_field("Stop loss %"), _field("Trail from +%"), _field("Trail %")]
        for number in range(1, MAX_LEVELS + 1):
            with gr.Row():
                fields += [_field(f"Target {number} +%"), _field(f"Target {number} sells %")]
        fragment('<p class="rc-muted">An empty target or trailing stop is none. The new plan may fire at once.</p>')
        change = gr.Button("Change Plan", elem_classes="command", size="sm")
    return Form(fields=fields, change=change, position=gr.Textbox(visible=False))


def shown(detail: Mapping[str, Any] | None) -> list[Any]:
    """Return what the fields begin with: the plan of *detail*, as `GET /positions/{id}` has it."""
    plan = detail["position"]["plan"] if detail is not None else {}
    trailing = plan.get("trailing") or {}
    values = [plan.get("stop_loss_pct"), trailing.get("activation_pct"), trailing.get("trail_pct")]
    targets = list(plan.get("take_profits", ()))
    for level in range(MAX_LEVELS):
        target = targets[level] if level < len(targets) else {}
        values += [target.get("gain_pct"), target.get("sell_pct")]
    return [None if value is None else float(value) for value in values]


def plan_of(before: Mapping[str, Any], values: Sequence[float | None]) -> dict[str, Any]:
    """Return the plan *before* with what the fields say in place of its stops and targets."""
    stop, activation, trail, *levels = [None if value is None else f"{value:.10g}" for value in values]
    plan = {name: value for name, value in before.items() if name in ("max_hold", "stagnation") and value is not None}
    plan["stop_loss_pct"] = stop
    if trail is not None:
        plan["trailing"] = {"activation_pct": activation if activation is not None else "0", "trail_pct": trail}
    pairs = list(pairwise(levels))[::2]
    plan["take_profits"] = [{"gain_pct": gain, "sell_pct": share} for gain, share in pairs if gain is not None]
    return plan


def wire(frame: Frame, made: Form, live: Live) -> None:
    """Have the button do what it says."""

    async def change(call: Call, *given: Any) -> None:
        *values, position_id = given
        if not position_id:
            return
        path = f"/positions/{quote(position_id, safe='')}"
        before = (await call.api.get(path))["position"]["plan"]
        plan = plan_of(before, values)
        await call.api.post(f"{path}/plan", {"plan": plan}, key=call.key("plan", position_id, repr(plan)))
        gr.Info("The plan is changed.", title="Done")

    frame.on(made.change.click, change, inputs=[*made.fields, made.position], then=live, js=SHOWN)


def _field(label: str) -> gr.Number:
    return gr.Number(label=label, min_width=90, minimum=0)
