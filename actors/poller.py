"""A poller asks one price source at its pace and tells the feed. It blocks, so that nobody else has to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import FEED, System
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import Mint, Nanos, seconds
from engine.messages.prices import SourceFailed, TickObserved, UnwatchMint, WatchMint
from engine.ports import PriceSource


@dataclass(frozen=True, slots=True)
class _Poll:
    pass


class Poller(EngineActor):
    """Fetches the prices of the guarded mints, over and over."""

    def __init__(self, system: System, name: str, *, source: PriceSource, interval: Nanos = seconds(1)) -> None:
        super().__init__(system, name)
        self._source = source
        self._interval = interval
        self._mints: dict[Mint, None] = {}
        self._polling = False

    def receive(self, message: Any) -> Any:
        """Take a mint in or out, or fetch."""
        match message:
            case WatchMint(mint=mint):
                self._mints[mint] = None
                if not self._polling:
                    self._fetch()
            case UnwatchMint(mint=mint):
                self._mints.pop(mint, None)
            case _Poll():
                self._fetch()
            case _:
                super().receive(message)

    def _fetch(self) -> None:
        self._polling = bool(self._mints)
        if not self._mints:
            return
        begun = self.now()
        try:
            for tick in self._source.fetch(list(self._mints)):
                self.tell(FEED, TickObserved(tick=tick))
        except PriceUnavailableError as error:
            self.tell(FEED, SourceFailed(source=self._source.name, error=str(error)))
        finally:
            # A slow answer must not make the pace a burst: the next call is one interval after this one began.
            self.tell_self_at(Nanos(max(begun + self._interval, self.now())), _Poll())
