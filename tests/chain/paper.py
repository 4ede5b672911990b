"""Paper ports in front of a simulated world."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

from solders.keypair import Keypair

from chain.http.client import HttpClient
from chain.jupiter.build import jupiter_http
from chain.jupiter.venue import JupiterVenue, jupiter_venue
from chain.node.rpc import Rpc, RpcClient
from chain.paper.ports import PaperPorts, paper_ports
from chain.simulated.world import World
from engine.domain.units import LAMPORTS_PER_SOL, Lamports
from engine.ports import Clock, Ids, Store

WALLET = Keypair.from_seed(bytes([7] * 32)).pubkey()
STAND_IN = Keypair.from_seed(bytes([8] * 32)).pubkey()
STAND_IN_FUNDS = 1_000 * LAMPORTS_PER_SOL
Api = Literal["v2", "v1"]


@dataclass(frozen=True)
class Line:
    """Connections to the servers of a world."""

    world: World
    clock: Clock
    rpc: Rpc
    http: HttpClient

    def ports(
        self,
        *,
        store: Store,
        ids: Ids,
        wallet: str = str(WALLET),
        funds: int = 0,
        buyer: str | None = str(STAND_IN),
        api: Api = "v2",
    ) -> PaperPorts:
        """Return new paper ports: nothing that others remember is known to them."""

        def venue_of(reads: Rpc, taker: str) -> JupiterVenue:
            url = self.world.jupiter_url
            return jupiter_venue(api, http=self.http, swap_base_url=url, rpc=reads, wallet=taker, clock=self.clock)

        return paper_ports(
            self.rpc, wallet=wallet, venue_of=venue_of, store=store, ids=ids, funds=Lamports(funds), buyer=buyer
        )


@contextmanager
def connected(world: World, clock: Clock) -> Iterator[Line]:
    """Yield connections to *world*, in which the stand-in has SOL."""
    world.fund(str(STAND_IN), lamports=STAND_IN_FUNDS)
    with closing(RpcClient(world.rpc_url)) as rpc, closing(jupiter_http(world.jupiter_url, "key")) as http:
        yield Line(world, clock, rpc, http)


def nothing_was_sent(world: World) -> bool:
    """Return whether no transaction on the cluster is the wallet's or the stand-in's."""
    return {executed.transaction.payer for executed in world.bank.ledger()}.isdisjoint({WALLET, STAND_IN})
