"""The heartbeat: that the engine lives, and how far it has come, for whoever only listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import System
from engine.domain.units import Nanos, seconds
from engine.ports import Store

INTERVAL = seconds(10)


@dataclass(frozen=True, slots=True)
class _Beat:
    pass


class Heartbeat(EngineActor):
    """Publishes `engine.heartbeat` every *interval*; never where that is None, as in a replay."""

    def __init__(self, system: System, name: str, *, store: Store, interval: Nanos | None = INTERVAL) -> None:
        super().__init__(system, name)
        self._store = store
        self._interval = interval

    def started(self) -> None:
        """Beat at once, so that a subscriber of the first moment learns where the events stand."""
        if self._interval is not None:
            self.tell(self.name, _Beat())

    def receive(self, message: Any) -> Any:
        """Beat."""
        match message:
            case _Beat() if self._interval is not None:
                try:
                    self._beat()
                finally:
                    self.tell_self_at(Nanos(self.now() + self._interval), message)
            case _:
                return super().receive(message)
        return None

    def _beat(self) -> None:
        self.publish(
            "engine.heartbeat",
            last_event=self._store.last_event(),
            open_positions=len(self._store.positions(open_only=True)),
            unfinished_orders=len(self._store.orders(unfinished_only=True)),
        )
