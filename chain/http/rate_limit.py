"""How many requests Jupiter takes: one count for an organisation, whatever its keys and whatever is asked for.

Jupiter counts the requests of the last 60 seconds. Its answers with HTTP 200 and 429 say where that count stands:
``x-ratelimit-current`` (made), ``x-ratelimit-remaining`` (left, may be negative) and ``x-ratelimit-reset`` (when the
oldest leaves the window, in Unix seconds); after a 429 there is no further penalty. Source: portal/rate-limits of
github.com/jup-ag/docs.

Nothing waits here: who finds no budget is told when there will be some. An exit is never held back. It may use what
the others must leave, and beyond that the server decides.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from chain.http.client import NoBudgetError
from chain.http.gate import Rank
from chain.values import whole_number
from engine.domain.units import SECOND, Nanos, seconds
from engine.ports import Clock

PLANS: Mapping[str, int] = {"keyless": 30, "free": 60, "developer": 600, "launch": 3000, "pro": 9000}
"""Requests in 60 seconds that each of Jupiter's plans allows."""
WINDOW = seconds(60)
_TOO_MANY = 429
_PAUSE = seconds(1)
"""How long a 429 without a time counts: the firewall's rules name none."""


class RateLimit:
    """The requests of one organisation: the gate of every `chain.http.client.HttpClient` to Jupiter. Thread-safe.

    Args:
        clock: dates the requests.
        limit: requests that may be made in 60 seconds, until Jupiter's own figures are known; see `PLANS`.
        reserve: requests that entries leave for exits, and polls once more for entries; None is a tenth of the limit.
        server: whose limit it is, for errors.
    """

    def __init__(self, clock: Clock, *, limit: int, reserve: int | None = None, server: str = "Jupiter") -> None:
        self._clock = clock
        self._server = server
        self._limit = limit
        self._reserve = reserve
        self._made: deque[Nanos] = deque()
        self._of_others, self._others_leave_at = 0, Nanos(0)
        self._empty_until = Nanos(0)
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many requests are left in the window; negative where exits went beyond it."""
        with self._lock:
            return self._left(self._clock.now())

    def admit(self, rank: Rank) -> None:
        """Count a request of *rank*.

        Raises:
            NoBudgetError: what is left is for requests that go before it. The request is not counted.
        """
        now = self._clock.now()
        with self._lock:
            short = rank * self._kept() + 1 - self._left(now)
            if rank is not Rank.EXIT and (short > 0 or now < self._empty_until):
                next_at = self._free_at(now, short)
                raise NoBudgetError(
                    f"{self._server}'s limit of {self._limit} requests a minute leaves none for this one "
                    f"for {(next_at - now) / SECOND:.1f} s",
                    next_at=next_at,
                )
            self._made.append(now)

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Take up what Jupiter said: its own limit, and the requests that others of the organisation made."""
        now = self._clock.now()
        counted = _counted(headers)
        with self._lock:
            if counted is not None:
                remaining, current = counted
                self._limit = max(1, remaining + current)
                self._left(now)
                self._of_others, self._others_leave_at = max(0, current - len(self._made)), Nanos(now + WINDOW)
            if status == _TOO_MANY:
                reset = reset_of(headers) or Nanos(now + _PAUSE)
                # A clock that differs from Jupiter's must not hold polls back for longer than the window.
                self._empty_until = min(max(reset, Nanos(now + 1)), Nanos(now + WINDOW))

    def _left(self, now: Nanos) -> int:
        while self._made and self._made[0] <= now - WINDOW:
            self._made.popleft()
        of_others = self._of_others if now < self._others_leave_at else 0
        return self._limit - len(self._made) - of_others

    def _kept(self) -> int:
        """Return the reserve, of which two must leave room for a poll whatever the limit turns out to be."""
        return self._limit // 10 if self._reserve is None else min(self._reserve, (self._limit - 1) // 2)

    def _free_at(self, now: Nanos, short: int) -> Nanos:
        """Return when *short* requests fewer will be in the window; a guess where others made them."""
        if short <= 0:
            return self._empty_until
        aged = self._made[short - 1] + WINDOW if short <= len(self._made) else now + _PAUSE
        return Nanos(max(aged, self._empty_until))


def reset_of(headers: Mapping[str, str]) -> Nanos | None:
    """Return when the oldest request leaves the window, by *headers* with lower-case names; None where not told."""
    try:
        return Nanos(whole_number(headers.get("x-ratelimit-reset", "")) * SECOND)
    except ValueError:
        return None


def _counted(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return how many requests are left, and how many were made."""
    try:
        remaining = headers.get("x-ratelimit-remaining", "")
        sign = -1 if remaining.startswith("-") else 1
        return sign * whole_number(remaining.removeprefix("-")), whole_number(headers.get("x-ratelimit-current", ""))
    except ValueError:
        return None
