"""The running engine as a whole: how it does, pausing its entries, and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from engine.cli import columns
from engine.cli.asking import YesOption, confirm, where
from engine.cli.remote.options import KeyOption, Reach, reaching
from engine.cli.render import Answer, Form, FormOption, show
from engine.wording import count_text

if TYPE_CHECKING:
    from rich.console import RenderableType

commands = typer.Typer(help="Look at the running engine, pause its entries, end it.", no_args_is_help=True)


@commands.command("status")
@reaching
def status(reach: Reach, *, form: FormOption = Form.TABLE) -> None:
    """Show how the engine does."""
    with reach.client() as engine:
        state = engine.get("/engine")
    show(Answer(document=state, columns=columns.ENGINE, rows=[state], picture=lambda: _picture(state)), form)


@commands.command("pause")
@reaching
def pause(reach: Reach, *, key: KeyOption = None, form: FormOption = Form.TABLE) -> None:
    """Open no position until entries are resumed; exits go on."""
    _switch(reach, "pause", key, form)


@commands.command("resume")
@reaching
def resume(reach: Reach, *, key: KeyOption = None, form: FormOption = Form.TABLE) -> None:
    """Open positions again."""
    _switch(reach, "resume", key, form)


@commands.command("drain")
@reaching
def drain(reach: Reach, *, yes: YesOption = False, key: KeyOption = None, form: FormOption = Form.TABLE) -> None:
    """End the engine in good order: no new attempts, and what is in flight is resolved."""
    with reach.client(key=key) as engine:
        if not yes:
            state = engine.get("/engine")
            still = count_text(state["open_positions"], "open position", "open positions")
            confirm(f"end the engine of the wallet {state['wallet']}{where(state)}: {still} will not be guarded")
        answer = engine.post("/engine/drain")
    _tell(answer, form, "The engine drains, and ends.")


def _switch(reach: Reach, what: str, key: str | None, form: Form) -> None:
    with reach.client(key=key) as engine:
        answer = engine.post(f"/engine/entries/{what}")
    _tell(answer, form, "Entries are paused." if answer["entries_paused"] else "Entries are open.")


def _tell(answer: Any, form: Form, sentence: str) -> None:
    from rich.text import Text

    fields = [columns.column(name, name) for name in answer]
    show(Answer(document=answer, columns=fields, rows=[answer], picture=lambda: Text(sentence)), form)


def _picture(state: Any) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    for each in columns.ENGINE:
        if each.field in state:
            table.add_row(each.title, Text.assemble(each.shown(state[each.field], state)))
    return table
