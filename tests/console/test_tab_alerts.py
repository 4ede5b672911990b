"""The tab of alerts."""

from __future__ import annotations

from engine.console.figures import NONE
from engine.console.tabs.alerts import alert_detail, alert_filters, alert_table, ranked
from tests.console.samples import HOSTILE, NOW, Page, an_alert, at


def test_what_needs_a_person_first_stands_first() -> None:
    """Active before acknowledged before resolved; of each the critical before the rest, then the newest."""
    alerts = [
        an_alert(id="resolved", status="resolved", resolved_at=at(50), updated_at=at(50)),
        an_alert(id="seen", status="acknowledged", updated_at=at(40)),
        an_alert(id="warning", severity="warning", updated_at=at(30)),
        an_alert(id="older", updated_at=at(10)),
        an_alert(id="newer", updated_at=at(20)),
    ]
    assert [alert["id"] for alert in ranked(alerts)] == ["newer", "older", "warning", "seen", "resolved"]


def test_a_critical_alert_stands_out_until_it_is_resolved() -> None:
    """Colour is kept for what matters now."""
    page = Page(alert_table([an_alert(), an_alert(id="alert-2", severity="high")], None, NOW, {}))
    assert len(page.of_class("rc-critical")) == 1
    assert len(page.of_class("rc-bad")) == 1
    past = Page(alert_table([an_alert(status="resolved", resolved_at=at(1))], None, NOW, {}))
    assert not past.of_class("rc-critical") + past.of_class("rc-bad")


def test_an_alert_names_its_token() -> None:
    """By the symbol of its position or, where that is not known, by the mint; one about neither has a dash."""
    mine, its_mint = an_alert(position_id="position-1"), an_alert(position_id=None, data={"token": "M" * 44})
    page = Page(alert_table([mine, its_mint, an_alert(position_id=None, data={})], None, NOW, {"position-1": "BONK"}))
    for expected in ("BONK", "MMMM…MMMM", NONE):
        assert expected in page.text


def test_the_filters_count_what_is_unresolved() -> None:
    """The number stands on the button."""
    page = Page(alert_filters(3, everything=True))
    assert "Unresolved 3" in page.text
    assert [each["aria-pressed"] for each in page.all("button")] == ["false", "true"]


def test_the_detail_has_the_message_and_all_data() -> None:
    """Every name and value that the alert carries is shown."""
    text = Page(alert_detail(an_alert(count=2, data={"order_id": "exit-1", "error": "no route"}))).text
    for expected in ("failed after 3 attempts", "Order id", "exit-1", "Error", "no route", "2 times"):
        assert expected in text


def test_text_from_outside_is_escaped() -> None:
    """A title, a message or a value that is markup is shown as text."""
    alert = an_alert(id=HOSTILE, title=HOSTILE, message=HOSTILE, data={HOSTILE: HOSTILE})
    shown = alert_table([alert], None, NOW, {}) + alert_detail(alert)
    assert "<script" not in shown
    assert HOSTILE in Page(shown).text


def test_no_alert_is_said() -> None:
    """An empty list says that all is well, and the detail what to do."""
    assert "Nothing needs a person." in Page(alert_table([], None, NOW, {})).text
    assert "Select an alert" in Page(alert_detail(None)).text
