"""The lookout asks now and then how the engine's connections are, and tells a person of what stays wrong.

It decides nothing: what the clients do about a node that lags or a host that is down, they do by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System
from engine.domain.alert import Trouble
from engine.domain.units import Nanos, seconds
from engine.messages.alerts import ResolveAlerts
from engine.messages.control import Snapshot
from engine.ports import Connections

LOOK_INTERVAL = seconds(5)
LOOKS = 3
"""So many looks in a row must find a trouble before a person hears of it: most pass by themselves."""


@dataclass(frozen=True, slots=True)
class _Look:
    pass


class Lookout(EngineActor):
    """Watches the connections. See the module.

    Args:
        connections: what is looked at.
        interval: between two looks.
    """

    def __init__(self, system: System, name: str, *, connections: Connections, interval: Nanos = LOOK_INTERVAL) -> None:
        super().__init__(system, name)
        self._connections = connections
        self._interval = interval
        self._found: dict[str, int] = {}
        """In how many looks in a row each trouble was found."""

    def started(self) -> None:
        """Look at once: what a connection lacks is better known before it is needed."""
        self.tell(self.name, _Look())

    def receive(self, message: Any) -> Any:
        """Look."""
        match message:
            case _Look():
                try:
                    self._take_up({trouble.key: trouble for trouble in self._connections.troubles()})
                finally:
                    self.tell_self_at(Nanos(self.now() + self._interval), message)
            case Snapshot():
                return set(self._found)
            case _:
                return super().receive(message)
        return None

    def _take_up(self, troubles: dict[str, Trouble]) -> None:
        for key in self._found.keys() - troubles.keys():
            if self._found.pop(key) >= LOOKS:
                self.tell(ALERTS, ResolveAlerts(dedupe_key=key))
            self.publish("engine.connection_back", connection=key)
        for key, trouble in troubles.items():
            self._found[key] = self._found.get(key, 0) + 1
            if self._found[key] == 1:
                self.log.warning("connection_troubled", connection=key, trouble=trouble.message)
                self.publish("engine.connection_troubled", connection=key, trouble=trouble.message)
            if self._found[key] == LOOKS:
                self.alert("connection", trouble.severity, trouble.title, trouble.message, dedupe_key=key)
