"""Which channels and which dead-man's switch the settings come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.config import AlertsSection
from engine.domain.alert import Alert, Severity
from engine.domain.errors import DeliveryError
from engine.domain.units import AlertId, Nanos
from engine.notify import AppriseChannel, HttpDeadMansSwitch
from engine.ports import Channel, DeadMansSwitch


def channels(section: AlertsSection) -> tuple[Channel, ...]:
    """Return every channel of *section*; nothing is sent.

    Raises:
        ConfigError: one has an address that Apprise does not know.
    """
    return tuple(
        AppriseChannel(name, channel.address.reveal(), min_severity=channel.min_severity)
        for name, channel in section.named().items()
    )


def dead_mans_switch(section: AlertsSection) -> DeadMansSwitch | None:
    """Return the switch of *section*, if it names one."""
    if section.heartbeat_url is None:
        return None
    return HttpDeadMansSwitch(section.heartbeat_url.reveal(), method=section.heartbeat_method)


def alert_for_test(alert_id: AlertId, now: Nanos) -> Alert:
    """Return an alert that only says that it arrived. It belongs in no store."""
    return Alert(
        id=alert_id,
        alert_type="test",
        severity=Severity.CRITICAL,
        title="TEST - nothing is wrong",
        message="This is how an alert of Ripcord reaches you. Nothing needs to be done.",
        dedupe_key="test",
        raised_at=now,
        updated_at=now,
    )


def tried(to: Iterable[Channel], alert: Alert) -> Iterator[tuple[Channel, str | None]]:
    """Send *alert* once to each channel, whatever it is for; yield what was wrong with it, None where it was taken."""
    for channel in to:
        try:
            channel.deliver(alert)
        except DeliveryError as error:
            yield channel, str(error)
        else:
            yield channel, None
