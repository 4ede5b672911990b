"""Trading through several endpoints and hosts, of which some are dead, behind, or of another cluster.

Two nodes serve one ledger; everything is the code that trades on mainnet, on loopback.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chain.http.rate_limit import RateLimit
from chain.jupiter.build import jupiter_http
from chain.jupiter.errors import RateLimitedError
from chain.jupiter.hosts import JupiterHosts, swap_api
from chain.jupiter.venue import JupiterVenue
from chain.keys.wallet import Wallet
from chain.ledger import SolanaChain
from chain.node.endpoint import check_cluster
from chain.node.endpoints import Endpoints
from chain.node.priority_fees import FeeEstimator, RecentFees
from chain.node.rpc import Rpc, RpcClient, genesis_hash
from chain.prices.jupiter import JupiterPrices
from chain.simulated.behaviour import Behaviour
from chain.simulated.node import Node
from chain.simulated.rpc_call import ChainView
from chain.simulated.server import LoopbackServer
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.errors import BadInputError, ChainUnavailableError, PriceUnavailableError
from engine.domain.swap import Side, SignedSwap, SwapRequest
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, Mint, seconds

FEE, CAP = Lamports(20_000), Lamports(400_000)
AMOUNT = 1_000_000_000
LAG = 60
LIFE = seconds(100)
"""Longer than a blockhash is good for, finality included."""


class _Dropping(Behaviour):
    def forwards(self, raw: bytes) -> bool:
        return False


class _DownV2:
    """Answers for Jupiter's v2 API that it is down."""

    async def intercept(self, request: Request) -> Response | None:
        return JSONResponse({}, 503) if request.url.path.startswith("/swap/v2") else None


@dataclass
class Scene:
    """A wallet with SOL, and what can be served to it."""

    world: World
    clock: ManualClock
    wallet: Wallet
    open: ExitStack

    def node(self, view: ChainView | None = None, behaviour: Behaviour | None = None) -> RpcClient:
        """Return a client of one more node, of *view* or of the newest state."""
        url = self.open.enter_context(LoopbackServer(Node(view or self.world.bank, behaviour).app)).url
        return self.open.enter_context(closing(RpcClient(url)))

    def dead(self) -> RpcClient:
        """Return a client of a port where nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        return self.open.enter_context(closing(RpcClient(f"http://127.0.0.1:{port}")))

    def endpoints(self, *clients: RpcClient) -> Endpoints:
        """Return *clients* as one."""
        endpoints = Endpoints(clients, clock=self.clock, genesis=self.world.bank.genesis.hash)
        return self.open.enter_context(closing(endpoints))

    def token(self) -> Token:
        """Return a token of which the wallet holds what two sales need."""
        token = self.world.create_token("TKN", decimals=6, price=Decimal("0.0004"), depth_sol=Decimal(10_000))
        self.world.fund(self.wallet.address, tokens={token.address: 2 * AMOUNT})
        return token

    def venue(self, rpc: Rpc, *, fees: FeeEstimator | None = None, limit: RateLimit | None = None) -> JupiterVenue:
        """Return the venue over Jupiter's v2 API and, behind it, its v1 API."""
        url = self.world.jupiter_url
        http = self.open.enter_context(closing(jupiter_http(url, "key", gate=limit)))
        apis = {
            f"jupiter {version}": swap_api(version, http=http, base_url=url, rpc=rpc, wallet=self.wallet.address)
            for version in ("v2", "v1")
        }
        hosts = JupiterHosts(apis, clock=self.clock)
        return JupiterVenue(hosts, rpc=rpc, wallet=self.wallet.address, clock=self.clock, fees=fees)

    def signed(self, rpc: Rpc, token: Token, *, fee: Lamports = FEE) -> SignedSwap:
        """Return a signed sale of *token*."""
        venue = self.venue(rpc)
        return self.wallet.sign(venue.prepare(venue.quote(sell(token)), priority_fee=fee))


def sell(token: Token) -> SwapRequest:
    """Return the request to sell half of what the wallet has."""
    return SwapRequest(side=Side.SELL, mint=Mint(token.address), amount=AMOUNT, slippage=BasisPoints(150))


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Yield a funded wallet in a world of its own."""
    clock, wallet = ManualClock(), Wallet.generate()
    with World(clock) as world, ExitStack() as stack:
        world.bank.keep_history()
        world.fund(wallet.address, lamports=10 * LAMPORTS_PER_SOL)
        clock.advance(seconds(120))
        yield Scene(world, clock, wallet, stack)


def test_a_sale_lands_though_the_first_endpoint_is_dead(scene: Scene) -> None:
    """From the quote to the fill."""
    rpc = scene.endpoints(scene.dead(), scene.node())
    chain, token = SolanaChain(rpc, scene.wallet.address), scene.token()
    signed = scene.signed(rpc, token)
    chain.send(signed.raw)
    scene.clock.advance(seconds(1))
    (status,) = chain.statuses([signed.signature])
    assert status is not None
    assert status.failure is None
    fill = chain.fill(signed.signature, Mint(token.address))
    assert fill is not None
    assert fill.tokens == -AMOUNT


def test_a_sale_lands_though_the_first_endpoint_drops_it(scene: Scene) -> None:
    """It accepts what it is sent and passes nothing on; the second one does."""
    rpc = scene.endpoints(scene.node(behaviour=_Dropping()), scene.node())
    chain, signed = SolanaChain(rpc, scene.wallet.address), scene.signed(rpc, scene.token())
    for _ in range(20):
        chain.send(signed.raw)
        scene.clock.advance(seconds(1))
        if chain.statuses([signed.signature]) != [None]:
            return
    raise AssertionError("it never landed")


def test_a_laggard_is_found_by_a_check_and_not_read_from(scene: Scene) -> None:
    """What it answers is of long ago."""
    rpc = scene.endpoints(scene.node(scene.world.bank.replica(LAG)), scene.node())
    slot = scene.world.bank.slot()
    assert rpc.call("getSlot", [{"commitment": "processed"}]) == slot - LAG
    assert [health.lag for health in rpc.check()] == [LAG, 0]
    assert rpc.call("getSlot", [{"commitment": "processed"}]) == slot


def test_a_balance_of_before_the_wallets_sale_is_read_elsewhere(scene: Scene) -> None:
    """Also from a laggard that is near enough to be asked."""
    fresh = scene.node()
    rpc = scene.endpoints(scene.node(scene.world.bank.replica(15)), fresh)
    chain, token = SolanaChain(rpc, scene.wallet.address), scene.token()
    scene.clock.advance(seconds(20))
    signed = scene.signed(fresh, token)
    chain.send(signed.raw)
    scene.clock.advance(seconds(1))
    rpc.note_landing(scene.world.bank.ledger()[-1].slot)
    assert chain.token_balance(Mint(token.address)) == AMOUNT


def test_death_is_proven_by_two_nodes_that_have_come_as_far(scene: Scene) -> None:
    """Of a transaction that was signed and never sent."""
    rpc = scene.endpoints(scene.node(), scene.node())
    chain, signed = SolanaChain(rpc, scene.wallet.address), scene.signed(rpc, scene.token())
    scene.clock.advance(LIFE)
    assert chain.finalized_height() > signed.last_valid_block_height
    assert chain.statuses([signed.signature], search_history=True) == [None]


def test_a_second_node_that_lags_behind_finality_proves_no_death(scene: Scene) -> None:
    """It may not have seen the block in which the transaction landed."""
    rpc = scene.endpoints(scene.node(), scene.node(scene.world.bank.replica(LAG)))
    chain, signed = SolanaChain(rpc, scene.wallet.address), scene.signed(rpc, scene.token())
    scene.clock.advance(LIFE)
    assert chain.finalized_height() > signed.last_valid_block_height
    with pytest.raises(ChainUnavailableError, match="not proven"):
        chain.statuses([signed.signature], search_history=True)


def test_a_second_node_that_is_dead_proves_no_death(scene: Scene) -> None:
    """One word alone does not do where two are configured."""
    rpc = scene.endpoints(scene.node(), scene.dead())
    chain, signed = SolanaChain(rpc, scene.wallet.address), scene.signed(rpc, scene.token())
    scene.clock.advance(LIFE)
    chain.finalized_height()
    with pytest.raises(ChainUnavailableError, match="could not be reached"):
        chain.statuses([signed.signature], search_history=True)


def test_a_node_of_another_cluster_is_refused_at_the_start_and_never_a_witness(scene: Scene) -> None:
    """It knows none of our signatures, however far it has come."""
    with World(scene.clock, seed=1) as elsewhere:
        scene.clock.advance(seconds(120))
        stranger = scene.open.enter_context(closing(RpcClient(elsewhere.rpc_url)))
        rpc = scene.endpoints(scene.node(), stranger)
        with pytest.raises(BadInputError, match=genesis_hash(stranger)):
            check_cluster(rpc, scene.world.bank.genesis.hash)
        chain, signed = SolanaChain(rpc, scene.wallet.address), scene.signed(rpc, scene.token())
        scene.clock.advance(LIFE)
        chain.finalized_height()
        with pytest.raises(ChainUnavailableError, match="is of the cluster"):
            chain.statuses([signed.signature], search_history=True)


def test_what_others_pay_raises_the_fee_up_to_the_cap(scene: Scene) -> None:
    """The market's accounts were written at a price a moment ago; without a cap the order's own fee stands."""
    rpc, token = scene.node(), scene.token()
    chain = SolanaChain(rpc, scene.wallet.address)
    chain.send(scene.signed(rpc, token, fee=Lamports(300_000)).raw)
    scene.clock.advance(seconds(1))
    fees = FeeEstimator(RecentFees(rpc, percentile=100), clock=scene.clock)
    venue = scene.venue(rpc, fees=fees)

    def paid(cap: Lamports | None) -> int:
        swap = venue.prepare(venue.quote(sell(token)), priority_fee=FEE, priority_fee_cap=cap)
        scene.wallet.sign(swap)
        return swap.priority_fee

    assert FEE < paid(CAP) <= CAP
    assert paid(Lamports(25_000)) == pytest.approx(25_000, abs=1)
    assert paid(None) == pytest.approx(FEE, abs=1)


def test_a_dead_source_of_estimates_leaves_the_orders_own_fee(scene: Scene) -> None:
    """An exit is built all the same."""
    rpc, token = scene.node(), scene.token()
    venue = scene.venue(rpc, fees=FeeEstimator(RecentFees(scene.dead()), clock=scene.clock))
    swap = venue.prepare(venue.quote(sell(token)), priority_fee=FEE, priority_fee_cap=CAP)
    assert swap.priority_fee == pytest.approx(FEE, abs=1)


def test_a_sale_goes_through_v1_while_v2_is_down(scene: Scene) -> None:
    """Quoted and built by the same API, and landed."""
    scene.world.gateway.interceptor = _DownV2()
    rpc, token = scene.node(), scene.token()
    venue = scene.venue(rpc)
    swap = venue.prepare(venue.quote(sell(token)), priority_fee=FEE)
    assert swap.quote.venue == "jupiter v1"
    chain, signed = SolanaChain(rpc, scene.wallet.address), scene.wallet.sign(swap)
    chain.send(signed.raw)
    scene.clock.advance(seconds(1))
    fill = chain.fill(signed.signature, Mint(token.address))
    assert fill is not None
    assert fill.tokens == -AMOUNT


def test_polls_stop_while_there_is_room_for_exits() -> None:
    """Jupiter never has to refuse one: its own figures say where the limit is."""
    clock, wallet = ManualClock(), Wallet.generate()
    with World(clock, requests_per_minute=30) as world, ExitStack() as stack:
        world.fund(wallet.address, lamports=10 * LAMPORTS_PER_SOL)
        clock.advance(seconds(120))
        scene = Scene(world, clock, wallet, stack)
        token, limit = scene.token(), RateLimit(clock, limit=9_000)
        http = stack.enter_context(closing(jupiter_http(world.jupiter_url, "key", gate=limit)))
        prices = JupiterPrices(http, clock)
        for _ in range(24):
            prices.fetch([Mint(token.address)])
        with pytest.raises(PriceUnavailableError) as caught:
            prices.fetch([Mint(token.address)])
        assert limit.left == 6
        venue = scene.venue(scene.node(), limit=limit)
        for _ in range(6):
            venue.quote(sell(token))
        with pytest.raises(RateLimitedError) as refused:
            venue.quote(sell(token))
        assert refused.value.asked
        assert caught.value.retry_at is not None
        clock.advance_to(caught.value.retry_at)
        venue.quote(sell(token))
