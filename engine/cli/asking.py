"""Asking before something is done that cannot be taken back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from engine.cli.codes import ExitCode
from engine.cli.console import messages, printable
from engine.domain.errors import BadInputError

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(what: str, *, word: str | None = None) -> None:
    """Ask on the terminal whether to do *what*; end the command with 1 where it is not to be done.

    Args:
        what: exactly what will be done, such as ``sell 50 % of``.
        word: to be typed in full; None for a yes or no.

    Raises:
        BadInputError: there is no terminal to ask on.
    """
    what = printable(what)
    if not sys.stdin.isatty():
        raise BadInputError(f"there is no terminal to ask on: give --yes to {what}")
    messages().print(f"This will {what}.")
    messages().print("Do it? [y/N]" if word is None else f"Type {word} to do it:", end=" ")
    said = sys.stdin.readline().strip()
    if said != word if word is not None else said.lower() not in ("y", "yes"):
        messages().print("Nothing was done.")
        raise typer.Exit(ExitCode.FAILED)


def where(state: Mapping[str, Any]) -> str:
    """Return in which world it will be done; *state* is that of the engine, as the API has it."""
    profile = state["profile"]
    return f", on {profile.upper() if profile == 'mainnet' else profile}"
