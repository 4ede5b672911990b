"""Where output goes."""

from __future__ import annotations

from rich.console import Console

WIDTH = 160
"""Columns where there is no terminal to ask: a table that is cut off in a file or a pipe helps nobody."""


def output() -> Console:
    """Return the console of standard output."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
