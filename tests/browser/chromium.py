"""A real Chromium: Debian's where it is installed, else the one that Playwright brought."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright

DEBIAN = Path("/usr/bin/chromium")
NEEDED = "RIPCORD_NEED_BROWSER"
"""Set to 1 in the environment, it makes a missing browser a failure."""
FLAGS = (
    "--no-sandbox",  # which Chromium refuses to have where it runs as root, as in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names are not looked up: whatever a page asks for beyond this machine fails, and shows in its requests.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class NoBrowserError(Exception):
    """There is none that starts; the message says why."""


def launch(playwright: Playwright) -> Browser:
    """Start a browser without a window.

    Raises:
        NoBrowserError: none starts.
    """
    executable = str(DEBIAN) if DEBIAN.exists() else None
    try:
        return playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
    except Error as error:
        where = executable or "what Playwright installs"
        raise NoBrowserError(f"Chromium ({where}) does not start: {error.message.splitlines()[0]}") from None


def needed() -> bool:
    """Return whether a missing browser is a failure."""
    return os.environ.get(NEEDED) == "1"
