"""Looking up orders, and one order's whole history, in a running engine or in a database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import columns, figures
from engine.cli.console import printable
from engine.cli.records import DatabaseOption, Records, Source, source
from engine.cli.remote.names import path_of, position_named
from engine.cli.remote.options import Reach, reaching
from engine.cli.render import Answer, Form, FormOption, LimitOption, Row, show, table_of
from engine.cli.watching import EveryOption, WatchOption, show_or_watch
from engine.domain.errors import BadInputError
from engine.domain.order import OrderKind, OrderStatus
from engine.domain.units import seconds
from engine.domain.urgency import ExitReason
from engine.wording import rent_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="Its id.", show_default=False)]


@reaching
def orders(
    reach: Reach,
    order: Annotated[
        str | None, typer.Argument(metavar="ORDER", help="Show the whole history of this one.", show_default=False)
    ] = None,
    *,
    status: Annotated[OrderStatus | None, typer.Option("--status", help="Only those that stand so.")] = None,
    kind: Annotated[OrderKind | None, typer.Option("--kind", help="Only those of this kind.")] = None,
    reason: Annotated[ExitReason | None, typer.Option("--reason", help="Only exits for this reason.")] = None,
    position: Annotated[
        str | None, typer.Option("--position", help="Only those of this position, by its id or symbol.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="SPAN", help="Only those made within this span, such as 24h or 7d.")
    ] = None,
    limit: LimitOption = 100,
    watch: WatchOption = False,
    every: EveryOption = 2.0,
    form: FormOption = Form.TABLE,
    database: DatabaseOption = None,
) -> None:
    """List orders, the newest first, or show one with every transition, attempt and error."""
    span = span_of(since) if since is not None else None
    with source(reach, database) as asked:
        if order is not None:
            show_order(asked, order, form)
            return
        filters: dict[str, Any] = {"status": status, "kind": kind, "reason": reason, "limit": limit}
        if position is not None:
            filters["position_id"] = position if database else position_named(asked, position)["position"]["id"]

        def look() -> Answer:
            after = _ago(span) if span is not None else None
            found = asked.get("/orders", **filters, created_after=after)
            return Answer(document=found, columns=columns.ORDERS, rows=found["orders"], total=found["total"])

        show_or_watch(look, form, every=every if watch else None)


def span_of(text: str) -> int:
    """Return the span that *text* names, such as 90s, 15m, 24h or 7d, in nanoseconds.

    Raises:
        BadInputError: it names none.
    """
    found = _SPAN.fullmatch(text)
    if not found:
        raise BadInputError(f"--since is {text!r}: give a number with s, m, h or d, such as 24h")
    return seconds(found[1]) * _SECONDS[found[2]]


def _ago(span: int) -> str:
    from contextlib import closing

    from engine.clock import SystemClock
    from engine.events.fields import rfc3339

    with closing(SystemClock()) as clock:
        return rfc3339(max(0, clock.now() - span))


def show_order(asked: Source, name: str, form: Form) -> None:
    """Print one order; a table has its whole history.

    Raises:
        BadInputError: there is no such order.
    """
    timeline = asked.get(path_of("orders", name))

    def picture() -> RenderableType:
        from rich.console import Group

        return Group(*_parts(asked, timeline))

    show(Answer(document=timeline, columns=columns.ORDERS, rows=[timeline["order"]], picture=picture), form)


def _parts(asked: Source, timeline: Any) -> Iterator[RenderableType]:
    from rich.text import Text

    order = timeline["order"]
    yield Text(
        printable(
            f"{order['id']}: {order['kind']} of {figures.amount(None, order)} {order['symbol']} for position "
            f"{order['position_id']}, {figures.word(order['exit_reason'] or order['kind'], order)}, {order['status']}"
        )
    )
    yield table_of(columns.HISTORY, [_line(event, order) for event in timeline["history"]], title="History")
    fills = {fill["signature"]: fill for fill in timeline["fills"]}
    attempts = [_attempt(each, fills.get(each["signature"]), order) for each in timeline["attempts"]]
    yield table_of(columns.ATTEMPTS, attempts, title="Attempts")
    for what, said in rent_facts(timeline):
        yield Text(f"{what}: {said}")
    if attempts and not isinstance(asked, Records) and (explorer := asked.get("/engine").get("explorer")):
        for each in attempts:
            yield Text(f"Attempt {each['number']}: {explorer.format(signature=each['signature'])}", overflow="fold")


def _line(event: Row, order: Row) -> Row:
    at, again = figures.nanos(event["at"]), event["next_retry_at"]
    return {
        **event,
        "after": (at - figures.nanos(order["created_at"])) / 1e9,
        "next_in": (figures.nanos(again) - at) / 1e9 if again else None,
        "said": event["error"] or event["note"] or event["signature"],
    }


def _attempt(attempt: Row, fill: Row | None, order: Row) -> Row:
    bought = order["kind"] == OrderKind.ENTRY
    filled = None if fill is None or fill["tokens"] == "0" else fill["tokens" if bought else "sol"]
    fee = fill["fee"] if fill is not None else None
    return {**attempt, "kind": order["kind"], "decimals": order["decimals"], "filled": filled, "fee": fee}
