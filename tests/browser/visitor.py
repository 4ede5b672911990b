"""Somebody with a browser, and what the browser did: every request, every error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebSocket

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_LEAVING = re.compile("AbortError|Connection errored out")
"""What Gradio complains of when a page is left that it sends updates to, as any page may be at any time."""
GONE = "ERR_|status of (404|503)|Failed to fetch|network error"
"""What browser and Gradio complain of when the engine is gone, in the middle of an answer or before it."""
_INNER = frozenset({"data", "blob", "about"})
"""Schemes of what a page asks of itself."""


class Visit:
    """One profile of a browser, with nothing in it, and its pages.

    Attributes:
        requests: every URL that was asked for.
        errors: what the pages complained of.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        context.on("request", self._asked)
        context.on("page", self._opened)

    @property
    def outside(self) -> list[str]:
        """What was asked for beyond this machine."""
        return [url for url in self.requests if not _is_inside(url)]

    @property
    def unexpected(self) -> list[str]:
        """The errors that nobody expected."""
        expected = [_LEAVING, *self._expected]
        return [error for error in self.errors if not any(each.search(error) for each in expected)]

    def expect_error(self, pattern: str) -> None:
        """Let errors that *pattern*, a regular expression, is found in pass."""
        self._expected.append(re.compile(pattern))

    def page(self) -> Page:
        """Open a page."""
        return self.context.new_page()

    def check(self) -> None:
        """Forget what was asked for and complained of.

        Raises:
            AssertionError: a page asked for something beyond this machine, or had an unexpected error.
        """
        outside, unexpected = self.outside, self.unexpected
        for each in (self.requests, self.errors, self._expected):
            each.clear()
        assert not outside, f"asked for beyond this machine: {outside}"
        assert not unexpected, f"errors of a page: {unexpected}"

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _opened(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("websocket", self._connected)

    def _connected(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console error: {message.text} ({message.location.get('url', '')})")


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Visit]:
    """Yield a visit with nothing in it, and check it at its end; *options* are those of Playwright's `new_context`."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(20_000)
    visited = Visit(context)
    try:
        yield visited
    finally:
        context.close()
    visited.check()


def _is_inside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in _INNER or parts.hostname in LOOPBACK
