"""The bus within the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.domain.events import StoredEvent, matches
from tests.doubles_store import MemoryStore
from tests.factories import a_position, an_event, an_exit


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.data: list[Mapping[str, Any]] = []

    def __call__(self, subject: str, data: Mapping[str, Any]) -> None:
        self.subjects.append(subject)
        self.data.append(data)


class Told:
    """What looks like a reference to an actor."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def tell(self, message: Any) -> None:
        self.messages.append(message)


def a_bus(store: MemoryStore | None = None) -> LocalBus:
    """Return a bus over *store*, or over one that nothing is committed to."""
    return LocalBus(ManualClock(), store or MemoryStore())


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("order.1.filled", "order.1.filled", True),
        ("order.1.filled", "order.1.failed", False),
        ("order.1.filled", "order.1", False),
        ("order.1", "order.1.filled", False),
        ("order.*.filled", "order.1.filled", True),
        ("order.*.filled", "order.filled", False),
        ("order.*.filled", "order.1.2.filled", False),
        ("order.*", "order.1", True),
        ("order.*", "order", False),
        ("order.*", "order.1.filled", False),
        ("*", "order", True),
        ("*", "order.1", False),
        ("*.*", "order.1", True),
        ("order.>", "order.1", True),
        ("order.>", "order.1.filled", True),
        ("order.>", "order", False),
        ("order.>", "orders.1", False),
        ("*.1.>", "order.1.filled", True),
        ("*.1.>", "order.2.filled", False),
        (">", "order", True),
        (">", "order.1.filled", True),
        ("order.1", "Order.1", False),
        ("order.1*", "order.12", False),
        ("order", "", False),
    ],
)
def test_a_pattern_names_subjects_as_in_nats(pattern: str, subject: str, expected: bool) -> None:
    """`*` is one token, a final `>` is one or more, and everything else is itself."""
    assert matches(pattern, subject) is expected


def test_a_listener_hears_what_its_pattern_names() -> None:
    """Subject and data arrive as they were published, in their order, and nothing else arrives."""
    bus, heard = a_bus(), Heard()
    bus.subscribe("order.>", heard)
    bus.publish("order.1.filled", {"sol": 5})
    bus.publish("position.1.closed", {})
    bus.publish("order.2.failed", {"error": "no route"})
    assert heard.subjects == ["order.1.filled", "order.2.failed"]
    assert heard.data == [{"sol": 5}, {"error": "no route"}]


def test_whatever_has_a_tell_is_told() -> None:
    """An actor hears of a subject as one message: subject and data in a tuple."""
    bus, actor = a_bus(), Told()
    bus.subscribe("*", actor)
    bus.publish("order", {"sol": 5})
    assert actor.messages == [("order", {"sol": 5})]


def broken(_subject: str, _data: Mapping[str, Any]) -> None:
    """Raise, as a listener may."""
    raise RuntimeError("a listener broke")


class Dead:
    """A reference to an actor that is gone."""

    def tell(self, message: Any) -> None:
        raise LookupError("the actor is gone")


@pytest.mark.parametrize("bad", [broken, Dead()], ids=["callable", "actor"])
def test_a_listener_that_raises_harms_nobody(bad: Any) -> None:
    """Listeners before and after it hear everything, the publisher goes on, and it hears the next subject itself."""
    bus, before, after = a_bus(), Heard(), Heard()
    for listener in (before, bad, after):
        bus.subscribe(">", listener)
    bus.publish("a", {})
    bus.publish("b", {})
    assert before.subjects == after.subjects == ["a", "b"]


def test_after_unsubscribing_nothing_is_heard() -> None:
    """What ends a subscription ends that one alone, and may be called again."""
    bus, left, stays = a_bus(), Heard(), Heard()
    leave = bus.subscribe(">", left)
    bus.subscribe(">", stays)
    bus.publish("a", {})
    leave()
    leave()
    bus.publish("b", {})
    assert (left.subjects, stays.subjects) == (["a"], ["a", "b"])


def test_a_listener_may_have_several_subscriptions() -> None:
    """It hears a subject once for each pattern that names it, and ending one leaves the other."""
    bus, heard = a_bus(), Heard()
    leave = bus.subscribe(">", heard)
    bus.subscribe("a.*", heard)
    bus.publish("a.b", {})
    leave()
    bus.publish("a.c", {})
    assert heard.subjects == ["a.b", "a.b", "a.c"]


def test_a_listener_may_leave_or_bring_another_while_it_is_told() -> None:
    """The subject under way is told to those who listened when it was published."""
    bus, late = a_bus(), Heard()
    endings: list[Callable[[], None]] = []

    def once(_subject: str, _data: Mapping[str, Any]) -> None:
        endings.pop()()
        bus.subscribe(">", late)

    endings.append(bus.subscribe(">", once))
    bus.publish("a", {})
    bus.publish("b", {})
    assert late.subjects == ["b"]


def test_publishing_to_nobody_is_no_error() -> None:
    """A bus without listeners swallows everything."""
    a_bus().publish("a", {})


def test_a_listener_hears_of_what_was_committed() -> None:
    """Once and in order, each with its event and with the record as it stood then."""
    store, heard = MemoryStore(), Heard()
    a_bus(store).subscribe("*.*.>", heard)
    position, order = a_position(), an_exit()
    store.commit(position, order, an_event())
    assert heard.subjects == [f"position.{position.id}.opened", f"order.{order.id}.pending"]
    assert [data["event"] for data in heard.data] == store.events()
    assert (heard.data[0]["position"], heard.data[1]["order"]) == (position, order)


def test_a_listener_that_resumes_hears_what_it_missed() -> None:
    """A listener with a number hears of the events after it, and then of what happens, on a thread of its own."""
    store, done = MemoryStore(), threading.Event()
    heard: list[int] = []
    bus = a_bus(store)
    for _ in range(3):
        store.commit(an_exit(), an_event())

    def hear(_subject: str, data: Mapping[str, Any]) -> None:
        event = data["event"]
        assert isinstance(event, StoredEvent)
        assert threading.current_thread() is not threading.main_thread()
        heard.append(event.seq)
        if event.seq == 4:
            done.set()

    leave = bus.subscribe("order.>", hear, since=1)
    store.commit(an_exit(), an_event())
    assert done.wait(10)
    leave()
    assert heard == [2, 3, 4]
