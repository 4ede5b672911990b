"""Names for new things: unguessable in a running engine, counted in a replay or a test."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import defaultdict


class RandomIds:
    """Names with 48 random bits."""

    def new(self, prefix: str) -> str:
        """Return a name such as ``exit-5f0c9a3e71d2``."""
        return f"{prefix}-{secrets.token_hex(6)}"

    def seed(self) -> str:
        """Return 128 random bits in hex."""
        return secrets.token_hex(16)


class CountedIds:
    """Names that count from 1 for each prefix: the same run gives the same names."""

    def __init__(self) -> None:
        self._counts: dict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        """Return a name such as ``exit-1``."""
        with self._lock:
            return f"{prefix}-{next(self._counts[prefix])}"

    def seed(self) -> str:
        """Return a text such as ``seed-1``: predictable, and so for replays and tests alone."""
        return self.new("seed")
