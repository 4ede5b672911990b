"""Where output goes."""

from __future__ import annotations

from rich.console import Console

from engine.domain.errors import BadInputError

WIDTH = 160
"""Columns where there is no terminal to ask: a table that is cut off in a file or a pipe helps nobody."""


def output() -> Console:
    """Return the console of standard output."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def messages() -> Console:
    """Return the console of standard error, for what is said to a person beside the data."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def printable(text: str) -> str:
    """Return *text* without what draws on a terminal: a token calls itself what it likes."""
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def level_of(name: str) -> str:
    """Return the log level *name*.

    Raises:
        BadInputError: there is no such level.
    """
    if name.lower() not in ("debug", "info", "warning", "error", "critical"):
        raise BadInputError(f"{name!r} is not a log level: name debug, info, warning, error or critical")
    return name
