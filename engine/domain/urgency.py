"""Why a position is left, and the rank that the router serves it by."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ExitReason(StrEnum):
    """Why an exit was raised."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT_1 = "take_profit_1"
    TAKE_PROFIT_2 = "take_profit_2"
    TAKE_PROFIT_3 = "take_profit_3"
    TRAILING_STOP = "trailing_stop"
    TIME_LIMIT = "time_limit"
    STAGNATION = "stagnation"
    MANUAL = "manual"
    EMERGENCY = "emergency"


class Urgency(IntEnum):
    """Lower is served first; within a rank, the oldest."""

    VERDICT = -1
    """Not an order: the outcome of a swap in flight. Read first, since it frees a slot for whoever waits."""
    EMERGENCY = 0
    STOP_LOSS = 10
    TRAILING_STOP = 20
    TAKE_PROFIT = 30
    MANUAL = 40
    OTHER_EXIT = 50
    ENTRY = 100
    RECLAIM = 150
    CONTROL = 200
    """Questions and housekeeping."""


_BY_REASON = {
    ExitReason.EMERGENCY: Urgency.EMERGENCY,
    ExitReason.STOP_LOSS: Urgency.STOP_LOSS,
    ExitReason.TRAILING_STOP: Urgency.TRAILING_STOP,
    ExitReason.TAKE_PROFIT_1: Urgency.TAKE_PROFIT,
    ExitReason.TAKE_PROFIT_2: Urgency.TAKE_PROFIT,
    ExitReason.TAKE_PROFIT_3: Urgency.TAKE_PROFIT,
    ExitReason.MANUAL: Urgency.MANUAL,
    ExitReason.TIME_LIMIT: Urgency.OTHER_EXIT,
    ExitReason.STAGNATION: Urgency.OTHER_EXIT,
}

TAKE_PROFITS = (ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2, ExitReason.TAKE_PROFIT_3)

RESERVED_FOR = frozenset({Urgency.STOP_LOSS, Urgency.EMERGENCY})
"""The ranks that one of the router's slots is kept for."""


def urgency_of(reason: ExitReason | None) -> Urgency:
    """Return the rank of an exit for *reason*; of an entry for None."""
    return Urgency.ENTRY if reason is None else _BY_REASON[reason]


def more_urgent(reason: ExitReason, than: ExitReason) -> bool:
    """Return whether *reason* outranks *than*; the same rank does not."""
    return _BY_REASON[reason] < _BY_REASON[than]
