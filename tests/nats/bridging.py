"""A store in which things happen, its bus, and bridges from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.config import NatsSection
from engine.domain.units import AlertId, Nanos
from engine.nats.bridge import Bridge
from tests.doubles_store import MemoryStore
from tests.factories import NOW, a_tick, an_alert
from tests.nats.server import NatsServer
from tests.waiting import eventually

SOURCE = "ripcord/demo/wallet"
WAITS = (0.02,)


class Happenings:
    """What happens, of which each durable event is an alert that is raised.

    Args:
        begun: when it happens: by it the ids of two databases' events differ.
    """

    def __init__(self, begun: Nanos = NOW) -> None:
        self._begun = begun
        self.store = MemoryStore()
        self.bus = LocalBus(ManualClock(begun), self.store)

    def happen(self, count: int) -> None:
        """Let *count* durable events happen."""
        begun = self.store.last_event()
        for number in range(begun + 1, begun + count + 1):
            self.store.commit(an_alert(id=AlertId(f"alert-{number}"), raised_at=self._begun, updated_at=self._begun))

    def tick(self, price: float) -> None:
        """Publish a price."""
        tick = a_tick(price)
        self.bus.publish(f"price.{tick.mint}.tick", {"tick": tick})

    def bridge(
        self, server: NatsServer, *, source: str = SOURCE, waits: Sequence[float] = WAITS, **settings: Any
    ) -> Bridge:
        """Return a bridge to *server* that was not started."""
        section = NatsSection.model_validate({"url": server.url, **settings})
        return Bridge(self.bus, self.store, section, source, waits=waits)

    @contextmanager
    def published(self, server: NatsServer, **settings: Any) -> Iterator[Bridge]:
        """Publish from the moment on at which this is entered."""
        begun = len(self.bus._subscriptions)
        with self.bridge(server, **settings) as bridge:
            eventually(lambda: len(self.bus._subscriptions) > begun, "the bridge subscribes")
            yield bridge


def troubled(bridge: Bridge, words: str) -> None:
    """Wait until *bridge* says *words* of what keeps it from publishing."""
    eventually(lambda: any(words in trouble.message for trouble in bridge.troubles()), f"it says {words!r}")


def untroubled(bridge: Bridge) -> None:
    """Wait until nothing keeps *bridge* from publishing."""
    eventually(lambda: not bridge.troubles(), "its trouble is over")
