"""The dead-man's switch is called while the engine is well, and only then."""

from __future__ import annotations

import pytest

from actors.pulse import Pulse
from actors.system import ALERTS, PULSE, SUPERVISOR
from engine.domain.errors import DeliveryError
from engine.domain.units import seconds
from tests.actors.rig import Rig


class Switch:
    """Counts its calls, or cannot be reached."""

    def __init__(self) -> None:
        self.beats = 0
        self.broken = False

    def beat(self) -> None:
        """Be called."""
        if self.broken:
            raise DeliveryError("it answered 500")
        self.beats += 1


@pytest.fixture
def switch() -> Switch:
    """Return a switch that can be reached."""
    return Switch()


@pytest.fixture
def rig(switch: Switch) -> Rig:
    """Return a rig that calls the switch every minute."""
    rig = Rig().start()
    rig.system.spawn(PULSE, Pulse, switch=switch, chain=rig.chain, interval=seconds(60))
    rig.run()
    return rig


def test_an_engine_that_is_well_calls_once_in_each_interval(rig: Rig, switch: Switch) -> None:
    """From the first interval on."""
    rig.advance(59)
    assert switch.beats == 0
    rig.advance(301)
    assert switch.beats == 6


def test_an_engine_that_cannot_read_the_chain_is_silent_until_it_can(rig: Rig, switch: Switch) -> None:
    """No call while it lasts, and the next one right after."""
    rig.chain.unreachable = True
    rig.advance(600)
    assert switch.beats == 0
    rig.chain.unreachable = False
    rig.advance(60)
    assert switch.beats == 1


def test_a_supervisor_that_does_not_look_is_not_covered_up(rig: Rig, switch: Switch) -> None:
    """Its actor is gone: one interval later nobody is called any more."""
    rig.advance(120)
    rig.system.stop(SUPERVISOR)
    rig.advance(600)
    assert switch.beats == 3


def test_a_supervisor_that_gave_up_does_not_count_as_looking(rig: Rig, switch: Switch) -> None:
    """An engine that drains because restarting does not help is not well."""
    for _ in range(6):
        rig.system.reference(ALERTS).stop(block=False)
        rig.advance(0.5)
    assert rig.view(SUPERVISOR)["gave_up"] is True
    rig.advance(600)
    assert switch.beats == 0


def test_a_switch_that_is_not_reached_is_an_alert_until_it_is(rig: Rig, switch: Switch) -> None:
    """The third time in a row, once, and resolved by the first call that arrives."""
    switch.broken = True
    rig.advance(120)
    assert rig.view(ALERTS) == []
    rig.advance(600)
    assert [(alert.title, alert.count) for alert in rig.view(ALERTS)] == [("THE DEAD-MAN'S SWITCH IS NOT REACHED", 1)]
    switch.broken = False
    rig.advance(60)
    assert rig.view(ALERTS) == []
