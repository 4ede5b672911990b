"""Alerts: what is said of an order that failed for good, and what becomes of an alert."""

from __future__ import annotations

import pytest

from engine.domain.alert import Alert, AlertStatus, Severity, acknowledged, again, order_failed, resolved
from engine.domain.errors import FailureKind
from engine.domain.order import Order, OrderStatus
from engine.domain.units import AlertId, Nanos
from tests.factories import NOW, an_alert, an_entry, an_exit

LATER = Nanos(NOW + 1)


def given_up(order: Order) -> Alert:
    """Return the alert for *order*."""
    return order_failed(order, AlertId("alert-9"), NOW)


@pytest.fixture
def failed_exit() -> Order:
    """An exit that was cancelled after its third attempt."""
    return an_exit(
        status=OrderStatus.CANCELLED,
        attempt_count=3,
        last_error="slippage tolerance exceeded",
        last_error_kind=FailureKind.SLIPPAGE,
    )


def test_an_exit_that_failed_for_good_is_critical_and_asks_for_a_person(failed_exit: Order) -> None:
    """The alert of a cancelled exit has the type, the severity and the title that people are told to look for."""
    alert = given_up(failed_exit)
    assert (alert.alert_type, alert.severity) == ("exit_failed_critical", Severity.CRITICAL)
    assert alert.title == "EXIT FAILED - Manual action required"
    assert alert.requires_action
    assert alert.status is AlertStatus.ACTIVE
    assert (alert.raised_at, alert.updated_at, alert.count) == (NOW, NOW, 1)


def test_an_alert_of_an_exit_says_all_that_a_person_needs(failed_exit: Order) -> None:
    """Order, position, attempts, token and error stand in the message and, for programs, in the data."""
    alert = given_up(failed_exit)
    assert alert.message == (
        "Exit order exit-1 for position position-1 failed after 3 attempts. "
        "Token: BONK. Error: slippage tolerance exceeded"
    )
    assert alert.data == {
        "order_id": failed_exit.id,
        "position_id": failed_exit.position_id,
        "token": failed_exit.mint,
        "attempts": "3",
        "error": "slippage tolerance exceeded",
    }
    assert alert.position_id == failed_exit.position_id


def test_one_attempt_is_one_attempt(failed_exit: Order) -> None:
    """The message counts in English."""
    assert "after 1 attempt." in given_up(an_exit(attempt_count=1)).message


def test_an_entry_that_failed_for_good_asks_for_nobody() -> None:
    """A cancelled entry is told, but nothing is at risk."""
    alert = given_up(an_entry(status=OrderStatus.CANCELLED, attempt_count=3, last_error="no route"))
    assert (alert.alert_type, alert.severity, alert.requires_action) == ("entry_failed", Severity.HIGH, False)
    assert alert.message.startswith("Entry order entry-1")


def test_alerts_of_different_orders_stand_side_by_side() -> None:
    """Only the same order's failure counts up; another order's is another matter."""
    assert given_up(an_exit(id="exit-1")).dedupe_key != given_up(an_exit(id="exit-2")).dedupe_key
    assert given_up(an_exit(id="exit-1")).dedupe_key == given_up(an_exit(id="exit-1")).dedupe_key


def test_raised_again_it_counts_up_and_keeps_its_name() -> None:
    """The standing alert keeps its id and its first moment, and takes the newest words and severity."""
    newer = an_alert(
        id="alert-2",
        severity=Severity.CRITICAL,
        title="Still no prices",
        message="No source has had a price of BONK for a minute.",
        data={"token": "x", "age": "60"},
        requires_action=True,
        raised_at=LATER,
        updated_at=LATER,
    )
    alert = again(again(an_alert(), newer), newer)
    assert (alert.id, alert.raised_at, alert.updated_at, alert.count) == ("alert-1", NOW, LATER, 3)
    assert (alert.severity, alert.title, alert.message) == (newer.severity, newer.title, newer.message)
    assert (alert.data, alert.requires_action) == (newer.data, True)


def test_an_acknowledged_alert_that_is_raised_again_is_active_again() -> None:
    """What a person has seen and what happens anew are two things."""
    assert again(acknowledged(an_alert(), LATER), an_alert()).status is AlertStatus.ACTIVE


def test_a_resolved_alert_that_is_raised_again_is_not_resolved_any_more() -> None:
    """An active alert has no moment at which it was resolved."""
    alert = again(resolved(an_alert(), LATER), an_alert())
    assert alert.status is AlertStatus.ACTIVE
    assert alert.resolved_at is None


def test_acknowledged_and_resolved_say_when() -> None:
    """Both change the status and the time of the last change; only the end has a time of its own."""
    seen = acknowledged(an_alert(), LATER)
    assert (seen.status, seen.updated_at, seen.resolved_at) == (AlertStatus.ACKNOWLEDGED, LATER, None)
    done = resolved(seen, LATER)
    assert (done.status, done.updated_at, done.resolved_at) == (AlertStatus.RESOLVED, LATER, LATER)
