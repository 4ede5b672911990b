"""Where the prices of a remote market come from: mainnet, as they are now, or a path that is played."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from chain.simulated.prices.path import PricePath
from chain.simulated.remote.blueprint import Listing
from chain.simulated.remote.exchange import RemoteExchange
from engine.domain.errors import BadInputError, EngineError
from engine.domain.units import Mint, Nanos
from engine.ports import Clock, PriceSource

log = structlog.get_logger(__name__)


class Feed(Protocol):
    """Tells what the prices shall be now."""

    def __call__(self) -> Mapping[Mint, float]:
        """Return prices in SOL per whole token by mint; a mint that is left out keeps its own. May block.

        Raises:
            EngineError: there are none now.
        """


MakeFeed = Callable[[Mapping[Mint, Listing]], Feed]
"""Returns the feed of markets, given the listing of each mint."""


def live(source: PriceSource) -> MakeFeed:
    """Return feeds by which each market takes the price of the mint that it follows, as *source* tells it."""

    def make(markets: Mapping[Mint, Listing]) -> Feed:
        follower = {listing.follows: mint for mint, listing in markets.items()}

        def read() -> Mapping[Mint, float]:
            return {follower[tick.mint]: tick.price for tick in source.fetch(list(follower)) if tick.mint in follower}

        return read

    return make


def played(path: PricePath, clock: Clock) -> MakeFeed:
    """Return feeds by which all markets make the moves of *path* from now on, each from its first price."""

    def make(markets: Mapping[Mint, Listing]) -> Feed:
        begun = clock.now()
        paths = {mint: path.starting(at=begun, price=float(listing.price)) for mint, listing in markets.items()}

        def read() -> Mapping[Mint, float]:
            return {mint: _price_at(moves, clock.now()) for mint, moves in paths.items()}

        return read

    return make


class PricePush:
    """Moves the markets of *exchange* to what *feed* tells, whenever it is called.

    Args:
        exchange: whose markets.
        feed: asked at each call.
        least_move: as a fraction; a smaller one is not worth a transaction.
    """

    def __init__(self, exchange: RemoteExchange, feed: Feed, *, least_move: float = 0.0005) -> None:
        self._exchange = exchange
        self._feed = feed
        self._least_move = least_move

    def __call__(self) -> None:
        """Ask the feed and move the markets; what fails is logged, and tried again with the next prices."""
        try:
            moved = {mint: price for mint, price in self._feed().items() if self._is_move(mint, price)}
            if moved:
                self._exchange.set_prices(dict(moved))
        except (BadInputError, EngineError) as error:
            log.warning("market_prices_stand", reason=str(error))

    def _is_move(self, mint: Mint, price: float) -> bool:
        now = float(self._exchange.markets[mint].price)
        return abs(price - now) >= self._least_move * now


def _price_at(path: PricePath, at: Nanos) -> float:
    """Return the newest price of *path* at *at*; the last one stands when it has ended."""
    return path.points[max(0, bisect_right(path.points, at, key=lambda point: point.at) - 1)].price
