"""The pulse calls a dead-man's switch for as long as the engine is well, and falls silent when it is not.

Well means: within the last interval the supervisor saw that every actor is there, and the chain can be read now. A
server elsewhere raises the alarm when nobody calls it, whatever became of the engine, its machine or its network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System
from engine.domain.alert import Severity
from engine.domain.errors import ChainUnavailableError, DeliveryError
from engine.domain.units import Nanos
from engine.messages.alerts import ResolveAlerts
from engine.ports import Chain, DeadMansSwitch

FAILURES = 3
"""So many calls in a row must fail before a person hears of it."""
_KEY = "heartbeat_fails"


@dataclass(frozen=True, slots=True)
class _Beat:
    pass


class Pulse(EngineActor):
    """Calls the switch. See the module.

    Args:
        switch: what is called.
        chain: what must be readable.
        interval: between two calls; the supervisor looks more often.
    """

    def __init__(self, system: System, name: str, *, switch: DeadMansSwitch, chain: Chain, interval: Nanos) -> None:
        super().__init__(system, name)
        self._switch = switch
        self._chain = chain
        self._interval = interval
        self._failures = 0
        """In a row."""

    def started(self) -> None:
        """Wait one interval: the supervisor has not looked yet."""
        self._beat_later()

    def receive(self, message: Any) -> Any:
        """Beat, or do not."""
        match message:
            case _Beat():
                try:
                    self._beat()
                finally:
                    self._beat_later()
            case _:
                return super().receive(message)
        return None

    def _beat_later(self) -> None:
        self.tell_self_at(Nanos(self.now() + self._interval), _Beat())

    def _beat(self) -> None:
        if (trouble := self._trouble()) is not None:
            self.log.warning("heartbeat_withheld", why=trouble)
            return
        try:
            self._switch.beat()
        except DeliveryError as error:
            self._not_reached(str(error))
        else:
            if self._failures >= FAILURES:
                self.tell(ALERTS, ResolveAlerts(dedupe_key=_KEY))
            self._failures = 0

    def _trouble(self) -> str | None:
        """Return what is wrong with the engine, or None where it is well."""
        if not self.system.looked_within(self._interval):
            return "the supervisor has not looked"
        try:
            self._chain.finalized_height()
        except ChainUnavailableError as error:
            return f"the chain cannot be read: {error}"
        return None

    def _not_reached(self, reason: str) -> None:
        self._failures += 1
        self.log.warning("heartbeat_failed", reason=reason)
        if self._failures == FAILURES:
            self.alert(
                "heartbeat",
                Severity.HIGH,
                "THE DEAD-MAN'S SWITCH IS NOT REACHED",
                f"The heartbeat address failed {FAILURES} times in a row: {reason}. It raises its own alarm soon.",
                dedupe_key=_KEY,
            )
