"""Alerts on their way to channels: retried, repeated, recalled, and a channel that fails told of on the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.alerts import Alerts
from actors.courier import Courier
from actors.system import ALERTS, courier_name
from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.delivery import Route
from engine.domain.errors import DeliveryError
from engine.domain.units import AlertId, PositionId, seconds
from engine.messages.alerts import AcknowledgeAlert, RaiseAlert, ResolveAlerts
from tests.actors.rig import Rig

RETRY = tuple(map(seconds, (2.0, 10.0, 30.0)))
REPEAT = tuple(map(seconds, (300.0, 900.0, 3600.0)))


class Phone:
    """A channel that keeps what it took, or fails."""

    def __init__(self, name: str, min_severity: Severity = Severity.WARNING) -> None:
        self.name = name
        self.min_severity = min_severity
        self.tried: list[tuple[str, int]] = []
        self.got: list[tuple[str, int]] = []
        """The title of each alert, and which reminder it was."""
        self.error: Exception | None = None
        self.refuses = ""
        """The title of the one alert that it does not take."""

    def deliver(self, alert: Alert, *, reminder: int = 0) -> None:
        """Take *alert*, or fail."""
        self.tried.append((alert.title, reminder))
        if self.error is not None:
            raise self.error
        if alert.title == self.refuses:
            raise DeliveryError("the service answered 400")
        self.got.append((alert.title, reminder))

    @property
    def titles(self) -> list[str]:
        """The titles alone."""
        return [title for title, _ in self.got]


class Desk(Rig):
    """A rig whose alerts go to phones."""

    def __init__(self, *phones: Phone) -> None:
        super().__init__()
        self.phones = phones
        self.start()
        self.hand_over()

    def hand_over(self) -> None:
        """Start the alert actor and its couriers, as a new engine does."""
        for phone in self.phones:
            self.system.spawn(courier_name(phone.name), Courier, channel=phone, waits=RETRY)
        routes = [Route(courier=courier_name(p.name), channel=p.name, min_severity=p.min_severity) for p in self.phones]
        self.system.spawn(ALERTS, Alerts, store=self.store, notifier=self.notifier, routes=routes, repeat_waits=REPEAT)
        self.run()

    def end(self) -> None:
        """Stop the couriers and then the alert actor, as an engine does."""
        for name in [*(courier_name(phone.name) for phone in self.phones), ALERTS]:
            self.system.stop(name)
            self.run()

    def alert(self, title: str, severity: Severity = Severity.HIGH, *, requires_action: bool = False) -> Alert:
        """Return an alert of this moment; one title is one matter."""
        now = self.clock.now()
        return Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type="test",
            severity=severity,
            title=title,
            message=f"{title} happened",
            requires_action=requires_action,
            dedupe_key=title,
            raised_at=now,
            updated_at=now,
        )

    def report(self, title: str, severity: Severity = Severity.HIGH) -> AlertId:
        """Raise an alert and return the id under which it stands."""
        self.system.tell(ALERTS, RaiseAlert(alert=self.alert(title, severity)))
        self.run()
        return next(a.id for a in self.store.alerts(unresolved_only=True) if a.title == title)

    def standing(self) -> dict[str, AlertStatus]:
        """Return what is not resolved, by title."""
        return {alert.title: alert.status for alert in self.store.alerts(unresolved_only=True)}


FAILS = "AN ALERT CHANNEL FAILS"
DOWN = DeliveryError("the service cannot be reached")


def test_an_alert_goes_to_every_channel_that_it_is_severe_enough_for() -> None:
    """Each has its own threshold, and the log has them all."""
    all_, high, critical = Phone("a"), Phone("b", Severity.HIGH), Phone("c", Severity.CRITICAL)
    desk = Desk(all_, high, critical)
    for severity in Severity:
        desk.report(severity.value, severity)
    assert all_.titles == ["warning", "high", "critical"]
    assert high.titles == ["high", "critical"]
    assert critical.titles == ["critical"]
    assert [alert.title for alert in desk.notifier.delivered] == ["warning", "high", "critical"]


def test_a_delivery_that_fails_is_tried_with_growing_waits_until_it_arrives() -> None:
    """At once, after 2 s, after 10 s more, and then every 30 s; the alert arrives once."""
    phone = Phone("phone")
    phone.error = DOWN
    desk = Desk(phone)
    desk.report("stop blind")
    times = [len(phone.tried)]
    for span in (1.9, 0.1, 9.9, 0.1, 30.0, 30.0):
        desk.advance(span)
        times.append(len(phone.tried))
    assert times == [1, 1, 2, 2, 3, 4, 5]
    phone.error = None
    desk.advance(30)
    assert phone.got == [("stop blind", 0)]
    desk.advance(120)
    assert phone.got == [("stop blind", 0)]


@pytest.mark.parametrize("error", [DOWN, OSError("nobody"), ValueError("whatever")])
def test_a_channel_that_fails_is_an_alert_on_the_others_alone_and_once(error: Exception) -> None:
    """Whatever it raises: the third failure in a row is told to the other channel, and its end resolves that."""
    broken, well = Phone("broken"), Phone("well")
    broken.error = error
    desk = Desk(broken, well)
    desk.report("stop blind")
    desk.advance(11.9)
    assert well.titles == ["stop blind"]
    desk.advance(200)
    assert well.titles == ["stop blind", FAILS]
    assert {title for title, _ in broken.tried} == {"stop blind"}
    (alert,) = [a for a in desk.store.alerts(unresolved_only=True) if a.title == FAILS]
    assert (alert.data["channel"], alert.severity, alert.count) == ("broken", Severity.HIGH, 1)
    broken.error = None
    desk.advance(30)
    assert broken.titles == ["stop blind"]
    assert desk.standing() == {"stop blind": AlertStatus.ACTIVE}


def test_channels_that_all_fail_do_not_tell_of_each_other_in_a_loop() -> None:
    """One alert about each, and no more however long it lasts; all arrive once the channels are back."""
    phones = [Phone(name) for name in "abc"]
    for phone in phones:
        phone.error = DOWN
    desk = Desk(*phones)
    desk.report("stop blind")
    desk.advance(1200)
    about = [alert for alert in desk.store.alerts() if alert.title == FAILS]
    assert sorted((alert.data["channel"], alert.count) for alert in about) == [("a", 1), ("b", 1), ("c", 1)]
    for phone in phones:
        phone.error = None
    desk.advance(60)
    assert [phone.titles.count("stop blind") for phone in phones] == [1, 1, 1]
    assert desk.standing() == {"stop blind": AlertStatus.ACTIVE}


def test_one_alert_that_a_service_refuses_holds_up_no_other() -> None:
    """What was tried least goes first, of those the most severe."""
    phone = Phone("phone")
    phone.refuses = "poison"
    desk = Desk(phone)
    desk.report("poison", Severity.CRITICAL)
    desk.report("first")
    desk.report("second", Severity.WARNING)
    desk.report("third", Severity.HIGH)
    desk.advance(2)
    assert phone.titles == ["first", "third", "second"]


def test_a_critical_alert_does_not_wait_for_the_rest_of_a_channel_to_be_over() -> None:
    """The channel is tried for it at once; if it works again, all that waits goes out."""
    phone = Phone("phone")
    phone.error = DOWN
    desk = Desk(phone)
    desk.report("minor")
    desk.advance(60)
    phone.error = None
    desk.report("another")
    assert phone.titles == []
    desk.report("stop failed", Severity.CRITICAL)
    assert phone.titles == ["stop failed", "another", "minor"]


def test_a_critical_alert_is_repeated_with_back_off_until_it_is_acknowledged() -> None:
    """After 5 minutes, 15 more, an hour more and every hour; a lesser one is said once."""
    phone = Phone("phone")
    desk = Desk(phone)
    alert_id = desk.report("stop failed", Severity.CRITICAL)
    desk.report("minor", Severity.HIGH)
    counts = []
    for minutes in (4.99, 0.01, 14.99, 0.01, 59.99, 0.01, 60):
        desk.advance(minutes * 60)
        counts.append(phone.titles.count("stop failed"))
    assert counts == [1, 2, 2, 3, 3, 4, 5]
    assert [reminder for title, reminder in phone.got if title == "stop failed"] == [0, 1, 2, 3, 4]
    desk.ask(ALERTS, AcknowledgeAlert(alert_id=alert_id))
    desk.advance(7200)
    assert phone.titles.count("stop failed") == 5
    assert phone.titles.count("minor") == 1


def test_a_matter_that_is_over_is_not_repeated_and_no_longer_waits_for_a_channel() -> None:
    """Resolved while the channel was down: nobody is woken for it afterwards."""
    phone = Phone("phone")
    phone.error = DOWN
    desk = Desk(phone)
    desk.report("stop failed", Severity.CRITICAL)
    desk.system.tell(ALERTS, ResolveAlerts(dedupe_key="stop failed"))
    desk.run()
    phone.error = None
    desk.advance(7200)
    assert phone.got == []


def test_an_alert_that_is_acknowledged_no_longer_waits_for_a_channel() -> None:
    """Whoever acknowledged it has seen it elsewhere."""
    phone = Phone("phone")
    phone.error = DOWN
    desk = Desk(phone)
    alert_id = desk.report("stop failed", Severity.CRITICAL)
    desk.ask(ALERTS, AcknowledgeAlert(alert_id=alert_id))
    phone.error = None
    desk.advance(7200)
    assert phone.got == []


def test_an_alert_that_is_raised_again_and_again_is_told_at_most_every_five_minutes() -> None:
    """It counts up and is in the log each time; sooner is told only what rose, or what somebody had acknowledged."""
    phone = Phone("phone")
    desk = Desk(phone)
    for _ in range(60):
        alert_id = desk.report("node lags", Severity.WARNING)
        desk.advance(10)
    assert len(phone.got) == 2
    assert len(desk.notifier.delivered) == 60
    desk.report("node lags", Severity.HIGH)
    assert len(phone.got) == 3
    desk.ask(ALERTS, AcknowledgeAlert(alert_id=alert_id))
    desk.report("node lags", Severity.HIGH)
    assert len(phone.got) == 4
    stored = desk.store.alert(alert_id)
    assert stored is not None
    assert (stored.count, stored.status) == (62, AlertStatus.ACTIVE)


def test_an_engine_that_starts_tells_of_what_may_not_have_been_delivered() -> None:
    """Not acknowledged, and CRITICAL, in need of action, or young; it is then repeated as before."""
    phone = Phone("phone")
    desk = Desk(phone)
    old = desk.alert("old", Severity.HIGH)
    desk.store.commit(
        old,
        desk.alert("old critical", Severity.CRITICAL),
        desk.alert("old action", Severity.HIGH, requires_action=True),
        replace(desk.alert("seen", Severity.CRITICAL), status=AlertStatus.ACKNOWLEDGED),
        replace(desk.alert("over", Severity.CRITICAL), status=AlertStatus.RESOLVED),
    )
    desk.advance(7200)
    desk.store.commit(desk.alert("young", Severity.WARNING))
    desk.hand_over()
    assert sorted(phone.titles) == ["old action", "old critical", "young"]
    desk.advance(300)
    assert phone.got[-1] == ("old critical", 1)
    assert len(phone.got) == 4


def test_what_a_position_without_an_exit_asked_for_is_moot_and_nobody_is_told() -> None:
    """The alert is resolved at the start."""
    phone = Phone("phone")
    desk = Desk(phone)
    position = desk.open()
    phone.got.clear()
    moot = replace(desk.alert("moot", Severity.CRITICAL, requires_action=True), position_id=PositionId(position.id))
    desk.store.commit(moot)
    desk.hand_over()
    assert phone.got == []
    assert desk.standing() == {}


def test_a_critical_alert_that_no_channel_took_is_the_last_word_of_the_engine() -> None:
    """It is published when the alert actor stops, for the exit code."""
    phones = Phone("a"), Phone("b")
    for phone in phones:
        phone.error = DOWN
    desk = Desk(*phones)
    desk.report("stop failed", Severity.CRITICAL)
    desk.report("minor", Severity.HIGH)
    desk.end()
    assert [data for subject, data in desk.bus.events if subject == "engine.alerts_undelivered"] == [{"count": 1}]


def test_one_channel_that_took_a_critical_alert_is_enough() -> None:
    """The other one being down does not change the exit code."""
    broken, well = Phone("broken"), Phone("well")
    broken.error = DOWN
    desk = Desk(broken, well)
    desk.report("stop failed", Severity.CRITICAL)
    desk.end()
    assert desk.bus.subjects("engine.alerts_undelivered") == []


def test_a_courier_delivers_what_it_was_given_before_it_stops() -> None:
    """The alert by which an engine gives up still goes out."""
    phone = Phone("phone")
    desk = Desk(phone)
    desk.system.tell(ALERTS, RaiseAlert(alert=desk.alert("engine failed", Severity.CRITICAL)))
    desk.steps.step()
    assert phone.titles == []
    desk.end()
    assert phone.titles == ["engine failed"]


def test_a_reminder_that_finds_the_store_away_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is due as if it had been said."""
    phone = Phone("phone")
    desk = Desk(phone)
    desk.report("stop failed", Severity.CRITICAL)

    def away(_: AlertId) -> Alert:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "alert", away)
        desk.advance(300)
    desk.advance(300)
    assert phone.got == [("stop failed", 0), ("stop failed", 1)]


def test_an_alert_waits_for_a_courier_that_is_not_there_yet() -> None:
    """The alert actor is up before its couriers, and after one died: what it has for them is not lost."""
    phone = Phone("phone")
    desk = Desk(phone)
    desk.system.dismiss(courier_name(phone.name))
    desk.run()
    desk.system.tell(ALERTS, RaiseAlert(alert=desk.alert("STOP FAILED", Severity.HIGH)))
    desk.advance(2)
    assert phone.titles == []
    desk.system.spawn(courier_name(phone.name), Courier, channel=phone, waits=RETRY)
    desk.advance(1)
    assert phone.titles == ["STOP FAILED"]
