"""The alert actor keeps what a person must know, once each, and sees that it is delivered.

An alert is in the store before it is delivered. It goes into the log at once, and to the courier of each channel that
it is severe enough for: the couriers wait for the channels, this actor for nobody. A CRITICAL one is said again until
somebody acknowledges it. Whoever starts delivers again what was not acknowledged: the word of it may have been lost
with the process. A CRITICAL one that no channel has taken when the engine ends is the last thing in the log, and
published as `engine.alerts_undelivered`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import System
from engine.domain.alert import Alert, AlertStatus, Severity, acknowledged, again, resolved
from engine.domain.delivery import Route, told_again, told_at_start, wait_after
from engine.domain.errors import CommandRefusedError
from engine.domain.units import AlertId, Nanos, seconds
from engine.messages.alerts import (
    AcknowledgeAlert,
    AlertDelivered,
    DeliverAlert,
    RaiseAlert,
    RecallAlert,
    ResolveAlerts,
)
from engine.messages.control import Snapshot
from engine.ports import Notifier, Store, Timer

HAND_OVER_AGAIN = seconds(0.5)
"""How long an alert waits here for a courier that is not there: it is being started, or started again."""


@dataclass(frozen=True, slots=True)
class _HandOver:
    """The courier was not there."""

    courier: str
    alert: Alert
    reminder: int


@dataclass(frozen=True, slots=True)
class _Remind:
    alert_id: AlertId
    reminder: int


class Alerts(EngineActor):
    """Open alerts, de-duplication, delivery. See the module.

    Args:
        store: where alerts are kept.
        notifier: told of every alert each time it is raised; it must not block.
        routes: the channels, and the couriers that bring alerts there.
        repeat_waits: before the first, second, ... reminder of a CRITICAL alert; the last one stands for all that
            follow. Without any there are none.
    """

    def __init__(
        self,
        system: System,
        name: str,
        *,
        store: Store,
        notifier: Notifier,
        routes: Sequence[Route] = (),
        repeat_waits: Sequence[Nanos] = (),
    ) -> None:
        super().__init__(system, name)
        self._store = store
        self._notifier = notifier
        self._routes = routes
        self._repeat_waits = repeat_waits
        self._told_at: dict[AlertId, Nanos] = {}
        self._reminders: dict[AlertId, Timer] = {}
        self._unheard: dict[AlertId, str] = {}
        """The titles of the CRITICAL alerts that were given to couriers and that no channel has taken."""

    def started(self) -> None:
        """Resolve what has become moot, and deliver again what has not."""
        for alert in self._open():
            position = self._store.position(alert.position_id) if alert.position_id is not None else None
            if alert.requires_action and position is not None and position.active_exit is None:
                self._settle(alert)
            elif told_at_start(alert, self.now()):
                self._deliver(alert)

    def on_stop(self) -> None:
        """Say what nobody heard of: the log and the exit code are what is left."""
        if self._unheard:
            self.log.critical("alerts_undelivered", alerts="; ".join(self._unheard.values()))
            self.publish("engine.alerts_undelivered", count=len(self._unheard))

    def receive(self, message: Any) -> Any:
        """Raise, resolve or acknowledge; hear what became of the delivery."""
        match message:
            case RaiseAlert(alert=alert):
                self._raise(alert)
            case ResolveAlerts():
                self._resolve(message)
            case AcknowledgeAlert(alert_id=alert_id):
                return self._acknowledge(alert_id)
            case AlertDelivered(alert_id=alert_id):
                self._unheard.pop(alert_id, None)
            case _HandOver():
                self._hand_over_again(message)
            case _Remind():
                self._remind_of(message)
            case Snapshot():
                return self._store.alerts(unresolved_only=True)
            case _:
                return super().receive(message)
        return None

    def _raise(self, alert: Alert) -> None:
        standing: Alert | None = None
        try:
            standing = next((a for a in self._open() if a.dedupe_key == alert.dedupe_key), None)
            if standing is not None and standing.id != alert.id:
                alert = again(standing, alert)
            self._store.commit(alert)
        finally:
            # A store that fails is one more reason to tell a person.
            told_at = self._told_at.get(alert.id)
            if standing is None or told_again(standing, alert, told_at=told_at, now=self.now()):
                self._deliver(alert)
            else:
                self._notify(alert)
        self._log(alert, "raised" if alert.count == 1 else "updated")

    # Delivery ---------------------------------------------------------------------------------------------

    def _deliver(self, alert: Alert, *, reminder: int = 0) -> None:
        self._notify(alert)
        self._told_at[alert.id] = self.now()
        critical = alert.severity is Severity.CRITICAL
        for route in self._routes:
            if route.takes(alert):
                self._hand_over(_HandOver(route.courier, alert, reminder))
                if critical and not reminder:
                    self._unheard[alert.id] = alert.title
        if critical:
            self._remind_later(_Remind(alert.id, reminder + 1))

    def _hand_over(self, message: _HandOver) -> None:
        if not self.tell(message.courier, DeliverAlert(alert=message.alert, reminder=message.reminder)):
            self.tell_self_at(Nanos(self.now() + HAND_OVER_AGAIN), message)

    def _hand_over_again(self, message: _HandOver) -> None:
        alert = self._store.alert(message.alert.id)
        if alert is not None and alert.status is AlertStatus.ACTIVE:
            self._hand_over(message)

    def _notify(self, alert: Alert) -> None:
        try:
            self._notifier.notify(alert)
        except Exception:
            self.log.exception("delivery_failed", alert_id=alert.id, title=alert.title)

    def _remind_later(self, remind: _Remind) -> None:
        if not self._repeat_waits:
            return
        if (earlier := self._reminders.pop(remind.alert_id, None)) is not None:
            earlier.cancel()
        at = Nanos(self.now() + wait_after(remind.reminder, self._repeat_waits))
        self._reminders[remind.alert_id] = self.tell_self_at(at, remind)

    def _remind_of(self, remind: _Remind) -> None:
        self._remind_later(remind)  # should the store fail now, the same is tried again
        alert = self._store.alert(remind.alert_id)
        if alert is not None and alert.status is AlertStatus.ACTIVE:
            self._deliver(alert, reminder=remind.reminder)
        else:
            self._forget(remind.alert_id)

    def _forget(self, alert_id: AlertId) -> None:
        """Take back what was to be said of an alert that needs no word any more."""
        self._told_at.pop(alert_id, None)
        self._unheard.pop(alert_id, None)
        if (reminder := self._reminders.pop(alert_id, None)) is not None:
            reminder.cancel()
        for route in self._routes:
            self.tell(route.courier, RecallAlert(alert_id=alert_id))

    # What becomes of it -----------------------------------------------------------------------------------

    def _resolve(self, message: ResolveAlerts) -> None:
        for alert in self._open():
            of_position = message.position_id is not None and alert.position_id == message.position_id
            if of_position or (message.dedupe_key is not None and alert.dedupe_key == message.dedupe_key):
                self._settle(alert)

    def _settle(self, alert: Alert) -> None:
        self._store.commit(resolved(alert, self.now()))
        self._forget(alert.id)
        self._log(alert, "resolved")

    def _acknowledge(self, alert_id: AlertId) -> Alert:
        alert = self._store.alert(alert_id)
        if alert is None or alert.status is AlertStatus.RESOLVED:
            state = "is resolved" if alert else "is not known"
            raise CommandRefusedError(f"alert {alert_id} {state}: there is nothing to acknowledge")
        alert = acknowledged(alert, self.now())
        self._store.commit(alert)
        self._forget(alert.id)
        self._log(alert, "acknowledged")
        return alert

    def _open(self) -> list[Alert]:
        return self._store.alerts(unresolved_only=True)

    def _log(self, alert: Alert, what: str) -> None:
        self.log.info("alert", alert_id=alert.id, title=alert.title, severity=str(alert.severity), outcome=what)
