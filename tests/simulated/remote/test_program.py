"""Setting a price on chain: who may, and what else the program refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chain.simulated.remote import instructions, program
from chain.simulated.swap_program import MAX_U64
from engine.domain.units import LAMPORTS_PER_SOL
from tests.simulated.remote.rig import Remote

PROGRAM = Pubkey(bytes([9]) * 32)
MAY_NOT = {"InstructionError": [0, {"Custom": program.MAY_NOT_SET_PRICE}]}


class Board:
    """A price account, and the key that set it first."""

    def __init__(self, remote: Remote, size: int = program.PRICE_ACCOUNT_BYTES) -> None:
        self.remote = remote
        self.bank = remote.bank
        self.bank.add_program(PROGRAM, program.elf())
        self.owner = self.funded()
        self.address = Pubkey.create_with_seed(self.owner.pubkey(), "price", PROGRAM)
        made = remote.execute([self.owner], self.creation(size), self.setting(self.owner, 100))
        self.made = made.err

    def funded(self) -> Keypair:
        keypair = Keypair()
        self.bank.airdrop(keypair.pubkey(), LAMPORTS_PER_SOL)
        return keypair

    def creation(self, size: int) -> Instruction:
        return instructions.create(self.owner.pubkey(), "price", PROGRAM, size=size, rent=self.bank.rent(size))

    def setting(self, by: Keypair, price: int) -> Instruction:
        return program.set_price(PROGRAM, self.address, by.pubkey(), price)

    def set(self, by: Keypair, price: int) -> object:
        """Return the error of setting *price*."""
        return self.remote.execute([by], self.setting(by, price)).err

    @property
    def price(self) -> int:
        account = self.bank.account(self.address)
        assert account is not None
        return program.stored_price(account.data)


@pytest.fixture
def board() -> Iterator[Board]:
    """Return a price account."""
    with Remote() as remote:
        yield Board(remote)


@pytest.mark.parametrize("price", [0, 1, 2**32, 2**63, MAX_U64])
def test_the_authority_sets_any_price(board: Board, price: int) -> None:
    """Over the whole range of u64, and the authority stays."""
    assert board.made is None
    assert board.price == 100
    assert board.set(board.owner, price) is None
    assert board.price == price
    account = board.bank.account(board.address)
    assert account is not None
    assert program.stored_authority(account.data) == board.owner.pubkey()


def test_nobody_else_sets_it(board: Board) -> None:
    """Another signer is refused, and the price stands."""
    assert board.set(board.funded(), 5) == MAY_NOT
    assert board.price == 100


def test_a_key_that_differs_in_one_word_is_nobody(board: Board) -> None:
    """All four words of the key are compared."""
    for word in range(4):
        account = board.bank.account(board.address)
        assert account is not None
        data = bytearray(account.data)
        data[8 + word * 8] ^= 1
        other = type(account)(account.lamports, bytes(data), account.owner)
        board.bank.set_account(board.address, other)
        assert board.set(board.owner, 5 + word) == MAY_NOT
        board.bank.set_account(board.address, account)
    assert board.price == 100


def test_the_authority_must_sign(board: Board) -> None:
    """That its address is named is not enough."""
    stranger = board.funded()
    whole = board.setting(board.owner, 5)
    named = [whole.accounts[0], AccountMeta(board.owner.pubkey(), is_signer=False, is_writable=False)]
    assert board.remote.execute([stranger], Instruction(PROGRAM, bytes(whole.data), named)).err == MAY_NOT
    assert board.price == 100


@pytest.mark.parametrize("data", [b"", b"\x05" * 7, b"\x05" * 9])
def test_data_of_another_length_is_refused(board: Board, data: bytes) -> None:
    """A price is eight bytes."""
    whole = board.setting(board.owner, 5)
    assert board.remote.execute([board.owner], Instruction(PROGRAM, data, list(whole.accounts))).err == MAY_NOT
    assert board.price == 100


@pytest.mark.parametrize("size", [8, 39, 48])
def test_an_account_of_another_size_is_no_price_account(size: int) -> None:
    """The whole transaction fails, its creation with it."""
    with Remote() as remote:
        board = Board(remote, size)
        assert board.made == {"InstructionError": [1, {"Custom": program.MAY_NOT_SET_PRICE}]}
        assert remote.bank.account(board.address) is None


def test_one_account_twice_is_refused(board: Board) -> None:
    """The price account cannot be its own authority."""
    account = AccountMeta(board.address, is_signer=False, is_writable=True)
    data = bytes(board.setting(board.owner, 5).data)
    assert board.remote.execute([board.owner], Instruction(PROGRAM, data, [account, account])).err == MAY_NOT


def test_an_account_of_another_program_cannot_be_set(board: Board) -> None:
    """The runtime lets a program write its own accounts alone."""
    size = program.PRICE_ACCOUNT_BYTES
    owner = Pubkey(bytes([8]) * 32)
    rent = board.bank.rent(size)
    foreign = Pubkey.create_with_seed(board.owner.pubkey(), "foreign", owner)
    done = board.remote.execute(
        [board.owner],
        instructions.create(board.owner.pubkey(), "foreign", owner, size=size, rent=rent),
        program.set_price(PROGRAM, foreign, board.owner.pubkey(), 5),
    )
    assert done.err == {"InstructionError": [1, "ExternalAccountDataModified"]}
