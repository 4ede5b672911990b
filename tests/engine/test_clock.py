"""Time by hand, and the machine's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from engine.clock import ManualClock, SystemClock
from engine.domain.units import Nanos, seconds
from engine.ports import Clock
from tests.factories import NOW

PATIENCE = 10
"""Seconds (of the machine) after which a call that did not come is taken not to come."""
HOUR = seconds(3600)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at NOW."""
    return ManualClock(NOW)


@pytest.fixture
def system() -> Iterator[SystemClock]:
    """The machine's clock."""
    clock = SystemClock()
    yield clock
    clock.close()


def at(span: int) -> Nanos:
    """Return the moment *span* nanoseconds after NOW."""
    return Nanos(NOW + span)


class Calls:
    """Notes what is called when."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.made: list[tuple[str, int]] = []

    def due(self, name: str, span: int) -> None:
        """Have *name* called *span* nanoseconds after NOW."""
        self.clock.call_at(at(span), lambda: self.made.append((name, self.clock.now() - NOW)))


# By hand ---------------------------------------------------------------------------------------------------


def test_a_manual_clock_stands_still(clock: ManualClock) -> None:
    """Nobody moves it but whoever holds it."""
    assert clock.now() == clock.now() == NOW
    clock.advance(seconds(1))
    assert clock.now() == NOW + seconds(1)


def test_both_are_clocks(clock: ManualClock, system: SystemClock) -> None:
    """Either can stand where a clock is asked for."""
    assert isinstance(clock, Clock)
    assert isinstance(system, Clock)


def test_calls_are_made_in_the_order_in_which_they_are_due(clock: ManualClock) -> None:
    """Each at its own time, whichever was asked for first; of one moment, in the order of the asking."""
    calls = Calls(clock)
    for name, span in (("c", 30), ("a", 10), ("b", 20), ("b2", 20)):
        calls.due(name, span)
    clock.advance(Nanos(100))
    assert calls.made == [("a", 10), ("b", 20), ("b2", 20), ("c", 30)]
    assert clock.now() == at(100)


def test_a_call_is_made_at_its_moment_and_not_before(clock: ManualClock) -> None:
    """One nanosecond too early is too early, and a call is made once."""
    calls = Calls(clock)
    calls.due("a", 10)
    clock.advance_to(at(9))
    assert calls.made == []
    clock.advance_to(at(10))
    clock.advance_to(at(20))
    assert calls.made == [("a", 10)]


def test_a_call_may_ask_for_more_calls(clock: ManualClock) -> None:
    """What falls due on the way is made on the way, at its own time."""
    calls = Calls(clock)
    clock.call_at(at(10), lambda: calls.due("second", 15))
    clock.call_at(at(12), lambda: calls.due("beyond", 200))
    calls.due("third", 20)
    clock.advance(Nanos(100))
    assert calls.made == [("second", 15), ("third", 20)]
    clock.advance(Nanos(100))
    assert calls.made[-1] == ("beyond", 200)


def test_a_call_that_is_due_already_is_made_without_moving(clock: ManualClock) -> None:
    """A moment in the past is made up for as soon as the clock is touched, and time does not go back for it."""
    calls = Calls(clock)
    calls.due("late", -50)
    clock.advance(Nanos(0))
    assert calls.made == [("late", 0)]


def test_a_manual_clock_does_not_go_back(clock: ManualClock) -> None:
    """Moving it to the past moves nothing."""
    clock.advance_to(at(100))
    clock.advance_to(at(50))
    assert clock.now() == at(100)


def test_a_call_that_was_taken_back_is_not_made(clock: ManualClock) -> None:
    """Cancelling is harmless before, after and twice."""
    calls = Calls(clock)
    timer = clock.call_at(at(10), lambda: calls.made.append(("cancelled", 10)))
    calls.due("kept", 10)
    timer.cancel()
    timer.cancel()
    clock.advance(Nanos(100))
    timer.cancel()
    assert calls.made == [("kept", 10)]


def test_a_call_may_take_another_one_back(clock: ManualClock) -> None:
    """Even one of the same moment."""
    calls = Calls(clock)

    def take_back() -> None:
        second.cancel()

    clock.call_at(at(10), take_back)
    second = clock.call_at(at(10), lambda: calls.made.append(("second", 10)))
    clock.advance(Nanos(100))
    assert calls.made == []


def test_the_next_call_can_be_asked_for(clock: ManualClock) -> None:
    """The earliest that was not taken back, or none."""
    assert clock.next_at() is None
    first = clock.call_at(at(10), lambda: None)
    clock.call_at(at(20), lambda: None)
    assert clock.next_at() == at(10)
    first.cancel()
    assert clock.next_at() == at(20)
    clock.advance(Nanos(20))
    assert clock.next_at() is None


# The machine's ---------------------------------------------------------------------------------------------


def test_the_machines_clock_begins_at_the_wall_clocks_time(system: SystemClock) -> None:
    """It says nanoseconds since the epoch."""
    assert abs(system.now() - time.time_ns()) < seconds(PATIENCE)


def test_the_machines_clock_never_goes_back(system: SystemClock) -> None:
    """Each answer is at least the one before it."""
    answers = [system.now() for _ in range(10_000)]
    assert answers == sorted(answers)


def test_a_start_can_be_given() -> None:
    """A replay begins at the time of its first price."""
    clock = SystemClock(start=NOW)
    try:
        assert NOW <= clock.now() < NOW + seconds(PATIENCE)
    finally:
        clock.close()


def test_a_call_comes_on_the_clocks_thread_when_it_is_due(system: SystemClock) -> None:
    """Not before its moment, and not on the thread of whoever asked."""
    called = threading.Event()
    seen: list[tuple[int, str]] = []

    def note() -> None:
        seen.append((system.now(), threading.current_thread().name))
        called.set()

    moment = Nanos(system.now() + 20_000_000)
    system.call_at(moment, note)
    assert called.wait(PATIENCE)
    assert seen[0][0] >= moment
    assert seen[0][1] == "clock"


def test_an_earlier_call_does_not_wait_for_a_later_one(system: SystemClock) -> None:
    """A call that is asked for while the clock sleeps towards another one is made in time."""
    called = threading.Event()
    system.call_at(Nanos(system.now() + HOUR), lambda: None)
    system.call_at(Nanos(system.now() + 1_000_000), called.set)
    assert called.wait(PATIENCE)


def test_what_is_overdue_is_called_at_once(system: SystemClock) -> None:
    """A moment that is past already is not waited for."""
    called = threading.Event()
    system.call_at(NOW, called.set)
    assert called.wait(PATIENCE)


def test_a_call_that_was_taken_back_does_not_come(system: SystemClock) -> None:
    """The next one, of the same moment, does."""
    made: list[str] = []
    done = threading.Event()
    moment = Nanos(system.now() + 20_000_000)
    system.call_at(moment, lambda: made.append("cancelled")).cancel()
    system.call_at(moment, done.set)
    assert done.wait(PATIENCE)
    assert made == []


def test_a_call_that_raises_harms_no_other(system: SystemClock) -> None:
    """The clock goes on."""
    done = threading.Event()

    def broken() -> None:
        raise RuntimeError("a call broke")

    system.call_at(NOW, broken)
    system.call_at(NOW, done.set)
    assert done.wait(PATIENCE)


@pytest.mark.parametrize("years", [300, 3_000_000])
def test_a_call_in_the_far_future_harms_no_other(system: SystemClock, years: int) -> None:
    """A time limit that nobody will live to see does not stop the timers of everybody else."""
    system.call_at(Nanos(system.now() + years * 365 * 86_400 * seconds(1)), lambda: None)
    for _ in range(20):  # in between, the clock has nothing but the far future to wait for
        done = threading.Event()
        system.call_at(NOW, done.set)
        assert done.wait(PATIENCE)


def test_a_fast_clock_makes_hours_of_moments() -> None:
    """With speed N, a second of the machine is N seconds: an hour at a million is over in 4 milliseconds."""
    clock = SystemClock(speed=1_000_000, start=NOW)
    try:
        done = threading.Event()
        clock.call_at(Nanos(NOW + HOUR), done.set)
        assert done.wait(PATIENCE)
        assert clock.now() >= NOW + HOUR
    finally:
        clock.close()


def test_a_closed_clock_makes_no_more_calls() -> None:
    """Its thread has ended when close returns; what was asked for is not made, and closing again is harmless."""
    clock = SystemClock()
    made: list[str] = []
    clock.call_at(Nanos(clock.now() + HOUR), lambda: made.append("before"))
    clock.close()
    clock.call_at(NOW, lambda: made.append("after"))
    clock.close()
    assert not clock._thread.is_alive()
    assert made == []
