"""How the values of events are written in JSON: money exactly, and times as people and programs read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""Date, time, digits of the second's fraction, offset."""


def rfc3339(time: int) -> str:
    """Return *time*, in nanoseconds since the Unix epoch, as RFC 3339 has it, in UTC and to the nanosecond."""
    moment = datetime.fromtimestamp(time // _SECOND, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % _SECOND:09}Z"


def nanos_of(text: str) -> int:
    """Return the nanoseconds since the Unix epoch of *text*, a moment as RFC 3339 has it, such as `rfc3339` writes.

    Raises:
        ValueError: it is none; the message says what is wanted.
    """
    found = _RFC3339.fullmatch(text)
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[4].upper()}") if found else None
    except ValueError:
        moment = None  # such as 30 February
    if found is None or moment is None:
        raise ValueError(
            "should be a moment with its offset, such as 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00"
        )
    return (moment - _EPOCH) // timedelta(seconds=1) * _SECOND + int((found[3] or "").ljust(9, "0")[:9])


def _digits(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _decimal(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _moment(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, int) else value


def _span(value: Any) -> Any:
    return f"{Decimal(value) / _SECOND:f}s" if isinstance(value, int) else value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


Integer = Annotated[str, BeforeValidator(_digits), StringConstraints(pattern=r"^(0|-?[1-9][0-9]*)$")]
"""A whole number of any size as its digits: lamports, or raw units of a token. JSON's numbers end at 2^53."""

Number = Annotated[str, BeforeValidator(_decimal), StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""An exact decimal as its digits."""

Claim = Annotated[float | None, BeforeValidator(_finite)]
"""A number that somebody else gave. JSON has no word for what is not finite: that is null."""

Span = Annotated[str, BeforeValidator(_span), StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?s$")]
"""A length of time in seconds, such as 90s, as plans have it."""

Time = Annotated[str, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in UTC, such as 2026-01-31T12:00:00.000000000Z."""
