"""Moving the markets on chain to what a feed tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chain.simulated.prices.path import PricePath, PricePoint
from chain.simulated.remote import program
from chain.simulated.remote.blueprint import Listing
from chain.simulated.remote.feeds import PricePush, live, played
from chain.simulated.remote.periodic import Periodic
from engine.clock import ManualClock
from engine.devnet import DevnetMarket, devnet_market
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import Mint, Nanos, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from tests.simulated.remote.rig import Remote


class Stage:
    """A market of two tokens, and what it takes to see its prices on chain."""

    def __init__(self, remote: Remote, market: DevnetMarket) -> None:
        self.remote = remote
        self.market = market
        self.exchange = market.exchange
        self.first, self.second = market.listings

    def on_chain(self, mint: Mint) -> Decimal:
        """Return the price in the market's account."""
        account = self.remote.bank.account(self.exchange.markets[mint].price_account)
        assert account is not None
        return self.market.listings[mint].pricing.price(program.stored_price(account.data))

    def first_price(self, mint: Mint) -> Decimal:
        return self.market.listings[mint].price

    def push(self, prices: Mapping[Mint, float]) -> int:
        """Push *prices* once, and return how many transactions it took."""
        before = len(self.remote.bank.ledger())
        PricePush(self.exchange, lambda: prices)()
        return len(self.remote.bank.ledger()) - before


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a market that is served."""
    with Remote() as remote:
        remote.set_up(tmp_path)
        with served(remote, tmp_path) as market:
            yield Stage(remote, market)


def served(remote: Remote, folder: Path) -> AbstractContextManager[DevnetMarket]:
    """Serve the market of *folder*."""
    return devnet_market(
        folder, remote.rpc, remote.clock, ids=CountedIds(), genesis=remote.genesis, pause=remote.clock.advance
    )


def test_all_markets_are_moved_by_one_transaction(stage: Stage) -> None:
    """Quotes and accounts have the new prices."""
    prices = {stage.first: 0.0000002, stage.second: 0.0080}
    assert stage.push(prices) == 1
    for mint, price in prices.items():
        assert stage.on_chain(mint) == Decimal(repr(price))
        assert stage.exchange.markets[mint].price == Decimal(repr(price))


def test_a_move_that_is_not_worth_a_transaction_is_not_made(stage: Stage) -> None:
    """Below five basis points nothing is sent; the market that moved more is moved alone."""
    nearly = float(stage.first_price(stage.first)) * 1.0004
    assert stage.push({stage.first: nearly}) == 0
    assert stage.push({stage.first: nearly, stage.second: 0.0071}) == 1
    assert stage.on_chain(stage.first) == stage.first_price(stage.first)
    assert stage.on_chain(stage.second) == Decimal("0.0071")


def test_a_price_that_cannot_be_moves_nothing(stage: Stage) -> None:
    """Not even the others of the same answer: the old prices stand."""
    assert stage.push({stage.first: 1e30, stage.second: 0.0071}) == 0
    assert stage.on_chain(stage.second) == stage.first_price(stage.second)
    assert stage.push({stage.second: 0.0071}) == 1


def test_a_source_that_fails_leaves_the_prices(stage: Stage) -> None:
    """The next prices are pushed as ever."""

    def broken() -> Mapping[Mint, float]:
        raise PriceUnavailableError("down")

    PricePush(stage.exchange, broken)()
    assert stage.on_chain(stage.first) == stage.first_price(stage.first)


class Mainnet:
    """A price source that knows some mints."""

    name = "mainnet"

    def __init__(self, prices: Mapping[str, float]) -> None:
        self.prices = prices

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        return [
            Tick(mint=mint, price=self.prices[mint], source=self.name, observed_at=Nanos(0))
            for mint in mints
            if mint in self.prices
        ]


def test_a_live_feed_gives_each_market_the_price_of_its_model(stage: Stage) -> None:
    """A mint that the source does not price is left out."""
    listings: Mapping[Mint, Listing] = stage.market.listings
    feed = live(Mainnet({listings[stage.first].follows: 0.0000003}))(listings)
    assert feed() == {stage.first: 0.0000003}


def test_a_played_path_moves_every_market_by_its_own_first_price(stage: Stage) -> None:
    """The newest point that has come counts, and the last one stands."""
    clock = ManualClock()
    path = PricePath(source="test", points=(PricePoint(Nanos(0), 4.0), PricePoint(seconds(10), 6.0)))
    feed = played(path, clock)(stage.market.listings)
    for passed, share in ((0, 1.0), (9, 1.0), (1, 1.5), (1_000, 1.5)):
        clock.advance(seconds(passed))
        for mint, price in feed().items():
            assert price == pytest.approx(float(stage.first_price(mint)) * share)


class Announcing(ManualClock):
    """Tells when it is asked for a call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)

    def call_at(self, at: Nanos, callback: Callable[[], None]) -> Any:
        call = super().call_at(at, callback)
        self.asked.release()
        return call


def test_a_job_is_done_again_after_each_interval_though_it_fails() -> None:
    """At once, and then whenever the clock has moved an interval on; not after the end."""
    clock, calls = Announcing(), []

    def job() -> None:
        calls.append(clock.now())
        if len(calls) == 1:
            raise ValueError("once")

    with Periodic(clock, seconds(2), job, name="job"):
        for count in (1, 2, 3):
            assert clock.asked.acquire(timeout=10)
            assert len(calls) == count
            clock.advance(seconds(2))
    done = len(calls)
    clock.advance(seconds(20))
    assert len(calls) == done
