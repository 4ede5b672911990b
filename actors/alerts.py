"""The alert actor keeps what a person must know, once each, and delivers it.

An alert is in the store before it is delivered. If delivery fails it is logged as an error and stands in the
store unresolved; nothing that fails here can lose it. Whoever starts delivers again what asks for action and was not
acknowledged: the word of it may have been lost with the process.
"""

from __future__ import annotations

from typing import Any

from actors.base import EngineActor
from actors.system import System
from engine.domain.alert import Alert, AlertStatus, acknowledged, again, resolved
from engine.domain.errors import CommandRefusedError
from engine.domain.units import AlertId
from engine.messages.alerts import AcknowledgeAlert, RaiseAlert, ResolveAlerts
from engine.messages.control import Snapshot
from engine.ports import Notifier, Store


class Alerts(EngineActor):
    """Open alerts, de-duplication, delivery. See the module."""

    def __init__(self, system: System, name: str, *, store: Store, notifier: Notifier) -> None:
        super().__init__(system, name)
        self._store = store
        self._notifier = notifier

    def started(self) -> None:
        """Resolve what has become moot, and deliver again what has not."""
        for alert in self._open():
            position = self._store.position(alert.position_id) if alert.position_id is not None else None
            if not alert.requires_action:
                continue
            if position is not None and position.active_exit is None:
                self._settle(alert)
            elif alert.status is AlertStatus.ACTIVE:
                self._deliver(alert)

    def receive(self, message: Any) -> Any:
        """Raise, resolve or acknowledge."""
        match message:
            case RaiseAlert(alert=alert):
                self._raise(alert)
            case ResolveAlerts():
                self._resolve(message)
            case AcknowledgeAlert(alert_id=alert_id):
                return self._acknowledge(alert_id)
            case Snapshot():
                return self._store.alerts(unresolved_only=True)
            case _:
                return super().receive(message)
        return None

    def _raise(self, alert: Alert) -> None:
        try:
            standing = next((a for a in self._open() if a.dedupe_key == alert.dedupe_key), None)
            if standing is not None and standing.id != alert.id:
                alert = again(standing, alert)
            self._store.commit(alert)
        finally:
            # A store that fails is one more reason to tell a person.
            self._deliver(alert)
        self._publish(alert, "raised" if alert.count == 1 else "updated")

    def _deliver(self, alert: Alert) -> None:
        try:
            self._notifier.notify(alert)
        except Exception:
            self.log.exception("delivery_failed", alert_id=alert.id, title=alert.title)

    def _resolve(self, message: ResolveAlerts) -> None:
        for alert in self._open():
            of_position = message.position_id is not None and alert.position_id == message.position_id
            if of_position or (message.dedupe_key is not None and alert.dedupe_key == message.dedupe_key):
                self._settle(alert)

    def _settle(self, alert: Alert) -> None:
        self._store.commit(resolved(alert, self.now()))
        self._publish(alert, "resolved")

    def _acknowledge(self, alert_id: AlertId) -> Alert:
        alert = self._store.alert(alert_id)
        if alert is None or alert.status is AlertStatus.RESOLVED:
            state = "is resolved" if alert else "is not known"
            raise CommandRefusedError(f"alert {alert_id} {state}: there is nothing to acknowledge")
        alert = acknowledged(alert, self.now())
        self._store.commit(alert)
        self._publish(alert, "acknowledged")
        return alert

    def _open(self) -> list[Alert]:
        return self._store.alerts(unresolved_only=True)

    def _publish(self, alert: Alert, what: str) -> None:
        self.log.info("alert", alert_id=alert.id, title=alert.title, severity=str(alert.severity), outcome=what)
        self.publish(f"alert.{alert.id}.{what}", alert=alert)
