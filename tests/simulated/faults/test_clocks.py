"""Clocks that step."""

from __future__ import annotations

from chain.simulated.faults.clocks import SteppingClock
from engine.clock import ManualClock
from engine.domain.units import Nanos, seconds
from tests.simulated.faults.stage import staged


def test_a_clock_steps_forward_and_back() -> None:
    """And runs on from where it was set to."""
    steady = ManualClock()
    clock, start = SteppingClock(steady), steady.now()
    clock.step(seconds(60))
    assert clock.now() == start + seconds(60)
    clock.step(Nanos(-seconds(90)))
    steady.advance(seconds(5))
    assert clock.now() == start - seconds(25)


def test_a_call_is_made_when_the_clock_shows_its_time() -> None:
    """As it was set when the call was asked for."""
    steady, called = ManualClock(), []
    clock = SteppingClock(steady)
    clock.step(seconds(60))
    clock.call_at(Nanos(clock.now() + seconds(10)), lambda: called.append(steady.now()))
    due = steady.now() + seconds(10)
    steady.advance(seconds(20))
    assert called == [due]


def test_the_cluster_s_own_time_steps_and_its_slots_do_not() -> None:
    """Block times, and what programs read, are off; blocks before keep theirs."""
    with staged() as stage:
        bank, payment = stage.world.bank, stage.payment()
        before = bank.slot()
        old = stage.result("getBlockTime", before)
        bank.step_block_time(-3_600)
        stage.send(payment)
        stage.pass_slots(5)
        assert bank.slot() == before + 5
        assert stage.result("getBlockTime", before) == old
        assert stage.result("getBlockTime", before + 5) == old + 2 - 3_600
        executed = bank.transaction(str(payment.signatures[0]))
        assert executed is not None
        assert old - 3_600 <= executed.block_time <= old - 3_598
        bank.step_block_time(7_200)
        stage.pass_slots(5)
        assert stage.result("getBlockTime", before + 10) == old + 4 + 3_600
