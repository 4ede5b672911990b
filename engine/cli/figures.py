"""Figures of the API as a table shows them to a person; each function takes the value and its row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from rich.text import Text

from engine.cli.render import Row
from engine.domain.units import seconds
from engine.wording import bps_text, moment, price_text, reason_text, sol_text, span_text, time_text, tokens_text

NONE = "-"
STYLES = {
    "open": "cyan",
    "partial_exit": "cyan",
    "exit_pending": "yellow",
    "closed": "dim",
    "pending": "yellow",
    "submitted": "yellow",
    "confirming": "yellow",
    "filled": "green",
    "cancelled": "red",
    "failed": "red",
    "critical": "bold red",
    "high": "yellow",
}
"""How a status, of a position, an order or an alert, looks on a terminal."""


def plain(value: Any, _row: Row) -> str:
    """Return *value* as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value in (None, "") else str(value)


def sol(value: Any, _row: Row) -> str:
    """Return lamports in SOL."""
    return NONE if value is None else sol_text(int(value))


def gain(value: Any, _row: Row) -> str | Text:
    """Return lamports in SOL with their sign."""
    if value is None:
        return NONE
    return Text(sol_text(int(value), signed=True), style="green" if int(value) >= 0 else "red")


def tokens(value: Any, row: Row) -> str:
    """Return raw units in whole tokens."""
    return NONE if value is None else tokens_text(int(value), int(row["decimals"]))


def price(value: Any, _row: Row) -> str:
    """Return a price in SOL per whole token."""
    return NONE if value is None else price_text(Decimal(str(value)))


def percent(value: Any, _row: Row) -> str:
    """Return signed percent."""
    return NONE if value is None else f"{Decimal(str(value)):+.2f} %"


def share(value: Any, _row: Row) -> str:
    """Return a share as percent."""
    return NONE if value is None else f"{value:.0%}"


def bps(value: Any, _row: Row) -> str:
    """Return basis points."""
    return NONE if value is None else bps_text(Decimal(str(value)))


def time(value: Any, _row: Row) -> str:
    """Return a moment, in UTC."""
    return NONE if value is None else time_text(nanos(value))


def age(value: Any, _row: Row) -> str:
    """Return seconds as a span."""
    return NONE if value is None else span_text(seconds(value))


def word(value: Any, _row: Row) -> str:
    """Return a name of the API as a person would say it."""
    return reason_text(value)


def status(value: Any, row: Row) -> Text:
    """Return a status, striking where somebody must act."""
    if row.get("needs_action"):
        return Text("needs action", style="bold red")
    return Text(reason_text(value), style=STYLES.get(str(value), ""))


def nanos(text: str) -> int:
    """Return the moment that RFC 3339 *text* names, in nanoseconds since the epoch, to the microsecond."""
    return int(Decimal(repr(moment(text).timestamp())) * 10**9)


def left(_value: Any, row: Row) -> str:
    """Return which share of the tokens of a position remains."""
    return f"{Decimal(row['remaining_tokens']) / Decimal(row['entry_amount_tokens']):.0%}"


def amount(_value: Any, row: Row) -> str:
    """Return what an order is to spend or to sell."""
    if row["kind"] == "entry":
        return f"{sol_text(int(row['amount_sol']))} SOL"
    return tokens_text(int(row["amount_tokens"]), row["decimals"])


def out(value: Any, row: Row) -> str:
    """Return what an attempt is to bring: tokens where it buys, SOL where it sells."""
    if value is None:
        return NONE
    return tokens_text(int(value), row["decimals"]) if row["kind"] == "entry" else f"{sol_text(int(value))} SOL"


def setting(value: Any) -> str:
    """Return the value of a setting."""
    if value is None:
        return NONE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def why(value: Any, row: Row) -> str:
    """Return for which reason an order was made; of one that is no exit, its kind."""
    return reason_text(value or row["kind"]) + (" (retry)" if row.get("retry_of") else "")


def attempts(value: Any, row: Row) -> str:
    """Return how many attempts there were, and may be."""
    return f"{value}/{row['max_attempts']}"
