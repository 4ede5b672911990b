"""Selling by hand: an exit, an emergency, a failed exit once more, and taking a queued order back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from engine.cli import columns, figures
from engine.cli.asking import YesOption, confirm, where
from engine.cli.codes import ExitCode
from engine.cli.console import messages
from engine.cli.orders import OrderArgument
from engine.cli.positions import PositionArgument
from engine.cli.remote.client import Client
from engine.cli.remote.following import WAIT_SECONDS, Following
from engine.cli.remote.names import path_of, position_named
from engine.cli.remote.options import KeyOption, Reach, reaching
from engine.cli.render import Answer, Form, FormOption, Row, show
from engine.domain.errors import BadInputError
from engine.wording import count_text, tokens_text

WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait",
        help=f"Follow the order to its end: 0 filled, 1 failed, 5 after --timeout. [default of that: {WAIT_SECONDS:g}]",
    ),
]
_ALL = Decimal(100)


@reaching
def exit_position(
    reach: Reach,
    position: PositionArgument,
    *,
    percent: Annotated[str, typer.Option("--percent", help="Of what remains: 10 to 100.")] = "100",
    wait: WaitOption = False,
    yes: YesOption = False,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Sell a part of what remains of a position, or all of it."""
    share = _percent(percent)
    with reach.client(key=key) as engine:
        known = position_named(engine, position)["position"]
        if not yes:
            confirm(f"sell {share:f} % of {_what(known)}{where(engine.get('/engine'))}")
        ordered = engine.post(path_of("positions", known["id"], "exit"), {"percent": str(share)})
        _finish(engine, reach, [ordered], form, wait=wait, document=ordered)


@reaching
def emergency(
    reach: Reach,
    position: Annotated[
        str | None, typer.Argument(metavar="POSITION", help="Its id or symbol, as in exit.", show_default=False)
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every open position.")] = False,
    wait: WaitOption = False,
    yes: YesOption = False,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Sell everything of a position, or of all, before anything else."""
    if every == (position is not None):
        raise BadInputError("name one position, or --all of them")
    with reach.client(key=key) as engine:
        if position is None:
            if not yes:
                _confirm_all(engine)
            answer = engine.post("/positions/emergency")
            _finish(engine, reach, answer["exits"], form, wait=wait, document=answer)
            return
        known = position_named(engine, position)["position"]
        if not yes:
            confirm(f"sell all of {_what(known)}{where(engine.get('/engine'))}, before anything else")
        ordered = engine.post(path_of("positions", known["id"], "emergency"))
        _finish(engine, reach, [ordered], form, wait=wait, document=ordered)


@reaching
def retry(
    reach: Reach,
    order: OrderArgument,
    *,
    everything: Annotated[
        bool, typer.Option("--everything", help="Sell all that remains, not the order's own amount.")
    ] = False,
    wait: WaitOption = False,
    key: KeyOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Try an exit that failed for good once more."""
    with reach.client(key=key) as engine:
        made = engine.post(path_of("orders", order, "retry"), {"everything": everything})
        ordered = {"position_id": made["position_id"], "order": made}
        _finish(engine, reach, [ordered], form, wait=wait, document=made)


@reaching
def cancel(
    reach: Reach, order: OrderArgument, *, yes: YesOption = False, key: KeyOption = None, form: FormOption = Form.TABLE
) -> None:
    """Take a queued order back."""
    with reach.client(key=key) as engine:
        if not yes:
            known = engine.get(path_of("orders", order))["order"]
            why = figures.word(known["exit_reason"] or known["kind"], known)
            what = f"{why} of {figures.amount(None, known)} {known['symbol']}"
            confirm(f"take back {known['id']}, {known['status']}: {what}{where(engine.get('/engine'))}")
        taken = engine.post(path_of("orders", order, "cancel"))
        show(Answer(document=taken, columns=columns.ORDERS, rows=[taken]), form)


def _percent(text: str) -> Decimal:
    try:
        share = Decimal(text.removesuffix("%"))
        sound = Decimal(10) <= share <= _ALL
    except InvalidOperation:
        sound = False
    if not sound:
        raise BadInputError(f"--percent is {text!r}: give a number from 10 to 100")
    return share


def _what(position: Row) -> str:
    remains = tokens_text(int(position["remaining_tokens"]), position["decimals"])
    return f"the {remains} {position['symbol']} ({position['mint']}) that remain of {position['id']}"


def _confirm_all(engine: Client) -> None:
    there = engine.get("/positions", open="true", limit=1000)
    tokens = sorted({each["symbol"] for each in there["positions"]})
    count = count_text(there["total"], "open position", "open positions")
    confirm(
        f"sell everything of {count} ({', '.join(tokens)}){where(engine.get('/engine'))}, before anything else",
        word="EXIT",
    )


def _finish(
    engine: Client, reach: Reach, ordered: Sequence[Mapping[str, Any]], form: Form, *, wait: bool, document: Any
) -> None:
    """Print what was ordered or, with *wait*, what came of it; end with 1 where one went wrong."""
    failed = False
    rows: list[Row] = []
    following = Following(engine, timeout=reach.timeout or WAIT_SECONDS, tell=_tell)
    for each in ordered:
        if each.get("error"):
            failed = True
            messages().print(f"{each['position_id']} was not sold: {each['error']}")
        elif wait:
            ended = following.outcome(each)
            if ended is None:
                messages().print(f"{each['position_id']} is closed: nothing was left to sell")
                continue
            failed = failed or ended["status"] != "filled"
            rows.append(ended)
        elif each["order"] is not None:
            rows.append(each["order"])
        else:
            messages().print(f"{each['position_id']} is sold as soon as its order {each['waits_for']} has ended")
    show(Answer(document=_ended(document, rows) if wait else document, columns=columns.ORDERS, rows=rows), form)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _ended(document: Any, rows: Sequence[Row]) -> Any:
    """Return *document*, which is one order, one exit or several, with the orders as they ended."""
    if "exits" in document:
        by_position = {row["position_id"]: row for row in rows}
        exits = [{**each, "order": by_position.get(each["position_id"], each["order"])} for each in document["exits"]]
        return {**document, "exits": exits}
    if not rows:
        return document
    return {**document, "order": rows[0]} if "order" in document else rows[0]


def _tell(order: Row) -> None:
    said = f": {order['last_error']}" if order["last_error"] and order["status"] != "filled" else ""
    messages().print(f"{order['id']} {order['status']}, attempt {order['attempt_count']}/{order['max_attempts']}{said}")
