"""What every chart is drawn with: its frame and its style.

The plot is as wide as the content of its `<svg>`, whose padding is the room for labels: at the right, from 100 % on,
what the axis says. An inner `<svg>` with a viewBox of `ACROSS` units is stretched over the plot, for paths: their
strokes are not scaled, and nothing that has a shape of its own stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.console.markup import esc

COLUMN = 132
"""Pixels at the right of the plot, for the labels of its levels."""
ACROSS = 1000
"""Units that a path has from the left to the right of the plot."""
TOP, BOTTOM = 14, 24
"""Pixels above the plot, and below it for the time."""
LINE = 15
"""Pixels that two labels need from one baseline to the next."""

_LIGHT = {
    "text": "#1f2933",
    "muted": "#616e7c",
    "grid": "#e4e7eb",
    "panel": "#ffffff",
    "accent": "#2563eb",
    "good": "#0f7b4f",
    "bad": "#c02626",
    "warn": "#a15c07",
}
_DARK = {
    "text": "#e4e7eb",
    "muted": "#9aa5b1",
    "grid": "#2c3540",
    "panel": "#12171d",
    "accent": "#7aa7ff",
    "good": "#3ecf8e",
    "bad": "#ff6b6b",
    "warn": "#f0b429",
}


def _colours(defaults: dict[str, str]) -> str:
    return "".join(f"--{name}:var(--rc-{name},{colour});" for name, colour in defaults.items())


STYLE = (
    f".rc-svg{{{_colours(_LIGHT)}display:block;box-sizing:border-box;width:100%;overflow:visible;--c:var(--text);"
    "font:12px/1 system-ui,-apple-system,'Segoe UI',sans-serif;font-variant-numeric:tabular-nums}"
    f"@media(prefers-color-scheme:dark){{.rc-svg{{{_colours(_DARK)}}}}}.dark .rc-svg{{{_colours(_DARK)}}}"
    ".rc-svg svg{overflow:visible}"
    ".rc-svg path,.rc-svg line{fill:none;vector-effect:non-scaling-stroke}"
    ".rc-svg text{fill:var(--muted);stroke:none}"
    ".rc-svg .name{fill:var(--text)}"
    ".rc-svg .grid{stroke:var(--grid)}"
    ".rc-svg .price{stroke:var(--text);stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}"
    ".rc-svg .range{fill:var(--muted);fill-opacity:.18;stroke:var(--muted);stroke-opacity:.3}"
    ".rc-svg .area{stroke:none;fill:var(--c);fill-opacity:.14}"
    ".rc-svg .level{stroke:var(--c);stroke-dasharray:4 3}"
    ".rc-svg .lead{stroke:var(--c);stroke-opacity:.5}"
    ".rc-svg .say{fill:var(--c)}"
    ".rc-svg .halo{fill:var(--c);stroke:var(--panel);stroke-width:3;paint-order:stroke;font-weight:600}"
    ".rc-svg .mark{fill:var(--c);stroke:var(--panel);stroke-width:1.5}"
    ".rc-svg .ring{fill:var(--panel);stroke:var(--c);stroke-width:2}"
    ".rc-svg .cross{stroke:var(--c);stroke-width:2}"
    ".rc-svg .pill{fill:var(--text)}.rc-svg .pill+text{fill:var(--panel);font-weight:600}"
    ".rc-svg .bar{fill:var(--c);fill-opacity:.8}.rc-svg .bar:hover{fill-opacity:1}"
    ".rc-svg .muted{--c:var(--muted)}.rc-svg .accent{--c:var(--accent)}.rc-svg .good{--c:var(--good)}"
    ".rc-svg .bad{--c:var(--bad)}.rc-svg .warn{--c:var(--warn)}"
    ".rc-svg .taken{opacity:.55}.rc-svg .taken text{text-decoration:line-through}"
    ".rc-svg .end{text-anchor:end}.rc-svg .mid{text-anchor:middle}"
    "@media(max-width:640px){.rc-svg .minor{display:none}}"
)
"""The style of all charts. Each carries it, so that one alone looks right; it speaks of nothing but charts.

A tone is a variable: a page may give every element a colour of its own, and then none is inherited.
"""


def number(value: float) -> str:
    """Return a coordinate to a tenth, with no more characters than it needs."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def frame(content: Iterable[str], *, height: int, says: str, left: int = 0, right: int = COLUMN) -> str:
    """Return a chart as `<svg>`.

    Args:
        content: what stands in it.
        height: in pixels.
        says: what it shows, in words.
        left: pixels beside the plot for labels.
        right: the same at the other side.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rc-svg" role="img" aria-label="{esc(says)}" width="100%" '
        f'height="{height}" style="padding:0 {right}px 0 {left}px"><style>{STYLE}</style>{"".join(content)}</svg>'
    )


def stretched(content: Iterable[str], *, height: int) -> str:
    """Return paths of `ACROSS` units by *height* pixels, stretched over the width of the plot."""
    return (
        f'<svg width="100%" height="{height}" viewBox="0 0 {ACROSS} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(content)}</svg>'
    )


def column(content: Iterable[str]) -> str:
    """Return what stands at the right of the plot, from 0 to `COLUMN` pixels away from it."""
    return f'<svg x="100%">{"".join(content)}</svg>'


def message(text: str, y: float) -> str:
    """Return a sentence in the middle of a plot that has nothing to show."""
    return f'<text x="50%" y="{number(y)}" class="mid">{esc(text)}</text>'
