"""Alerts in the log, which is where they are when no channel is left."""

from __future__ import annotations

import structlog

from engine.domain.alert import Alert, Severity

log = structlog.get_logger(__name__)


class LogNotifier:
    """Delivers alerts into the log, as loud as they are severe."""

    def notify(self, alert: Alert) -> None:
        """Log *alert*."""
        say = log.critical if alert.severity is Severity.CRITICAL else log.error
        say("alert_delivered", alert_id=alert.id, title=alert.title, detail=alert.message, times=alert.count)
