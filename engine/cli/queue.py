"""What the router has before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.cli import columns, figures
from engine.cli.remote.options import Reach, reaching
from engine.cli.render import Answer, Form, FormOption, Row, table_of
from engine.cli.watching import EveryOption, WatchOption, show_or_watch

if TYPE_CHECKING:
    from rich.console import RenderableType

_PLACES = ("in_flight", "queued", "waiting")


@reaching
def queue(reach: Reach, *, watch: WatchOption = False, every: EveryOption = 2.0, form: FormOption = Form.TABLE) -> None:
    """Show the orders that are in flight, queued in the order in which they are served, and waiting to be retried."""
    with reach.client() as engine:

        def look() -> Answer:
            found = engine.get("/queue")
            rows = [{"place": place, **each} for place in _PLACES for each in found[place]]
            return Answer(document=found, columns=columns.QUEUE, rows=rows, picture=lambda: _picture(found, rows))

        show_or_watch(look, form, every=every if watch else None)


def _picture(found: Any, rows: Sequence[Row]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    wait = found.get("estimated_wait_s")
    said = (
        f"{len(found['in_flight'])} of {found['slots']} slots in use, {len(found['queued'])} queued, "
        f"{len(found['waiting'])} waiting for their next attempt, {found['orders_per_minute']} orders a minute"
        + (f", a new one would wait {figures.age(wait, {})}" if wait is not None else "")
        + (", draining" if found["draining"] else "")
        + (", holding until the chain is known" if found["holding"] else "")
    )
    return Group(table_of(columns.QUEUE, rows), Text(said))
