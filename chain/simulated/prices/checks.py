"""What a price and its time must be, wherever they are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from chain.simulated.prices.rows import Row
from engine.domain.units import SECOND, Nanos

LEAST_PRICE, GREATEST_PRICE = 1e-15, 1e9
GREATEST_JUMP = 1000.0
"""By this factor a price may at most rise or fall between neighbours, where the source was cleaned."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM, _MILLISECONDS_UNTIL = 10**11, 10**14
_DAY_SECONDS = 86_400
_MICROSECOND = 1_000
_MILLISECOND = 1_000_000


def price(row: Row, text: str, name: str = "price") -> float:
    """Return the price that *text* says.

    Raises:
        BadInputError: it is not a finite number from `LEAST_PRICE` to `GREATEST_PRICE`.
    """
    value = number(row, text, name)
    if LEAST_PRICE <= value <= GREATEST_PRICE:
        return value
    if value <= 0:
        raise row.error(f"the {name} {text} is not above zero", "correct the price or remove the row")
    raise row.error(f"the {name} {text} is outside of {LEAST_PRICE:g} to {GREATEST_PRICE:g}", "check its unit")


def number(row: Row, text: str, name: str) -> float:
    """Return the finite number that *text* says.

    Raises:
        BadInputError: it says none.
    """
    try:
        value = float(text)
    except ValueError:
        raise row.error(f"the {name} {text!r} is not a number", "write it like 0.00125 or 1.25e-3") from None
    if not math.isfinite(value):
        raise row.error(f"the {name} {text} is not a finite number", "correct it or remove the row")
    return value


def no_jump(row: Row, before: float, value: float, name: str = "price") -> None:
    """Refuse a move from *before* to *value* that no market makes between neighbours.

    Raises:
        BadInputError: one is more than `GREATEST_JUMP` times the other.
    """
    if value > before * GREATEST_JUMP or before > value * GREATEST_JUMP:
        raise row.error(
            f"the {name} {value:g} is more than {GREATEST_JUMP:g} times away from {before:g} before it",
            "check its unit or remove the row",
        )


def moment(row: Row, text: str) -> Nanos:
    """Return the time that *text* says, in nanoseconds since the Unix epoch.

    A number below 10^11 is a count of seconds since the epoch (up to the year 5138), one from there to 10^14
    a count of milliseconds (from the year 1973 on). Anything else is ISO 8601 with dashes, and is UTC where
    it names no offset.

    Raises:
        BadInputError: it says none.
    """
    at = _iso(text) if text[4:5] == "-" else _counted(text)
    if at is None:
        raise row.error(f"the time {text!r} is none", "write it like 2024-01-31T12:00:00Z or as seconds since 1970")
    return at


def follows(row: Row, text: str, before: Nanos, at: Nanos) -> None:
    """Refuse a time *at*, written as *text*, that does not come after *before*.

    Raises:
        BadInputError: it is the same or earlier.
    """
    if at == before:
        raise row.error(f"the time {text} is that of the row before", "keep one of the two rows")
    if at < before:
        raise row.error(f"the time {text} comes before {describe(before)} of the row before", "sort the rows by time")


def no_gap(row: Row, before: Nanos, at: Nanos, max_gap: Nanos) -> None:
    """Refuse a silence of more than *max_gap* between *before* and *at*.

    Raises:
        BadInputError: it is longer.
    """
    if at - before > max_gap:
        raise row.error(
            f"no price for {_span(at - before)} since {describe(before)}, and at most {_span(max_gap)} may pass",
            "fill the gap or allow a longer one",
        )


def describe(at: int) -> str:
    """Return the moment *at*, in nanoseconds since the epoch, in ISO 8601."""
    return (_EPOCH + timedelta(microseconds=at // _MICROSECOND)).isoformat().replace("+00:00", "Z")


def _iso(text: str) -> Nanos | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    since = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)) - _EPOCH
    whole_seconds = since.days * _DAY_SECONDS + since.seconds
    return Nanos(whole_seconds * SECOND + since.microseconds * _MICROSECOND)


def _counted(text: str) -> Nanos | None:
    try:
        count = Decimal(text)
    except InvalidOperation:
        return None
    if not count.is_finite() or not 0 <= count < _MILLISECONDS_UNTIL:
        return None
    return Nanos(int(count * (SECOND if count < _MILLISECONDS_FROM else _MILLISECOND)))


def _span(nanos: int) -> str:
    return str(timedelta(microseconds=nanos // _MICROSECOND))
