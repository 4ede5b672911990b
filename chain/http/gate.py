"""The way to a server that counts its callers' requests."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol


class Rank(IntEnum):
    """Who is served first where requests are counted: the lower, the earlier."""

    EXIT = 0
    ENTRY = 1
    POLL = 2


class Gate(Protocol):
    """What counts the requests to a server. Never waits."""

    def admit(self, rank: Rank) -> None:
        """Count a request of *rank* that is about to be made.

        Raises:
            chain.http.NoBudgetError: it must not be made now.
        """

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Take up what the server said of its limit, by the *status* and lower-case *headers* of an answer."""
