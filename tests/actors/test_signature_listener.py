"""A listener makes verdicts come sooner, and can do nothing else, whatever it tells or does not tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from actors.confirmer import LOOK_AGAIN_AFTER
from actors.system import CONFIRMER, ROUTER
from engine.domain.order import Order
from engine.domain.swap import SignatureStatus
from engine.domain.units import SECOND, Signature, seconds
from engine.messages.orders import PlaceEntry
from engine.messages.swaps import WatchAttempt
from tests.actors.rig import Rig

POLL = 0.5
"""Seconds between two polls of the confirmer."""


class ScriptedListener:
    """Tells what a test says, of whatever signature."""

    def __init__(self) -> None:
        self.listened: list[Signature] = []
        self.forgotten: list[Signature] = []
        self._on_seen: dict[Signature, Callable[[Signature], None]] = {}

    def listen(self, signature: Signature, on_seen: Callable[[Signature], None]) -> None:
        self.listened.append(signature)
        self._on_seen[signature] = on_seen

    def forget(self, signature: Signature) -> None:
        self.forgotten.append(signature)

    def close(self) -> None:
        raise AssertionError("whoever made the listener closes it")

    def tell(self, signature: Signature, told: Signature | None = None) -> None:
        """Tell of *told* (itself, where None) whoever listens for *signature*."""
        self._on_seen[signature](told or signature)


class BrokenListener:
    """Raises whatever it is asked."""

    def listen(self, signature: Signature, on_seen: Callable[[Signature], None]) -> None:
        raise OSError("no websocket")

    def forget(self, signature: Signature) -> None:
        raise OSError("no websocket")

    def close(self) -> None:
        raise OSError("no websocket")


class Asked:
    """Remembers when the chain was asked for statuses, and asks it."""

    def __init__(self, rig: Rig) -> None:
        self.at: list[int] = []
        self._rig = rig
        self._statuses = rig.chain.statuses

    def __call__(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        self.at.append(self._rig.clock.now())
        return self._statuses(signatures, search_history=search_history)


@pytest.fixture
def listener() -> ScriptedListener:
    """Return a listener that a test speaks through."""
    return ScriptedListener()


@pytest.fixture
def rig(listener: ScriptedListener) -> Rig:
    """Return a started engine with that listener."""
    rig = Rig()
    rig.listener = listener
    return rig.start()


def in_the_air(rig: Rig) -> tuple[Order, Signature]:
    """Send an entry that has not landed yet; return it and its signature. The next poll is half an interval away."""
    rig.token()
    rig.chain.outcomes.append("hold")
    order = rig.entry()
    rig.ask(ROUTER, PlaceEntry(order=order))
    rig.advance(POLL / 2)
    (attempt,) = rig.store.attempts(order.id)
    return order, attempt.signature


def filled(rig: Rig, order: Order) -> bool:
    """Return whether the fill of *order* is booked."""
    return rig.store.position(order.position_id) is not None


def test_a_notification_resolves_before_the_poll(rig: Rig, listener: ScriptedListener) -> None:
    """Once it is told, the fill is booked without any time passing; without it nothing happens until the poll."""
    order, signature = in_the_air(rig)
    rig.chain.release()
    rig.run()
    assert not filled(rig, order)
    listener.tell(signature)
    rig.run()
    assert filled(rig, order)


def test_a_listener_that_never_speaks_changes_nothing(rig: Rig) -> None:
    """Everything that is published, and the time it takes, is the same as without one."""
    silent, without = rig, Rig().start()
    for engine in (silent, without):
        engine.open()
        engine.chain.outcomes.extend(["revert", "lose"])
        engine.price("0.8")
        engine.advance(20)
    assert silent.bus.events == without.bus.events
    assert silent.clock.next_at() == without.clock.next_at()


def test_a_listener_that_raises_harms_nothing() -> None:
    """The attempt is watched by polling, and no handler fails."""
    rig = Rig()
    rig.listener = BrokenListener()
    rig.start()
    order, _ = in_the_air(rig)
    rig.chain.release()
    rig.advance(POLL)
    assert filled(rig, order)
    assert rig.bus.subjects("engine.message_failed") == []


def test_a_notification_alone_is_no_verdict(rig: Rig, listener: ScriptedListener) -> None:
    """What is told while the chain knows nothing resolves nothing."""
    order, signature = in_the_air(rig)
    listener.tell(signature)
    rig.advance(POLL)
    assert not filled(rig, order)
    assert [attempt.signature for attempt in rig.view(CONFIRMER)] == [signature]


def test_notifications_of_unknown_signatures_are_ignored(
    rig: Rig, listener: ScriptedListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was never watched, and one that is resolved already, cost no question and no error."""
    order, signature = in_the_air(rig)
    rig.chain.release()
    rig.advance(POLL)
    assert filled(rig, order)
    asked = Asked(rig)
    monkeypatch.setattr(rig.chain, "statuses", asked)
    listener.tell(signature)
    listener.tell(signature, Signature("of somebody else"))
    rig.advance(POLL)
    assert asked.at == []
    assert rig.bus.subjects("engine.message_failed") == []


def test_a_transaction_that_the_node_cannot_show_yet_is_looked_at_again_soon(
    rig: Rig, listener: ScriptedListener
) -> None:
    """The notification may come before the transaction: one more look follows before the poll."""
    order, signature = in_the_air(rig)
    rig.chain.release()
    fill = rig.chain.fills.pop(signature)
    listener.tell(signature)
    rig.run()
    assert not filled(rig, order)
    rig.chain.fills[signature] = fill
    rig.advance(LOOK_AGAIN_AFTER / SECOND)
    assert filled(rig, order)


def test_there_is_one_more_look_and_then_the_polls(
    rig: Rig, listener: ScriptedListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notification costs two questions at most; what it did not resolve, the polls do."""
    _, signature = in_the_air(rig)
    asked = Asked(rig)
    monkeypatch.setattr(rig.chain, "statuses", asked)
    told_at = rig.clock.now()
    listener.tell(signature)
    rig.advance(POLL)
    poll_at = told_at + seconds(POLL / 2)
    assert asked.at == [told_at, told_at + LOOK_AGAIN_AFTER, poll_at]


def test_each_attempt_is_listened_for_once_and_then_forgotten(rig: Rig, listener: ScriptedListener) -> None:
    """That the router tells of it again changes nothing; a verdict ends the listening."""
    order, signature = in_the_air(rig)
    (attempt,) = rig.store.attempts(order.id)
    rig.system.tell(CONFIRMER, WatchAttempt(attempt=attempt))
    rig.advance(POLL)
    assert (listener.listened, listener.forgotten) == ([signature], [])
    rig.chain.release()
    rig.advance(POLL)
    assert (listener.listened, listener.forgotten) == ([signature], [signature])
