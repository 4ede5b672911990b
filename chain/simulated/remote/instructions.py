"""Instructions that make accounts, mints and vaults of a maker, at addresses that follow from the maker's own.

Layout of Token-2022's transfer fee: https://github.com/solana-program/token-2022, extension/transfer_fee; the sizes of
accounts are those that the program asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, TransferParams, create_account_with_seed, transfer
from spl.token.constants import ACCOUNT_LEN, MINT_LEN
from spl.token.instructions import (
    ApproveParams,
    BurnParams,
    CloseAccountParams,
    InitializeAccountParams,
    InitializeMintParams,
    MintToParams,
    SyncNativeParams,
    TransferCheckedParams,
    approve,
    burn,
    close_account,
    initialize_account,
    initialize_mint,
    mint_to,
    sync_native,
    transfer_checked,
)

from chain.simulated.tokens import WRAPPED_SOL, Token

_KIND_BYTES, _EXTENSION_HEADER = 1, 4
_FEE_CONFIG_BYTES, _FEE_AMOUNT_BYTES = 108, 8
_TRANSFER_FEE, _INITIALIZE_FEE_CONFIG, _NO_AUTHORITY = 26, 0, 0
_NO_MAXIMUM = 2**64 - 1


def create(maker: Pubkey, seed: str, owner: Pubkey, *, size: int, rent: int) -> Instruction:
    """Return the instruction that creates the account of *maker* and *seed* for the program *owner*."""
    return create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=maker,
            to_pubkey=Pubkey.create_with_seed(maker, seed, owner),
            base=maker,
            seed=seed,
            lamports=rent,
            space=size,
            owner=owner,
        )
    )


def mint_bytes(token: Token) -> int:
    """Return the size of the mint of *token*."""
    if not token.transfer_fee:
        return MINT_LEN
    return ACCOUNT_LEN + _KIND_BYTES + _EXTENSION_HEADER + _FEE_CONFIG_BYTES


def vault_bytes(token: Token) -> int:
    """Return the size of a token account of *token* that is no associated one."""
    if not token.transfer_fee:
        return ACCOUNT_LEN
    return ACCOUNT_LEN + _KIND_BYTES + _EXTENSION_HEADER + _FEE_AMOUNT_BYTES


def initialize(token: Token, maker: Pubkey) -> Iterator[Instruction]:
    """Yield the instructions that make a new account the mint of *token*, to which *maker* alone may add."""
    if token.transfer_fee:
        # Nobody may change the fee or take what was withheld.
        head = bytes([_TRANSFER_FEE, _INITIALIZE_FEE_CONFIG, _NO_AUTHORITY, _NO_AUTHORITY])
        data = head + struct.pack("<HQ", token.transfer_fee, _NO_MAXIMUM)
        yield Instruction(token.program, data, [AccountMeta(token.mint, is_signer=False, is_writable=True)])
    yield initialize_mint(InitializeMintParams(token.decimals, token.program, token.mint, maker))


def fill(vault: Pubkey, token: Token, amount: int, *, maker: Pubkey, taker: Pubkey) -> Iterator[Instruction]:
    """Yield the instructions that make a new account a vault: *amount* raw units, which *taker* may move."""
    yield initialize_account(InitializeAccountParams(token.program, vault, token.mint, maker))
    if token.native:
        stock = token.account_of(maker)
        yield transfer_checked(
            TransferCheckedParams(token.program, stock, token.mint, vault, maker, amount, token.decimals)
        )
    else:
        yield mint_to(MintToParams(token.program, token.mint, vault, maker, amount))
    yield approve(ApproveParams(token.program, vault, taker, maker, amount))


def empty(vault: Pubkey, token: Token, left: int, *, maker: Pubkey) -> Iterator[Instruction]:
    """Yield the instructions that close *vault* with *left* raw units in it.

    Its rent goes back to the maker, and lamports that were to be paid out go back to the stock.
    """
    if left and not token.native:
        yield burn(BurnParams(token.program, vault, token.mint, maker, left))
    yield close_account(CloseAccountParams(token.program, vault, maker, maker))
    if left and token.native:
        yield from wrap(maker, left)


def wrap(maker: Pubkey, lamports: int) -> Iterator[Instruction]:
    """Yield the instructions that put *lamports* of *maker* into its wrapped SOL, whose account there must be."""
    stock = WRAPPED_SOL.account_of(maker)
    yield transfer(TransferParams(from_pubkey=maker, to_pubkey=stock, lamports=lamports))
    yield sync_native(SyncNativeParams(WRAPPED_SOL.program, stock))
