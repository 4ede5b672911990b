"""Blockhashes that expire."""

from __future__ import annotations

import hashlib

from solders.hash import Hash

LIFETIME = 150
"""Blocks for which a blockhash may be used (Agave's MAX_PROCESSING_AGE)."""
FORWARDING_DELAY = 6
"""A simulation wants this many blocks of life left, for the way to a leader (MAX_TRANSACTION_FORWARDING_DELAY)."""
REMEMBERED = 300
"""Blocks for which a node still knows what a blockhash costs (MAX_RECENT_BLOCKHASHES)."""

_KEPT = REMEMBERED + 64
"""The finalized level, which lags, must know for as long."""


class Blockhashes:
    """One hash per block, computed when it is first asked for.

    Only hashes that were handed out are remembered: nobody can hold any other.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._heights: dict[str, int] = {}

    def at(self, height: int) -> str:
        """Return the base58 blockhash of the block at *height*; the same seed gives the same hash."""
        digest = hashlib.sha256(self._seed + height.to_bytes(8, "little")).digest()
        blockhash = str(Hash.from_bytes(digest))
        if blockhash not in self._heights:
            self._forget_before(height - _KEPT)
            self._heights[blockhash] = height
        return blockhash

    def age_at(self, blockhash: str, height: int) -> int | None:
        """Return how many blocks old *blockhash* is at *height*, or None where that block does not know it."""
        issued = self._heights.get(blockhash)
        if issued is None or not 0 <= height - issued <= REMEMBERED:
            return None
        return height - issued

    def _forget_before(self, height: int) -> None:
        for blockhash in [known for known, issued in self._heights.items() if issued < height]:
            del self._heights[blockhash]
