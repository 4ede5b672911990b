"""The compute budget that Jupiter puts into its transactions.

The going rate of a compute unit does not move here: LiteSVM has no market for block space. What is asked
for is applied as Jupiter applies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction

from chain.simulated.fees import MAX_COMPUTE_UNITS, MICRO

_MARGIN_PERCENT = 120
"""A limit that follows from a simulation leaves a fifth of room."""


class PriorityLevel(StrEnum):
    """How much of what others pay is to be outbid."""

    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "veryHigh"


_RATES = {PriorityLevel.MEDIUM: 10_000, PriorityLevel.HIGH: 50_000, PriorityLevel.VERY_HIGH: 250_000}
"""Micro-lamports a compute unit at the 25th, 50th and 75th percentile."""

_PERCENTILES = {PriorityLevel.MEDIUM: 2_500, PriorityLevel.HIGH: 5_000}

GOING_RATE = _RATES[PriorityLevel.HIGH]


@dataclass(frozen=True, slots=True)
class ComputeBudget:
    """What a transaction may use, and pays for it in micro-lamports a unit."""

    limit: int
    price: int

    @property
    def priority_fee(self) -> int:
        """Lamports, as Jupiter states them: rounded down."""
        return self.price * self.limit // MICRO

    def instructions(self) -> list[Instruction]:
        """Return the two instructions that set it."""
        return [set_compute_unit_limit(self.limit), set_compute_unit_price(self.price)]


def rate(level: PriorityLevel | int) -> int:
    """Return the micro-lamports a compute unit at *level*: a name, or a percentile in basis points."""
    if isinstance(level, int):
        named = [name for name, percentile in _PERCENTILES.items() if level <= percentile]
        level = named[0] if named else PriorityLevel.VERY_HIGH
    return _RATES[level]


def limit_after(consumed: int) -> int:
    """Return the limit for a transaction that a simulation saw consume *consumed* units."""
    return min(MAX_COMPUTE_UNITS, consumed * _MARGIN_PERCENT // 100)


def price_for(lamports: int, limit: int) -> int:
    """Return the micro-lamports a unit that make *limit* units cost at most *lamports*."""
    return lamports * MICRO // limit
