"""What a subscriber costs that never reads: from a tick to the exit that it sets off, with and without one.

Run: python -m benchmarks.silent_subscriber

The engine, its positions and what is measured are those of `benchmarks.tick_latency`. The websocket's client does not
read its socket; the NATS server was sent SIGSTOP once events were published to it. Large events fill every buffer on
the way first, and twenty prices are told before each sample. The API cuts a websocket off after ten seconds, and the
bridge connects anew after five: where no event was lost, the samples took longer than that, as on a machine that is
busy otherwise. There, look at more than one run.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import structlog
from websockets.sync.client import connect

from benchmarks.tick_latency import MILLISECOND, SAMPLES, Bench, bench, mint
from engine.api.folder import TOKEN
from engine.api.serving import served
from engine.bus.subscription import Subscription
from engine.config import ApiSection, NatsSection, Settings, StoreSection
from engine.config.console import ConsoleSection
from engine.messages.prices import Tick
from engine.nats.serving import bridged
from tests.api.desk import V1, Process
from tests.nats.server import NatsServer
from tests.waiting import eventually

TICKS = 20
"""Prices before each sample."""
LARGE, LETTERS = 300, 100_000
"""How many events fill the buffers, and of how many letters."""
Silent = Callable[[Bench, Path], AbstractContextManager[object]]


@contextmanager
def in_process(count: int, rig: Bench, _folder: Path) -> Iterator[None]:
    """Have *count* subscriptions that nobody reads."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.callback(rig.engine.ports.bus.open(">", since=0).close)
        yield


@contextmanager
def by_websocket(count: int, rig: Bench, folder: Path) -> Iterator[None]:
    """Have *count* websockets whose clients do not read."""
    rig.engine.settings = Settings(
        api=ApiSection(port=0), store=StoreSection(path=folder / "engine.db"), console=ConsoleSection(enabled=False)
    )
    with ExitStack() as stack:
        server = stack.enter_context(served(rig.engine, Process()))
        assert server is not None
        url = f"{server.url.replace('http', 'ws')}{V1}/ws?since=0"
        bearer = {"Authorization": f"Bearer {(folder / TOKEN).read_text(encoding='ascii').strip()}"}
        for _ in range(count):
            stack.enter_context(
                connect(url, additional_headers=bearer, max_queue=1, ping_interval=None, close_timeout=0)
            )
        eventually(lambda: len(subscriptions(rig)) == count, "they listen")
        yield


@contextmanager
def by_nats(rig: Bench, folder: Path) -> Iterator[None]:
    """Publish to a NATS server that stands still."""
    nats = NatsServer(folder)
    nats.start()
    rig.engine.settings = Settings(nats=NatsSection.model_validate({"url": nats.url}))
    try:
        with bridged(rig.engine) as bridge:
            assert bridge is not None
            eventually(lambda: bridge.published == rig.engine.ports.store.last_event(), "it publishes")
            with nats.standing_still():
                yield
    finally:
        nats.kill()


def subscriptions(rig: Bench) -> tuple[Subscription, ...]:
    """Return whose events wait in memory."""
    return rig.engine.ports.bus._subscriptions  # noqa: SLF001 - nobody else knows all of them


def fill(rig: Bench) -> None:
    """Publish until nothing is taken any more by those who do not read."""
    for _ in range(LARGE):
        rig.engine.ports.bus.publish(
            "engine.message_failed", {"actor": "bench", "message": "Large", "error": "x" * LETTERS}
        )
    pause, waiting = threading.Event(), [-1]
    while waiting != (waiting := [len(each._live) for each in subscriptions(rig)]):  # noqa: SLF001 - as above
        pause.wait(0.5)


def latencies(silent: Silent) -> tuple[list[float], int]:
    """Return the milliseconds of each sample, sorted, and how many live events the subscribers lost."""
    with tempfile.TemporaryDirectory() as folder, bench() as rig, silent(rig, Path(folder)):
        ports = rig.engine.ports
        tick = {"tick": Tick(mint=mint(0), price=1.0, source="bench", observed_at=ports.clock.now())}
        fill(rig)
        figures = []
        for number in range(SAMPLES):
            for _ in range(TICKS):
                ports.bus.publish("price.mint0.tick", tick)
            figures.append(rig.sample(number) / MILLISECOND)
        return sorted(figures), sum(each.dropped for each in subscriptions(rig))


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"From a tick to the exit that it sets off, {SAMPLES} samples each, in ms:")
    print(f"{'who never reads':28} {'median':>8} {'99 %':>8} {'live events lost':>18}")
    cases: dict[str, Silent] = {
        "nobody": partial(in_process, 0),
        "1 subscription": partial(in_process, 1),
        "10 subscriptions": partial(in_process, 10),
        "1 websocket": partial(by_websocket, 1),
        "10 websockets": partial(by_websocket, 10),
        "NATS, sent SIGSTOP": by_nats,
        "nobody, once more": partial(in_process, 0),
    }
    for name, silent in cases.items():
        figures, lost = latencies(silent)
        late = figures[len(figures) * 99 // 100]
        print(f"{name:28} {statistics.median(figures):8.2f} {late:8.2f} {lost:18}", flush=True)


if __name__ == "__main__":
    main()
