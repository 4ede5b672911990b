"""What the tabs share in looks beyond the page's style sheet: chips, figures in a row, the timeline of an order.

Given as `css_template`, which Gradio scopes to the component.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.console.markup import esc, send

CSS = """
.rc-chips { display: flex; flex-wrap: wrap; gap: 4px; align-items: center;
  margin: 0 0 8px; }
.rc-chips + .rc-chips { margin-top: -2px; }
.rc-chip { border: 1px solid var(--rc-line); background: none; color: var(--rc-muted); border-radius: 4px;
  margin: 0; padding: 3px 9px; font: inherit; cursor: pointer; font-variant-numeric: tabular-nums; }
.rc-chip:hover { color: var(--rc-text); }
.rc-chip:focus-visible, .rc-pick:focus-visible { outline: 2px solid var(--rc-accent); outline-offset: 1px; }
.rc-chip[aria-pressed=true] { background: var(--rc-sunken); color: var(--rc-text); border-color: var(--rc-accent); }
.rc-chip b { font-weight: 600; margin-left: 4px; }
.rc-tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr));
  gap: 10px 16px; }
.rc-tile i { display: block; font-style: normal; color: var(--rc-muted); font-size: 12px; }
.rc-tile b { font-weight: 600; font-size: 16px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rc-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
  gap: 10px; margin: 10px 0; }
.rc-pair .rc-box + .rc-box { margin-top: 0; }
.rc-sign { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.rc-why { white-space: normal; overflow-wrap: anywhere; min-width: 14em; }
.rc-cut { max-width: 20em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rc-rest { width: 22%; min-width: 8em; max-width: 1px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rc-line { list-style: none; margin: 0; padding: 0; }
.rc-line li { position: relative; padding: 0 0 10px 18px; border-left: 1px solid var(--rc-line); margin-left: 5px; }
.rc-line li:last-child { border-color: transparent; padding-bottom: 0; }
.rc-line li::before { content: ""; position: absolute; left: -5px; top: 5px; width: 9px; height: 9px;
  border-radius: 50%; background: var(--rc-muted); }
.rc-line li.rc-is-good::before { background: var(--rc-good); }
.rc-line li.rc-is-bad::before { background: var(--rc-bad); }
.rc-line li.rc-is-warn::before { background: var(--rc-warn); }
.rc-line li, .rc-line li * { color: var(--rc-text); overflow-wrap: anywhere; }
.rc-line .rc-muted, .rc-line .rc-muted * { color: var(--rc-muted); }
.rc-line time { font-variant-numeric: tabular-nums; margin-right: 8px; color: var(--rc-muted); }
.rc-line div { margin: 2px 0 0; }
.rc-table, .rc-table thead, .rc-table tbody, .rc-table tr { border: 0; margin: 0; }
.rc-box > p { margin: 0 0 8px; }
.rc-scroll { background: var(--rc-panel); border: 1px solid var(--rc-line); border-radius: 6px; }
.rc-box .rc-scroll { border: 0; border-radius: 0; }
.rc-table .rc-pick { max-width: min(30em, 50vw); }
.rc-table tbody tr:has(.rc-pick) { cursor: pointer; }
.rc-table tr.rc-chosen { background: color-mix(in srgb, var(--rc-accent) 13%, transparent); }
.rc-table tr.rc-chosen > :first-child { box-shadow: inset 3px 0 var(--rc-accent); }
.rc-box + .rc-box { margin-top: 10px; }
tr.rc-critical > :first-child { box-shadow: inset 3px 0 var(--rc-bad); }
@media (max-width: 640px) { .rc-minor { display: none; } .rc-cut { max-width: 11em; } }
"""


def chips(name: str, choices: Iterable[tuple[str, Any, int | None]], chosen: object, *, key: str) -> str:
    """Return buttons of which one is pressed.

    Args:
        name: what they choose, for who listens.
        choices: of each what it says, what it sends under *key*, and how many there are of it, if that is known.
        chosen: what is chosen now.
        key: under which it is sent.
    """
    buttons = "".join(
        f'<button type="button" class="rc-chip" aria-pressed="{str(value == chosen).lower()}" {send({key: value})}>'
        f"{esc(text)}{'' if count is None else f'<b>{count:,}</b>'}</button>"
        for text, value, count in choices
    )
    return f'<div class="rc-chips" role="group" aria-label="{esc(name)}">{buttons}</div>'


def tiles(figures: Iterable[tuple[str, object, str]]) -> str:
    """Return figures in a row: of each its name, what it says, and the class of its tone."""
    shown = "".join(
        f'<div class="rc-tile"><i>{esc(name)}</i><b class="{style}">{esc(text)}</b></div>'
        for name, text, style in figures
    )
    return f'<div class="rc-tiles">{shown}</div>'


def table(heads: Iterable[tuple[str, str]], rows: Iterable[str], *, name: str, nothing: str) -> str:
    """Return a table that scrolls within its place.

    Args:
        heads: of each column its name and its class.
        rows: each a `<tr>`.
        name: what it lists, for who listens.
        nothing: what is said where there is no row.
    """
    columns = list(heads)
    head = "".join(f'<th scope="col" class="{style}">{esc(text)}</th>' for text, style in columns)
    body = "".join(rows) or f'<tr><td colspan="{len(columns)}" class="rc-empty rc-muted">{esc(nothing)}</td></tr>'
    return (
        f'<div class="rc-scroll" tabindex="0" role="region" aria-label="{esc(name)}"><table class="rc-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def picking(text: object, message: Mapping[str, Any], *, chosen: bool) -> str:
    """Return the cell of a row by which it is selected."""
    return (
        f'<td><button type="button" class="rc-pick" {send(message)} aria-pressed="{str(chosen).lower()}">'
        f"{esc(text)}</button></td>"
    )


def row(
    cells: Iterable[str], message: Mapping[str, Any] | None = None, *, chosen: bool = False, style: str = ""
) -> str:
    """Return a row, which is selected where any of it is pressed."""
    classes = " ".join(each for each in ("rc-chosen" if chosen else "", style) if each)
    return f'<tr class="{classes}"{f" {send(message)}" if message is not None else ""}>{"".join(cells)}</tr>'


def box(title: str, *content: str) -> str:
    """Return a part of a page under its title."""
    return f'<section class="rc-box" aria-label="{esc(title)}"><h3>{esc(title)}</h3>{"".join(content)}</section>'
