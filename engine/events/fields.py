"""How the values of events are written in JSON: money exactly, and times as people and programs read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

_SECOND = 10**9


def rfc3339(time: int) -> str:
    """Return *time*, in nanoseconds since the Unix epoch, as RFC 3339 has it, in UTC and to the nanosecond."""
    moment = datetime.fromtimestamp(time // _SECOND, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % _SECOND:09}Z"


def _digits(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


def _decimal(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _moment(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, int) else value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


Integer = Annotated[str, BeforeValidator(_digits), StringConstraints(pattern=r"^(0|-?[1-9][0-9]*)$")]
"""A whole number of any size as its digits: lamports, or raw units of a token. JSON's numbers end at 2^53."""

Number = Annotated[str, BeforeValidator(_decimal), StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""An exact decimal as its digits."""

Claim = Annotated[float | None, BeforeValidator(_finite)]
"""A number that somebody else gave. JSON has no word for what is not finite: that is null."""

Time = Annotated[str, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in UTC, such as 2026-01-31T12:00:00.000000000Z."""
