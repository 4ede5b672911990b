"""Events: the live tail of the bus, by a pattern. The browser listens by itself; see `assets/events.js`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import gradio as gr

from engine.console.markup import esc
from engine.console.page import Call, Live
from engine.console.tabs.style import CSS

if TYPE_CHECKING:
    from engine.console.frame import Frame

TITLE = "Events"
SUGGESTED = (">", "order.>", "position.>", "alert.>", "attempt.>", "engine.>", "price.*.tick", "order.*.filled")
SCRIPT = (files("engine.console") / "assets" / "events.js").read_text(encoding="utf-8")
_START = "order.>"
_STYLE = """
.rc-tail { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.rc-tail input { flex: 1 1 14em; min-width: 0; font: 13px ui-monospace, monospace; padding: 5px 9px; border-radius: 4px;
  border: 1px solid var(--rc-line); background: var(--rc-panel); color: var(--rc-text); }
.rc-tail input[aria-invalid=true] { border-color: var(--rc-bad); }
.rc-log { max-height: 65vh; min-height: 12em; }
.rc-log td:first-child, .rc-log th:first-child { width: 1%; }
.rc-log .rc-rest { width: 60%; }
"""


def events_page() -> str:
    """Return the tab before anything was heard."""
    choices = "".join(f'<option value="{esc(pattern)}"></option>' for pattern in SUGGESTED)
    heads = (("Time, UTC", ""), ("No.", "rc-num rc-minor"), ("Subject", ""), ("What", ""))
    head = "".join(f'<th scope="col" class="{style}">{name}</th>' for name, style in heads)
    return (
        '<section class="rc-box" aria-label="Events"><h3>Events</h3><form class="rc-tail">'
        f'<input type="text" value="{esc(_START)}" list="rc-patterns" aria-label="Pattern of subjects" maxlength="200" '
        'autocomplete="off" spellcheck="false" autocapitalize="off">'
        f'<datalist id="rc-patterns">{choices}</datalist>'
        '<button type="submit" class="rc-chip">Listen</button>'
        '<button type="button" class="rc-chip rc-pause" aria-pressed="false">Pause</button>'
        '<button type="button" class="rc-chip rc-clear">Clear</button></form>'
        '<p class="rc-said rc-muted" role="status"></p>'
        '<div class="rc-scroll rc-log" tabindex="0" role="region" aria-label="Newest events, the newest first">'
        f'<table class="rc-table"><thead><tr>{head}</tr></thead><tbody></tbody></table></div></section>'
    )


def build(frame: Frame) -> Live:  # noqa: ARG001 - every tab is given the frame
    """Make the tab; see `engine.console`."""
    gr.HTML(
        events_page(),
        js_on_load=SCRIPT,
        css_template=CSS + _STYLE,
        apply_default_css=False,
        elem_classes="rc-plain",
        elem_id="rc-events",
    )

    async def refresh(call: Call) -> Sequence[Any]:  # noqa: ARG001 - the browser keeps it up to date
        return []

    return Live(outputs=[], refresh=refresh)
