"""Our own clients in front of a world whose faults a test scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Literal

from chain.http.client import ANSWER_TIMEOUT, READ_TIMEOUT, HttpClient
from chain.jupiter.build import jupiter_http
from chain.jupiter.venue import JupiterVenue, jupiter_venue
from chain.keys.wallet import Wallet
from chain.ledger import SolanaChain
from chain.node.rpc import RpcClient
from chain.prices.jupiter import JupiterPrices
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.swap import PreparedSwap, Side, SignedSwap, SwapRequest
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, Mint, seconds
from engine.ports import Clock

FUNDS = 10 * LAMPORTS_PER_SOL
FEE = Lamports(20_000)
PRICE = Decimal("0.0004")
AMOUNT = 1_000_000_000
SLIPPAGE = BasisPoints(150)
Api = Literal["v2", "v1"]
APIS: tuple[Api, ...] = ("v2", "v1")


@dataclass(frozen=True)
class Clients:
    """Every client of ours, new: nothing that one of them remembers is known yet."""

    chain: SolanaChain
    venues: dict[str, JupiterVenue]
    prices: JupiterPrices


@dataclass(frozen=True)
class Line:
    """Connections to the servers of a world."""

    rpc: RpcClient
    http: HttpClient
    jupiter_url: str

    def clients(self, wallet: str, clock: Clock) -> Clients:
        """Return new clients of *wallet*, whose own time is *clock*'s."""
        venues: dict[str, JupiterVenue] = {
            api: jupiter_venue(
                api, http=self.http, swap_base_url=self.jupiter_url, rpc=self.rpc, wallet=wallet, clock=clock
            )
            for api in APIS
        }
        return Clients(SolanaChain(self.rpc, wallet), venues, JupiterPrices(self.http, clock))


@dataclass(frozen=True)
class Trader:
    """A wallet with ten SOL, in a world with a past."""

    world: World
    clock: ManualClock
    plan: FaultPlan
    wallet: Wallet
    line: Line
    clients: Clients

    @property
    def chain(self) -> SolanaChain:
        """The chain."""
        return self.clients.chain

    def token(self, *, held: int = AMOUNT, **changes: Any) -> Token:
        """Create a token of which the wallet holds *held* raw units."""
        wanted = {"decimals": 6, "price": PRICE, "depth_sol": Decimal(10_000), **changes}
        token = self.world.create_token("TKN", **wanted)
        if held:
            self.world.fund(self.wallet.address, tokens={token.address: held})
        return token

    def sign(self, prepared: PreparedSwap) -> SignedSwap:
        """Sign *prepared*."""
        return self.wallet.sign(prepared)

    def prepare(self, request: SwapRequest, api: Api = "v2") -> PreparedSwap:
        """Quote and prepare *request*."""
        venue = self.clients.venues[api]
        return venue.prepare(venue.quote(request), priority_fee=FEE)

    def pass_time(self, span: float) -> None:
        """Let *span* seconds pass."""
        self.clock.advance(seconds(span))


def sell(token: Token, amount: int = AMOUNT) -> SwapRequest:
    """Return the request to sell *amount* raw units of *token*."""
    return SwapRequest(side=Side.SELL, mint=Mint(token.address), amount=amount, slippage=SLIPPAGE)


def buy(token: Token, lamports: int) -> SwapRequest:
    """Return the request to spend *lamports* on *token*."""
    return SwapRequest(side=Side.BUY, mint=Mint(token.address), amount=lamports, slippage=SLIPPAGE)


@contextmanager
def connected(
    world: World, *, read_timeout: float = READ_TIMEOUT, answer_timeout: float = ANSWER_TIMEOUT
) -> Iterator[Line]:
    """Yield connections to *world*, as patient as `chain.http.client.HttpClient` is told to be."""
    patience = {"read_timeout": read_timeout, "answer_timeout": answer_timeout}
    with (
        closing(RpcClient(world.rpc_url, read_timeout=read_timeout, answer_timeout=answer_timeout)) as rpc,
        closing(jupiter_http(world.jupiter_url, "key", **patience)) as http,
    ):
        yield Line(rpc, http, world.jupiter_url)


@contextmanager
def trading(*rules: Rule, on: bool = True) -> Iterator[Trader]:
    """Yield a trader under *rules*, which are switched on once the world has its past."""
    clock, plan = ManualClock(), FaultPlan(rules, Random(11))
    plan.off()
    wallet = Wallet.generate()
    with World(clock, faults=plan) as world:
        world.fund(wallet.address, lamports=FUNDS)
        clock.advance(seconds(120))
        with connected(world) as line:
            if on:
                plan.on()
            yield Trader(world, clock, plan, wallet, line, line.clients(wallet.address, clock))


def always(*faults: Any) -> Sequence[Rule]:
    """Return the rules by which each of *faults* strikes every request that it can."""
    return [Rule(fault=fault, every=1) for fault in faults]
