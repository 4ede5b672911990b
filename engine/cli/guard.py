"""Taking tokens under guard that the wallet holds already: one mint, or a file of them.

A running engine does it by its API. Where none runs, it is done in the database, and the engine starts with them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import columns
from engine.cli.config import KeypairOption, UrlOption, resolved
from engine.cli.console import messages, printable
from engine.cli.remote.options import KeyOption, Reach, reaching
from engine.cli.render import Answer, Form, FormOption, Row, show
from engine.domain.errors import BadInputError
from engine.wording import price_text, sol_text, tokens_text

if TYPE_CHECKING:
    from engine.cli.remote.client import Client
    from engine.config import Loaded
    from engine.domain.position import Position
    from engine.guard import Desk, Wanted
    from engine.store.sql import SqlStore

PlanOption = Annotated[
    str, typer.Option(help="conservative, balanced, moonbag, a .json or .toml file, or a plan as JSON.")
]

_FAULT = re.compile(r"\btokens\.(\d+)\.(\w+)")
"""How the API names a field of an import."""


@reaching
def guard(
    reach: Reach,
    mint: Annotated[str, typer.Argument(help="Address of the token's mint.", show_default=False)],
    *,
    plan: PlanOption = "balanced",
    amount: Annotated[str, typer.Option(help="Whole tokens, or all that is not guarded yet.")] = "all",
    entry_price: Annotated[str, typer.Option(help="SOL paid per whole token, or auto for the price of now.")] = "auto",
    symbol: Annotated[str | None, typer.Option(help="What to call the token.", show_default=False)] = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Guard tokens that the wallet holds already, by the running engine or, where none runs, from its next start on."""
    from engine.cli.plans import plan_named
    from engine.guard import ALL, AUTO, Wanted, number_or

    wanted = Wanted(
        mint=mint,
        plan=plan_named(plan),
        amount=number_or(ALL, "--amount", amount),
        entry_price=number_or(AUTO, "--entry-price", entry_price),
        symbol=symbol,
    )
    loaded = resolved(reach.files, reach.sets, url=url, keypair=keypair, profile=reach.profile)
    with reach.client_or_none(key=key) as engine:
        if engine is not None:
            taken = engine.post("/positions/guard", _body(wanted))
            _tell([taken], form, document=taken)
            return
    with _desk(loaded) as (taking, store):
        position = taking.position(wanted)
        store.commit(position)
        _tell_taken(taking, [position], form, single=True)


@reaching
def import_file(
    reach: Reach,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a column mint, and any of amount, entry_price, plan, symbol.", show_default=False
        ),
    ],
    *,
    plan: PlanOption = "balanced",
    url: UrlOption = None,
    keypair: KeypairOption = None,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Guard every token of a CSV file as guard does, all of them or, where one line makes no sense, none."""
    from engine.cli.plans import plan_named
    from engine.guard import positions_of, read_import

    wanted = read_import(file, plan=plan_named(plan), plan_named=plan_named)
    loaded = resolved(reach.files, reach.sets, url=url, keypair=keypair, profile=reach.profile)
    with reach.client_or_none(key=key) as engine:
        if engine is not None:
            _tell(_imported(engine, file, wanted), form)
            return
    with _desk(loaded) as (taking, store):
        taken = positions_of(taking, file, wanted)
        store.commit(*taken)
        _tell_taken(taking, taken, form)


def _imported(engine: Client, file: Path, wanted: Sequence[tuple[int, Wanted]]) -> Sequence[Row]:
    """Have *engine* guard what *file* asks for; a fault is named by its line."""
    body = {"tokens": [_body(each) for _, each in wanted]}
    try:
        taken: Sequence[Row] = engine.post("/positions/import", body)["positions"]
    except BadInputError as error:
        by_line = _FAULT.sub(lambda found: f"{file}, line {wanted[int(found[1])][0]}, {found[2]}", str(error))
        raise BadInputError(by_line) from None
    return taken


@contextmanager
def _desk(loaded: Loaded) -> Iterator[tuple[Desk, SqlStore]]:
    """Yield what takes tokens under guard while no engine runs; see `engine.live.desk`."""
    from engine.clock import SystemClock
    from engine.live import desk

    with closing(SystemClock()) as clock, desk(loaded, clock=clock, environ=os.environ) as (taking, store):
        yield taking, store


def _body(wanted: Wanted) -> Mapping[str, Any]:
    """Return what the API takes for *wanted*."""
    from engine.cli.plans import plan_body

    given = {"amount_tokens": wanted.amount, "entry_price": wanted.entry_price, "symbol": wanted.symbol}
    body = {name: str(value) for name, value in given.items() if value is not None}
    return {"mint": wanted.mint, "plan": plan_body(wanted.plan), **body}


def _tell_taken(taking: Desk, taken: Sequence[Position], form: Form, *, single: bool = False) -> None:
    """Print what is guarded once the engine starts, and what its owner should know."""
    from engine.api.schemas import PositionView

    rows = [PositionView.model_validate(each).model_dump(mode="json") for each in taken]
    _tell(rows, form, document=rows[0] if single else None)
    for position in taken:
        for warning in taking.warnings(position.mint):
            messages().print(f"{position.symbol}: {warning}")


def _tell(taken: Sequence[Row], form: Form, *, document: Row | None = None) -> None:
    """Print what is guarded from now on; *document* is the API's answer where that is one position."""
    from rich.text import Text

    lines = [
        f"{each['id']}: {tokens_text(int(each['entry_amount_tokens']), each['decimals'])} {each['symbol']} at "
        f"{price_text(Decimal(each['entry_price']))} SOL, {sol_text(int(each['entry_amount_sol']))} SOL in all"
        for each in taken
    ]
    show(
        Answer(
            document=document or {"positions": taken},
            columns=columns.POSITIONS,
            rows=taken,
            picture=lambda: Text(printable("\n".join(lines))),
        ),
        form,
    )
