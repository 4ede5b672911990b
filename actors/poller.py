"""A poller asks one price source at its pace and tells the feed. It blocks, so that nobody else has to.

A source that tells of prices by itself is heard from then on, whether it is asked or not.

Between two turns it looks again at a mint whose newest price looks wrong; what it is asked while it waits for an
answer is asked for in one request. While its source rests after a failure, it asks nothing; nor until a source whose
requests are counted can be asked again, which is no failure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import FEED, System
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import Mint, Nanos, seconds
from engine.messages.prices import (
    LookAgain,
    RestSource,
    SourceFailed,
    SourceReady,
    Tick,
    TickObserved,
    UnwatchMint,
    WatchMint,
)
from engine.ports import PriceSource, PushingSource


def poller_name(source: str) -> str:
    """Return the name of the poller of *source*."""
    return f"poller:{source}"


@dataclass(frozen=True, slots=True)
class _Poll:
    turn: int


@dataclass(frozen=True, slots=True)
class _LookNow:
    pass


class Poller(EngineActor):
    """Fetches the prices of the guarded mints, over and over."""

    def __init__(self, system: System, name: str, *, source: PriceSource, interval: Nanos = seconds(1)) -> None:
        super().__init__(system, name)
        self._source = source
        self._interval = interval
        self._mints: dict[Mint, None] = {}
        self._doubtful: dict[Mint, None] = {}
        self._polling = False
        self._turn = 0
        self._due = Nanos(0)
        self._rests_until = Nanos(0)

    def started(self) -> None:
        """Let the feed say what is guarded, and hear of what the source tells by itself."""
        if isinstance(self._source, PushingSource):
            self._source.push_to(self._observed)
        self.tell(FEED, SourceReady(source=self._source.name))

    def receive(self, message: Any) -> Any:
        """Take a mint in or out, fetch, look again, or rest."""
        match message:
            case WatchMint(mint=mint):
                self._mints[mint] = None
                if not self._polling:
                    self._poll()
            case UnwatchMint(mint=mint):
                self._mints.pop(mint, None)
            case _Poll(turn=turn):
                if turn == self._turn:
                    self._poll()
            case LookAgain(mint=mint):
                if not self._doubtful:
                    self.tell(self.name, _LookNow())
                self._doubtful[mint] = None
            case _LookNow():
                doubtful, self._doubtful = self._doubtful, {}
                self._fetch(doubtful)
            case RestSource(until=until):
                self._rests_until = until
                if self._polling:
                    self._poll_at(max(until, self._due))
            case _:
                super().receive(message)

    def _poll(self) -> None:
        self._polling = bool(self._mints)
        if not self._mints:
            return
        begun = self.now()
        self._due = Nanos(begun + self._interval)
        try:
            self._fetch(self._mints)
        finally:
            # A slow answer must not make the pace a burst: the next call is one interval after this one began.
            self._poll_at(max(self._due, self.now(), self._rests_until))

    def _poll_at(self, at: Nanos) -> None:
        """Make the next turn at *at*, and none that was to come before."""
        self._turn += 1
        self.tell_self_at(at, _Poll(self._turn))

    def _fetch(self, mints: Collection[Mint]) -> None:
        if self.now() < self._rests_until:
            return
        try:
            for tick in self._source.fetch(list(mints)):
                self._observed(tick)
        except PriceUnavailableError as error:
            if error.retry_at is not None:
                self.log.warning("source_spent", source=self._source.name, error=str(error))
                self._rests_until = max(self._rests_until, error.retry_at)
                return
            self.tell(FEED, SourceFailed(source=self._source.name, error=str(error)))

    def _observed(self, tick: Tick) -> None:
        """Tell the feed of *tick*; from any thread."""
        self.tell(FEED, TickObserved(tick=tick))
