"""Transactions on their way into a block."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Queued:
    """A transaction that lands in slot *due*, after those that arrived before it."""

    due: int
    arrival: int
    raw: bytes = field(compare=False)
    signature: str = field(compare=False)


class LandingQueue:
    """What was sent and has not landed, in order of landing."""

    def __init__(self) -> None:
        self._heap: list[Queued] = []
        self._arrivals = itertools.count()
        self._signatures: set[str] = set()

    def push(self, raw: bytes, signature: str, due: int) -> None:
        """Let *raw* land in slot *due*; the same signature again changes nothing."""
        if signature not in self._signatures:
            self._signatures.add(signature)
            heapq.heappush(self._heap, Queued(due, next(self._arrivals), raw, signature))

    def pop_due(self, slot: int) -> Queued | None:
        """Take the next transaction that is due by *slot*, if any."""
        if not self._heap or self._heap[0].due > slot:
            return None
        queued = heapq.heappop(self._heap)
        self._signatures.discard(queued.signature)
        return queued

    @property
    def next_due(self) -> int | None:
        """The slot that the next transaction lands in."""
        return self._heap[0].due if self._heap else None
