"""Alerts on their way to a person."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.alert import Alert
from engine.domain.units import AlertId, PositionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """To Alert: store *alert*, or count it on the one that stands for the same matter, and deliver it."""

    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveAlerts:
    """To Alert: what was wrong with the position, or with the matter of that key, is over."""

    position_id: PositionId | None = None
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlert:
    """To Alert, from the edge: a person has seen it. Answered with the alert."""

    alert_id: AlertId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAlert:
    """To a Courier: bring *alert* to its channel, until it is there or recalled."""

    alert: Alert
    reminder: int = 0
    """Which repetition it is; 0 where a person is told for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallAlert:
    """To a Courier: a person has seen it, or it is over; what still waits need not be brought any more."""

    alert_id: AlertId


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDelivered:
    """To Alert: a channel took it."""

    alert_id: AlertId
    channel: str
