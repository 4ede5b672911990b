"""How word of an alert gets to a person: by which channels, in which order, and when it is said again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.units import Nanos, seconds

CHANNEL_FAILED = "channel_failed"
"""The type of an alert about a channel, whose name stands in its data as `channel`."""
RECENT = seconds(3600)
"""An alert that is younger may not have been delivered before the engine ended."""
QUIET = seconds(300)
"""The least time between two words of an alert that is raised again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A channel, and who brings alerts there."""

    courier: str
    channel: str
    min_severity: Severity

    def takes(self, alert: Alert) -> bool:
        """Return whether *alert* is for the channel: severe enough, and not about the channel's own failing."""
        own = alert.alert_type == CHANNEL_FAILED and alert.data.get("channel") == self.channel
        return alert.severity.rank >= self.min_severity.rank and not own


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Word of an alert on its way to one channel."""

    alert: Alert
    reminder: int = 0
    tries: int = 0

    def failed(self) -> Delivery:
        """Return it after one more try in vain."""
        return replace(self, tries=self.tries + 1)


def first_of(waiting: Iterable[Delivery]) -> Delivery:
    """Return what is brought next: what was tried least, so that one that is refused holds up no other.

    Of those the most severe, and of those the oldest.
    """
    return min(waiting, key=lambda each: (each.tries, -each.alert.severity.rank, each.alert.raised_at))


def wait_after(count: int, waits: Sequence[Nanos]) -> Nanos:
    """Return how long to wait after the *count*-th time, counted from 1; the last of *waits* stands for all later."""
    return waits[min(count, len(waits)) - 1]


def told_at_start(alert: Alert, now: Nanos) -> bool:
    """Return whether an engine that starts tells of *alert*, which it found unresolved.

    Whether it was delivered before is not known: so is told again what nobody acknowledged and what matters or is new.
    """
    matters = alert.requires_action or alert.severity is Severity.CRITICAL or now - alert.updated_at < RECENT
    return alert.status is AlertStatus.ACTIVE and matters


def told_again(standing: Alert, newer: Alert, *, told_at: Nanos | None, now: Nanos) -> bool:
    """Return whether a person is told that *standing* was raised again, as *newer*.

    Args:
        standing: the alert as it stood.
        newer: as it stands now.
        told_at: when a person was last told; None for never.
        now: the time.
    """
    rose = newer.severity.rank > standing.severity.rank
    return rose or standing.status is not AlertStatus.ACTIVE or told_at is None or now - told_at >= QUIET
