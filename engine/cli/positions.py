"""The positions of an engine: looking at them, changing their plan, giving up an exit that failed for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.choices import SortBy
from engine.cli import columns, figures
from engine.cli.asking import YesOption, confirm, where
from engine.cli.console import messages, printable
from engine.cli.guard import import_file
from engine.cli.records import DatabaseOption, source
from engine.cli.remote.names import path_of, position_named
from engine.cli.remote.options import KeyOption, Reach, reaching
from engine.cli.render import Answer, Form, FormOption, LimitOption, Row, show, table_of
from engine.cli.watching import EveryOption, WatchOption, show_or_watch

if TYPE_CHECKING:
    from rich.console import RenderableType

commands = typer.Typer(help="Look at positions, and change how they are guarded.", no_args_is_help=True)

PositionArgument = Annotated[
    str,
    typer.Argument(metavar="POSITION", help="Its id, or the symbol of the only open position that has it."),
]
PlanArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLAN",
        help="conservative, balanced, moonbag, a .json or .toml file, or a plan as JSON.",
    ),
]


commands.command("import")(import_file)


@commands.command("list")
@reaching
def list_positions(
    reach: Reach,
    *,
    still_open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only those that are open, or closed.", show_default=False)
    ] = None,
    needs_action: Annotated[bool, typer.Option("--needs-action", help="Only those that wait for a person.")] = False,
    mint: Annotated[str | None, typer.Option("--mint", help="Only those of this token, by its mint.")] = None,
    sort: Annotated[SortBy | None, typer.Option("--sort", help="Order them by this. [default: newest first]")] = None,
    descending: Annotated[bool, typer.Option("--descending", help="With --sort: the largest first.")] = False,
    limit: LimitOption = 100,
    watch: WatchOption = False,
    every: EveryOption = 2.0,
    form: FormOption = Form.TABLE,
    database: DatabaseOption = None,
) -> None:
    """List positions with their prices, stops and results."""
    filters = {"open": still_open, "needs_action": needs_action or None, "mint": mint, "limit": limit}
    order = {"sort": sort, "descending": descending} if sort is not None else {}
    with source(reach, database) as asked:

        def look() -> Answer:
            found = asked.get("/positions", **filters, **order)
            return Answer(document=found, columns=columns.POSITIONS, rows=found["positions"], total=found["total"])

        show_or_watch(look, form, every=every if watch else None)


@commands.command("show")
@reaching
def show_position(reach: Reach, position: PositionArgument, *, form: FormOption = Form.TABLE) -> None:
    """Show a position with its plan, its levels and its orders."""
    with reach.client() as engine:
        detail = position_named(engine, position)
    answer = Answer(
        document=detail, columns=columns.POSITIONS, rows=[detail["position"]], picture=lambda: _picture(detail)
    )
    show(answer, form)


@commands.command("plan")
@reaching
def change_plan(
    reach: Reach,
    position: PositionArgument,
    plan: PlanArgument,
    *,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Guard an open position by another exit plan from now on."""
    from engine.cli.plans import plan_body, plan_named

    wanted = plan_body(plan_named(plan))
    with reach.client(key=key) as engine:
        known = position_named(engine, position)["position"]["id"]
        changed = engine.post(path_of("positions", known, "plan"), {"plan": wanted})
    _tell(changed, form, "is guarded by another plan from now on")


@commands.command("release")
@reaching
def release(
    reach: Reach,
    position: PositionArgument,
    *,
    yes: YesOption = False,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Give up an exit that failed for good, and guard on."""
    with reach.client(key=key) as engine:
        known = position_named(engine, position)["position"]
        if not yes:
            confirm(
                f"give up the {figures.word(known['exit_reason'], known)} exit of {known['id']} "
                f"({known['symbol']}), and guard what remains by its plan{where(engine.get('/engine'))}"
            )
        released = engine.post(path_of("positions", known["id"], "release"))
    _tell(released, form, "is guarded again")


def _tell(position: Row, form: Form, what: str) -> None:
    show(Answer(document=position, columns=columns.POSITIONS, rows=[position]), form)
    if form is Form.TABLE:
        messages().print(printable(f"{position['id']} ({position['symbol']}) {what}."))


def _picture(detail: Any) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    position, levels = detail["position"], detail.get("levels")
    paid = f"{figures.sol(position['entry_amount_sol'], position)} SOL"
    bought = f"{figures.tokens(position['entry_amount_tokens'], position)} {position['symbol']} for {paid}"
    parts: list[Any] = [
        table_of(columns.POSITIONS, [position]),
        Text(printable(f"{bought}, since {figures.time(position['opened_at'], position)} UTC, of {position['mint']}")),
        Text(f"Plan: {json.dumps(position['plan'])}"),
    ]
    if levels:
        rows = [{"level": "entry", "price": levels["entry"]}, {"level": "stop loss", "price": levels["stop"]}]
        if levels["trailing_stop"] is not None:
            rows.append({"level": "trailing stop", "price": levels["trailing_stop"]})
        rows += [{"level": f"take profit {n}", **target} for n, target in enumerate(levels["targets"], 1)]
        parts.append(table_of(columns.LEVELS, rows, title="Levels"))
    parts.append(table_of(columns.ORDERS, detail["orders"], title="Orders"))
    return Group(*parts)
