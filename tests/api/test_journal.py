"""What happened is read a page at a time: nothing twice, nothing left out, and the stream goes on where it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.domain.units import AlertId
from tests.api.desk import V1, Desk
from tests.factories import an_alert

JOURNAL = f"{V1}/journal"
COUNT = 25


@pytest.fixture
def told(desk: Desk) -> Desk:
    """Return a desk with 25 alerts, whose events are the newest."""
    for number in range(COUNT):
        desk.store.commit(an_alert(id=AlertId(f"alert-{number}"), dedupe_key=str(number)))
    return desk


def numbers(page: dict[str, Any]) -> list[int]:
    """Return the numbers of the events on *page*."""
    return [int(event["sequence"]) for event in page["events"]]


def test_pages_follow_each_other_without_a_gap(told: Desk) -> None:
    """Each begins where the one before says, until there is no more; the numbers are those of the store."""
    since, seen, pages = 0, list[int](), 0
    while True:
        page = told.get(JOURNAL, subjects="alert.>", since=since, limit=10)
        seen, since, pages = seen + numbers(page), page["next"], pages + 1
        assert page["last"] == told.store.last_event()
        if since == page["last"]:
            break
    assert seen == [event.seq for event in told.store.events(0, "alert.>")]
    assert (len(seen), pages) == (COUNT, 3)
    assert told.get(JOURNAL, since=since) == {"events": [], "last": since, "next": since}


def test_a_page_has_the_documents_that_the_stream_sends(told: Desk) -> None:
    """CloudEvents, the same to the last character."""
    page = told.get(JOURNAL, since=0, limit=2)
    with told.client.stream("GET", f"{V1}/events", params={"since": 0}) as stream:
        lines = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        assert page["events"] == [json.loads(next(lines)) for _ in range(2)]


def test_the_newest_come_with_the_number_to_stream_on_from(told: Desk) -> None:
    """Oldest first; `next` is the newest number of all, whatever its subject."""
    page = told.get(JOURNAL, subjects="alert.>", newest=3)
    assert [event["subject"] for event in page["events"]] == [f"alert.alert-{n}.raised" for n in (22, 23, 24)]
    page = told.get(JOURNAL, subjects="position.>", newest=50)
    assert len(page["events"]) == len(told.store.events(0, "position.>"))
    assert page["next"] == page["last"] == told.store.last_event()


def test_what_comes_while_a_page_is_read_is_on_it_or_on_the_next(told: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event between the two looks at the store is not passed over."""
    known, look = told.store.last_event(), told.store.events

    def late(*arguments: Any) -> Any:
        found = look(*arguments)
        told.store.commit(an_alert(id=AlertId("late"), dedupe_key="late"))
        return found

    monkeypatch.setattr(told.store, "events", late)
    page = told.get(JOURNAL, since=0, limit=1000)
    monkeypatch.undo()
    assert page["next"] == known
    assert numbers(told.get(JOURNAL, since=page["next"])) == [known + 1]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"subjects": "order..x"}, "subjects"),
        ({"subjects": "order.>.x"}, "subjects"),
        ({"subjects": "order filled"}, "subjects"),
        ({"subjects": ""}, "subjects"),
        ({"since": -1}, "since"),
        ({"since": 10**6}, "there is no event 1000000"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"newest": 0}, "newest"),
        ({"newest": 5, "since": 1}, "since and newest"),
    ],
)
def test_a_question_that_makes_no_sense_is_422(desk: Desk, query: dict[str, Any], named: str) -> None:
    """What is wrong is named."""
    answer = desk.client.get(JOURNAL, params=query)
    assert (answer.status_code, named in answer.json()["detail"]) == (422, True), answer.text
