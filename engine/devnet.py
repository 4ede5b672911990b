"""The market on a test cluster, served on loopback: an engine trades there by the clients that it has for mainnet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chain.node.rpc import Rpc
from chain.simulated.jupiter_api import jupiter_app
from chain.simulated.jupiter_gateway import Gateway
from chain.simulated.remote.blueprint import Addresses, Listing
from chain.simulated.remote.cluster import Pause, RemoteCluster, pausing
from chain.simulated.remote.exchange import RemoteExchange
from chain.simulated.remote.feeds import MakeFeed, PricePush
from chain.simulated.remote.key import MakerKey
from chain.simulated.remote.maker import RemoteMaker
from chain.simulated.remote.periodic import Periodic
from chain.simulated.remote.setup import check_test_cluster
from chain.simulated.remote.state import Folder, MarketState, read_state
from chain.simulated.server import LoopbackServer
from engine.config import Profile
from engine.domain.errors import BadInputError
from engine.domain.units import Mint, Nanos, seconds
from engine.ports import Clock, Ids

PRICE_INTERVAL = seconds(3)
"""Between two looks at the feed: Jupiter allows 30 requests a minute without a key. Moves cost 5,000 lamports."""
SWEEP_INTERVAL = seconds(60)
"""Between two looks for vaults whose swaps can no longer land."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetMarket:
    """A market that is served."""

    url: str
    """What stands in for https://api.jup.ag."""
    program: str
    """Base58 address of the program that swaps, for the setting `jupiter.program`."""
    wallet: str
    """Base58 address of the wallet that the setup has made."""
    wallet_file: Path
    """Its keypair file."""
    listings: Mapping[Mint, Listing]
    """What is traded, by mint."""
    exchange: RemoteExchange


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a setup keeps its files where no folder is named."""
    data = Path(environ.get("XDG_DATA_HOME", ""))
    # The XDG base directory specification: a relative path is invalid and to be ignored.
    data = data if data.is_absolute() else Path("~/.local/share").expanduser()
    return data / "ripcord" / "devnet"


def devnet_genesis() -> str:
    """Return devnet's genesis hash, in base58."""
    genesis = Profile.DEVNET.genesis_hash
    if genesis is None:
        raise BadInputError("The profile devnet names no cluster")
    return genesis


@contextmanager
def devnet_market(
    folder: Path,
    rpc: Rpc,
    clock: Clock,
    *,
    ids: Ids,
    feed: MakeFeed | None = None,
    genesis: str | None = None,
    pause: Pause | None = None,
    port: int = 0,
    price_interval: Nanos = PRICE_INTERVAL,
) -> Iterator[DevnetMarket]:
    """Serve the market that was set up in *folder* on loopback, as long as the context lasts.

    Args:
        folder: of the setup.
        rpc: devnet's nodes; they stay open.
        clock: drives the feed.
        ids: names of vaults.
        feed: where prices come from; None leaves them as they are on chain.
        genesis: what the nodes must say that their cluster is; devnet's by default.
        pause: waits between two looks at a transaction; by the clock by default.
        port: of the server; 0 lets the system choose.
        price_interval: between two looks at the feed.

    Raises:
        BadInputError: nothing was set up, or not on this cluster.
        ChainUnavailableError: the cluster could not be asked.
    """
    wanted = genesis or devnet_genesis()
    files = Folder(folder)
    state = _state(files, wanted)
    check_test_cluster(rpc, wanted)
    cluster = RemoteCluster(rpc, pause or pausing(clock))
    maker = RemoteMaker(cluster, MakerKey.from_file(files.maker), ids)
    exchange = RemoteExchange(cluster, clock, maker)
    listings = _open(exchange, maker, state)
    maker.take_up_vaults([market.token for market in exchange.markets.values()], until=exchange.vaults_until())
    with ExitStack() as stack:
        stack.enter_context(Periodic(clock, SWEEP_INTERVAL, exchange.close_vaults, name="sweep"))
        if feed is not None:
            push = PricePush(exchange, feed(listings))
            stack.enter_context(Periodic(clock, price_interval, push, name="prices"))
        server = stack.enter_context(LoopbackServer(Gateway(jupiter_app(exchange), clock), port=port))
        yield DevnetMarket(
            url=server.url,
            program=str(maker.addresses.program),
            wallet=state.wallet,
            wallet_file=files.wallet,
            listings=listings,
            exchange=exchange,
        )


def _state(files: Folder, genesis: str) -> MarketState:
    state = read_state(files)
    if state is None or not state.listings:
        raise BadInputError(f"No market was set up in {files.path}: run devnet setup first")
    if state.genesis != genesis:
        raise BadInputError(f"{files.state} is of the cluster {state.genesis}, not {genesis}: name another folder")
    if MakerKey.from_file(files.maker).address != state.maker:
        raise BadInputError(f"{files.maker} is not the key of the maker in {files.state}: run devnet setup again")
    return state


def _open(exchange: RemoteExchange, maker: RemoteMaker, state: MarketState) -> dict[Mint, Listing]:
    """Open every market at the price that it has on chain."""
    addresses = Addresses(state.maker)
    tokens = {listing.symbol: addresses.token(listing) for listing in state.listings}
    prices = maker.read_prices(list(tokens.values()))
    for listing in state.listings:
        exchange.open_market(listing, prices[addresses.price_account(listing.symbol)])
    return {tokens[listing.symbol].address: listing for listing in state.listings}
