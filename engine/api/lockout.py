"""Wrong tokens are counted for each address, and enough of them shut it out for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from engine.domain.units import SECOND, Nanos, seconds
from engine.ports import Clock

FAILURES = 5
PERIOD = seconds(60)
_MOST_ADDRESSES = 4096
"""More are not remembered: the one that failed longest ago is forgotten."""


class Lockout:
    """Who has given a wrong token five times within a minute is heard again once the first of them is a minute ago.

    A missing token is refused and not counted: nothing was guessed, and a web page, which cannot send a token, must
    not be able to shut out whoever sits before it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[Nanos]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Return for how many seconds *address* is not heard, rounded up; 0 where it is."""
        with self._lock:
            times = self._failures.get(address)
            if times is None or len(times) < FAILURES:
                return 0
            left = times[0] + PERIOD - self._clock.now()
        return max(0, -(-left // SECOND))

    def failed(self, address: str) -> None:
        """Count a wrong token from *address*."""
        with self._lock:
            self._failures.setdefault(address, deque(maxlen=FAILURES)).append(self._clock.now())
            self._failures.move_to_end(address)
            if len(self._failures) > _MOST_ADDRESSES:
                self._failures.popitem(last=False)
