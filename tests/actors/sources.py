"""Price sources that say what a test tells them, and a rig that is fed by them."""

from __future__ import annotations

from collections.abc import Sequence

from actors.feed import Feed
from actors.poller import Poller, poller_name
from actors.system import FEED
from engine.domain.errors import PriceUnavailableError
from engine.domain.quality import PriceRules
from engine.domain.units import Mint, Nanos, seconds
from engine.domain.voices import REST
from engine.messages.prices import Tick
from tests.actors.rig import BONK, Rig

INTERVAL = seconds(1)
MAX_AGE = seconds(10)


class FakeSource:
    """Says the same price until it is told another; fails for as long as it is told to.

    A price counts as observed when it was asked for; the answer takes `latency`.
    """

    def __init__(self, name: str = "source", *, price: float = 1.0) -> None:
        self.name = name
        self.price = price
        self.next: list[float] = []
        """What it says first, once each."""
        self.fails = False
        self.spent_until: Nanos | None = None
        """Until when it says that it can be asked no more."""
        self.latency = seconds(0.02)
        self.unpriced: set[Mint] = set()
        self.asked: list[list[Mint]] = []
        self.rig: Rig

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the price of every mint but the unpriced ones."""
        self.asked.append(list(mints))
        now = self.rig.clock.now()
        self.rig.clock.advance(self.latency)
        if self.fails:
            raise PriceUnavailableError(f"{self.name} is down")
        if self.spent_until is not None and now < self.spent_until:
            raise PriceUnavailableError(f"{self.name} is spent", retry_at=self.spent_until)
        price = self.next.pop(0) if self.next else self.price
        return [Tick(mint=m, price=price, source=self.name, observed_at=now) for m in mints if m not in self.unpriced]


class FedRig(Rig):
    """A rig whose feed listens to *sources*, in their order, each asked once a second."""

    def __init__(self, *sources: FakeSource, rules: PriceRules | None = None) -> None:
        super().__init__()
        self.sources = sources
        self.rules = rules or PriceRules()
        self.quorum = 1
        self.rest = REST
        for source in sources:
            source.rig = self

    def start(self) -> FedRig:
        """Start everything, with the feed and the pollers in the place of the rig's own feed."""
        super().start()
        self.system.stop(FEED)
        self.run()
        self.spawn_feed()
        for source in self.sources:
            self.spawn_poller(source)
        self.run()
        return self

    def spawn_feed(self) -> None:
        """Start a feed, in the place of one that may have been there."""
        pollers = {source.name: poller_name(source.name) for source in self.sources}
        self.system.spawn(
            FEED,
            Feed,
            max_price_age=MAX_AGE,
            rules=self.rules,
            pollers=pollers,
            store=self.store,
            quorum=self.quorum,
            rest=self.rest,
        )

    def spawn_poller(self, source: FakeSource) -> None:
        """Start the poller of *source*, in the place of one that may have been there."""
        self.system.spawn(poller_name(source.name), Poller, source=source, interval=INTERVAL)

    def accepted(self, mint: Mint = BONK) -> list[float]:
        """Return the prices that counted, in their order."""
        return [data["tick"].price for subject, data in self.bus.events if subject == f"price.{mint}.tick"]

    def rejected(self) -> list[tuple[float, str]]:
        """Return the prices that never count, and why."""
        return [
            (data["tick"].price, data["fault"])
            for subject, data in self.bus.events
            if subject == "engine.price_rejected"
        ]

    def alerts(self) -> set[str]:
        """Return the kinds of the alerts that stand."""
        return {alert.alert_type for alert in self.store.alerts(unresolved_only=True)}
