"""The tabs, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from engine.console.tabs import alerts, events, orders, pnl, positions, queue

if TYPE_CHECKING:
    from engine.console.frame import Frame
    from engine.console.page import Live


class Build(Protocol):
    """Makes the components of a tab, and returns what keeps it up to date."""

    def __call__(self, frame: Frame) -> Live:
        """See `engine.console`."""


TABS: Sequence[tuple[str, Build]] = tuple(
    (tab.TITLE, tab.build) for tab in (positions, orders, alerts, queue, pnl, events)
)
