"""From settings to clients: which connections there are, and what shares them.

The clients of mainnet, devnet and the embedded cluster are the same ones. What differs is in the settings: addresses,
keys, and the program that swaps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import urlsplit

from pydantic import SecretStr

from chain.http.client import HttpClient, OnCall
from chain.http.rate_limit import RateLimit
from chain.jupiter.build import SwapApi, jupiter_http
from chain.jupiter.hosts import JupiterHosts, swap_api
from chain.jupiter.venue import JupiterVenue, Tip
from chain.node.endpoints import EndpointHealth, Endpoints, joined
from chain.node.link import ws_url_of
from chain.node.priority_fees import FeeEstimator, HeliusFees, RecentFees
from chain.node.rpc import Rpc, RpcClient
from chain.node.signatures import WebsocketSignatures
from chain.node.websocket import SolanaWebsocket
from chain.prices.dexscreener import DexScreenerPrices, dexscreener_http
from chain.prices.jupiter import JupiterPrices
from chain.prices.pools import PoolPrices
from engine.config import Settings
from engine.config.network import ChainSection
from engine.config.prices import PriceSourceName
from engine.domain.alert import Severity, Trouble
from engine.domain.units import Lamports
from engine.ports import Clock, PriceSource


class Network:
    """The clients of one cluster and of Jupiter. The `Connections` port.

    Args:
        settings: name the servers.
        clock: tells when a rest, a limit or an estimate is over.
        jupiter_key: sent to every host of Jupiter's API in a header.
        genesis: what every node must say that its cluster is; None where any will do.
        listen: whether the first node's subscriptions are used.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        jupiter_key: SecretStr | None = None,
        genesis: str | None = None,
        listen: bool = True,
    ) -> None:
        self._settings = settings
        self._clock = clock
        key = jupiter_key.get_secret_value() if jupiter_key is not None else None
        limit = RateLimit(clock, limit=settings.jupiter.rate(keyed=key is not None))
        self._observers: tuple[OnCall, ...] = ()
        self._observing = threading.Lock()
        self.rpc: Rpc = _rpc(settings.chain, clock, genesis, self._called)
        self._jupiter = {
            url.reveal(): jupiter_http(url.reveal(), key, gate=limit, on_call=self._called)
            for url in settings.jupiter.urls
        }
        self._older = {
            url.reveal(): jupiter_http(url.reveal(), None, on_call=self._called) for url in settings.jupiter.v1_urls
        }
        self._others: list[HttpClient] = []
        self._pools: list[PoolPrices] = []
        self.websocket = SolanaWebsocket(_ws_url(settings.chain)) if listen else None
        self._hosts: list[JupiterHosts] = []
        # An estimate must not keep an exit waiting as long as a node may otherwise take to answer.
        self._estimates = RpcClient(
            settings.chain.rpc_urls[0].reveal(), connect_timeout=0.5, read_timeout=0.5, on_call=self._called
        )
        self._fees = _fees(settings.chain, self._estimates, clock)
        self._tip = _tip(settings.chain)

    @property
    def listener(self) -> WebsocketSignatures | None:
        """Hears of signatures; None where nobody listens."""
        return WebsocketSignatures(self.websocket) if self.websocket is not None else None

    def venue(self, rpc: Rpc, wallet: str) -> JupiterVenue:
        """Return Jupiter for *wallet*, a base58 address, simulating on *rpc*."""
        jupiter = self._settings.jupiter
        return JupiterVenue(
            self._api(rpc, wallet),
            rpc=rpc,
            wallet=wallet,
            clock=self._clock,
            swap_program=jupiter.program,
            fees=self._fees,
            tip=self._tip,
            close_empty_accounts=self._settings.tokens.close_empty_accounts,
        )

    def _api(self, rpc: Rpc, wallet: str) -> SwapApi:
        jupiter = self._settings.jupiter
        apis = {
            f"jupiter {version} at {urlsplit(url).hostname}": swap_api(
                version,
                http=http,
                base_url=url,
                rpc=rpc,
                wallet=wallet,
                max_accounts=jupiter.max_accounts,
                blockhash_slots=jupiter.blockhash_slots,
            )
            for version, hosts in ((jupiter.api, self._jupiter), ("v1", self._older))
            for url, http in hosts.items()
        }
        hosts = JupiterHosts(apis, clock=self._clock)
        self._hosts.append(hosts)
        return hosts

    def sources(self) -> tuple[PriceSource, ...]:
        """Return the price sources that the settings name, in their order."""
        return tuple(map(self._source, self._settings.prices.sources))

    def _source(self, name: PriceSourceName) -> PriceSource:
        match name:
            case "jupiter":
                return self.jupiter_prices()
            case "dexscreener":
                http = dexscreener_http(
                    self._settings.prices.dexscreener_url.reveal(), self._clock, on_call=self._called
                )
                self._others.append(http)
                return DexScreenerPrices(http, self._clock)
            case "pools":
                pools = PoolPrices(self.rpc, self._clock, websocket=self.websocket)
                self._pools.append(pools)
                return pools

    def nodes(self) -> list[EndpointHealth]:
        """Return how every node does; nothing of one that is used whatever its cluster."""
        return self.rpc.check() if isinstance(self.rpc, Endpoints) else []

    def observe_calls(self, on_call: OnCall) -> Callable[[], None]:
        """Have *on_call*, which must not block, told of each request from now on; return what ends it."""
        with self._observing:
            self._observers = (*self._observers, on_call)

        def forget() -> None:
            with self._observing:
                self._observers = tuple(other for other in self._observers if other is not on_call)

        return forget

    def _called(self, server: str, operation: str, outcome: str, seconds: float) -> None:
        for observer in self._observers:
            observer(server, operation, outcome, seconds)

    def websocket_counts(self) -> dict[str, int]:
        """Return what became of the node's websocket, by event; empty where there is none."""
        return {} if self.websocket is None else asdict(self.websocket.counts)

    def jupiter_prices(self) -> JupiterPrices:
        """Return the prices of the first host."""
        return JupiterPrices(next(iter(self._jupiter.values())), self._clock)

    def troubles(self) -> list[Trouble]:
        """Look at every node and host; see `Connections`."""
        return [*self._node_troubles(), *self._jupiter_troubles()]

    def _node_troubles(self) -> list[Trouble]:
        return [
            Trouble(
                key=f"node_{health.name}",
                severity=Severity.HIGH,
                title="A SOLANA NODE IS NOT FIT - others are used",
                message=f"{health.name}: {health.problem}. It is used again once it is well.",
            )
            for health in self.nodes()
            if health.problem is not None
        ]

    def _jupiter_troubles(self) -> list[Trouble]:
        refused = {health.name for hosts in self._hosts for health in hosts.health() if health.key_refused}
        return [
            Trouble(
                key=f"key_{name}",
                severity=Severity.CRITICAL,
                title="JUPITER REFUSES THE API KEY - Manual action required",
                message=f"{name} refused the API key: nothing is swapped there until the key is good. "
                "Look at portal.jup.ag whether it has expired.",
            )
            for name in sorted(refused)
        ]

    def close(self) -> None:
        """Close every connection."""
        for pools in self._pools:
            pools.close()
        if self.websocket is not None:
            self.websocket.close()
        self.rpc.close()
        self._estimates.close()
        for http in (*self._jupiter.values(), *self._older.values(), *self._others):
            http.close()


def _rpc(chain: ChainSection, clock: Clock, genesis: str | None, on_call: OnCall) -> Rpc:
    return joined(
        [RpcClient(url.reveal(), on_call=on_call) for url in chain.rpc_urls],
        clock=clock,
        senders=[RpcClient(url.reveal(), on_call=on_call) for url in chain.send_urls],
        genesis=genesis,
        max_lag_slots=chain.max_lag_slots,
    )


def _tip(chain: ChainSection) -> Tip | None:
    if not chain.tip or chain.tip_account is None:
        return None
    return Tip(account=chain.tip_account, lamports=Lamports(chain.tip))


def _ws_url(chain: ChainSection) -> str:
    return chain.ws_url.reveal() if chain.ws_url is not None else ws_url_of(chain.rpc_urls[0].reveal())


def _fees(chain: ChainSection, rpc: Rpc, clock: Clock) -> FeeEstimator | None:
    fee = chain.priority_fee
    match fee.source:
        case "recent":
            return FeeEstimator(RecentFees(rpc, percentile=fee.percentile), clock=clock)
        case "provider":
            return FeeEstimator(HeliusFees(rpc), clock=clock)
        case "fixed":
            return None
