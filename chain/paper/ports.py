"""The three ports of a paper wallet, made together, over one connection that cannot send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chain.jupiter.venue import JupiterVenue
from chain.node.rpc import Rpc
from chain.paper.ledger import PaperChain
from chain.paper.rpc import ReadOnlyRpc
from chain.paper.signer import PaperSigner
from chain.paper.takers import Takers
from chain.paper.venue import PaperVenue
from engine.domain.units import Lamports
from engine.ports import Ids, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPorts:
    """What takes the place of the venue, the signer and the chain."""

    venue: PaperVenue
    signer: PaperSigner
    chain: PaperChain


def paper_ports(
    rpc: Rpc,
    *,
    wallet: str,
    venue_of: Callable[[Rpc, str], JupiterVenue],
    store: Store,
    ids: Ids,
    funds: Lamports = Lamports(0),
    buyer: str | None = None,
) -> PaperPorts:
    """Return the ports of *wallet* on paper.

    Args:
        rpc: of the cluster that is read and simulates.
        wallet: base58 address; it needs no key and nothing on chain.
        venue_of: makes Jupiter's venue, given the connection that it is to use and the base58 address of a taker.
        store: keeps the paper fills, and nothing else.
        ids: makes each signature another one.
        funds: lamports that the wallet has on paper beside what it has on chain.
        buyer: base58 address of an account with SOL that stands in for purchases; see `Takers`.

    Raises:
        BadInputError: *wallet* or *buyer* is no address.
    """
    reads = ReadOnlyRpc(rpc)
    signer = PaperSigner(wallet, ids)
    chain = PaperChain(reads, wallet, store=store, funds=funds)
    takers = Takers(reads, wallet, buyer=buyer)
    venue = PaperVenue(lambda taker: venue_of(reads, taker), takers=takers, chain=chain, wallet=wallet)
    return PaperPorts(venue=venue, signer=signer, chain=chain)
