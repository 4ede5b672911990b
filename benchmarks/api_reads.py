"""What a page costs that asks each second: the time of each question, alone and with ten browsers that ask at once.

Run: python -m benchmarks.api_reads

The engine and its 1,000 open positions are those of `benchmarks.tick_latency`, with 10,000 finished orders beside them.
Each question goes over HTTP on loopback, as a browser's does; client and server share the machine, and the interpreter.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import structlog

from benchmarks.tick_latency import MILLISECOND, MINTS, POSITIONS, bench, mint
from engine.api.folder import TOKEN
from engine.api.serving import served
from engine.app import Engine
from engine.config import ApiSection, StoreSection
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.units import BasisPoints, Lamports, Nanos, OrderId, PositionId, RawAmount
from engine.domain.urgency import ExitReason
from engine.messages.prices import Tick

ORDERS, ROUNDS, BROWSERS, AT_ONCE = 10_000, 100, 10, 500
QUESTIONS = (
    "positions?limit=50",
    "positions?limit=50&sort=stop_distance",
    "positions/position-1/chart",
    "orders?limit=50",
    "engine",
    "queue",
    "pnl",
)


class _Process:
    """A process that goes on."""

    draining = False

    def drain(self) -> None:
        """Nobody asks for it here."""


def order(number: int, now: Nanos) -> Order:
    """Return an exit of the past."""
    return Order(
        id=OrderId(f"exit-{number}"),
        kind=OrderKind.EXIT,
        position_id=PositionId(f"position-{number % POSITIONS}"),
        mint=mint(number % MINTS),
        symbol="TOKEN",
        decimals=6,
        amount_tokens=RawAmount(1),
        exit_reason=ExitReason.TAKE_PROFIT_1,
        status=OrderStatus.CANCELLED,
        max_slippage_bps=BasisPoints(150),
        priority_fee=Lamports(0),
        max_attempts=5,
        created_at=Nanos(now - (ORDERS - number) * 10**9),
        updated_at=now,
    )


@contextmanager
def asked() -> Iterator[httpx.Client]:
    """Yield a client of an engine that guards every position, has every order, and has seen prices."""
    with bench() as rig, TemporaryDirectory() as folder:
        engine: Engine = rig.engine
        now = engine.ports.clock.now()
        for begin in range(0, ORDERS, AT_ONCE):
            engine.ports.store.commit(*(order(number, now) for number in range(begin, begin + AT_ONCE)))
        for number in range(MINTS):
            engine.observe(Tick(mint=mint(number), price=1.001, source="bench", observed_at=now))
        api, store = ApiSection(port=0), StoreSection(path=Path(folder) / "engine.db")
        engine.settings = engine.settings.model_copy(update={"api": api, "store": store})
        with served(engine, _Process()) as server:
            assert server is not None
            token = (Path(folder) / TOKEN).read_text(encoding="ascii").strip()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{server.url}/api/v1/", headers=headers, timeout=30) as client:
                yield client


def ask(client: httpx.Client, question: str) -> float:
    """Return the milliseconds that the answer took."""
    begun = time.perf_counter_ns()
    client.get(question).raise_for_status()
    return (time.perf_counter_ns() - begun) / MILLISECOND


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with asked() as client, ThreadPoolExecutor(BROWSERS) as browsers:
        print(f"{POSITIONS} open positions, {ORDERS} orders; milliseconds of {ROUNDS} answers:")
        print(f"{'GET /api/v1/':40} {'p50':>8} {'p99':>8} {'p50 of ' + str(BROWSERS):>10}")
        for question in QUESTIONS:
            ask(client, question)
            alone = sorted(ask(client, question) for _ in range(ROUNDS))
            together = list(browsers.map(lambda _, asked=question: ask(client, asked), range(ROUNDS)))
            late = alone[ROUNDS * 99 // 100]
            print(f"{question:40} {statistics.median(alone):8.1f} {late:8.1f} {statistics.median(together):10.1f}")


if __name__ == "__main__":
    main()
