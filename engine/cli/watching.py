"""Tables that are drawn again and again, until they are interrupted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from engine.cli.render import Answer, Form, show
from engine.cli.waiting import pause
from engine.domain.errors import BadInputError
from engine.domain.units import seconds

WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Draw the table again and again, until Ctrl-C.")]
EveryOption = Annotated[float, typer.Option("--every", min=0.2, help="With --watch: seconds from one to the next.")]


def show_or_watch(look: Callable[[], Answer], form: Form, *, every: float | None) -> None:
    """Print what *look* returns, once or, for as long as the engine answers, *every* so many seconds.

    Raises:
        BadInputError: there is no terminal to draw on, or no table to draw.
    """
    if every is None:
        show(look(), form)
        return
    from rich.live import Live

    from engine.cli.console import output
    from engine.clock import SystemClock

    console = output()
    if not console.is_terminal or form is not Form.TABLE:
        raise BadInputError("--watch draws a table on a terminal: leave it out in a pipe, and for JSON and CSV")
    clock = SystemClock()
    try:
        with _ending(), Live(look().renderable(), console=console, auto_refresh=False, screen=True) as live:
            live.refresh()
            while True:
                pause(clock, seconds(every))
                live.update(look().renderable(), refresh=True)
    finally:
        clock.close()


@contextmanager
def _ending() -> Iterator[None]:
    """Have SIGTERM end the command as an error does, so that the terminal gets its screen back."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
