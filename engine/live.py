"""An engine of a profile: from settings to something that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import structlog

from chain.keys.sources import AskPassphrase, address_of, key_source, open_wallet
from chain.ledger import SolanaChain
from chain.node.endpoint import check_cluster
from chain.programs import JUPITER
from chain.simulated.remote.blueprint import Addresses
from chain.simulated.remote.feeds import live
from chain.simulated.remote.state import Folder, read_state
from engine.app import Engine
from engine.cast import LEASE
from engine.config import Loaded, Profile, Settings
from engine.config.sources import DEFAULT
from engine.connections import Network
from engine.devnet import default_folder, devnet_market
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.guard import Desk
from engine.ids import RandomIds
from engine.ports import Chain, Clock, Store
from engine.store.sql import SqlStore, open_store
from engine.wiring import Ports, on_paper, trading

HOLDER = "a command that guards tokens"
"""In whose name the wallet's lease is held meanwhile."""

log = structlog.get_logger(__name__)


@contextmanager
def opened(
    loaded: Loaded, *, clock: Clock, environ: MutableMapping[str, str], passphrase: AskPassphrase
) -> Iterator[Engine]:
    """Yield the engine of *loaded*'s profile, ready to be started, and close what it was connected to.

    Args:
        loaded: the settings.
        clock: the time.
        environ: where the key may be; see `chain.keys.sources.open_wallet`.
        passphrase: asked for where the key is encrypted.

    Raises:
        BadInputError: the profile has no cluster, the key or the database cannot be used, or a node is of another
            cluster than the profile's; nothing was signed.
    """
    if loaded.settings.profile is Profile.DEMO:
        raise BadInputError("the demo has a command of its own, run.py demo: name another profile with --profile")
    with ExitStack() as stack:
        own_market = brings_its_market(loaded.settings)
        loaded = settled(loaded, environ)
        settings = stack.enter_context(_served(loaded, clock, environ)) if own_market else loaded.settings
        network = Network(settings, clock, jupiter_key=loaded.jupiter_key, genesis=settings.genesis_hash)
        stack.callback(network.close)
        _check(network, settings)
        store = books(settings)
        stack.callback(store.close)
        ports = _ports(settings, network, clock=clock, store=store, environ=environ, passphrase=passphrase)
        yield Engine(ports, settings, max_price_age=settings.max_price_age)


def brings_its_market(settings: Settings) -> bool:
    """Return whether the engine serves the market that it trades at: on devnet, where Jupiter trades nothing."""
    return settings.profile is Profile.DEVNET and settings.jupiter.program == JUPITER


def settled(loaded: Loaded, environ: Mapping[str, str]) -> Loaded:
    """Return *loaded* with what the set-up of a market on devnet adds: its program, and its wallet if none is named.

    Raises:
        BadInputError: nothing was set up.
    """
    settings = loaded.settings
    if not brings_its_market(settings):
        return loaded
    files = Folder(default_folder(environ))
    state = read_state(files)
    if state is None:
        raise BadInputError(f"no market was set up in {files.path}: run devnet setup first, or set jupiter.program")
    wallet = settings.wallet
    if loaded.source(("wallet", "keypair")) is DEFAULT:
        wallet = wallet.model_copy(update={"keypair": str(files.wallet)})
    program = str(Addresses(state.maker).program)
    jupiter = settings.jupiter.model_copy(update={"program": program})
    return replace(loaded, settings=settings.model_copy(update={"wallet": wallet, "jupiter": jupiter}))


@contextmanager
def _served(loaded: Loaded, clock: Clock, environ: Mapping[str, str]) -> Iterator[Settings]:
    """Serve the market that was set up on devnet; yield the settings to trade there.

    Its prices are those that the settings' Jupiter has of mainnet.
    """
    settings = loaded.settings
    with ExitStack() as stack:
        network = Network(settings, clock, jupiter_key=loaded.jupiter_key, genesis=settings.genesis_hash, listen=False)
        stack.callback(network.close)
        market = stack.enter_context(
            devnet_market(
                default_folder(environ),
                network.rpc,
                clock,
                ids=RandomIds(),
                feed=live(network.jupiter_prices()),
                genesis=settings.genesis_hash,
            )
        )
        yield settings.trading_at(market.url, program=market.program)


@contextmanager
def desk(loaded: Loaded, *, clock: Clock, environ: MutableMapping[str, str]) -> Iterator[tuple[Desk, SqlStore]]:
    """Yield what takes tokens of the wallet under guard while no engine runs, and the database to store that in.

    The key is not unlocked. While it lasts no engine can start, so that none misses what is stored.

    Raises:
        BadInputError: as `opened`.
        LeaseError: an engine works for the wallet.
    """
    settings = settled(loaded, environ).settings
    wallet = wallet_address(settings, environ)
    with ExitStack() as stack:
        network = Network(settings, clock, jupiter_key=loaded.jupiter_key, genesis=settings.genesis_hash, listen=False)
        stack.callback(network.close)
        check_cluster(network.rpc, settings.genesis_hash)
        store = books(settings)
        stack.callback(store.close)
        store.acquire_lease(wallet, HOLDER, now=clock.now(), ttl=LEASE)
        stack.callback(store.release_lease, wallet, HOLDER)
        ids = RandomIds()
        chain: Chain = SolanaChain(network.rpc, wallet)
        if settings.profile is Profile.PAPER:
            chain = on_paper(settings, network, clock=clock, ids=ids, store=store, wallet=wallet).chain
        yield Desk(chain, store, network.sources(), clock=clock, ids=ids), store


def books(settings: Settings) -> SqlStore:
    """Open the database of *settings*' profile.

    Raises:
        BadInputError: see `engine.store.sql.open_store`.
    """
    url, path = settings.store.url, settings.store.path
    if url is None and path is None:
        raise BadInputError("no database is named: set store.path or store.url")
    return open_store(
        url.reveal() if url is not None else str(path), profile=settings.profile, genesis=settings.genesis_hash
    )


def wallet_address(settings: Settings, environ: MutableMapping[str, str]) -> str:
    """Return the base58 address of the wallet that *settings* name, without unlocking its key.

    Raises:
        BadInputError: there is none.
    """
    if settings.profile is Profile.PAPER and settings.paper.wallet is not None:
        return settings.paper.wallet
    return address_of(key_source(settings.wallet.keypair), environ=environ)


def _check(network: Network, settings: Settings) -> None:
    try:
        check_cluster(network.rpc, settings.genesis_hash)
    except ChainUnavailableError as error:
        # Each node names its cluster before its first answer counts: the engine waits, and says that it is blind.
        log.warning("no_node_answers", error=str(error))


def _ports(
    settings: Settings,
    network: Network,
    *,
    clock: Clock,
    store: Store,
    environ: MutableMapping[str, str],
    passphrase: AskPassphrase,
) -> Ports:
    ids = RandomIds()
    if settings.profile is Profile.PAPER:
        wallet = wallet_address(settings, environ)
        return on_paper(settings, network, clock=clock, ids=ids, store=store, wallet=wallet)
    signer = open_wallet(key_source(settings.wallet.keypair), environ=environ, passphrase=passphrase)
    return trading(settings, network, clock=clock, ids=ids, store=store, signer=signer)
