"""The tab of events: what the page begins with. What the browser does with it is tested in a browser."""

from __future__ import annotations

from engine.console.tabs.events import SCRIPT, SUGGESTED, events_page
from engine.domain.events import matches
from engine.events.catalogue import TYPES
from tests.console.samples import Page


def test_the_page_has_a_box_for_the_pattern_and_can_be_paused() -> None:
    """A person names a pattern, listens, pauses and clears; who cannot see is told what is going on."""
    page = Page(events_page())
    assert [each["type"] for each in page.all("button")] == ["submit", "button", "button"]
    assert page.all("input")[0]["aria-label"] == "Pattern of subjects"
    assert page.of_class("rc-said")[0]["role"] == "status"


def test_every_pattern_that_is_suggested_names_something() -> None:
    """A suggestion that never hears anything is none."""
    subjects = [subject.replace("ripcord.", "").replace(".", ".1.", 1) for subject in TYPES] + ["engine.started"]
    for pattern in SUGGESTED:
        assert any(matches(pattern, subject) for subject in subjects), pattern


def test_what_was_heard_never_becomes_markup() -> None:
    """Events carry text of others: the script writes it as text alone."""
    assert "textContent" in SCRIPT
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in SCRIPT
