"""An engine on a cluster that is reached by JSON-RPC alone, over a market whose maker sends transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from solders.pubkey import Pubkey

from chain.audit import read_ledger
from chain.keys.wallet import Wallet
from chain.simulated import tokens
from chain.simulated.remote.blueprint import TOKENS, Addresses
from chain.simulated.remote.key import MakerKey
from chain.simulated.remote.state import Folder, read_state
from chain.simulated.tokens import WRAPPED_SOL, Token
from engine.app import Engine
from engine.audit import audit
from engine.config import JupiterSection, Settings
from engine.devnet import DevnetMarket, devnet_market
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.plan import ExitPlan, TakeProfit
from engine.domain.position import Position, PositionStatus
from engine.domain.swap import PreparedSwap, Side, SignedSwap, SwapRequest
from engine.domain.units import SOL_MINT, BasisPoints, Lamports, Mint, Nanos, PositionId, lamports, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from engine.simulation import FastForward, Simulation
from engine.store.sql import open_store
from engine.wiring import connect
from tests.simulated.remote.rig import FUNDS, Remote

PLAN = ExitPlan(stop_loss_pct=Decimal(20), take_profits=(TakeProfit(gain_pct=Decimal(25), sell_pct=Decimal(33)),))


class SlowHand:
    """Signs as the wallet does, once what must happen before has happened."""

    def __init__(self, wallet: Wallet) -> None:
        self.before: list[Callable[[], object]] = []
        self._wallet = wallet

    @property
    def address(self) -> str:
        return self._wallet.address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        if self.before:
            self.before.pop(0)()
        return self._wallet.sign(swap)


class Trading:
    """A market that was set up, and an engine that trades on it."""

    def __init__(self, remote: Remote, market: DevnetMarket, database: Path, settings: Settings) -> None:
        self.clock = remote.clock
        self.remote = remote
        self.market = market
        self.store = open_store(database, profile="devnet")
        self.signer = SlowHand(Wallet.from_file(market.wallet_file))
        self.maker = MakerKey.from_file(market.wallet_file.with_name("maker.json")).address
        jupiter = settings.jupiter.model_copy(update={"program": market.program})
        settings = settings.model_copy(update={"jupiter": jupiter})
        self.ports = connect(
            settings,
            clock=self.clock,
            ids=CountedIds(),
            store=self.store,
            signer=self.signer,
            rpc_url=remote.url,
            jupiter_url=market.url,
            poll_prices=False,
        )
        self.engine = Engine(self.ports, settings, max_price_age=None, check_interval=None)
        self.engine.start()
        self.time = FastForward(cast("Simulation", self))
        self.time.rest()

    def stop(self) -> None:
        self.engine.stop(timeout=0.0)
        self.ports.close()

    def mint(self, symbol: str) -> Mint:
        return next(mint for mint, listing in self.market.listings.items() if listing.symbol == symbol)

    def token(self, symbol: str) -> Token:
        return self.market.exchange.markets[self.mint(symbol)].token

    def advance(self, span: float) -> None:
        self.time.until(Nanos(self.clock.now() + seconds(span)))

    def open(self, symbol: str, spend: str = "0.5") -> Position:
        order = self.engine.open_position(self.mint(symbol), lamports(spend), PLAN, symbol=symbol)
        self.advance(6)
        return self.position(order.position_id)

    def price(self, symbol: str, share: str, *, settle: float = 8) -> None:
        """Move the market to a share of the first price, on chain, and let the engine see it."""
        mint = self.mint(symbol)
        price = self.market.listings[mint].price * Decimal(share)
        self.market.exchange.set_prices({mint: price})
        self.engine.observe(Tick(mint=mint, price=float(price), source="test", observed_at=self.clock.now()))
        self.advance(settle)

    def position(self, position_id: PositionId) -> Position:
        position = self.store.position(position_id)
        assert position is not None
        return position

    def exits(self, position: Position) -> list[Order]:
        return [o for o in self.store.orders(position_id=position.id) if o.kind is OrderKind.EXIT]

    def agrees(self) -> None:
        """Assert that the database and the chain agree to the lamport."""
        ledger = read_ledger(self.remote.url, self.signer.address)
        assert audit(self.store, ledger, funds=FUNDS).differences == ()


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Return a cluster with nothing on it."""
    with Remote() as remote:
        yield remote


@pytest.fixture(params=["v2", "v1"])
def trading(request: pytest.FixtureRequest, remote: Remote, tmp_path: Path) -> Iterator[Trading]:
    """Return an engine on a market that was set up on *remote*, over either of Jupiter's APIs."""
    remote.set_up(tmp_path / "devnet")
    settings = Settings(jupiter=JupiterSection(api=request.param))
    with served(remote, tmp_path / "devnet") as market:
        trading = Trading(remote, market, tmp_path / "engine.db", settings)
        try:
            yield trading
        finally:
            trading.stop()


def served(remote: Remote, folder: Path) -> AbstractContextManager[DevnetMarket]:
    """Serve the market of *folder*."""
    return devnet_market(
        folder, remote.rpc, remote.clock, ids=CountedIds(), genesis=remote.genesis, pause=remote.clock.advance
    )


@pytest.mark.parametrize("symbol", ["tBONK", "tPYUSD"])
def test_a_position_lives_from_entry_to_close_by_transactions_alone(trading: Trading, symbol: str) -> None:
    """Bought, partly sold at its target, closed at its stop, of a plain mint and of one that takes a fee."""
    position = trading.open(symbol)
    listing = trading.market.listings[position.mint]
    bought = Decimal(position.entry_amount_tokens).scaleb(-listing.decimals) * listing.price
    quoted = Decimal("0.5") * 100 / Decimal("100.5") * (10_000 - listing.transfer_fee_bps) / 10_000
    assert abs(bought - quoted) < Decimal("0.000001")
    trading.price(symbol, "1.27")
    assert trading.position(position.id).status is PositionStatus.PARTIAL_EXIT
    trading.price(symbol, "0.78")
    closed = trading.position(position.id)
    assert closed.status is PositionStatus.CLOSED
    assert closed.sold_tokens == position.entry_amount_tokens
    trading.agrees()


def test_slippage_is_enforced_on_chain(trading: Trading) -> None:
    """The market moves between signature and landing: 6001, nothing sold, and the retry tolerates more."""
    position = trading.open("tBONK")
    mint = trading.mint("tBONK")
    lower = trading.market.listings[mint].price * Decimal("0.75")
    trading.signer.before.append(lambda: trading.market.exchange.set_prices({mint: lower}))
    trading.price("tBONK", "0.78", settle=15)
    (order,) = trading.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.FILLED, 2)
    first, second = trading.store.attempts(order.id)
    assert (first.status, first.slippage_bps, second.slippage_bps) == ("reverted", 150, 300)
    assert first.failure is not None
    assert first.failure.code == "6001"
    trading.agrees()


def test_slippage_that_a_simulation_shows_is_known_for_what_it_is(trading: Trading) -> None:
    """The program's 6001 is read as Jupiter's, though it is at another address: nothing is signed."""
    mint = trading.mint("tBONK")
    request = SwapRequest(side=Side.BUY, mint=mint, amount=lamports("0.1"), slippage=BasisPoints(100))
    quote = trading.ports.venue.quote(request)
    trading.market.exchange.set_prices({mint: trading.market.listings[mint].price * Decimal("1.1")})
    with pytest.raises(SwapError) as caught:
        trading.ports.venue.prepare(quote, priority_fee=Lamports(0))
    assert (caught.value.kind, caught.value.code) == (FailureKind.SLIPPAGE, "6001")
    assert trading.market.program in str(caught.value)


def test_nothing_on_the_cluster_changed_but_by_transactions(trading: Trading) -> None:
    """The supply of the mint is what its accounts hold, and every vault is closed once nothing can land any more."""
    position = trading.open("tBONK")
    trading.price("tBONK", "0.78")
    assert trading.position(position.id).status is PositionStatus.CLOSED
    token, exchange = trading.token("tBONK"), trading.market.exchange
    trading.clock.advance(seconds(400))
    maker = trading.maker
    assert exchange.close_vaults() >= 1
    assert exchange.close_vaults() == 0
    held = trading.remote.cluster.token_accounts(maker)
    assert {state.mint for _, state in held.values()} == {
        WRAPPED_SOL.mint,
        *(market.token.mint for market in exchange.markets.values()),
    }
    assert tokens.amount(trading.remote.bank, token.account_of(maker)) == position.entry_amount_tokens


def test_a_market_that_is_served_again_has_the_price_that_it_had(remote: Remote, tmp_path: Path) -> None:
    """Prices are on chain; opening sends nothing."""
    state = remote.set_up(tmp_path)
    with served(remote, tmp_path) as market:
        mint = next(iter(market.listings))
        market.exchange.set_prices({mint: Decimal("0.00000234567")})
    sent = remote.sent_by(state.maker)
    with served(remote, tmp_path) as market:
        assert market.exchange.markets[mint].price == Decimal("0.00000234567")
        assert market.program == str(Addresses(state.maker).program)
    assert remote.sent_by(state.maker) == sent


def test_vaults_that_an_earlier_process_left_are_closed(remote: Remote, tmp_path: Path) -> None:
    """Once their swaps cannot land any more, and not before."""
    state = remote.set_up(tmp_path)
    with served(remote, tmp_path) as market:
        offer = market.exchange.offer(SOL_MINT, next(iter(market.listings)), 1_000_000, BasisPoints(100))
        market.exchange.hand_out(offer, Pubkey.from_string(state.wallet))
    with served(remote, tmp_path) as market:
        assert market.exchange.close_vaults() == 0
        remote.clock.advance(seconds(400))
        assert market.exchange.close_vaults() == 1
    assert [held.delegate for _, held in remote.cluster.token_accounts(state.maker).values()] == [None] * 3


def test_a_market_that_was_never_set_up_is_not_served(remote: Remote, tmp_path: Path) -> None:
    """The sentence says what to do."""
    with pytest.raises(BadInputError, match="run devnet setup first"), served(remote, tmp_path):
        pass


def test_a_market_of_another_cluster_is_not_served(remote: Remote, tmp_path: Path) -> None:
    """A test cluster that was started anew."""
    remote.set_up(tmp_path, listings=TOKENS[:1])
    assert read_state(Folder(tmp_path)) is not None
    with Remote() as other:
        other.bank.genesis.hash = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
        with pytest.raises(BadInputError, match="name another folder"), served(other, tmp_path):
            pass
