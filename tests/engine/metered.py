"""A whole engine on doubles of the outside, and what its metrics say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from engine.app import Engine
from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.config import Settings
from engine.domain.plan import ExitPlan
from engine.domain.units import Mint, Nanos, PositionId, lamports, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from engine.wiring import Ports
from tests.doubles import FakeChain, FakeMarket, FakeSigner, FakeVenue, RecordingNotifier
from tests.doubles_store import MemoryStore

BONK = Mint("bonk")
PLAN = ExitPlan(stop_loss_pct=Decimal(20))
REST_TIMEOUT = 10.0


class Metered:
    """An engine with real actors on a clock moved by hand."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock()
        self.store = store or MemoryStore()
        self.bus = LocalBus(self.clock, self.store)
        self.market = FakeMarket()
        self.venue = FakeVenue(self.market)
        self.chain = FakeChain(self.market)
        ports = Ports(
            clock=self.clock,
            ids=CountedIds(),
            bus=self.bus,
            store=self.store,
            venue=self.venue,
            signer=FakeSigner(),
            chain=self.chain,
            notifier=RecordingNotifier(),
            sources=(),
        )
        self.engine = Engine(ports, Settings(), max_price_age=None, check_interval=None)

    def rest(self) -> None:
        """Wait until every actor has handled its mail."""
        assert self.engine.system.activity.wait_idle(REST_TIMEOUT)

    def advance(self, span: float) -> None:
        """Let *span* seconds pass, with all that falls due on the way."""
        until = Nanos(self.clock.now() + seconds(span))
        self.rest()
        while (at := self.clock.next_at()) is not None and at <= until:
            self.clock.advance_to(at)
            self.rest()
        self.clock.advance_to(until)
        self.rest()

    def open(self, mint: Mint = BONK, *, price: str = "1") -> PositionId:
        """Buy one SOL's worth of a token with 6 decimals, and return the position."""
        self.market.decimals[mint], self.market.prices[mint] = 6, Decimal(price)
        order = self.engine.open_position(mint, lamports(1), PLAN, symbol=mint.upper())
        self.advance(1)
        return order.position_id

    def price(self, price: str, mint: Mint = BONK, *, age: float = 0, source: str = "test") -> None:
        """Move the market, and let the feed see the price as it was *age* seconds ago."""
        self.market.prices[mint] = Decimal(price)
        observed_at = Nanos(self.clock.now() - seconds(age))
        self.engine.observe(Tick(mint=mint, price=float(price), source=source, observed_at=observed_at))
        self.rest()

    def figures(self) -> dict[tuple[str, ...], float]:
        """Return every figure that a scrape shows: by its name and the values of its labels, in their names' order."""
        text = self.engine.metrics.exposition()[0].decode()
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def names(self) -> set[str]:
        """Return the names of what a scrape shows."""
        return {key[0] for key in self.figures()}


@contextmanager
def metered(store: MemoryStore | None = None) -> Iterator[Metered]:
    """Run an engine, and stop it."""
    rig = Metered(store)
    rig.engine.start()
    try:
        rig.rest()
        yield rig
    finally:
        rig.engine.stop(timeout=0.0)
