"""Setting a market up on a test cluster from nothing, or from wherever an earlier run stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from solders.pubkey import Pubkey

from chain.keys.wallet import Wallet
from chain.node.endpoint import check_cluster
from chain.node.rpc import Rpc, genesis_hash
from chain.simulated.remote.blueprint import Listing
from chain.simulated.remote.building import Builder, Piece
from chain.simulated.remote.cluster import Pause, RemoteCluster
from chain.simulated.remote.key import MakerKey, write_new_key
from chain.simulated.remote.state import Folder, MarketState, merged, read_state, write_state
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import Lamports, seconds, sol

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
"""Genesis hash of mainnet-beta, where nothing of this may ever be done."""
FAUCET = "https://faucet.solana.com"
"""Where a person can ask for test SOL."""

_FAUCET_WAITS = tuple(map(seconds, (2, 5, 10, 20)))
"""Before each further request to the faucet, which limits them."""

Tell = Callable[[Piece], object]
"""Hears of each piece once it is there."""


def set_up(
    folder: Folder,
    rpc: Rpc,
    *,
    genesis: str,
    funds: Lamports,
    listings: Sequence[Listing],
    pause: Pause,
    tell: Tell,
) -> MarketState:
    """Make keys, fund them, and put program, mints and markets on the cluster, each only where it is not there yet.

    Args:
        folder: where keys and state are kept.
        rpc: the cluster's nodes.
        genesis: what they must say that the cluster is.
        funds: lamports that the wallet and the maker get each, where less than half of that is left.
        listings: the tokens that there shall be at least.
        pause: waits between two looks.
        tell: hears of each piece.

    Raises:
        BadInputError: it is another cluster, the keys cannot be used, or the faucet gives nothing; the sentence says
            what to do.
        ChainUnavailableError: the chain could not be asked. What was done stays done.
    """
    check_test_cluster(rpc, genesis)
    before = read_state(folder)
    if before is not None and before.genesis != genesis:
        raise BadInputError(f"{folder.state} is of the cluster {before.genesis}, not {genesis}: name another folder")
    cluster = RemoteCluster(rpc, pause)
    wallet = _keys(folder, tell)
    key = MakerKey.from_file(folder.maker)
    builder = Builder(cluster, key)
    state = MarketState(genesis=genesis, wallet=str(wallet), maker=key.address, listings=())
    if before is not None and before.maker == key.address:
        state = MarketState(genesis=genesis, wallet=str(wallet), maker=key.address, listings=before.listings)
    _fund(cluster, {wallet: cluster.lamports(wallet), key.address: builder.worth()}, funds, pause, tell)
    tell(builder.program())
    tell(builder.stock(Lamports(funds // 2)))
    for listing in merged(state.listings, listings):
        tell(builder.mint(listing))
        tell(builder.price_account(listing))
        state = MarketState(
            genesis=genesis,
            wallet=str(wallet),
            maker=key.address,
            listings=merged(state.listings, [listing]),
        )
        write_state(folder, state)
    return state


def check_test_cluster(rpc: Rpc, genesis: str) -> None:
    """Make sure that *rpc* is of the cluster *genesis*, and that this is not mainnet, whoever says that it may be.

    Raises:
        BadInputError: it is another one, or mainnet.
        ChainUnavailableError: it could not be asked.
    """
    if genesis_hash(rpc) == MAINNET:
        raise BadInputError("The node is of mainnet, where no test market is set up: name a devnet node with -u devnet")
    check_cluster(rpc, genesis)


def _keys(folder: Folder, tell: Tell) -> Pubkey:
    """Make the keys that are not there, and return the wallet's address."""
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"The folder {folder.path} cannot be made: {error.strerror}") from None
    for what, path in (("wallet", folder.wallet), ("maker", folder.maker)):
        made = not path.exists()
        address = write_new_key(path) if made else _address_in(path)
        tell(Piece(what=f"{what} ({path})", address=address, made=made))
    return _address_in(folder.wallet)


def _address_in(path: Path) -> Pubkey:
    return Pubkey.from_string(Wallet.from_file(path).address)


def _fund(cluster: RemoteCluster, held: dict[Pubkey, Lamports], funds: Lamports, pause: Pause, tell: Tell) -> None:
    """Ask the faucet for what is missing, for those who have less than half of *funds*."""
    poor = {address: funds - lamports for address, lamports in held.items() if lamports < funds // 2}
    for address in held:
        if address in poor:
            _airdrop(cluster, address, poor, pause)
            del poor[address]
            tell(Piece(what="airdrop", address=address, made=True))


def _airdrop(cluster: RemoteCluster, address: Pubkey, poor: dict[Pubkey, int], pause: Pause) -> None:
    for wait in (*_FAUCET_WAITS, None):
        try:
            cluster.airdrop(address, poor[address])
        except ChainUnavailableError as error:
            if wait is None:
                wanted = " and ".join(f"{sol(lamports):f} SOL to {each}" for each, lamports in poor.items())
                raise BadInputError(
                    f"The faucet gives no SOL now ({error}): send {wanted} by hand, from {FAUCET} or another wallet,"
                    " then run devnet setup again"
                ) from error
            pause(wait)
        else:
            return
