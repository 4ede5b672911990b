"""Setting a market up over JSON-RPC, from nothing and from wherever it stopped."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from chain.keys.wallet import Wallet
from chain.simulated.remote import loader, program
from chain.simulated.remote.blueprint import TOKENS, Addresses
from chain.simulated.remote.building import Piece
from chain.simulated.remote.setup import MAINNET
from chain.simulated.remote.state import Folder, read_state
from chain.simulated.token_state import mint, token_account
from chain.simulated.tokens import WRAPPED_SOL
from engine.domain.errors import BadInputError
from tests.simulated.remote.rig import FUNDS, DryFaucet, Guillotine, Interrupted, Remote


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Return a cluster with nothing on it."""
    with Remote() as remote:
        yield remote


def assert_set_up(remote: Remote, path: Path) -> None:
    """Assert that all of a market of two tokens is on chain, as a program and wallets would find it."""
    state = read_state(Folder(path))
    assert state is not None
    addresses = Addresses(state.maker)
    code = remote.bank.account(loader.data_address(addresses.program))
    assert code is not None
    assert program.elf() in code.data
    assert [listing.symbol for listing in state.listings] == ["tBONK", "tPYUSD"]
    for listing in state.listings:
        token = addresses.token(listing)
        minted = mint(remote.bank.account(token.mint))
        assert minted is not None
        assert (minted.mint_authority, minted.decimals) == (state.maker, listing.decimals)
        assert token_account(remote.bank.account(token.account_of(state.maker))) is not None
        price = remote.bank.account(addresses.price_account(listing.symbol))
        assert price is not None
        assert price.owner == addresses.program
        assert program.stored_authority(price.data) == state.maker
        assert listing.pricing.price(program.stored_price(price.data)) == listing.price
    stock = token_account(remote.bank.account(WRAPPED_SOL.account_of(state.maker)))
    assert stock is not None
    assert stock.amount == FUNDS // 2


def test_a_setup_from_nothing_makes_keys_program_mints_and_markets(remote: Remote, tmp_path: Path) -> None:
    """Everything is on chain, the keys are the owner's alone, and each piece was told of."""
    told: list[Piece] = []
    state = remote.set_up(tmp_path / "devnet", tell=told.append)
    assert_set_up(remote, tmp_path / "devnet")
    folder = Folder(tmp_path / "devnet")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.wallet, folder.maker)} == {0o600}
    assert Wallet.from_file(folder.wallet).address == state.wallet
    assert remote.cluster.lamports(Pubkey.from_string(state.wallet)) == FUNDS
    assert [piece.what.split(" (")[0] for piece in told] == [
        "wallet",
        "maker",
        "airdrop",
        "airdrop",
        "swap program",
        "the maker's wrapped SOL",
        "mint tBONK",
        "market tBONK",
        "mint tPYUSD",
        "market tPYUSD",
    ]
    assert all(piece.made for piece in told)


def test_the_state_file_holds_no_secret(remote: Remote, tmp_path: Path) -> None:
    """Neither key is in it, in any number that is written there."""
    remote.set_up(tmp_path)
    folder = Folder(tmp_path)
    text = folder.state.read_text()
    for key in (folder.wallet, folder.maker):
        assert key.read_text()[1:60] not in text
    assert len(text) < 3_000


def test_a_second_setup_finds_everything_and_sends_nothing(remote: Remote, tmp_path: Path) -> None:
    """It says what was there, and changes nothing, on chain or in the folder."""
    state = remote.set_up(tmp_path)
    before, sent = Folder(tmp_path).state.read_bytes(), len(remote.bank.ledger())
    told: list[Piece] = []
    assert remote.set_up(tmp_path, tell=told.append) == state
    assert len(remote.bank.ledger()) == sent
    assert not any(piece.made for piece in told)
    assert Folder(tmp_path).state.read_bytes() == before


def test_a_later_setup_adds_tokens(remote: Remote, tmp_path: Path) -> None:
    """More tokens are made beside those that are there; fewer take none away."""
    remote.set_up(tmp_path)
    state = remote.set_up(tmp_path, listings=TOKENS[:3])
    assert [listing.symbol for listing in state.listings] == ["tBONK", "tPYUSD", "tJUP"]
    assert remote.set_up(tmp_path, listings=TOKENS[:1]) == state


@pytest.mark.parametrize("before", [True, False], ids=["before a transaction", "after a transaction"])
def test_a_setup_that_is_killed_anywhere_is_finished_by_the_next(tmp_path: Path, before: bool) -> None:
    """Killed at every transaction in turn, the setup that follows brings everything to its end, and nothing twice."""
    last, interrupted = 0, True
    while interrupted:
        last += 1
        with Remote() as remote:
            path = tmp_path / str(last)
            interrupted = False
            try:
                remote.set_up(path, rpc=Guillotine(remote.rpc, last, before=before))
            except Interrupted:
                interrupted = True
            remote.set_up(path)
            assert_set_up(remote, path)
            failed = [executed for executed in remote.bank.ledger() if executed.err is not None]
            assert failed == []
    assert last > 12


def test_mainnet_is_refused_outright(tmp_path: Path) -> None:
    """The node says that it is mainnet: nothing is made, whatever else was expected."""
    with Remote() as remote:
        remote.bank.genesis.hash = MAINNET
        with pytest.raises(BadInputError, match="of mainnet, where no test market is set up"):
            remote.set_up(tmp_path / "devnet", genesis=MAINNET)
        assert not (tmp_path / "devnet").exists()


def test_another_cluster_is_refused(remote: Remote, tmp_path: Path) -> None:
    """Genesis hashes are named, and nothing is made."""
    with pytest.raises(BadInputError, match=f"genesis hash {remote.genesis}"):
        remote.set_up(tmp_path / "devnet", genesis="EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG")
    assert not (tmp_path / "devnet").exists()


def test_a_folder_of_another_cluster_is_refused(remote: Remote, tmp_path: Path) -> None:
    """A test cluster that was started anew has another name; what the folder says is no longer true."""
    remote.set_up(tmp_path)
    with Remote() as other:
        other.bank.genesis.hash = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
        with pytest.raises(BadInputError, match="name another folder"):
            other.set_up(tmp_path)


def test_a_faucet_that_limits_is_asked_again(remote: Remote, tmp_path: Path) -> None:
    """Four refusals, with waits between them, and then it gives."""
    faucet = DryFaucet(remote.rpc, 4)
    begun = remote.clock.now()
    remote.set_up(tmp_path, rpc=faucet)
    assert_set_up(remote, tmp_path)
    assert remote.clock.now() - begun > 37 * 10**9


def test_a_dry_faucet_is_one_sentence_that_says_how_to_go_on(remote: Remote, tmp_path: Path) -> None:
    """Both addresses and amounts are named; once the SOL is there, the setup goes on."""
    with pytest.raises(BadInputError) as caught:
        remote.set_up(tmp_path, rpc=DryFaucet(remote.rpc, 99))
    wallet = Wallet.from_file(Folder(tmp_path).wallet).address
    maker = Wallet.from_file(Folder(tmp_path).maker).address
    assert f"send 2 SOL to {wallet} and 2 SOL to {maker} by hand, from https://faucet.solana.com" in str(caught.value)
    for address in (wallet, maker):
        remote.bank.airdrop(Pubkey.from_string(address), FUNDS)
    remote.set_up(tmp_path, rpc=DryFaucet(remote.rpc, 99))
    assert_set_up(remote, tmp_path)


def test_a_key_file_that_others_can_read_is_refused(remote: Remote, tmp_path: Path) -> None:
    """As for any key."""
    remote.set_up(tmp_path)
    Folder(tmp_path).maker.chmod(0o644)
    with pytest.raises(BadInputError, match="can be read by other users"):
        remote.set_up(tmp_path)


def test_a_state_file_that_is_none_is_named(remote: Remote, tmp_path: Path) -> None:
    """A sentence says which file and what to do."""
    Folder(tmp_path).state.write_text('{"version": 7}')
    with pytest.raises(BadInputError, match=r"market.json is not what devnet setup wrote \(it is of version 7"):
        remote.set_up(tmp_path)
