"""A thousand positions at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from engine.domain.position import Position
from engine.domain.units import PositionId
from tests.browser.cluster import HELD, Cluster
from tests.browser.console import Console
from tests.browser.stage import Stage, staged
from tests.browser.visitor import visit

MANY, MINTS = 1_000, 10


def _many(cluster: Cluster) -> Sequence[Position]:
    symbols = [f"T{number}" for number in range(MINTS)]
    for symbol in symbols:
        cluster.held(symbol, tokens=HELD * MANY)
    made = [cluster.position(symbols[number % MINTS], number=number) for number in range(MANY)]
    return [replace(position, symbol=f"N{number:03}") for number, position in enumerate(made)]


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run an engine that guards a thousand positions."""
    with staged(tmp_path_factory.mktemp("many"), _many, poll_interval=1.0) as stage:
        yield stage


def test_a_thousand_positions_are_filtered_sorted_and_sold(
    browser: Browser, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Search and sort bring the right rows, how long each takes is printed, and one of the thousand is sold."""
    took: dict[str, float] = {}

    def timed(name: str, act: Callable[[], None]) -> None:
        begun = time.perf_counter()
        act()
        took[name] = time.perf_counter() - begun

    with visit(browser) as visitor:
        console = Console(visitor.page())
        timed("sign in", lambda: stage.sign_in(console.page))
        rows = console.page.get_by_role("region", name="Positions").get_by_role("row")
        first = rows.nth(1)
        expect(console.page.get_by_text("1 to 50 of 1,000")).to_be_visible()

        def sort() -> None:
            rows.nth(0).get_by_role("button", name="Token").click()
            expect(first).to_contain_text("N000")

        def sort_back() -> None:
            rows.nth(0).get_by_role("button", name="Token").click()
            expect(first).to_contain_text("N999")

        def search() -> None:
            console.page.get_by_role("textbox", name="Search").fill("N123")
            expect(rows).to_have_count(2)
            expect(first).to_contain_text("N123")

        timed("sort", sort)
        timed("sort back", sort_back)
        timed("search", search)
        position = stage.position(PositionId("t3-123"))
        console.pick(position)
        console.button("Manual Exit").click()
        console.becomes("FILLED")
        assert stage.position(position.id).closed
        assert len(stage.store.orders()) == 1
    with capsys.disabled():
        print("\na thousand positions, seconds:", {name: round(seconds, 2) for name, seconds in took.items()})  # noqa: T201
