"""Durable events in a database, beyond what every store must do with them."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from engine.domain.units import AlertId
from engine.store import schema
from engine.store.sql import SqlStore
from tests.factories import a_position, an_alert, an_event, an_exit


def test_a_rare_event_among_many_is_found_in_few_looks(where: str) -> None:
    """A pattern that leaves most of them out does not take a query for every few."""
    store = SqlStore(where)
    store.commit(*(an_alert(id=AlertId(f"alert-{n}"), dedupe_key=str(n)) for n in range(500)))
    looks: list[str] = []
    event.listen(store._backend.reader, "before_cursor_execute", lambda *said: looks.append(said[2]))
    assert [each.seq for each in store.newest_events("*.alert-1.*", 1)] == [2]
    assert [each.seq for each in store.events(0, "*.alert-400.*", 1)] == [401]
    assert [look.split()[0] for look in looks].count("SELECT") == 2
    store.close()


def test_events_outlive_the_process(where: str) -> None:
    """What was told is read again as it was, and the numbers go on."""
    first = SqlStore(where)
    first.commit(a_position(), an_exit(), an_event())
    told = first.events()
    first.close()
    second = SqlStore(where)
    assert (second.events(), second.last_event()) == (told, 2)
    second.commit(an_alert())
    assert [event.seq for event in second.events(2)] == [3]
    second.close()


def test_what_was_told_stays(store: SqlStore) -> None:
    """No event is changed or removed, and nobody counts back."""
    store.commit(a_position())
    for statement in (
        "UPDATE events SET subject = 'position.another.opened'",
        "DELETE FROM events",
        "DELETE FROM event_counter",
        "UPDATE event_counter SET last = 0",
        "INSERT INTO event_counter VALUES (2, 1)",
    ):
        with pytest.raises(IntegrityError), store._backend.writer.begin() as connection:
            connection.execute(text(statement))


def test_two_stores_of_one_database_number_together(where: str) -> None:
    """Of many commits at once, by two connections, each has its number, and every page begins where one ended."""
    stores, begin = [SqlStore(where), SqlStore(where)], threading.Barrier(4)
    told: list[list[int]] = [[], []]
    for store, heard in zip(stores, told, strict=True):
        store.listen(lambda event, _record, heard=heard: heard.append(event.seq))  # type: ignore[misc]

    def raise_alerts(worker: int) -> None:
        begin.wait(timeout=10)
        for number in range(10):
            stores[worker % 2].commit(an_alert(id=AlertId(f"alert-{worker}-{number}")))

    threads = [threading.Thread(target=raise_alerts, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [event.seq for event in stores[0].events()] == list(range(1, 41))
    assert all(heard == sorted(heard) for heard in told)
    assert sorted(told[0] + told[1]) == list(range(1, 41))
    for store in stores:
        store.close()


def test_a_database_from_before_the_events_gets_them(bare: str, tmp_path: Path) -> None:
    """It begins with the first thing that happens, and has no event of what happened before."""
    older = tmp_path / "older"
    shutil.copytree(schema.MIGRATIONS, older, ignore=shutil.ignore_patterns("__pycache__", "v000[2-9].py"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema.upgrade, "__kwdefaults__", {"migrations": older})
        patch.setattr(schema.up_to_date, "__defaults__", (older,))
        before = SqlStore(bare)
        with before._backend.reader.connect() as connection:
            assert schema.version_of(connection, "it") == "0001"
        before.close()
    store = SqlStore(bare)
    assert (store.events(), store.last_event()) == ([], 0)
    store.commit(a_position())
    assert store.last_event() == 1
    store.close()
