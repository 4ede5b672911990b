"""Data out: fills, orders and positions as a file for a spreadsheet or a program."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.config import FilesOption, ProfileOption, SetOption, resolved
from engine.cli.database import DatabaseOption, database_of

if TYPE_CHECKING:
    from engine.export.formats import Sheet
    from engine.export.period import Period
    from engine.store.extract import Extract

_DAY = ["%Y-%m-%d"]


class What(StrEnum):
    """What is exported."""

    FILLS = "fills"
    ORDERS = "orders"
    POSITIONS = "positions"


class Format(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSON = "json"


def export(
    what: Annotated[
        What, typer.Argument(help="fills: what every transaction moved, with costs and gains; orders; positions.")
    ],
    *,
    form: Annotated[Format, typer.Option("--output", "-o", "--format", help="How it is written.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(help="File to write. [default: standard output]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="First day, in UTC.", show_default=False)
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="Last day, in UTC.", show_default=False)
    ] = None,
    files: FilesOption = None,
    sets: SetOption = None,
    profile: ProfileOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write fills, orders or positions with exact figures; the engine may run meanwhile. See docs/data.md."""
    from engine.cli.console import messages
    from engine.export.formats import as_csv, as_json
    from engine.export.period import Period
    from engine.store.extract import extract

    period = Period(first=first and first.date(), last=last and last.date())
    where = database if database is not None else database_of(resolved(files, sets, profile=profile).settings)
    found = extract(where)
    if what is What.FILLS and len(found.wallets) > 1:
        messages().print(f"The database was worked on for {len(found.wallets)} wallets: the column wallet is empty.")
    sheet = _sheet(what, found, period)
    _write(as_csv(sheet) if form is Format.CSV else as_json(sheet), where, out, force=force)
    if out is not None:
        messages().print(f"{out}: {len(sheet.rows)} {what}")


def _sheet(what: What, found: Extract, period: Period) -> Sheet:
    from engine.export.fills import FillRow, fill_rows
    from engine.export.formats import Sheet
    from engine.export.orders import OrderRow, order_rows
    from engine.export.positions import PositionRow, position_rows

    match what:
        case What.FILLS:
            wallet = found.wallets[0] if len(found.wallets) == 1 else None
            rows = fill_rows(found.positions, found.orders, found.fills, wallet=wallet, period=period)
            return Sheet(FillRow, rows)
        case What.ORDERS:
            return Sheet(OrderRow, order_rows(found.orders, period=period))
        case What.POSITIONS:
            return Sheet(PositionRow, position_rows(found.positions, period=period))


def _write(text: str, where: str, out: Path | None, *, force: bool) -> None:
    from engine.files import drafted
    from engine.store.backend import file_of
    from engine.store.backup import keep_apart

    content = text.encode()
    if out is None:
        typer.echo(content, nl=False)  # as bytes: a line of CSV ends as it does everywhere
        return
    file = file_of(where)
    if file is not None:
        keep_apart(file, out)
    with drafted(out, overwrite=force, option="--force") as draft:
        draft.write_bytes(content)
