"""The API's figures as a person reads them. None, and what is no figure, is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.domain.units import SECOND, RawAmount, whole
from engine.wording import moment, price_text, sol_text, span_text, tokens_text

NONE = "–"  # noqa: RUF001 - a dash, as wide as a digit


def sol(lamports: str | int | None, *, signed: bool = False, places: int = 4) -> str:
    """Return lamports in SOL."""
    return NONE if lamports is None else sol_text(int(lamports), signed=signed and int(lamports) != 0, places=places)


def tokens(raw: str | int | None, decimals: int) -> str:
    """Return raw units in whole tokens."""
    return NONE if raw is None else tokens_text(int(raw), decimals)


def price(value: float | str | None) -> str:
    """Return SOL per whole token."""
    return NONE if value is None else price_text(value)


def percent(value: float | str | None, *, signed: bool = True, places: int = 1) -> str:
    """Return percent points."""
    return NONE if value is None else f"{float(value):{'+' if signed else ''}.{places}f} %"


def share_left(row: Mapping[str, Any]) -> str:
    """Return what is left of what was bought for a position, in percent and rounded."""
    bought = int(row["entry_amount_tokens"])
    if bought == 0:
        return NONE
    return (
        f"{100 * int(row['remaining_tokens']) / bought:.0f} % of {_rounded(whole(RawAmount(bought), row['decimals']))}"
    )


def left(row: Mapping[str, Any]) -> str:
    """Return what is left of what was bought for a position, to the last digit worth reading."""
    decimals = row["decimals"]
    return f"{tokens(row['remaining_tokens'], decimals)} of {tokens(row['entry_amount_tokens'], decimals)}"


def bps(value: str | float | None) -> str:
    """Return basis points, signed."""
    return NONE if value is None else f"{float(value):+.0f} bps"


def age(since: str | None, now: int, *, until: str | None = None) -> str:
    """Return how long it is from RFC 3339 *since* to *until*, or to *now* in nanoseconds."""
    if since is None:
        return NONE
    end = _nanos(until) if until is not None else now
    return span_text(max(0, end - _nanos(since)))


def until(at: str | None, now: int) -> str:
    """Return how long it is from *now* in nanoseconds to RFC 3339 *at*; nothing where that is past."""
    left = _nanos(at) - now if at is not None else 0
    return span_text(left) if left > 0 else ""


def clock(at: str | None) -> str:
    """Return the time of day of RFC 3339 *at*, UTC."""
    return NONE if at is None else moment(at).strftime("%H:%M:%S")


def words(name: str | None) -> str:
    """Return a name of the API's, such as ``take_profit_1``, as words."""
    return NONE if not name else name.replace("_", " ")


def short(name: str) -> str:
    """Return the two ends of an address."""
    return name if len(name) <= 12 else f"{name[:4]}…{name[-4:]}"  # noqa: PLR2004


def _rounded(amount: Decimal) -> str:
    """Return *amount* to four digits at most, in thousands, millions and so on where it is large."""
    for limit, unit in ((10**9, "B"), (10**6, "M"), (10**4, "k")):
        if amount >= limit:
            return f"{float(amount / (10**3 if unit == 'k' else limit)):.4g} {unit}"
    return f"{float(amount):,.4g}" if amount < 10**3 else f"{amount:,.0f}"


def _nanos(at: str) -> int:
    return round(moment(at).timestamp() * SECOND)
