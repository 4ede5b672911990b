"""HTML, with every text from outside escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

SENDS = """
const send = (event) => {
  const place = event.target.closest("[data-send]");
  if (!place || !element.contains(place) || place.closest("[aria-disabled=true]")) return;
  if (place.tagName === "SELECT" || place.tagName === "INPUT") {
    if (event.type !== "change") return;
    trigger("send", {...JSON.parse(place.dataset.send), value: place.value});
  } else if (event.type === "click") {
    trigger("send", JSON.parse(place.dataset.send));
  }
};
element.addEventListener("click", send);
element.addEventListener("change", send);
"""
"""`js_on_load` of an HTML component whose elements with `data-send` send what stands there, as the event `send`."""


def esc(value: object) -> str:
    """Return *value* as text that means nothing in HTML."""
    return escape(str(value), quote=True)


def send(message: Mapping[str, Any]) -> str:
    """Return the attribute by which an element sends *message*; see `SENDS`."""
    return f'data-send="{esc(json.dumps(dict(message)))}"'


def cell(text: object, style: str = "rc-num", *, title: str = "", label: str = "") -> str:
    """Return a cell of a table: *text* is escaped; *label* names its column where the table is narrow."""
    titled = f' title="{esc(title)}"' if title else ""
    labelled = f' data-label="{esc(label)}"' if label else ""
    return f'<td class="{style}"{titled}{labelled}>{esc(text)}</td>'


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Return names and values as a list of terms."""
    return f'<dl class="rc-facts">{"".join(f"<dt>{esc(n)}</dt><dd>{esc(v)}</dd>" for n, v in pairs)}</dl>'


def tone(figure: float | str | None) -> str:
    """Return the class of a gain or a loss; none at all for nothing."""
    value = float(figure or 0)
    return "rc-good" if value > 0 else "rc-bad" if value < 0 else ""
