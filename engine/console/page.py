"""What one open page has in mind, and the keys of its commands."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.console.client import Client
from engine.domain.units import Nanos, seconds

REARM = seconds(2)
"""The same press again within this time is the same command."""
MOST_PAGES = 100
"""Pages that are known at a time: of each Gradio keeps some 300 kB."""


@dataclass(slots=True)
class Keys:
    """The Idempotency-Keys of one page: what was just pressed keeps its key, so that a double click has one effect."""

    armed: dict[tuple[str, ...], tuple[str, Nanos]] = field(default_factory=dict)
    """By what is pressed: the key, and when it was last pressed."""

    def key_for(self, what: tuple[str, ...], now: Nanos) -> str:
        """Return the key of a press of *what* at *now*."""
        self.armed = {each: (key, at) for each, (key, at) in self.armed.items() if now - at < REARM}
        key, _ = self.armed.get(what, (f"console-{secrets.token_hex(16)}", now))
        self.armed[what] = key, now
        return key


@dataclass(slots=True)
class Page:
    """One open page. Nothing of it is trusted with more than what is shown: the API decides."""

    tab: int = 0
    """Which tab is visible."""
    turn: int = 0
    """How often something was done on it: what was begun before is not shown after."""
    sent: dict[int, Any] = field(default_factory=dict)
    """What each component was last sent, by its `id`; of text the hash."""
    keys: Keys = field(default_factory=Keys)
    kept: dict[str, Any] = field(default_factory=dict)
    """What the tabs keep, each under names of its own."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The open pages. Nobody says when one is closed: the one that was silent for longest makes room for a new one."""

    known: OrderedDict[str | None, Page] = field(default_factory=OrderedDict)
    """By what the page calls itself, which it says in every call; the last that spoke stands last."""

    def of(self, name: str | None) -> Page:
        """Return the page that calls itself *name*."""
        page = self.known.setdefault(name, Page())
        self.known.move_to_end(name)
        if len(self.known) > MOST_PAGES:
            self.known.popitem(last=False)
        return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a handler: for whom, on which page, and when."""

    api: Client
    page: Page
    now: Nanos
    """Since the epoch."""
    detail: dict[str, Any] = field(default_factory=dict)
    """What an HTML component sent."""

    def key(self, *what: str) -> str:
        """Return the Idempotency-Key of the press of *what*, such as an action and the order it is about."""
        return self.page.keys.key_for(what, self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What of a tab is kept up to date."""

    inputs: Sequence[Any] = ()
    """Components whose values *refresh* is given."""
    outputs: Sequence[Any]
    refresh: Callable[..., Awaitable[Sequence[Any]]]
    """Given a `Call` and the values of *inputs*, returns a value for each of *outputs*."""
