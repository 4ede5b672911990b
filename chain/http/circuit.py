"""Which of several servers to ask: one that failed rests for a while, and the next in order is asked meanwhile.

A server whose rest is over is asked again by whatever comes next. Where no other server does it, the one whose rest
ends first is asked all the same: refusing to ask anybody would make a short fault long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.domain.units import Nanos
from engine.ports import Clock

T = TypeVar("T")


class Circuit:
    """Whether one server rests. Safe to share between threads.

    Args:
        clock: tells when a rest is over.
        rest: how long a server is left alone after a failure.
    """

    def __init__(self, clock: Clock, rest: Nanos) -> None:
        self._clock = clock
        self._rest = rest
        self._until = Nanos(0)

    @property
    def rests_until(self) -> Nanos | None:
        """When the rest ends; None where the server may be asked."""
        return self._until if self._until > self._clock.now() else None

    def failed(self, until: Nanos | None = None) -> None:
        """Let the server rest, until *until* where it said itself when it can be asked again; never for longer."""
        longest = Nanos(self._clock.now() + self._rest)
        self._until = longest if until is None else min(until, longest)

    def worked(self) -> None:
        """Take up that the server answered: whatever was before is over."""
        self._until = Nanos(0)


def in_turn(servers: Sequence[T], circuit_of: Callable[[T], Circuit]) -> list[T]:
    """Return those of *servers* to ask, in order: all that do not rest, and last the one whose rest ends first."""
    rests = [(circuit_of(server).rests_until, server) for server in servers]
    awake = [server for until, server in rests if until is None]
    resting = [(until, server) for until, server in rests if until is not None]
    return [*awake, *(server for _, server in sorted(resting, key=lambda rest: rest[0])[:1])]
