"""The historian stores what prices did, a candle for each minute, and removes what no chart needs any more.

It takes the candles off the price tape (`actors.tape`) once a minute and writes those of all mints in one commit; the
minute that is under way is written when the engine stops. No price waits for it. A candle is kept while a position that
saw it is open, and for a time after that was closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import System
from actors.tape import FINE, PriceTape
from engine.domain.candles import MINUTE, span_begin
from engine.domain.units import Mint, Nanos, seconds
from engine.messages.control import Snapshot
from engine.ports import Store

TIDY_INTERVAL = seconds(3600)
_AFTER_THE_MINUTE = seconds(1)
"""So that the last price of a minute is on the tape when the minute is stored."""


@dataclass(frozen=True, slots=True)
class _Write:
    pass


@dataclass(frozen=True, slots=True)
class _Tidy:
    pass


class Historian(EngineActor):
    """From the tape to the store. See the module.

    Args:
        tape: holds what is not stored yet; it outlives this actor.
        store: where it goes.
        history: how long the candles of a position are kept after it was closed.
    """

    def __init__(self, system: System, name: str, *, tape: PriceTape, store: Store, history: Nanos) -> None:
        super().__init__(system, name)
        self._tape = tape
        self._store = store
        self._history = history
        self._empty: set[Mint] = set()
        """Mints without a position that needs them, and so without candles."""

    def started(self) -> None:
        """Tidy up, and wait for the minute to be over."""
        self.tell(self.name, _Tidy())
        self._write_later()

    def receive(self, message: Any) -> Any:
        """Store the minutes that are over, or remove what is not needed."""
        match message:
            case _Write():
                try:
                    self._write(before=span_begin(self.now(), MINUTE))
                    self._tape.forget(Nanos(self.now() - FINE))
                finally:
                    self._write_later()
            case _Tidy():
                try:
                    self._tidy()
                finally:
                    self.tell_self_at(Nanos(self.now() + TIDY_INTERVAL), message)
            case Snapshot():
                return {"unwritten": len(self._tape.unwritten(self.now()))}
            case _:
                return super().receive(message)
        return None

    def on_stop(self) -> None:
        """Store the minute that is under way; what comes of it after a restart is added to it."""
        try:
            self._write(before=Nanos(self.now() + 1))
        except Exception:
            self.log.exception("candles_not_stored")  # the engine ends all the same: a chart lacks a minute

    def _write_later(self) -> None:
        minute = span_begin(self.now(), MINUTE)
        self.tell_self_at(Nanos(minute + MINUTE + _AFTER_THE_MINUTE), _Write())

    def _write(self, *, before: Nanos) -> None:
        candles = self._tape.unwritten(before)
        if candles:
            self._store.keep_candles(candles)
            self._tape.written(candles)

    def _tidy(self) -> None:
        """Remove the candles that lie before every position of their mint that is open, or was closed lately."""
        begins: dict[Mint, Nanos] = {}
        over: set[Mint] = set()
        for position in self._store.positions():
            if position.closed_at is None or position.closed_at > self.now() - self._history:
                begin = span_begin(position.opened_at, MINUTE)
                begins[position.mint] = min(begin, begins.get(position.mint, begin))
            else:
                over.add(position.mint)
        over -= begins.keys()
        self._store.drop_candles({**begins, **dict.fromkeys(over - self._empty, self.now())})
        self._empty = over
