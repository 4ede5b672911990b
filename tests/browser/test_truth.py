"""The page says so where what it shows is not so any more, and comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from engine.clock import SystemClock
from engine.domain.position import Position
from engine.store.sql import open_store
from tests.browser.cluster import Cluster
from tests.browser.console import Console
from tests.browser.engine_process import EngineProcess, engine_process
from tests.browser.stage import Stage, settings, sign_in, wait_until_made
from tests.browser.visitor import GONE, visit

IN_TIME = 3_000
"""Milliseconds within which the page says that the engine is gone, or the prices."""
EVERY_ACTION = 4
"""Buttons that can be seen while a position is shown: Manual Exit, Emergency Exit, Change Plan, and the one for all."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a network that outlives its engine, with a wallet that holds a token."""
    with closing(SystemClock()) as clock:
        cluster = Cluster(clock)
        with cluster.world:
            cluster.held("LIVE")
            yield cluster


@pytest.fixture
def position(cluster: Cluster, tmp_path: Path) -> Position:
    """Return a position of that token, in the books."""
    position = cluster.position("LIVE")
    with closing(open_store(tmp_path / "engine.db", profile="demo")) as store:
        store.commit(position)
    return position


@pytest.fixture
def engine(cluster: Cluster, position: Position, tmp_path: Path) -> Iterator[EngineProcess]:
    """Return an engine in a process of its own, with its console."""
    with engine_process(cluster, tmp_path, settings(tmp_path)) as engine:
        wait_until_made(engine.url, engine.token)
        yield engine


def test_a_page_whose_engine_is_killed_says_so_and_recovers_with_it(
    browser: Browser, cluster: Cluster, engine: EngineProcess, position: Position
) -> None:
    """Within three seconds it is grey and nothing can be pressed; then its figures are true again."""
    with visit(browser) as visitor:
        visitor.expect_error(GONE)
        console = Console(visitor.page())
        sign_in(console.page, engine.url, engine.token)
        console.pick(position)
        console.page.get_by_role("button", name="Change stop and targets").click()
        expect(console.commands).to_have_count(EVERY_ACTION)
        expect(console.button("Manual Exit")).to_be_enabled()
        console.time_the_notice("The engine does not answer")
        engine.kill()
        assert console.said_after() <= IN_TIME
        assert [button.is_disabled() for button in console.commands.all()] == [True] * EVERY_ACTION
        console.turns_grey(console.row(position).get_by_role("cell").nth(3))
        console.turns_grey(console.page.locator("#rc-engine b"))
        cluster.move("LIVE", "1.2")
        engine.start()
        expect(console.row(position)).to_contain_text("+20.0 %")
        expect(console.button("Manual Exit")).to_be_enabled()
        expect(console.notice).to_be_empty()


def test_a_page_whose_prices_are_gone_says_so_and_recovers_with_them(console: Console, stage: Stage) -> None:
    """Without prices its figures are grey and only what needs none can be pressed, until they are back."""
    position = stage.hold("BLIND")
    console.pick(position)
    expect(console.button("Manual Exit")).to_be_enabled()
    console.time_the_notice("No new prices")
    with stage.cluster.without_prices():
        assert console.said_after() <= IN_TIME
        expect(console.button("Manual Exit")).to_be_disabled()
        expect(console.button("Emergency Exit")).to_be_enabled()
        console.button("Emergency exit all").click(trial=True)  # nothing lies over it
        console.turns_grey(console.row(position).get_by_role("cell").nth(3))
    expect(console.notice).to_be_empty()
    expect(console.button("Manual Exit")).to_be_enabled()
    console.turns_bright(console.row(position).get_by_role("cell").nth(3))
