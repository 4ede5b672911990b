"""What lists of the API are ordered by and figures put together by, for it and for those who ask it."""

from __future__ import annotations

from enum import StrEnum


class SortBy(StrEnum):
    """What positions are ordered by."""

    OPENED_AT = "opened_at"
    SYMBOL = "symbol"
    CHANGE = "change"
    UNREALIZED_PNL = "unrealized_pnl"
    REALIZED_PNL = "realized_pnl"
    STOP_DISTANCE = "stop_distance"
    AGE = "age"
    """How long it has been open, or was."""
    STATUS = "status"
    """Open, exit pending, partly exited, closed."""


class By(StrEnum):
    """What closed positions are put together by."""

    DAY = "day"
    """UTC, of the close."""
    TOKEN = "token"  # noqa: S105 - not a secret
    REASON = "reason"
    """Of the last exit."""
