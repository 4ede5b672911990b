"""The contract of the `PriceSource` port: every source, over the server that stands in for the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from chain.jupiter.build import jupiter_http
from chain.node.rpc import RpcClient
from chain.prices.dexscreener import DexScreenerPrices, dexscreener_http
from chain.prices.jupiter import JupiterPrices
from chain.prices.pools import PoolPrices
from chain.simulated.faults.call import Misbehaviour
from chain.simulated.faults.delays import Latency
from chain.simulated.faults.garbled import BrokenJson, TruncatedJson, WrongType
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.refusals import RateLimited, ServerError
from chain.simulated.pool_accounts import PoolKind
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import SECOND, Mint, seconds
from engine.ports import PriceSource

PRICE = Decimal("0.0004")
MAX_AGE = 10 * SECOND
"""The engine's default: what is older moves no position."""
UNKNOWN = Mint("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
READ_TIMEOUT = 0.3
SOL_USD = Decimal("150.25")
"""Not whole, so that in an answer it is of another type than any whole number."""
FAULTS: dict[str, Misbehaviour] = {
    "429": RateLimited(),
    "429 that tells no time": RateLimited(told=False),
    "500": ServerError(status=500),
    "503": ServerError(status=503),
    "broken JSON": BrokenJson(),
    "truncated JSON": TruncatedJson(),
    "latency": Latency(least=seconds(60), most=seconds(60)),
}
KINDS = ["jupiter", "dexscreener", *PoolKind]


@dataclass(frozen=True)
class Outlet:
    """A source, and the market that it tells of."""

    world: World
    clock: ManualClock
    plan: FaultPlan
    source: PriceSource
    list_token: Callable[..., Mint]

    def prices(self, *mints: Mint) -> dict[Mint, float]:
        """Fetch; every tick must be of the source, and of no time to come, but recent enough to count."""
        ticks = self.source.fetch(mints)
        now = self.clock.now()
        assert all(tick.source == self.source.name and 0 <= now - tick.observed_at < MAX_AGE for tick in ticks)
        assert len({tick.mint for tick in ticks}) == len(ticks)
        return {tick.mint: tick.price for tick in ticks}


@pytest.fixture(params=KINDS)
def outlet(request: pytest.FixtureRequest) -> Iterator[Outlet]:
    """Yield a source over a world of its own, in which nothing goes wrong yet."""
    clock, kind = ManualClock(), request.param
    faults = {**FAULTS, "wrong type": WrongType()}
    plan = FaultPlan([Rule(fault=fault, every=1, name=name) for name, fault in faults.items()], Random(1))
    plan.off()
    pools: dict[Mint, str] = {}
    with ExitStack() as stack:
        world = stack.enter_context(World(clock, faults=plan, sol_usd=SOL_USD))
        rpc = stack.enter_context(closing(RpcClient(world.rpc_url, read_timeout=READ_TIMEOUT)))
        to_jupiter = jupiter_http(world.jupiter_url, "key", read_timeout=READ_TIMEOUT)
        to_dexscreener = dexscreener_http(world.dexscreener_url, clock, read_timeout=READ_TIMEOUT)
        stack.enter_context(closing(to_jupiter))
        stack.enter_context(closing(to_dexscreener))
        sources: dict[str, PriceSource] = {
            "jupiter": JupiterPrices(to_jupiter, clock),
            "dexscreener": DexScreenerPrices(to_dexscreener, clock),
        }

        def list_token(symbol: str = "TKN", price: Decimal = PRICE, decimals: int = 6) -> Mint:
            token = world.create_token(symbol, decimals=decimals, price=price, depth_sol=Decimal(10_000))
            if isinstance(kind, PoolKind):
                pools[Mint(token.address)] = world.open_pool(token.address, kind).address
            return Mint(token.address)

        source = sources.get(kind) or PoolPrices(rpc, clock, pools=pools)
        yield Outlet(world=world, clock=clock, plan=plan, source=source, list_token=list_token)


@pytest.mark.parametrize(("decimals", "price"), [(0, "2.5"), (6, "0.0004"), (9, "0.00000003")])
def test_the_price_is_the_markets_in_sol_per_whole_token(outlet: Outlet, decimals: int, price: str) -> None:
    """Whatever the token's decimals and its size."""
    mint = outlet.list_token(price=Decimal(price), decimals=decimals)
    assert outlet.prices(mint) == {mint: pytest.approx(float(price), rel=1e-6)}


def test_a_price_that_moves_is_the_next_one(outlet: Outlet) -> None:
    """Nothing is kept from before."""
    mint = outlet.list_token()
    for price in ("0.0004", "0.0001", "0.0009"):
        outlet.world.set_price(mint, Decimal(price))
        assert outlet.prices(mint) == {mint: pytest.approx(float(price), rel=1e-6)}
        outlet.clock.advance(seconds(1))


def test_a_mint_that_has_no_price_is_left_out(outlet: Outlet) -> None:
    """Its neighbours have theirs."""
    mint = outlet.list_token()
    assert outlet.prices(UNKNOWN, mint) == {mint: pytest.approx(float(PRICE))}
    assert outlet.prices(UNKNOWN) == {}
    assert outlet.prices() == {}


def test_more_mints_than_one_request_may_name_are_all_priced(outlet: Outlet) -> None:
    """Each with its own price."""
    wanted = {outlet.list_token(f"T{n}", price=PRICE * (n + 1)): float(PRICE * (n + 1)) for n in range(52)}
    assert outlet.prices(*wanted) == pytest.approx(wanted, rel=1e-6)


def test_prices_that_are_asked_for_again_and_again_are_never_older(outlet: Outlet) -> None:
    """Time does not run backwards for a source; where the world goes on, so do its ticks."""
    mint = outlet.list_token()
    seen = []
    for _ in range(5):
        seen += [tick.observed_at for tick in outlet.source.fetch([mint])]
        outlet.clock.advance(seconds(1))
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_does_not_serve_is_an_unavailable_price_until_it_does(outlet: Outlet, fault: str) -> None:
    """Nobody has to know what went wrong; the next fetch is as good as the first."""
    mint = outlet.list_token()
    outlet.plan.on(fault)
    with pytest.raises(PriceUnavailableError) as caught:
        outlet.source.fetch([mint])
    assert str(caught.value)
    assert caught.value.retry_at is None or caught.value.retry_at > outlet.clock.now()
    outlet.plan.off(fault)
    outlet.clock.advance(seconds(61))
    assert outlet.prices(mint) == {mint: pytest.approx(float(PRICE))}


def test_an_answer_of_the_wrong_type_is_never_a_wrong_price(outlet: Outlet) -> None:
    """Somewhere in it stands something else: the price is right, or there is none."""
    mint = outlet.list_token()
    outlet.plan.on("wrong type")
    for _ in range(30):
        outlet.clock.advance(seconds(61))
        try:
            prices = outlet.prices(mint)
        except PriceUnavailableError:
            continue
        assert prices in ({}, {mint: pytest.approx(float(PRICE))})
