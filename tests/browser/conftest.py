"""A browser and an engine for all of these tests: each has positions of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import NoBrowserError, launch, needed
from tests.browser.console import Console
from tests.browser.stage import UP_TO_DATE, Stage, staged
from tests.browser.visitor import Visit, visit
from tests.waiting import PATIENCE

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one worker run them all: it starts one browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run a browser; skip where there is none, or fail where one is needed.

    It ends with the last of these tests and not with the session: Playwright keeps an event loop in this thread, and
    other tests run one of their own.
    """
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except NoBrowserError as error:
            if needed():
                pytest.fail(str(error))
            pytest.skip(str(error))
        expect.set_options(timeout=PATIENCE * 1_000)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run an engine on an embedded cluster, with its console."""
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    """Return a visitor who has not signed in; who asks beyond this machine, or meets an error, fails the test."""
    with visit(browser) as visitor:
        yield visitor


@pytest.fixture(scope="package")
def regular(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """Return a visitor who has signed in, and whose browser has kept what the page is made of."""
    with visit(browser) as regular:
        page = regular.page()
        stage.sign_in(page)
        page.close()
        yield regular


@pytest.fixture
def console(regular: Visit, stage: Stage) -> Iterator[Console]:
    """Open a page of the console; asking beyond this machine, or an error that nobody expected, fails the test."""
    page = regular.page()
    page.goto(stage.url)
    expect(page.locator(UP_TO_DATE)).to_be_attached()
    yield Console(page)
    page.close()
    regular.check()
