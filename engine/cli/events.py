"""The events of a running engine as they come, those in a database, and the schemas of all events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import messages
from engine.cli.records import DatabaseOption, records
from engine.cli.remote.options import Reach, reaching
from engine.cli.render import Answer, Column, Form, csv_of, show
from engine.cli.waiting import pause
from engine.domain.errors import BadInputError
from engine.domain.units import seconds

if TYPE_CHECKING:
    from engine.cli.remote.client import Client
    from engine.domain.events import StoredEvent

_PAGE = 1000
_LOOK_INTERVAL = seconds(0.5)


@reaching
def events(
    reach: Reach,
    pattern: Annotated[
        str, typer.Argument(help="Subjects: * is one token, a final > the rest. With --schema: a type of events.")
    ] = ">",
    *,
    since: Annotated[
        int | None,
        typer.Option(
            "--since", min=0, help="Begin after the event of this number. [default: with what happens from now on]"
        ),
    ] = None,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            "-f",
            help="Go on with what happens, until Ctrl-C. [default: of an engine, but not of a database]",
            show_default=False,
        ),
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of one type, or all types.")] = False,
    form: Annotated[
        Form, typer.Option("--output", "-o", help="json: a CloudEvent a line. table and csv: a line for each.")
    ] = Form.JSON,
    database: DatabaseOption = None,
) -> None:
    """Print events as they come, across lost connections; see docs/events.md."""
    if schema:
        _print_schemas(pattern)
    elif database is not None:
        _print_all(_of_database(database, pattern, since or 0, follow=bool(follow)), form)
    else:
        _print_all(_of_engine(reach, pattern, since, follow=follow is not False), form)


def _print_schemas(type_: str) -> None:
    from engine.events.catalogue import TYPES, schema_of

    schemas = {name: schema_of(name) for name in TYPES} if type_ == ">" else schema_of(type_)
    typer.echo(json.dumps(schemas, indent=2, ensure_ascii=False))


def _of_engine(reach: Reach, pattern: str, since: int | None, *, follow: bool) -> Iterator[Any]:
    from engine.cli.remote.stream import events as streamed

    if not follow and since is None:
        raise BadInputError("--no-follow prints what has happened: say after which event with --since, such as 0")
    with reach.client() as engine:
        if follow:
            yield from streamed(engine, pattern, since, tell=messages().print)
        else:
            yield from _happened(engine, pattern, since or 0)


def _happened(engine: Client, pattern: str, since: int) -> Iterator[Any]:
    while True:
        page = engine.get("/journal", subjects=pattern, since=since, limit=_PAGE)
        yield from page["events"]
        since = page["next"]
        if since == page["last"]:
            return


def _of_database(database: Path, pattern: str, since: int, *, follow: bool) -> Iterator[Any]:
    from engine.clock import SystemClock
    from engine.events.envelope import cloud_event, source_of

    with records(database) as found, closing(SystemClock()) as clock:
        profile, wallet = found.store.owner()
        source = source_of(profile or "unknown", wallet or "unknown")
        while True:
            page: list[StoredEvent] = found.store.events(since, pattern, _PAGE)
            for event in page:
                yield cloud_event(event, source)
            since = page[-1].seq if page else since
            if len(page) < _PAGE:
                if not follow:
                    return
                pause(clock, _LOOK_INTERVAL)


def _print_all(found: Iterator[Any], form: Form) -> None:
    if form is Form.CSV:
        typer.echo(csv_of(_COLUMNS, []), nl=False)
    for event in found:
        row = {**event, "number": int(event["sequence"]) if "sequence" in event else None}
        if form is Form.JSON:
            show(Answer(document=event), form)
        elif form is Form.CSV:
            typer.echo(csv_of(_COLUMNS, [row], header=False), nl=False)
        else:
            typer.echo("  ".join(str(column.shown(row[column.field], row)) for column in _COLUMNS[:3]))


def _said(value: Any, _row: Any) -> str:
    return str(value)


_COLUMNS = (
    Column(title="time", field="time", shown=_said),
    Column(title="number", field="number", shown=lambda value, _row: f"{'-' if value is None else value:>8}"),
    Column(title="subject", field="subject", shown=_said),
    Column(title="", field="type", shown=_said),
    Column(title="", field="data", shown=_said),
)
