"""Scripts' functions that stand before an event: what they throw on is not sent. See `assets/console.js`."""

from __future__ import annotations

import json

SHOWN = "(...given) => [...given.slice(0, -1), ripcord.shown()]"
"""Puts the position that is shown, as the person sees it, in the place of the last input."""


def confirming(text: str, *, action: str, word: str | None = None, shown: bool = False) -> str:
    """Return a function that asks *text* in the page's dialog, and throws where it is dismissed.

    Args:
        text: ``{position}`` in it stands for the name of the position that is shown.
        action: what the button that accepts says.
        word: must be typed; it takes the place of the last input.
        shown: put the position that was shown when it was asked in the place of the last input.
    """
    asked = json.dumps({"text": text, "action": action, "word": word})
    if word is not None:
        return f"async (...given) => [...given.slice(0, -1), await ripcord.confirm({asked})]"
    if shown:
        return (
            "async (...given) => { const id = ripcord.shown(); "
            f"await ripcord.confirm({asked}); return [...given.slice(0, -1), id]; }}"
        )
    return f"async (...given) => {{ await ripcord.confirm({asked}); return given; }}"
