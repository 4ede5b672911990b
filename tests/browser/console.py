"""The console as a person finds it: by what stands on the buttons."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from engine.domain.position import Position

FADED = "0.55"
MOST_TABS = 80
"""Presses of the Tab key from the top of the page to its end, and more."""

_TIME_THE_NOTICE = """text => {
    const place = document.getElementById("rc-notice"), began = performance.now();
    window.saidAfter = null;
    const observer = new MutationObserver(() => {
        if (!place.textContent.includes(text)) return;
        window.saidAfter = performance.now() - began;
        observer.disconnect();
    });
    observer.observe(place, {childList: true, characterData: true, subtree: true});
}"""


class Console:
    """One open page of it, signed in."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def row(self, position: Position) -> Locator:
        """The row of a position."""
        return self.page.get_by_role("region", name="Positions").get_by_role("row").filter(has=self.picking(position))

    def picking(self, position: Position) -> Locator:
        """The button that selects a position."""
        return self.page.get_by_role("button", name=position.symbol, exact=True)

    def pick(self, position: Position) -> None:
        """Select a position, and wait until it is shown."""
        self.picking(position).click()
        self.shows(position)

    def shows(self, position: Position) -> None:
        """Expect that a position is the one that is shown."""
        expect(self.page.locator("#rc-selected")).to_have_attribute("data-id", position.id)

    def button(self, name: str) -> Locator:
        """A button, by all that stands on it."""
        return self.page.get_by_role("button", name=name, exact=True)

    def take(self, percent: int) -> None:
        """Move the slider."""
        self.slider.fill(str(percent))

    @property
    def slider(self) -> Locator:
        """How much of it is to be sold."""
        return self.page.get_by_role("slider", name="Exit Percentage")

    @property
    def status(self) -> Locator:
        """The box that follows the exit."""
        return self.page.get_by_role("status", name="Exit Order Status")

    def becomes(self, status: str) -> None:
        """Expect that the exit that is shown comes to *status*."""
        expect(self.status.locator("[data-status]")).to_have_attribute("data-status", status)

    @property
    def dialog(self) -> Locator:
        """The question that is asked before what cannot be taken back."""
        return self.page.get_by_role("dialog")

    @property
    def notice(self) -> Locator:
        """What the page says of itself where it is not up to date."""
        return self.page.locator("#rc-notice")

    def time_the_notice(self, text: str) -> None:
        """From now on, measure how long it takes until the notice has *text*; see `said_after`."""
        self.page.evaluate(_TIME_THE_NOTICE, text)

    def said_after(self) -> float:
        """Return after how many milliseconds the notice had the text, once it has, by the page's own clock.

        Playwright looks for a text only now and then, up to a second late.
        """
        return float(self.page.wait_for_function("window.saidAfter").json_value())

    @property
    def commands(self) -> Locator:
        """Every button that does something to the engine and can be seen."""
        return self.page.locator("button.command:visible")

    @property
    def panel(self) -> Locator:
        """What the tab that is turned to shows."""
        return self.page.get_by_role("tabpanel")

    def tab(self, name: str) -> None:
        """Turn to a tab."""
        self.page.get_by_role("tab", name=name).click()
        expect(self.page.locator(f"[role=tab][aria-selected=true]:has-text('{name}')").first).to_be_attached()

    def alerts(self, count: int) -> None:
        """Expect *count* unresolved alerts in the banner."""
        expect(self.page.locator("#rc-alerts")).to_have_text(re.compile(rf"^{count} alerts?$"))

    def tab_to(self, target: Locator) -> None:
        """Press the Tab key until *target* has the focus."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{target} is not reached by the Tab key")

    def scrolls_sideways(self) -> bool:
        """Return whether the page is wider than the screen."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def turns_grey(self, figure: Locator) -> None:
        """Wait until *figure* is shown as one that does not hold any more."""
        expect(figure).to_have_css("opacity", FADED)

    def turns_bright(self, figure: Locator) -> None:
        """Wait until *figure* is shown as one that holds."""
        expect(figure).to_have_css("opacity", "1")
