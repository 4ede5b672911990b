"""Taking tokens under guard that the wallet holds already: one mint, or a file of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.config import FilesOption, KeypairOption, ProfileOption, SetOption, UrlOption, resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.domain.position import Position
    from engine.guard import Desk

PlanOption = Annotated[
    str, typer.Option(help="conservative, balanced, moonbag, a .json or .toml file, or a plan as JSON.")
]
positions = typer.Typer(help="Take many positions under guard.", no_args_is_help=True)


def guard(
    mint: Annotated[str, typer.Argument(help="Address of the token's mint.", show_default=False)],
    *,
    plan: PlanOption = "balanced",
    amount: Annotated[str, typer.Option(help="Whole tokens, or all that is not guarded yet.")] = "all",
    entry_price: Annotated[str, typer.Option(help="SOL paid per whole token, or auto for the price of now.")] = "auto",
    symbol: Annotated[str | None, typer.Option(help="What to call the token.", show_default=False)] = None,
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
) -> None:
    """Guard tokens that the wallet holds already. The engine must not be running: it starts with them."""
    from engine.cli.plans import plan_named
    from engine.clock import SystemClock
    from engine.guard import ALL, AUTO, Wanted, number_or
    from engine.live import desk

    wanted = Wanted(
        mint=mint,
        plan=plan_named(plan),
        amount=number_or(ALL, "--amount", amount),
        entry_price=number_or(AUTO, "--entry-price", entry_price),
        symbol=symbol,
    )
    loaded = resolved(files, sets, url=url, keypair=keypair, profile=profile)
    clock = SystemClock()
    try:
        with desk(loaded, clock=clock, environ=os.environ) as (taking, store):
            position = taking.position(wanted)
            store.commit(position)
            _tell(taking, [position])
    finally:
        clock.close()


@positions.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a column mint, and any of amount, entry_price, plan, symbol.", show_default=False
        ),
    ],
    *,
    plan: PlanOption = "balanced",
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
) -> None:
    """Guard every token of a CSV file, all of them or, where one line makes no sense, none."""
    from engine.cli.plans import plan_named
    from engine.clock import SystemClock
    from engine.guard import positions_of, read_import
    from engine.live import desk

    wanted = read_import(file, plan=plan_named(plan), plan_named=plan_named)
    loaded = resolved(files, sets, url=url, keypair=keypair, profile=profile)
    clock = SystemClock()
    try:
        with desk(loaded, clock=clock, environ=os.environ) as (taking, store):
            taken = positions_of(taking, file, wanted)
            store.commit(*taken)
            _tell(taking, taken)
    finally:
        clock.close()


def _tell(taking: Desk, taken: Sequence[Position]) -> None:
    """Print what is guarded from now on, and what its owner should know."""
    from engine.cli.console import messages, output
    from engine.cli.format import price_text, sol_text, tokens_text

    console = output()
    for position in taken:
        console.print(
            f"{position.id}: {tokens_text(position.entry_amount_tokens, position.decimals)} {position.symbol} at "
            f"{price_text(position.entry_price)} SOL, {sol_text(position.entry_amount_sol)} SOL in all",
            highlight=False,
        )
        for warning in taking.warnings(position.mint):
            messages().print(f"{position.symbol}: {warning}")
