"""Mailboxes. The only file, with base.py, that touches what Pykka keeps for makers of new actor types.

Rules:
1. A message with an `urgency` goes, in a `PriorityMailbox`, by urgency and then by arrival; one without comes
   after all that have one.
2. Pykka's stop comes after every message, whatever it is: nothing that was told before is lost to it.
3. In any mailbox a message with a `conflation_key` is merged into one with the same key that still waits.
4. No flood of prices fills the memory: where `FLOOD` messages wait, one with a `flood_key` takes the place of the one
   with the same key that waits. Nothing else is ever dropped: there are as many orders and commands as somebody waits
   for.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import Any

from pykka import ActorDeadError
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from engine.domain.units import Nanos

FLOOD = 1_000
_UNRANKED = 1_000
_STOP = 1_000_000


class Activity:
    """Counts the messages that are told and not yet handled, over all actors of a system."""

    def __init__(self) -> None:
        self._open = 0
        self._changed = threading.Condition()

    def begun(self) -> None:
        """Count one message in."""
        with self._changed:
            self._open += 1

    def done(self) -> None:
        """Count one message out; what it led to was counted in before."""
        with self._changed:
            self._open -= 1
            if not self._open:
                self._changed.notify_all()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no message is left anywhere, at most *timeout* seconds; return whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)


class Mailbox:
    """First come, first served."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Envelope[Any]]] = []
        self._waiting: dict[str, Envelope[Any]] = {}
        self._replaceable: dict[str, Envelope[Any]] = {}
        self._arrivals = itertools.count()
        self._filled = threading.Condition()
        self.activity = Activity()
        self._closed = False
        self.busy_since: Nanos | None = None
        """Since when the actor has been handling the message that it took last."""

    def put(self, envelope: Envelope[Any]) -> None:
        """Add *envelope*, or merge its message into one that waits.

        Raises:
            pykka.ActorDeadError: the actor has laid down its mail; nobody would ever read this.
        """
        key = getattr(envelope.message, "conflation_key", None)
        with self._filled:
            if self._closed:
                raise ActorDeadError("the actor has stopped")
            if key is not None and (waiting := self._waiting.get(key)) is not None:
                waiting.message = waiting.message.followed_by(envelope.message)
                return
            if key is not None:
                self._waiting[key] = envelope
            elif self._replaced(envelope):
                return
            self.activity.begun()
            heapq.heappush(self._heap, (self.rank(envelope.message), next(self._arrivals), envelope))
            self._filled.notify()

    def _replaced(self, envelope: Envelope[Any]) -> bool:
        """Return whether the message took the place of one that waits, as there is a flood of them."""
        key = getattr(envelope.message, "flood_key", None)
        if key is None:
            return False
        waiting = self._replaceable.get(key)
        if waiting is not None and len(self._heap) >= FLOOD:
            waiting.message = envelope.message
            return True
        self._replaceable[key] = envelope
        return False

    def get(self) -> Envelope[Any]:
        """Take the next envelope, waiting for one."""
        with self._filled:
            while not self._heap:
                self._filled.wait()
            envelope = heapq.heappop(self._heap)[2]
            key = getattr(envelope.message, "conflation_key", None)
            if key is not None:
                del self._waiting[key]
            key = getattr(envelope.message, "flood_key", None)
            if key is not None and self._replaceable[key] is envelope:
                del self._replaceable[key]
            return envelope

    def close(self) -> list[Envelope[Any]]:
        """Take no more mail; answer whoever still waits for an answer, and return what was never read."""
        with self._filled:
            self._closed = True
            left = [envelope for _, _, envelope in sorted(self._heap, key=lambda entry: entry[:2])]
            self._heap.clear()
        for envelope in left:
            _turn_away(envelope)
            self.activity.done()
        return left

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return not self._heap

    def __len__(self) -> int:
        return len(self._heap)

    def rank(self, message: Any) -> int:
        """Return what *message* is ordered by before its arrival."""
        return _STOP if isinstance(message, _ActorStop) else 0


class PriorityMailbox(Mailbox):
    """The most urgent first; of the same urgency, the oldest."""

    def rank(self, message: Any) -> int:
        """Return the message's urgency."""
        if isinstance(message, _ActorStop):
            return _STOP
        return int(getattr(message, "urgency", _UNRANKED))


def _turn_away(envelope: Envelope[Any]) -> None:
    if envelope.reply_to is None:
        return
    if isinstance(envelope.message, _ActorStop):
        envelope.reply_to.set(None)
    else:
        error = ActorDeadError("the actor stopped before it came to the message")
        envelope.reply_to.set_exception((ActorDeadError, error, None))
