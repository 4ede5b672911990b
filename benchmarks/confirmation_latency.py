"""How long after a transaction has landed its verdict comes: by polling alone, and with the node's subscriptions.

Run: python -m benchmarks.confirmation_latency

Real entries on the embedded cluster, one after the other. A transaction is confirmed one slot (400 ms) after it has
landed: that part of each figure is the chain's.
"""

from __future__ import annotations

import logging
import queue
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import structlog

from chain.keys.wallet import Wallet
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.world import World
from engine.app import Engine
from engine.clock import SystemClock
from engine.config import Settings
from engine.domain.plan import ExitPlan
from engine.domain.units import SECOND, Mint, Nanos, Signature, lamports
from engine.ids import RandomIds
from engine.store.sql import open_store
from engine.wiring import connect

ENTRIES = 20
GOOD_FOR = 30.0
"""Seconds within which every verdict comes."""
PLAN = ExitPlan(stop_loss_pct=Decimal(20))


@contextmanager
def engine_on(world: World, clock: SystemClock, *, listening: bool) -> Iterator[Engine]:
    """Yield an engine with default settings on a cluster of its own."""
    wallet, settings = Wallet.generate(), Settings()
    world.fund(wallet.address, lamports=lamports("100"))
    with tempfile.TemporaryDirectory() as folder:
        ports = connect(
            settings,
            clock=clock,
            ids=RandomIds(),
            store=open_store(Path(folder) / "engine.db", profile="demo"),
            signer=wallet,
            rpc_url=world.rpc_url,
            jupiter_url=world.jupiter_url,
            ws_url=world.ws_url if listening else None,
            poll_prices=False,
        )
        engine = Engine(ports, settings, max_price_age=None)
        try:
            engine.start()
            yield engine
        finally:
            engine.stop()
            ports.close()


def latencies(*, listening: bool) -> list[float]:
    """Return milliseconds from landing to verdict, one of each entry."""
    clock = SystemClock()
    landed: dict[Signature, Nanos] = {}
    verdicts: queue.SimpleQueue[tuple[Signature, Nanos]] = queue.SimpleQueue()

    def note_landing(executed: ExecutedTransaction) -> None:
        landed[Signature(executed.signature)] = clock.now()

    def note_verdict(subject: str, _data: object) -> None:
        verdicts.put((Signature(subject.split(".")[1]), clock.now()))

    figures = []
    with World(clock) as world, engine_on(world, clock, listening=listening) as engine:
        token = world.create_token("BONK", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(100_000))
        world.bank.on_transaction(note_landing)
        engine.ports.bus.subscribe("attempt.*.landed", note_verdict)
        for _ in range(ENTRIES):
            engine.open_position(Mint(token.address), lamports("0.1"), PLAN, symbol=token.symbol)
            signature, at = verdicts.get(timeout=GOOD_FOR)
            figures.append((at - landed[signature]) / SECOND * 1_000)
    clock.close()
    return figures


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"From landing to verdict, {ENTRIES} entries each, in ms (400 of them until the chain confirms):")
    print(f"{'':22} {'fastest':>8} {'median':>8} {'slowest':>8}")
    for name, listening in (("polling every 500 ms", False), ("with the websocket", True)):
        figures = latencies(listening=listening)
        print(f"{name:22} {min(figures):8.0f} {statistics.median(figures):8.0f} {max(figures):8.0f}")


if __name__ == "__main__":
    main()
