"""What was made and lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.choices import By
from engine.cli import columns
from engine.cli.records import DatabaseOption, source
from engine.cli.remote.options import Reach, reaching
from engine.cli.render import Answer, Form, FormOption, table_of
from engine.cli.watching import EveryOption, WatchOption, show_or_watch
from engine.wording import count_text, sol_text

if TYPE_CHECKING:
    from rich.console import RenderableType


@reaching
def pnl(
    reach: Reach,
    *,
    by: Annotated[
        By, typer.Option("--by", help="What closed positions are put together by; days are in UTC.")
    ] = By.DAY,
    watch: WatchOption = False,
    every: EveryOption = 2.0,
    form: FormOption = Form.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show what was realized and what is not yet, and how the closed positions did."""
    with source(reach, database) as asked:

        def look() -> Answer:
            found = asked.get("/pnl", by=by)
            return Answer(
                document=found, columns=columns.RESULTS, rows=found["groups"], picture=lambda: _picture(found)
            )

        show_or_watch(look, form, every=every if watch else None)


def _picture(found: Any) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    rows = found["groups"] + ([found["closed"]] if found["groups"] else [])
    said = (
        f"Realized {_signed(found['realized_gross'])} SOL, {_signed(found['realized_net'])} after "
        f"{sol_text(int(found['fees']))} in fees; unrealized {_signed(found['unrealized'])} in "
        f"{count_text(found['open_positions'], 'open position', 'open positions')}."
    )
    return Group(table_of(columns.RESULTS, rows), Text(said))


def _signed(lamports: str) -> str:
    return sol_text(int(lamports), signed=True)
