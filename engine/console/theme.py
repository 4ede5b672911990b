"""Colours and style: the one place where they are said.

The variables are the page's own; Gradio's are set from them, so that both are light or dark at once. Fonts are those
of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from gradio.themes import Base, sizes

LIGHT: Mapping[str, str] = {
    "bg": "#f4f5f7",
    "panel": "#ffffff",
    "sunken": "#eceef1",
    "line": "#d9dde3",
    "grid": "#e6e9ed",
    "text": "#161a20",
    "muted": "#626c7a",
    "accent": "#2456c9",
    "good": "#0b7a4b",
    "bad": "#c1281f",
    "warn": "#9a5b00",
}
DARK: Mapping[str, str] = {
    "bg": "#0e1116",
    "panel": "#151a21",
    "sunken": "#1b212a",
    "line": "#2a323d",
    "grid": "#212832",
    "text": "#e4e8ee",
    "muted": "#8b96a5",
    "accent": "#6c9bff",
    "good": "#3ecf8e",
    "bad": "#ff6b61",
    "warn": "#f0b04a",
}
_GRADIO: Mapping[str, str] = {
    "body-background-fill": "bg",
    "body-text-color": "text",
    "body-text-color-subdued": "muted",
    "background-fill-primary": "panel",
    "background-fill-secondary": "sunken",
    "block-background-fill": "panel",
    "block-label-text-color": "muted",
    "block-title-text-color": "muted",
    "block-info-text-color": "muted",
    "block-border-color": "line",
    "border-color-primary": "line",
    "border-color-accent": "accent",
    "input-background-fill": "panel",
    "input-border-color": "line",
    "input-border-color-focus": "accent",
    "input-placeholder-color": "muted",
    "button-secondary-background-fill": "sunken",
    "button-secondary-background-fill-hover": "line",
    "button-secondary-text-color": "text",
    "button-secondary-border-color": "line",
    "color-accent": "accent",
    "slider-color": "accent",
    "link-text-color": "accent",
}
"""Gradio's variable, and the colour that it has."""
_ASSETS = files("engine.console") / "assets"


def theme() -> Base:
    """Return Gradio's theme: its shapes; the colours come with `HEAD`."""
    return Base(
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
        spacing_size=sizes.spacing_sm,
        radius_size=sizes.radius_sm,
        text_size=sizes.text_sm,
    )


def _variables(colours: Mapping[str, str]) -> str:
    own = [f"--rc-{name}:{value}" for name, value in colours.items()]
    return ";".join([*own, *(f"--{name}:var(--rc-{colour})" for name, colour in _GRADIO.items())])


_STYLE = (
    f"body,.gradio-container{{{_variables(LIGHT)}}}"
    f"body.dark,.dark .gradio-container{{{_variables(DARK)};color-scheme:dark}}"
    + (_ASSETS / "console.css").read_text(encoding="utf-8")
)
# In the head, since Gradio rewrites the selectors of a style sheet that it is given.
HEAD = f"<style>{_STYLE}</style><script>{(_ASSETS / 'console.js').read_text(encoding='utf-8')}</script>"
"""What stands in the page's head: variables, style sheet and script."""
