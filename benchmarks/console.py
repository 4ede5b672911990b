"""What the console costs: until it can be used, to the server while it is looked at, and from a press to its order.

Run: python -m benchmarks.console

A real engine in a process of its own, on the embedded cluster, and a real Chromium without a window. Usable means that
the positions stand in their table and that a press on Manual Exit would be carried out. A first visit has an empty
cache; the person has signed in before. The server's CPU is that of the engine's whole process, in shares of one core:
without a page it is what the engine takes. Prices move at every update. Scripted pages ask for what a page in a
browser asks for, so that the server is seen apart from a browser that takes the same cores.
"""

from __future__ import annotations

import itertools
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.console_pages import cpu, scripted
from engine.clock import SystemClock
from engine.domain.order import OrderKind
from engine.store.sql import SqlStore, open_store
from tests.browser.chromium import launch
from tests.browser.cluster import Cluster
from tests.browser.console import Console
from tests.browser.engine_process import EngineProcess, engine_process
from tests.browser.stage import settings, sign_in, wait_until_made
from tests.browser.visitor import Visit, visit
from tests.waiting import meanwhile

POSITIONS, VISITS, PRESSES = 20, 5, 10
SPAN = 10.0
"""Seconds over which CPU is measured."""
GOOD_FOR = 60.0
"""Seconds within which everything comes about."""
MILLISECONDS = 1_000
KIB = 1_024


@dataclass(frozen=True)
class Loaded:
    """One visit: what it cost until the page could be used."""

    seconds: float
    requests: int
    outside: int
    received: int
    """Bytes over the wire."""


@contextmanager
def engine() -> Iterator[EngineProcess]:
    """Yield an engine with positions, whose console is ready."""
    with tempfile.TemporaryDirectory() as folder, closing(SystemClock()) as clock:
        cluster = Cluster(clock)
        with cluster.world:
            symbols = [f"TOKEN{number}" for number in range(POSITIONS)]
            for symbol in symbols:
                cluster.held(symbol)
            with closing(open_store(Path(folder) / "engine.db", profile="demo")) as store:
                store.commit(*(cluster.position(symbol) for symbol in symbols))
            with engine_process(cluster, Path(folder), settings(Path(folder))) as process:
                wait_until_made(process.url, process.token)
                with moving(cluster, symbols):
                    yield process


@contextmanager
def moving(cluster: Cluster, symbols: list[str]) -> Iterator[None]:
    """Move every price four times a second meanwhile, so that each update of a page brings something new."""
    steps = itertools.count()

    def move() -> None:
        step = next(steps)
        for symbol in symbols:
            cluster.move(symbol, f"{1 + 0.05 * (step % 7) / 7:.4f}")

    with meanwhile(move, every=0.25):
        yield


def load(visited: Visit, url: str) -> tuple[Page, Loaded]:
    """Open the console, and return its page and what that took."""
    page = visited.page()
    received = 0

    def note(event: dict[str, Any]) -> None:
        nonlocal received
        received += int(event["encodedDataLength"])

    wire = visited.context.new_cdp_session(page)
    wire.on("Network.loadingFinished", note)
    wire.send("Network.enable")
    before = len(visited.requests)
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    usable(page)
    took = time.perf_counter() - begun
    return page, Loaded(took, len(visited.requests) - before, len(visited.outside), received)


def usable(page: Page) -> None:
    """Wait until the positions stand there and can be sold."""
    expect(page.get_by_role("region", name="Positions").get_by_role("row").nth(POSITIONS)).to_be_visible()
    expect(page.get_by_role("button", name="Manual Exit", exact=True)).to_be_enabled()


def visits(browser: Browser, engine: EngineProcess) -> Iterator[tuple[str, list[Loaded]]]:
    """Yield first visits and repeated ones."""
    first, again = [], []
    with signed_in(browser, engine) as known:
        state = known.context.storage_state()
    for _ in range(VISITS):
        with visit(browser, storage_state=state) as visitor:
            page, loaded = load(visitor, engine.url)
            first.append(loaded)
            page.close()
            page, loaded = load(visitor, engine.url)
            again.append(loaded)
            page.close()
    yield "first visit", first
    yield "again", again


@contextmanager
def signed_in(browser: Browser, engine: EngineProcess) -> Iterator[Visit]:
    """Yield a visitor whose browser has the session's cookie."""
    with visit(browser) as visitor:
        page = visitor.page()
        sign_in(page, engine.url, engine.token)
        page.close()
        yield visitor


def share(pid: int) -> float:
    """Return the share of one core that a process takes."""
    begun, used = time.perf_counter(), cpu(pid)
    threading.Event().wait(SPAN)
    return (cpu(pid) - used) / (time.perf_counter() - begun)


def updates(page: Page) -> float:
    """Return the seconds between two updates of a page, on the whole of a span."""
    count: int = page.evaluate(
        """async (span) => {
          let count = 0, last = null;
          const end = performance.now() + span;
          while (performance.now() < end) {
            const beat = document.querySelector("#rc-banner [data-beat]")?.dataset.beat;
            if (beat !== last) { count += 1; last = beat; }
            await new Promise(requestAnimationFrame);
          }
          return count - 1;
        }""",
        SPAN * MILLISECONDS,
    )
    return SPAN / max(1, count)


def watched(browser: Browser, engine: EngineProcess) -> Iterator[tuple[int, float, float]]:
    """Yield, for a number of open pages, the server's share of a core and the seconds between updates of one page."""
    yield 0, share(engine.pid), 0.0
    with signed_in(browser, engine) as known, ExitStack() as stack:
        pages: list[Page] = []
        for many in (1, 10):
            while len(pages) < many:
                # Each by itself, as different people have them: one browser has six connections to a server.
                visitor = stack.enter_context(visit(browser, storage_state=known.context.storage_state()))
                pages.append(load(visitor, engine.url)[0])
            yield many, share(engine.pid), updates(pages[-1])


def presses(browser: Browser, engine: EngineProcess) -> list[float]:
    """Return the milliseconds from each press on Manual Exit to the moment that its order was written."""
    figures = []
    with signed_in(browser, engine) as visitor, closing(SqlStore(engine.database)) as store:
        console = Console(visitor.page())
        console.page.goto(engine.url)
        usable(console.page)
        console.page.evaluate(
            """document.addEventListener("click", (event) => {
              if (event.target.closest("button.command")) window.pressed = performance.timeOrigin + performance.now();
            }, true)"""
        )
        for position in store.positions()[:PRESSES]:
            console.pick(position)
            console.take(10)
            console.button("Manual Exit").click()
            expect(console.status.locator("[data-status]")).to_be_attached()
            (order,) = [each for each in store.orders(position_id=position.id) if each.kind is OrderKind.EXIT]
            figures.append(order.created_at / 1e6 - console.page.evaluate("window.pressed"))
    return figures


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    expect.set_options(timeout=GOOD_FOR * MILLISECONDS)
    with ExitStack() as stack:
        process = stack.enter_context(engine())
        print(f"The engine's process while scripted pages are open, over {SPAN:.0f} s each, and one of their updates:")
        print(f"{'pages':>5} {'% of a core':>12} {'median ms':>10} {'slowest ms':>11}")
        for many in (1, 10):
            busy, waits = scripted(process.pid, process.url, process.token, many, SPAN)
            middle, slowest = statistics.median(waits) * MILLISECONDS, max(waits) * MILLISECONDS
            print(f"{many:5} {busy * 100:12.1f} {middle:10.0f} {slowest:11.0f}")
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright)
        stack.callback(browser.close)
        print(f"\nUntil {POSITIONS} positions can be used, {VISITS} visits each:")
        print(f"{'':12} {'fastest s':>10} {'median s':>10} {'slowest s':>10} {'KiB':>8} {'requests':>9} {'outside':>8}")
        for name, loads in visits(browser, process):
            took = sorted(visited.seconds for visited in loads)
            size, last = statistics.median(each.received for each in loads) / KIB, loads[-1]
            print(
                f"{name:12} {took[0]:10.2f} {statistics.median(took):10.2f} {took[-1]:10.2f} {size:8.0f} "
                f"{last.requests:9} {sum(each.outside for each in loads):8}"
            )
        print(f"\nThe same while a browser on this machine shows pages, over {SPAN:.0f} s each:")
        print(f"{'pages':>5} {'% of a core':>12} {'s between updates':>18}")
        for many, used, pace in watched(browser, process):
            print(f"{many:5} {used * 100:12.1f} {pace or float('nan'):18.2f}")
        took = sorted(presses(browser, process))
        print(f"\nFrom a press on Manual Exit to its order PENDING, {len(took)} presses, in ms:")
        print(f"fastest {took[0]:.0f}, median {statistics.median(took):.0f}, slowest {took[-1]:.0f}")


if __name__ == "__main__":
    main()
