"""Components as this page has them: HTML that the server writes anew, and buttons that come and go."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.console.markup import SENDS


def fragment(value: str | None = None, *, sends: bool = False, **options: Any) -> gr.HTML:
    """Return an HTML component without Gradio's own box and typography.

    Args:
        value: what it begins with.
        sends: whether its elements with `data-send` send an event `send`; see `engine.console.markup.SENDS`.
        options: of `gr.HTML`.
    """
    return gr.HTML(
        value,
        js_on_load=SENDS if sends else None,
        apply_default_css=False,
        elem_classes="rc-plain",
        **options,
    )


def action(label: str, elem_id: str, *, command: bool = True) -> gr.Button:
    """Return a small button that is hidden until there is something for it to do.

    Args:
        label: what is on it.
        elem_id: its id on the page.
        command: whether it is off while the page is not up to date, as what commands the engine is.
    """
    return gr.Button(
        label,
        size="sm",
        scale=0,
        min_width=170,
        elem_classes="command urgent" if command else None,
        visible=False,
        elem_id=elem_id,
    )
