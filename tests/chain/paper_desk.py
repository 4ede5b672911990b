"""A desk for paper trading in a simulated world, and who comes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chain.node.rpc import Provider, Rpc
from chain.paper.ledger import PaperChain
from chain.paper.ports import PaperPorts
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.order import AttemptStatus
from engine.domain.swap import Fill, Side, SignedSwap, SwapFailure, SwapRequest
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports
from engine.ids import CountedIds
from tests.chain.paper import STAND_IN, Line, connected, nothing_was_sent
from tests.doubles_store import MemoryStore
from tests.factories import a_fill, an_attempt, an_entry

FUNDS = 10 * LAMPORTS_PER_SOL
FEE = Lamports(20_000)
AMOUNT = 1_000_000_000
PRICE = Decimal("0.0004")


class Spy(Rpc):
    """Another `Rpc` that remembers what was asked of it."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._rpc = rpc

    @property
    def providers(self) -> Sequence[Provider]:
        """Itself."""
        return (self,)

    @property
    def name(self) -> str:
        """A name."""
        return "spy"

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Note *method*, and let the other one answer."""
        self.asked.append(method)
        return self._rpc.call(method, params)

    def close(self) -> None:
        """Leave the other one open."""


@dataclass(frozen=True)
class Desk:
    """A paper wallet with ten SOL that are nowhere, and somebody who can stand in."""

    world: World
    clock: ManualClock
    line: Line
    spy: Spy
    plan: FaultPlan
    store: MemoryStore
    ports: PaperPorts

    @property
    def chain(self) -> PaperChain:
        """The wallet's chain."""
        return self.ports.chain

    def again(self, **changes: Any) -> PaperPorts:
        """Return the ports of another process, over the same store."""
        return self.line.ports(store=self.store, ids=CountedIds(), **{"funds": FUNDS, **changes})

    def token(self, symbol: str = "TKN", *, stock: int = 10**13) -> Token:
        """Return a new token, of which the stand-in holds *stock*."""
        token = self.world.create_token(symbol, decimals=6, price=PRICE, depth_sol=Decimal(10_000))
        if stock:
            self.world.fund(str(STAND_IN), tokens={token.address: stock})
        return token

    def holding(self, amount: int = AMOUNT) -> Token:
        """Return a new token, of which the wallet's books say that it holds *amount*."""
        token = self.token()
        entry = an_entry(mint=token.address)
        bought = replace(an_attempt(entry, mint=token.address), status=AttemptStatus.LANDED)
        fill = a_fill(entry, signature=bought.signature, tokens=amount, sol=0, fee=Lamports(0))
        self.store.commit(entry, bought, fill)
        return token

    def signed(self, request: SwapRequest, ports: PaperPorts | None = None) -> SignedSwap:
        """Quote, prepare and sign *request*."""
        ports = ports or self.ports
        return ports.signer.sign(ports.venue.prepare(ports.venue.quote(request), priority_fee=FEE))

    def failure(self, signed: SignedSwap) -> SwapFailure | None:
        """Return why *signed* reverted."""
        (status,) = self.chain.statuses([signed.signature])
        assert status is not None
        return status.failure

    def fill(self, signed: SignedSwap, token: Token) -> Fill:
        """Return the fill of *signed*."""
        fill = self.chain.fill(signed.signature, token.address)
        assert fill is not None
        return fill


@contextmanager
def opened(*rules: Rule) -> Iterator[Desk]:
    """Yield a desk under *rules*, which are switched off."""
    clock, store, plan = ManualClock(), MemoryStore(), FaultPlan(rules, Random(3))
    plan.off()
    with World(clock, faults=plan) as world, connected(world, clock) as direct:
        spy = Spy(direct.rpc)
        line = replace(direct, rpc=spy)
        ports = line.ports(store=store, ids=CountedIds(), funds=FUNDS)
        yield Desk(world, clock, line, spy, plan, store, ports)
        assert nothing_was_sent(world)


def sell(token: Token, amount: int = AMOUNT) -> SwapRequest:
    """Return the request to sell."""
    return SwapRequest(side=Side.SELL, mint=token.address, amount=amount, slippage=BasisPoints(150))


def buy(token: Token, lamports: int = LAMPORTS_PER_SOL) -> SwapRequest:
    """Return the request to buy."""
    return SwapRequest(side=Side.BUY, mint=token.address, amount=lamports, slippage=BasisPoints(150))


def a_person(number: int) -> Pubkey:
    """Return the address of a wallet with a key."""
    return Keypair.from_seed(bytes([number] * 32)).pubkey()


def give(desk: Desk, token: Token, owner: Pubkey, amount: int, *, sol: int = LAMPORTS_PER_SOL) -> None:
    """Give *owner* tokens and SOL."""
    desk.world.fund(str(owner), lamports=sol, tokens={token.address: amount})
