"""Alerts: what a person must know, and what a person must do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from engine.domain.order import Attempt, Order, OrderKind
from engine.domain.units import AlertId, Nanos, PositionId


class Severity(StrEnum):
    """How much it matters."""

    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """A number that is higher the more it matters."""
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    """Where an alert stands."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One matter that a person must know of; raised again, it counts up instead of standing twice."""

    id: AlertId
    alert_type: str
    severity: Severity
    title: str
    message: str
    data: Mapping[str, str] = field(default_factory=dict)
    requires_action: bool = False
    dedupe_key: str
    position_id: PositionId | None = None
    status: AlertStatus = AlertStatus.ACTIVE
    count: int = 1
    """How often it was raised."""
    raised_at: Nanos
    updated_at: Nanos
    resolved_at: Nanos | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with something that the engine depends on, while it lasts."""

    key: str
    """What it is the trouble of: the same as long as it is the same matter."""
    severity: Severity
    title: str
    message: str


def again(alert: Alert, newer: Alert) -> Alert:
    """Return *alert* after it was raised once more, as *newer*: the newest words, one more on the count."""
    return replace(
        alert,
        severity=newer.severity,
        title=newer.title,
        message=newer.message,
        data=newer.data,
        requires_action=newer.requires_action,
        status=AlertStatus.ACTIVE,
        count=alert.count + 1,
        updated_at=newer.updated_at,
        resolved_at=None,
    )


def resolved(alert: Alert, now: Nanos) -> Alert:
    """Return *alert*, resolved."""
    return replace(alert, status=AlertStatus.RESOLVED, updated_at=now, resolved_at=now)


def acknowledged(alert: Alert, now: Nanos) -> Alert:
    """Return *alert*, seen by a person."""
    return replace(alert, status=AlertStatus.ACKNOWLEDGED, updated_at=now)


def order_failed(order: Order, alert_id: AlertId, now: Nanos) -> Alert:
    """Return the alert for *order*, which failed for good: CRITICAL for an exit, HIGH for an entry."""
    exit_failed = order.kind is OrderKind.EXIT
    what = "Exit" if exit_failed else "Entry"
    tries = "1 attempt" if order.attempt_count == 1 else f"{order.attempt_count} attempts"
    return Alert(
        id=alert_id,
        alert_type="exit_failed_critical" if exit_failed else "entry_failed",
        severity=Severity.CRITICAL if exit_failed else Severity.HIGH,
        title="EXIT FAILED - Manual action required" if exit_failed else "ENTRY FAILED",
        message=(
            f"{what} order {order.id} for position {order.position_id} failed after {tries}. "
            f"Token: {order.symbol}. Error: {order.last_error}"
        ),
        data={
            "order_id": order.id,
            "position_id": order.position_id,
            "token": order.mint,
            "attempts": str(order.attempt_count),
            "error": order.last_error,
        },
        requires_action=exit_failed,
        dedupe_key=f"order_failed_{order.id}",
        position_id=order.position_id,
        raised_at=now,
        updated_at=now,
    )


def order_filled_twice(attempt: Attempt, alert_id: AlertId, now: Nanos) -> Alert:
    """Return the alert for *attempt*, which landed although its order had been carried out before."""
    return Alert(
        id=alert_id,
        alert_type="order_filled_twice",
        severity=Severity.CRITICAL,
        title="ORDER CARRIED OUT TWICE - Manual action required",
        message=f"Attempt {attempt.signature} of order {attempt.order_id} landed after another one had.",
        data={"order_id": attempt.order_id, "token": attempt.mint, "signature": attempt.signature},
        requires_action=True,
        dedupe_key=f"order_filled_twice_{attempt.order_id}",
        raised_at=now,
        updated_at=now,
    )
