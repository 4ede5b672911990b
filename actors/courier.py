"""A courier brings alerts to one channel, and does not give up: each waits here until it is delivered or recalled.

What waits is not stored: the alerts are, and whoever starts anew is told of those that nobody acknowledged. A channel
that fails is an alert itself, once, which goes to the other channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System
from engine.domain.alert import Severity
from engine.domain.delivery import CHANNEL_FAILED, Delivery, first_of, wait_after
from engine.domain.errors import DeliveryError
from engine.domain.units import AlertId, Nanos
from engine.messages.alerts import AlertDelivered, DeliverAlert, RecallAlert, ResolveAlerts
from engine.messages.control import Snapshot
from engine.ports import Channel, Timer

FAILURES = 3
"""So many deliveries in a row must fail before a person hears of it on the other channels."""


@dataclass(frozen=True, slots=True)
class _Go:
    pass


class Courier(EngineActor):
    """Delivers to one channel. See the module.

    Args:
        channel: where to.
        waits: between two tries after the first, second, ... failure in a row; the last one stands for all that follow.
    """

    def __init__(self, system: System, name: str, *, channel: Channel, waits: Sequence[Nanos]) -> None:
        super().__init__(system, name)
        self._channel = channel
        self._waits = waits
        self._waiting: dict[AlertId, Delivery] = {}
        self._failures = 0
        """In a row."""
        self._seen_well = False
        self._rest: Timer | None = None
        self._key = f"{CHANNEL_FAILED}_{channel.name}"

    def receive(self, message: Any) -> Any:
        """Take an alert, bring one, or let go of one."""
        match message:
            case DeliverAlert(alert=alert, reminder=reminder):
                self._waiting[alert.id] = Delivery(alert=alert, reminder=reminder)
                if self._rest is None or alert.severity is Severity.CRITICAL:
                    self._go_soon()
            case RecallAlert(alert_id=alert_id):
                self._waiting.pop(alert_id, None)
            case _Go():
                self._go()
            case Snapshot():
                return list(self._waiting.values())
            case _:
                return super().receive(message)
        return None

    def _go_soon(self) -> None:
        # Not by name: one that is being stopped has none any more, and still brings what it was given before.
        self.actor_ref.tell(_Go())

    def _go(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if not self._waiting:
            return
        delivery = first_of(self._waiting.values())
        try:
            self._channel.deliver(delivery.alert, reminder=delivery.reminder)
        except Exception as error:  # noqa: BLE001 - whatever it was, the alert waits for the next try
            self._not_delivered(delivery, str(error) if isinstance(error, DeliveryError) else type(error).__name__)
        else:
            self._delivered(delivery)

    def _delivered(self, delivery: Delivery) -> None:
        alert_id = delivery.alert.id
        del self._waiting[alert_id]
        self._failures = 0
        self.log.info("alert_sent", alert_id=alert_id, channel=self._channel.name, reminder=delivery.reminder)
        self.tell(ALERTS, AlertDelivered(alert_id=alert_id, channel=self._channel.name))
        if not self._seen_well:
            # Also what an engine before this one said of the channel.
            self._seen_well = True
            self.tell(ALERTS, ResolveAlerts(dedupe_key=self._key))
        if self._waiting:
            self._go_soon()

    def _not_delivered(self, delivery: Delivery, reason: str) -> None:
        self._waiting[delivery.alert.id] = delivery.failed()
        self._failures += 1
        name = self._channel.name
        self.log.error("alert_not_sent", alert_id=delivery.alert.id, channel=name, reason=reason)
        self._rest = self.tell_self_at(Nanos(self.now() + wait_after(self._failures, self._waits)), _Go())
        if self._failures == FAILURES:
            self._seen_well = False
            self.alert(
                CHANNEL_FAILED,
                Severity.HIGH,
                "AN ALERT CHANNEL FAILS",
                f"The channel {name} failed {FAILURES} times in a row: {reason}. What is for it waits and is tried on.",
                data={"channel": name},
                dedupe_key=self._key,
            )
