"""How slots, block heights and commitment levels follow from the clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.domain.units import SECOND, Nanos

FIRST_SLOT = 20_000
FIRST_HEIGHT = 15_000
"""On a real cluster the height lags the slot, because some slots stay without a block; a client that mixes
the two up must fail here as well. From here on every slot has one block."""


class Commitment(StrEnum):
    """How sure a node is of what it says."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


SLOTS_BEHIND = {Commitment.PROCESSED: 0, Commitment.CONFIRMED: 1, Commitment.FINALIZED: 32}
"""Slots between the newest block and the newest block of a commitment level."""


def height_of(slot: int) -> int:
    """Return the height of the block in *slot*."""
    return slot - FIRST_SLOT + FIRST_HEIGHT


@dataclass(frozen=True, slots=True)
class SlotSchedule:
    """Slots of equal length, counted from `FIRST_SLOT`.

    Attributes:
        genesis: when the first slot starts.
        duration: length of a slot.
    """

    genesis: Nanos
    duration: Nanos

    def __post_init__(self) -> None:
        if self.duration <= 0:
            raise ValueError(f"slot_duration must be positive, not {self.duration} ns")

    def slot_at(self, moment: Nanos) -> int:
        """Return the slot that is under way at *moment*."""
        return FIRST_SLOT + (moment - self.genesis) // self.duration

    def start_of(self, slot: int) -> Nanos:
        """Return when *slot* starts."""
        return Nanos(self.genesis + (slot - FIRST_SLOT) * self.duration)

    def unix_time(self, slot: int) -> int:
        """Return the block time of *slot*, in whole seconds since the Unix epoch."""
        return self.start_of(slot) // SECOND
