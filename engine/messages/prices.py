"""Prices on their way from a source to the positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.domain.exits import Window
from engine.domain.quality import Tick
from engine.domain.units import Mint, Nanos, PositionId

__all__ = [
    "LookAgain",
    "PeaksRaised",
    "PriceMoved",
    "RestSource",
    "SourceFailed",
    "SourceReady",
    "Subscribe",
    "Tick",
    "TickObserved",
    "Unsubscribe",
    "UnwatchMint",
    "WatchMint",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TickObserved:
    """To the feed: a source saw *tick*."""

    tick: Tick

    @property
    def flood_key(self) -> str:
        """What it shares with the message that it may replace where too many wait."""
        return f"{self.tick.source} {self.tick.mint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailed:
    """To the feed: a source did not answer."""

    source: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReady:
    """To the feed: the poller of a source began, and knows of no mint."""

    source: str


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
class PeaksRaised:
    """From positions to whoever saves their peaks: the highest price, in SOL per whole token, that each has seen.

    Those that wait in a mailbox are merged into one.
    """

    peaks: Mapping[PositionId, float]

    @property
    def conflation_key(self) -> str:
        """What two messages must share to be merged: these all do."""
        return "peaks"

    def followed_by(self, newer: PeaksRaised) -> PeaksRaised:
        """Return one message that stands for this one and the *newer* one."""
        higher = {name: max(peak, self.peaks.get(name, peak)) for name, peak in newer.peaks.items()}
        return PeaksRaised(peaks={**self.peaks, **higher})


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchMint:
    """To the feed and its pollers: prices of *mint* are wanted."""

    mint: Mint


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchMint:
    """To the feed and its pollers: prices of *mint* are no longer wanted."""

    mint: Mint


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain:
    """To a poller: fetch the price of *mint* now; the newest one looks wrong."""

    mint: Mint


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSource:
    """To a poller: leave the source alone until then; a time that has passed wakes it."""

    until: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """To a market: tell that position what the price does."""

    position_id: PositionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """To a market: that position is gone. Answered with how many are left."""

    position_id: PositionId
