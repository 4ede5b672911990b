"""The events in a database, and the schemas of all events."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Annotated

import typer

from engine.clock import SystemClock
from engine.domain.errors import BadInputError
from engine.domain.events import StoredEvent
from engine.domain.units import Nanos, seconds
from engine.events.catalogue import TYPES, schema_of
from engine.events.envelope import cloud_event, source_of

_PAGE = 1000
_LOOK_INTERVAL = seconds(0.5)


def events(
    pattern: Annotated[
        str, typer.Argument(help="Subjects: * is one token, a final > the rest. With --schema: a type of events.")
    ] = ">",
    since: Annotated[int, typer.Option(help="Begin after the event of this number.", min=0)] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until interrupted.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of one type, or all types.")] = False,
    database: Annotated[Path, typer.Option(help="SQLite file to read.")] = Path(".ripcord/demo.db"),
) -> None:
    """Print the durable events in a database, a CloudEvent in JSON on each line; see docs/events.md."""
    if schema:
        _print_schemas(pattern)
    else:
        _print_events(database, pattern, since, follow=follow)


def _print_schemas(type_: str) -> None:
    schemas = {name: schema_of(name) for name in TYPES} if type_ == ">" else schema_of(type_)
    typer.echo(json.dumps(schemas, indent=2, ensure_ascii=False))


def _print_events(database: Path, pattern: str, since: int, *, follow: bool) -> None:
    if not database.is_file():
        raise BadInputError(f"there is no database {database}: name one with --database, or run the demo first")
    from engine.store.sql import SqlStore

    store = SqlStore(database)
    clock = SystemClock()
    try:
        profile, wallet = store.owner()
        source = source_of(profile or "unknown", wallet or "unknown")
        while True:
            page = store.events(since, pattern, _PAGE)
            for event in page:
                _print(event, source)
            since = page[-1].seq if page else since
            if len(page) < _PAGE:
                if not follow:
                    return
                _pause(clock)
    finally:
        clock.close()
        store.close()


def _print(event: StoredEvent, source: str) -> None:
    typer.echo(json.dumps(cloud_event(event, source), ensure_ascii=False))


def _pause(clock: SystemClock) -> None:
    come = threading.Event()
    clock.call_at(Nanos(clock.now() + _LOOK_INTERVAL), come.set)
    come.wait()
