"""Subscribers with a pace of their own: nothing durable is lost or told twice, and nobody waits for them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.bus.local import LocalBus
from engine.bus.subscription import Subscription
from engine.clock import ManualClock
from engine.domain.errors import BadInputError
from engine.domain.events import Event, StoredEvent, numbered
from engine.domain.units import AlertId
from engine.ports import Store
from engine.store.sql import SqlStore
from tests.doubles_store import MemoryStore
from tests.factories import NOW, a_position, an_alert, an_event, an_exit

PATIENCE = 20.0


def alert(number: int) -> AlertId:
    """Return the id of alert *number*, whose raising is the event of that number where nothing else happens."""
    return AlertId(f"alert-{number}")


def raise_alerts(store: Store, which: range) -> None:
    """Let one event happen for each number of *which*."""
    for number in which:
        store.commit(an_alert(id=alert(number)))


def beat(bus: LocalBus, number: int) -> None:
    """Publish live event *number*."""
    bus.publish("engine.heartbeat", {"last_event": number, "open_positions": 0, "unfinished_orders": 0})


def numbers(subscription: Subscription, count: int) -> list[int]:
    """Return the numbers of the next *count* durable events."""
    return [seq_of(subscription.get(PATIENCE)) for _ in range(count)]


def seq_of(event: Event | None) -> int:
    """Return the number of a durable event."""
    assert isinstance(event, StoredEvent)
    return event.seq


@pytest.fixture
def store() -> MemoryStore:
    """Where things happen."""
    return MemoryStore()


@pytest.fixture
def bus(store: MemoryStore) -> LocalBus:
    """A bus over the store."""
    return LocalBus(ManualClock(NOW), store)


def test_without_a_number_it_begins_with_what_happens_next(bus: LocalBus, store: MemoryStore) -> None:
    """What happened before is not told."""
    raise_alerts(store, range(1, 4))
    subscription = bus.open(">")
    assert subscription.get(0) is None
    raise_alerts(store, range(4, 6))
    assert numbers(subscription, 2) == [4, 5]
    assert subscription.get(0) is None


@pytest.mark.parametrize("since", [0, 1, 3])
def test_with_a_number_it_begins_behind_that(bus: LocalBus, store: MemoryStore, since: int) -> None:
    """First from the store, then live, without a seam."""
    raise_alerts(store, range(1, 4))
    subscription = bus.open(">", since)
    raise_alerts(store, range(4, 6))
    assert numbers(subscription, 5 - since) == list(range(since + 1, 6))
    raise_alerts(store, range(6, 8))
    assert numbers(subscription, 2) == [6, 7]
    assert subscription.get(0) is None


def test_a_number_that_never_was_is_refused(bus: LocalBus, store: MemoryStore) -> None:
    """In a sentence: to wait for it in silence would miss all that happens until then."""
    raise_alerts(store, range(1, 4))
    with pytest.raises(BadInputError, match="no event 4 to resume after: the newest is 3"):
        bus.open(">", 4)


def test_it_hears_what_its_pattern_names(bus: LocalBus, store: MemoryStore) -> None:
    """Of what is read from the store, of what is told, and of what is live."""
    store.commit(a_position(), an_exit(), an_event(), an_alert())
    subscription = bus.open("order.>", 0)
    store.commit(an_event(), an_alert(id=alert(2)))
    beat(bus, 1)
    subjects = [event.subject for event in iter(lambda: subscription.get(0), None)]
    assert subjects == ["order.exit-1.pending"] * 2


def test_live_events_come_in_their_place(bus: LocalBus, store: MemoryStore) -> None:
    """Between the durable ones that happened before and after them, as plain JSON."""
    subscription = bus.open(">")
    beat(bus, 7)
    raise_alerts(store, range(1, 2))
    beat(bus, 8)
    events = [subscription.get(PATIENCE) for _ in range(3)]
    subjects = [event.subject for event in events if event]
    assert subjects == ["engine.heartbeat", "alert.alert-1.raised", "engine.heartbeat"]
    assert events[0] is not None
    assert (events[0].data["last_event"], events[0].time, type(events[0])) == (7, NOW, Event)
    assert len({event.id for event in events if event}) == 3


def test_one_that_never_reads_neither_blocks_nor_grows(bus: LocalBus, store: MemoryStore) -> None:
    """What waits is bounded; the oldest live events are dropped and counted, durable ones are read from the store."""
    subscription = bus.open(">", size=10)
    for number in range(1, 101):
        raise_alerts(store, range(number, number + 1))
        beat(bus, number)
    assert (len(subscription._durable), len(subscription._live), subscription.dropped) == (10, 10, 90)
    events = list(iter(lambda: subscription.get(0), None))
    assert [event.seq for event in events if isinstance(event, StoredEvent)] == list(range(1, 101))
    assert [event.data["last_event"] for event in events if not isinstance(event, StoredEvent)] == list(range(91, 101))


def test_an_event_that_is_unknown_reaches_no_subscription(bus: LocalBus) -> None:
    """It has no schema that a program could rely on; whoever published it is not disturbed."""
    subscription = bus.open(">")
    bus.publish("engine.made_up", {})
    bus.publish("engine.draining", {"surprise": 1})
    beat(bus, 1)
    first = subscription.get(0)
    assert first is not None
    assert first.subject == "engine.heartbeat"


def test_closing_ends_whoever_waits(bus: LocalBus, store: MemoryStore) -> None:
    """An iteration ends, and nothing is offered any more."""
    subscription, got = bus.open(">"), list[Event]()
    reading = threading.Thread(target=lambda: got.extend(subscription))
    reading.start()
    raise_alerts(store, range(1, 2))
    subscription.close()
    reading.join(PATIENCE)
    assert not reading.is_alive()
    assert bus._subscriptions == ()
    assert subscription.get(0) is None


class Interrupted(MemoryStore):
    """A store in which something happens while the first page is being read: *before* that, or *after* it."""

    def __init__(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        super().__init__()
        self._before, self._after = before, after

    def events(self, since: int = 0, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        before, after, self._before, self._after = self._before, self._after, _nothing, _nothing
        before()
        page = super().events(since, pattern, limit)
        after()
        return page


def _nothing() -> None:
    """Let nothing happen."""


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("pattern", [">", "alert.alert-3.*"])
def test_what_happens_while_a_page_is_read_comes_once(pattern: str, before: bool) -> None:
    """Neither is it lost behind the page nor told by both."""

    def happen() -> None:
        raise_alerts(interrupted, range(3, 4))

    interrupted = Interrupted(happen if before else _nothing, _nothing if before else happen)
    bus = LocalBus(ManualClock(), interrupted)
    raise_alerts(interrupted, range(1, 3))
    subscription = bus.open(pattern, 0)
    got = [seq_of(event) for event in iter(lambda: subscription.get(0), None)]
    assert got == ([1, 2, 3] if pattern == ">" else [3])


def test_what_is_told_late_comes_once() -> None:
    """An event can be read as soon as it is committed, and is told a moment later: perhaps while it is being read."""
    store = Interrupted(_nothing, lambda: subscription.offer(event))
    raise_alerts(store, range(1, 2))
    event = numbered(1, "alert.alert-1.raised", NOW, {}, 1)
    subscription = Subscription(">", store, since=0, size=10, on_close=lambda _: None)
    subscription.catch_up()
    assert numbers(subscription, 1) == [1]
    subscription.offer(event)
    assert subscription.get(0) is None


def test_a_reader_that_is_killed_and_resumed_misses_nothing(tmp_path: Path) -> None:
    """A hundred times over a busy store that is opened anew now and then: each event once, in order."""
    rng, path = random.Random(5), tmp_path / "ripcord.db"
    got: list[int] = []
    total = 0
    while total < 400:
        store = SqlStore(path)
        bus = LocalBus(ManualClock(), store)
        batches = [range(total + n * 20 + 1, total + n * 20 + 21) for n in range(5)]
        working = [threading.Thread(target=raise_alerts, args=(store, batch)) for batch in batches]
        for thread in working:
            thread.start()
        for _ in range(25):
            subscription = bus.open("alert.>", got[-1] if got else 0, size=rng.choice([1, 2, 5]))
            got += numbers(subscription, rng.randrange(1, 5))  # at most 100 for each store: all of them come
            subscription.close()
        for thread in working:
            thread.join(PATIENCE)
        total += 100
        assert store.last_event() == total
        store.close()
    store = SqlStore(path)
    subscription = LocalBus(ManualClock(), store).open(">", got[-1])
    got += [seq_of(event) for event in iter(lambda: subscription.get(0), None)]
    store.close()
    assert got == list(range(1, total + 1))
