"""The heartbeat, by which a subscriber sees that the engine lives and whether it has missed something."""

from __future__ import annotations

from typing import Any

from actors.heartbeat import INTERVAL, Heartbeat
from engine.domain.units import SECOND
from tests.actors.rig import Rig

NAME = "heartbeat"


def beats(rig: Rig) -> list[Any]:
    """Return the data of every heartbeat."""
    return [data for subject, data in rig.bus.events if subject == "engine.heartbeat"]


def test_it_beats_every_ten_seconds() -> None:
    """At once and then in turn, with the number of the newest event and what is open."""
    rig = Rig().start()
    rig.token()
    rig.system.spawn(NAME, Heartbeat, store=rig.store)
    rig.run()
    assert beats(rig) == [{"last_event": 0, "open_positions": 0, "unfinished_orders": 0}]
    rig.open()
    rig.advance(2 * INTERVAL / SECOND)
    assert len(beats(rig)) == 3
    assert beats(rig)[-1] == {"last_event": rig.store.last_event(), "open_positions": 1, "unfinished_orders": 0}
    assert rig.store.last_event() > 0


def test_a_store_that_fails_costs_one_beat() -> None:
    """The next one comes in its time."""
    rig = Rig().start()
    rig.system.spawn(NAME, Heartbeat, store=rig.store)
    rig.run()
    whole, rig.store.last_event = rig.store.last_event, None  # type: ignore[assignment,method-assign]
    rig.advance(INTERVAL / SECOND)
    rig.store.last_event = whole  # type: ignore[method-assign]
    assert len(beats(rig)) == 1
    rig.advance(INTERVAL / SECOND)
    assert len(beats(rig)) == 2


def test_a_replay_has_no_heartbeat() -> None:
    """Its clock would never come to rest."""
    rig = Rig().start()
    rig.system.spawn(NAME, Heartbeat, store=rig.store, interval=None)
    rig.advance(60)
    assert beats(rig) == []
