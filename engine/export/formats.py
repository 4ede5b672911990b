"""Rows as CSV and as JSON: the same names, the same exact figures."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from engine.export.fills import FillRow
from engine.export.orders import OrderRow
from engine.export.positions import PositionRow

Row = FillRow | OrderRow | PositionRow

_FORMULA = re.compile(r"(^|[,;|\t\r\n\"])(\s*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001 - Excel takes the wide ones, too
"""Where a spreadsheet may begin to read a formula: at the start of a cell, and behind what may end one, since not
every spreadsheet takes the comma to. https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of one kind."""

    kind: type[Row]
    rows: Sequence[Row]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return columns(self.kind)


def columns(kind: type[Row]) -> tuple[str, ...]:
    """Return the names of the columns of rows of *kind*."""
    return tuple(field.name for field in fields(kind))


def as_csv(sheet: Sheet) -> str:
    """Return *sheet* as RFC 4180 has it, with a header; what is None is an empty cell.

    Text in which a spreadsheet would find a formula, such as a token called ``=HYPERLINK(...)``, has an apostrophe
    put before that: then it is shown and not carried out.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    writer.writerows([_cell(getattr(row, name)) for name in sheet.columns] for row in sheet.rows)
    return text.getvalue()


def as_json(sheet: Sheet) -> str:
    """Return *sheet* as a list of objects, one on a line. Decimals are strings; text is as it was given."""
    objects = (json.dumps(_object(row, sheet.columns), ensure_ascii=False) for row in sheet.rows)
    return "[" + ",".join(f"\n{each}" for each in objects) + "\n]\n"


def _object(row: Row, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in values.items()}


def _cell(value: str | int | Decimal | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _FORMULA.sub(r"\1\2'", value)
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)
