"""How an alert reads on a phone."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.domain.alert import Alert
from engine.domain.units import SECOND


def title_of(alert: Alert, reminder: int) -> str:
    """Return the line that is read first.

    Args:
        alert: the matter.
        reminder: which repetition this is; 0 where a person is told for the first time.
    """
    again = f" (reminder {reminder})" if reminder else ""
    return f"[{alert.severity.upper()}] {alert.title}{again}"


def body_of(alert: Alert) -> str:
    """Return what is wrong, and by which name to acknowledge it."""
    raised = datetime.fromtimestamp(alert.raised_at / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    times = "" if alert.count == 1 else f", {alert.count} times"
    action = "\nA person must act." if alert.requires_action else ""
    return f"{alert.message}{action}\nAlert {alert.id}, raised {raised} UTC{times}."
