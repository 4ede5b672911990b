"""Each page shows what the engine has, on a desk and on a phone, in light and in darkness."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.domain.units import Mint
from tests.browser.console import Console
from tests.browser.stage import Stage
from tests.browser.visitor import Visit, visit
from tests.waiting import eventually

TABS = ("Positions", "Orders", "Alerts", "Queue", "PnL", "Events")
AT_ONCE = 8
"""Pages of one browser, which has six connections to a server."""
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
_VISIBLE = """(visible) => {
  Object.defineProperty(document, "hidden", {value: !visible, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
_LIGHTNESS = """element => {
  const style = getComputedStyle(element), parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([red, green, blue]) => (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  return [light(parse(style.backgroundColor)), light(parse(style.color))];
}"""


def _lightness(page: Page) -> tuple[float, float]:
    """Return how light the page and its text are, each from 0 to 1."""
    background, text = page.locator("body").evaluate(_LIGHTNESS)
    return background, text


def test_every_tab_shows_its_data(console: Console, stage: Stage) -> None:
    """One exit that was filled and one that failed are found in orders, alerts, queue, PnL and events."""
    done, stuck = stage.hold("DONE"), stage.hold("FAILS")
    stage.cluster.halt("FAILS")
    stage.engine.exit(done.id)
    stage.engine.emergency_exit(stuck.id)
    eventually(lambda: stage.position(done.id).closed and stage.position(stuck.id).needs_action, "both have ended")
    page, (failed,) = console.page, stage.exits(stuck)
    console.tab("Orders")
    orders = page.get_by_role("region", name="Orders").get_by_role("row")
    expect(orders.filter(has_text="DONE")).to_contain_text("filled")
    expect(orders.filter(has_text="FAILS")).to_contain_text("cancelled")
    orders.filter(has_text="FAILS").get_by_role("button").first.click()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("No routes found")
    console.tab("Alerts")
    page.get_by_role("region", name="Alerts").get_by_role("button", name="EXIT FAILED").first.click()
    expect(console.panel).to_contain_text("Token: FAILS")
    expect(page.get_by_role("region", name="Alerts").get_by_role("row").filter(has_text="FAILS")).to_be_visible()
    console.tab("Queue")
    expect(console.panel).to_contain_text("in flight", ignore_case=True)
    console.tab("PnL")
    expect(console.panel).to_contain_text("realized", ignore_case=True)
    expect(console.panel.locator("svg").first).to_be_visible()
    console.tab("Events")
    stage.engine.retry(failed.id)
    expect(console.panel).to_contain_text(".pending")


def test_an_exit_that_failed_is_retried_from_its_alert(console: Console, stage: Stage) -> None:
    """The alert leads to its order: selected, retried after a question, and resolved by the fill."""
    position = stage.hold("RESCUE")
    stage.cluster.halt("RESCUE")
    stage.engine.emergency_exit(position.id)
    eventually(lambda: stage.position(position.id).needs_action, "the exit failed for good")
    stage.cluster.resume("RESCUE")
    console.tab("Alerts")
    alerts = console.page.get_by_role("region", name="Alerts").get_by_role("button", name="EXIT FAILED")
    alerts.first.click()
    expect(console.panel).to_contain_text("Token: RESCUE")
    before = alerts.count()
    console.button("Retry the order").click()
    console.dialog.get_by_role("button", name="Retry now").click()
    eventually(lambda: stage.position(position.id).closed, "the retry sold")
    expect(alerts).to_have_count(before - 1)


def test_eight_pages_of_one_browser_all_follow_the_price(regular: Visit, stage: Stage) -> None:
    """However many tabs of a browser show the console, each is up to date."""
    position = stage.hold("WIDE")
    consoles = [Console(regular.page()) for _ in range(AT_ONCE)]
    for console in consoles:
        console.page.goto(stage.url)
        expect(console.row(position)).to_contain_text("+0.0 %")
    stage.cluster.move("WIDE", "1.1")
    for console in consoles:
        expect(console.row(position)).to_contain_text("+10.0 %")
        expect(console.notice).to_be_empty()
        console.page.close()
    regular.check()


def test_a_page_that_nobody_sees_hears_no_events(console: Console) -> None:
    """The stream ends when the page is hidden, and is opened again when it is seen."""
    page, stream = console.page, "**/api/v1/events?**"
    with page.expect_request(stream) as opened:
        console.tab("Events")
    with page.expect_event("requestfailed", lambda request: request == opened.value):
        page.evaluate(_VISIBLE, False)
    with page.expect_request(stream):
        page.evaluate(_VISIBLE, True)


def test_a_phone_shows_all_of_it_without_scrolling_sideways_and_sells(browser: Browser, stage: Stage) -> None:
    """At 390 pixels each tab can be reached, no page is wider than the screen, and a position is sold in part."""
    position = stage.hold("POCKET")
    with visit(browser, **PHONE) as visitor:
        console = Console(visitor.page())
        stage.sign_in(console.page)
        console.pick(position)
        assert not console.scrolls_sideways()
        console.take(20)
        console.button("Manual Exit").tap()
        console.becomes("FILLED")
        assert stage.position(position.id).sold_tokens * 5 == position.entry_amount_tokens
        for name in TABS[1:]:
            console.tab(name)
            assert not console.scrolls_sideways(), name


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_is_as_light_as_the_system_and_turns_by_a_button(
    browser: Browser, stage: Stage, scheme: Any, dark: bool
) -> None:
    """It follows the system's scheme; the button turns it, which a reload keeps; text stands out in both."""
    with visit(browser, color_scheme=scheme) as visitor:
        page = visitor.page()
        stage.sign_in(page)
        for expected in (dark, not dark):
            background, text = _lightness(page)
            assert (background < 0.2, text > 0.7) == (expected, expected)
            page.get_by_role("button", name="Light or dark").click()
        page.get_by_role("button", name="Light or dark").click()
        page.reload()
        expect(page.locator("#rc-banner [data-beat]")).to_be_attached()
        assert (_lightness(page)[0] < 0.2) == (not dark)


def test_what_a_token_calls_itself_is_shown_and_not_run(console: Console, stage: Stage) -> None:
    """Markup in a symbol, which whoever mints a token chooses, is text on every tab that names it."""
    hostile = "<img src=x onerror=document.title='owned'>"
    mint = Mint(stage.cluster.held("HOSTILE"))
    position = stage.guard(mint, symbol=hostile)
    console.pick(position)
    stage.engine.exit(position.id)
    for name in TABS[1:]:
        console.tab(name)
    console.tab("Orders")
    expect(console.page.get_by_role("row").filter(has_text=hostile).first).to_be_visible()
    assert console.page.locator("img[src=x]").count() == 0
    assert console.page.title() == "Ripcord"
