"""What the metrics cost: from a tick to the exit that it sets off, with and without them, and one tick by itself.

Run: python -m benchmarks.tick_latency

Real actors on threads of their own and a real database guard 1,000 positions of 10 mints; venue and chain are doubles
in memory. Each sample is one tick, which takes its mint just below the stop of one of its hundred positions, all of
which hear of it. What is shown is the time from observing that tick to the moment that the position writes on the order
that it raises. On a machine that is busy otherwise, look at more than one run.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog

from engine.app import Engine
from engine.bus.local import LocalBus
from engine.clock import SystemClock
from engine.config import Settings
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import LAMPORTS_PER_SOL, Lamports, Mint, Nanos, PositionId, RawAmount
from engine.ids import RandomIds
from engine.messages.prices import Tick
from engine.store.sql import open_store
from engine.wiring import Ports
from tests.doubles import FakeChain, FakeMarket, FakeSigner, FakeVenue, RecordingNotifier
from tests.waiting import meanwhile

MINTS, POSITIONS, SAMPLES = 10, 1_000, 200
STEP = Decimal("0.5")
"""Percent of the entry price between the stops of two positions of a mint."""
TICKS = 20_000
GOOD_FOR = 30.0
"""Seconds within which everything comes to rest."""
MILLISECOND, MICROSECOND = 1e6, 1e3
"""In nanoseconds."""


def mint(number: int) -> Mint:
    """Return the name of a mint."""
    return Mint(f"mint{number}")


def position(number: int, now: Nanos) -> Position:
    """Return a position of one SOL, whose stop is one step below that of the position before it in its mint."""
    rank = number // MINTS + 1
    return Position(
        id=PositionId(f"position-{number}"),
        mint=mint(number % MINTS),
        symbol="TOKEN",
        decimals=6,
        plan=ExitPlan(stop_loss_pct=rank * STEP),
        entry_amount_tokens=RawAmount(1_000_000),
        entry_amount_sol=Lamports(LAMPORTS_PER_SOL),
        opened_at=now,
        updated_at=now,
        peak_price=1.0,
        calm_since=now,
        calm_price=1.0,
        last_price=1.0,
        last_price_at=now,
    )


class Bench:
    """One engine, and the moments at which its positions decided."""

    def __init__(self, engine: Engine, market: FakeMarket) -> None:
        self.engine = engine
        self._market = market
        self._decided = threading.Event()
        self._at = Nanos(0)
        engine.ports.bus.subscribe("position.*.exit_requested", self._note)

    def _note(self, _subject: str, data: Mapping[str, Any]) -> None:
        self._at = data["position"].updated_at
        self._decided.set()

    def sample(self, number: int) -> int:
        """Let the next position of a mint exit; return the nanoseconds from the tick to its decision."""
        falling, depth = number % MINTS, number // MINTS + 1
        self._decided.clear()
        seen = self._tick(falling, depth)
        assert self._decided.wait(GOOD_FOR)
        assert self.engine.system.activity.wait_idle(GOOD_FOR)
        return self._at - seen

    def _tick(self, number: int, depth: int) -> Nanos:
        price = 1 - (depth * STEP + STEP / 2) / 100
        self._market.prices[mint(number)] = price
        now = self.engine.ports.clock.now()
        self.engine.observe(Tick(mint=mint(number), price=float(price), source="bench", observed_at=now))
        return now


@contextmanager
def bench() -> Iterator[Bench]:
    """Yield an engine that guards every position."""
    clock, market = SystemClock(), FakeMarket()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "engine.db", profile="demo")
        for number in range(MINTS):
            market.decimals[mint(number)], market.prices[mint(number)] = 6, Decimal(1)
        store.commit(*(position(number, clock.now()) for number in range(POSITIONS)))
        ports = Ports(
            clock=clock,
            ids=RandomIds(),
            bus=LocalBus(clock, store),
            store=store,
            venue=FakeVenue(market),
            signer=FakeSigner(),
            chain=FakeChain(market),
            notifier=RecordingNotifier(),
            sources=(),
        )
        engine = Engine(ports, Settings(), max_price_age=None)
        try:
            engine.start()
            assert engine.system.activity.wait_idle(GOOD_FOR)
            yield Bench(engine, market)
        finally:
            engine.stop(timeout=5.0)
            ports.close()
            clock.close()


@contextmanager
def scraped(engine: Engine) -> Iterator[list[float]]:
    """Scrape without a pause meanwhile; yield what each scrape took, in nanoseconds."""
    took: list[float] = []

    def scrape() -> None:
        begun = time.perf_counter_ns()
        engine.metrics.exposition()
        took.append(time.perf_counter_ns() - begun)

    with meanwhile(scrape):
        yield took


def latencies(*, counted: bool, scraping: bool = False) -> list[int]:
    """Return the nanoseconds from tick to decision of each sample."""
    with bench() as rig:
        if not counted:
            rig.engine.metrics.stop()
        if not scraping:
            return [rig.sample(number) for number in range(SAMPLES)]
        with scraped(rig.engine) as took:
            figures = [rig.sample(number) for number in range(SAMPLES)]
        print(f"{'a scrape takes, in ms':38} {_row(took)}")
        return figures


def cost_of_a_tick() -> float:
    """Return what telling the metrics of one tick takes, in nanoseconds."""
    with bench() as rig:
        bus, now = rig.engine.ports.bus, rig.engine.ports.clock.now()
        data = {"tick": Tick(mint=mint(0), price=1.0, source="bench", observed_at=now)}

        def publish() -> float:
            begun = time.perf_counter_ns()
            for _ in range(TICKS):
                bus.publish("price.mint0.tick", data)
            return (time.perf_counter_ns() - begun) / TICKS

        with_metrics = min(publish() for _ in range(5))
        rig.engine.metrics.stop()
        return with_metrics - min(publish() for _ in range(5))


def _row(figures: list[Any]) -> str:
    cuts = statistics.quantiles(figures, n=100)
    return f"{cuts[49] / MILLISECOND:8.2f} {cuts[98] / MILLISECOND:8.2f}"


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"From a tick to the decision, {POSITIONS} positions, {SAMPLES} samples each, in ms:")
    print(f"{'':38} {'p50':>8} {'p99':>8}")
    for name, counted, scraping in (
        ("without metrics", False, False),
        ("with metrics", True, False),
        ("with metrics, scraped without a pause", True, True),
    ):
        figures = latencies(counted=counted, scraping=scraping)
        print(f"{name:38} {_row(figures)}")
    print(f"What the metrics add to one tick: {cost_of_a_tick() / MICROSECOND:.1f} us")


if __name__ == "__main__":
    main()
