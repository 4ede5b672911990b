"""How every command prints what it found: as a table for a person, as JSON or as CSV for a program.

A table has human units; JSON is the API's own documents; CSV has a header of the API's names and its raw figures.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

Row = Mapping[str, Any]


class Form(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormOption = Annotated[Form, typer.Option("--output", "-o", help="How to print it.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="The most that are listed.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of what is printed."""

    title: str
    """Over the table; empty for a column that a table does not show."""
    field: str
    """In the row, a dot for each step down; the header of the CSV."""
    shown: Callable[[Any, Row], str | Text]
    """What a table has, of the value and its row."""
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command prints."""

    document: Any
    """As JSON."""
    columns: Sequence[Column] = ()
    rows: Sequence[Row] = ()
    picture: Callable[[], RenderableType] | None = None
    """For a person, in place of the table of the rows."""
    title: str = ""
    total: int | None = None
    """How many there are; None where all are in the rows."""

    def renderable(self) -> RenderableType:
        """Return what a person sees."""
        return self.picture() if self.picture is not None else table_of(self.columns, self.rows, title=self.title)


def show(answer: Answer, form: Form) -> None:
    """Print *answer* on standard output in *form*."""
    if form is Form.JSON:
        typer.echo(json.dumps(answer.document, ensure_ascii=False))
    elif form is Form.CSV:
        typer.echo(csv_of(answer.columns, answer.rows), nl=False)
    else:
        from engine.cli.console import output

        output().print(answer.renderable())
    if answer.total is not None and answer.total > len(answer.rows):
        from engine.cli.console import messages

        messages().print(f"{len(answer.rows)} of {answer.total:,} are shown: --limit shows more")


def table_of(columns: Sequence[Column], rows: Sequence[Row], *, title: str = "") -> Table:
    """Return the table of *rows*."""
    from rich.table import Table

    shown = [column for column in columns if column.title]
    table = Table(title=title or None, title_justify="left")
    for column in shown:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row) for column in shown))
    return table


def csv_of(columns: Sequence[Column], rows: Sequence[Row], *, header: bool = True) -> str:
    """Return *rows* as RFC 4180 has them, but for a bare line feed; the names of the fields come first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow([column.field for column in columns])
    for row in rows:
        writer.writerow([_raw(value_of(row, column.field)) for column in columns])
    return text.getvalue()


def value_of(row: Row, field: str) -> Any:
    """Return what *row* has at *field*; None where a step of the way is not there."""
    value: Any = row
    for name in field.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _cell(column: Column, row: Row) -> Text:
    from rich.text import Text

    from engine.cli.console import printable

    shown = column.shown(value_of(row, column.field), row)
    return shown if isinstance(shown, Text) else Text(printable(shown))


def _raw(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
