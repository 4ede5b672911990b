"""The order marker: a zero-byte account that the first successful attempt of an order creates.

Each order has a random seed. The first instruction of every attempt is System's CreateAccountWithSeed for the address
of wallet + seed. Whichever attempt succeeds first creates it; any other then fails at instruction 0 with Custom(0),
AccountAlreadyInUse, and moves nothing. An attempt that reverts takes its marker back with it, so that a retry stays
possible. The rent is taken back with TransferWithSeed once no attempt of the order can land any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import (
    ID as SYSTEM_PROGRAM,
)
from solders.system_program import (
    CreateAccountWithSeedParams,
    TransferWithSeedParams,
    create_account_with_seed,
    transfer_with_seed,
)

MAX_SEED = 32
"""Bytes of a seed that Solana takes."""
MOST_AT_ONCE = 8
"""Markers that one transaction can reclaim within its size."""


def marker_address(wallet: str, seed: str) -> Pubkey:
    """Return the address of the marker of *wallet*'s order with *seed* (1 to 32 bytes)."""
    return Pubkey.create_with_seed(Pubkey.from_string(wallet), seed, SYSTEM_PROGRAM)


def create_marker(wallet: str, seed: str, rent: int) -> Instruction:
    """Return the instruction that must come first in every attempt; it parks *rent* lamports."""
    owner = Pubkey.from_string(wallet)
    return create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=owner,
            to_pubkey=marker_address(wallet, seed),
            base=owner,
            seed=seed,
            lamports=rent,
            space=0,
            owner=SYSTEM_PROGRAM,
        )
    )


def reclaim_markers(wallet: str, parked: Sequence[tuple[str, int]]) -> list[Instruction]:
    """Return the instructions that bring the lamports of each (seed, lamports) of *parked* back to *wallet*."""
    owner = Pubkey.from_string(wallet)
    return [
        transfer_with_seed(
            TransferWithSeedParams(
                from_pubkey=marker_address(wallet, seed),
                from_base=owner,
                from_seed=seed,
                from_owner=SYSTEM_PROGRAM,
                to_pubkey=owner,
                lamports=lamports,
            )
        )
        for seed, lamports in parked
    ]
