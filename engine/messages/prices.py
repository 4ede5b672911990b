"""Prices on their way from a source to the positions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.domain.exits import Window
from engine.domain.units import Mint, Nanos, PositionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One observation of one mint's price. A measurement, and so the one float among the figures."""

    mint: Mint
    price: float
    """SOL per whole token."""
    source: str
    observed_at: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class TickObserved:
    """To the feed: a source saw *tick*."""

    tick: Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailed:
    """To the feed: a source did not answer."""

    source: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMoved:
    """To a market, and from it to its positions: what the price did.

    Where one waits in a mailbox already, the newer is merged into it: a slow reader sees fewer messages, and
    no low and no high is lost.
    """

    mint: Mint
    window: Window

    @property
    def conflation_key(self) -> str:
        """What two messages must share to be merged."""
        return self.mint

    def followed_by(self, newer: PriceMoved) -> PriceMoved:
        """Return one message that stands for this one and the *newer* one."""
        return replace(self, window=self.window.followed_by(newer.window))


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchMint:
    """To the feed and the poller: prices of *mint* are wanted."""

    mint: Mint


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchMint:
    """To the feed and the poller: prices of *mint* are no longer wanted."""

    mint: Mint


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """To a market: tell that position what the price does."""

    position_id: PositionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """To a market: that position is gone. Answered with how many are left."""

    position_id: PositionId
