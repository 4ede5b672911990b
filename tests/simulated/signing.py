"""Transactions to put on the simulated cluster."""

from __future__ import annotations

from collections.abc import Sequence

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer
from solders.transaction import VersionedTransaction
from spl.token.constants import MINT_LEN, TOKEN_PROGRAM_ID
from spl.token.instructions import (
    InitializeMintParams,
    MintToParams,
    create_associated_token_account,
    get_associated_token_address,
    initialize_mint,
    mint_to,
)

from chain.simulated.bank import Bank
from engine.clock import ManualClock
from engine.domain.units import Nanos

SLOT = Nanos(400_000_000)
SOL = 1_000_000_000


def pay(source: Keypair, target: Pubkey, lamports: int) -> Instruction:
    """Return the instruction that sends SOL."""
    return transfer(TransferParams(from_pubkey=source.pubkey(), to_pubkey=target, lamports=lamports))


def signed(
    blockhash: str,
    signers: Sequence[Keypair],
    *instructions: Instruction,
    tables: Sequence[AddressLookupTableAccount] = (),
) -> bytes:
    """Return a v0 transaction that the first of *signers* pays for."""
    message = MessageV0.try_compile(signers[0].pubkey(), instructions, list(tables), Hash.from_string(blockhash))
    return bytes(VersionedTransaction(message, signers))


def land(bank: Bank, clock: ManualClock, signers: Sequence[Keypair], *instructions: Instruction) -> str:
    """Submit a transaction and move on to the slot that it lands in."""
    signature = bank.submit(signed(bank.latest_blockhash()[0], signers, *instructions))
    clock.advance(SLOT)
    return signature


def new_mint(bank: Bank, clock: ManualClock, owner: Keypair, *, supply: int, decimals: int = 6) -> Pubkey:
    """Create a mint with real instructions and give its whole *supply* to the associated account of *owner*."""
    mint = Keypair()
    holder = get_associated_token_address(owner.pubkey(), mint.pubkey())
    signature = land(
        bank,
        clock,
        [owner, mint],
        create_account(
            CreateAccountParams(
                from_pubkey=owner.pubkey(),
                to_pubkey=mint.pubkey(),
                lamports=bank.rent(MINT_LEN),
                space=MINT_LEN,
                owner=TOKEN_PROGRAM_ID,
            )
        ),
        initialize_mint(
            InitializeMintParams(
                decimals=decimals,
                program_id=TOKEN_PROGRAM_ID,
                mint=mint.pubkey(),
                mint_authority=owner.pubkey(),
            )
        ),
        create_associated_token_account(owner.pubkey(), owner.pubkey(), mint.pubkey()),
        mint_to(
            MintToParams(
                program_id=TOKEN_PROGRAM_ID,
                mint=mint.pubkey(),
                dest=holder,
                mint_authority=owner.pubkey(),
                amount=supply,
            )
        ),
    )
    executed = bank.transaction(signature)
    assert executed is not None
    assert executed.err is None, executed.logs
    return mint.pubkey()


def write_table(bank: Bank, key: Pubkey, addresses: list[Pubkey]) -> None:
    """Put an active lookup table on the bank (layout: 56 bytes of state, then the addresses)."""
    never = (2**64 - 1).to_bytes(8, "little")
    state = (1).to_bytes(4, "little") + never + bytes(8) + bytes(1) + bytes(1) + bytes(32) + bytes(2)
    content = state + b"".join(bytes(address) for address in addresses)
    program = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
    bank.set_account(key, Account(bank.rent(len(content)), content, program))
