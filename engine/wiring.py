"""The ports of one engine: the one place that says which client stands behind each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import SecretStr

from chain.ledger import SolanaChain
from chain.paper.ports import paper_ports
from engine.alerting import channels, dead_mans_switch
from engine.bus.local import LocalBus
from engine.config import Profile, Settings
from engine.connections import Network
from engine.domain.units import lamports
from engine.metrics.metrics import Traffic
from engine.notify import LogNotifier
from engine.ports import (
    Chain,
    Channel,
    Clock,
    Connections,
    DeadMansSwitch,
    Ids,
    Notifier,
    PriceSource,
    SignatureListener,
    Signer,
    Store,
    SwapVenue,
)


class Closable(Protocol):
    """Something to let go of."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside, as one engine uses it."""

    clock: Clock
    ids: Ids
    bus: LocalBus
    store: Store
    venue: SwapVenue
    signer: Signer
    chain: Chain
    notifier: Notifier
    sources: tuple[PriceSource, ...]
    """Polled for prices, the first in order is listened to; none where whoever holds the engine observes them."""
    listener: SignatureListener | None = None
    """Makes verdicts come sooner than the next poll; None where the node's subscriptions are not used."""
    connections: Connections | None = None
    """What the lookout looks at; None where nobody does."""
    channels: tuple[Channel, ...] = ()
    """Where alerts are sent beside the notifier."""
    switch: DeadMansSwitch | None = None
    """Called while the engine is well; None where nobody waits for that."""
    traffic: Traffic | None = None
    """Tells the metrics of each request; None where nobody counts them."""
    closables: tuple[Closable, ...] = ()

    def close(self) -> None:
        """Close every connection to the outside, the store's too."""
        for closable in (*self.closables, self.store):
            closable.close()


def connect(
    settings: Settings,
    *,
    clock: Clock,
    ids: Ids,
    store: Store,
    signer: Signer,
    rpc_url: str,
    jupiter_url: str,
    ws_url: str | None = None,
    jupiter_key: str | None = None,
    poll_prices: bool = True,
) -> Ports:
    """Return the ports of a wallet on the cluster at *rpc_url*, swapping through Jupiter at *jupiter_url*.

    The node's subscriptions at *ws_url*, where one is given, make verdicts come sooner.
    """
    settings = settings.at(rpc_url=rpc_url, ws_url=ws_url, jupiter_url=jupiter_url)
    key = SecretStr(jupiter_key) if jupiter_key is not None else None
    network = Network(settings, clock, jupiter_key=key, listen=ws_url is not None)
    return trading(settings, network, clock=clock, ids=ids, store=store, signer=signer, poll_prices=poll_prices)


def trading(
    settings: Settings,
    network: Network,
    *,
    clock: Clock,
    ids: Ids,
    store: Store,
    signer: Signer,
    poll_prices: bool = True,
) -> Ports:
    """Return the ports of *signer*'s wallet, which trades on *network*."""
    return _around(
        settings,
        network,
        clock=clock,
        ids=ids,
        store=store,
        venue=network.venue(network.rpc, signer.address),
        signer=signer,
        chain=SolanaChain(network.rpc, signer.address),
        sources=network.sources() if poll_prices else (),
        listener=network.listener,
    )


def on_paper(settings: Settings, network: Network, *, clock: Clock, ids: Ids, store: Store, wallet: str) -> Ports:
    """Return the ports of *wallet*, a base58 address, for which nothing is sent: what would be is simulated."""
    paper = paper_ports(
        network.rpc,
        wallet=wallet,
        venue_of=network.venue,
        store=store,
        ids=ids,
        funds=lamports(settings.paper.funds),
        buyer=settings.paper.buyer,
    )
    return _around(
        settings,
        network,
        clock=clock,
        ids=ids,
        store=store,
        venue=paper.venue,
        signer=paper.signer,
        chain=paper.chain,
        sources=network.sources(),
    )


def _around(settings: Settings, network: Network, *, clock: Clock, store: Store, **ports: Any) -> Ports:
    """Return *ports* with what every engine on *network* has; nobody is told of what a demonstration goes through."""
    watched = settings.profile is not Profile.DEMO
    return Ports(
        clock=clock,
        store=store,
        bus=LocalBus(clock, store),
        notifier=LogNotifier(),
        connections=network if watched else None,
        channels=channels(settings.alerts) if watched else (),
        switch=dead_mans_switch(settings.alerts) if watched else None,
        traffic=network,
        closables=(network,),
        **ports,
    )
