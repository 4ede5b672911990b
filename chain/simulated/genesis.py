"""What a cluster starts with: a faucet, and the mint of wrapped SOL."""

from __future__ import annotations

import hashlib
import itertools

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.token.state import Mint
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_PROGRAM_ID, WRAPPED_SOL_MINT

_FAUCET_LAMPORTS = 500_000_000_000_000_000
_AIRDROP_UNITS = 10_000
_DISTINCT_AIRDROPS = 1_000_000


class Genesis:
    """The first accounts of a cluster; the same seed gives the same ones."""

    def __init__(self, seed: bytes) -> None:
        self.hash = str(Hash.from_bytes(hashlib.sha256(b"genesis" + seed).digest()))
        self.identity = Keypair.from_seed(hashlib.sha256(b"identity" + seed).digest()).pubkey()
        self._faucet = Keypair.from_seed(hashlib.sha256(b"faucet" + seed).digest())
        self._airdrops = itertools.count()

    def accounts(self, mint_rent: int) -> dict[Pubkey, Account]:
        """Return what is there in the first slot; *mint_rent* is the rent minimum of a mint, in lamports."""
        wrapped_sol = bytes(Mint(None, 0, 9, is_initialized=True, freeze_authority=None))
        return {
            self._faucet.pubkey(): Account(_FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM),
            WRAPPED_SOL_MINT: Account(mint_rent, wrapped_sol, TOKEN_PROGRAM_ID),
        }

    def airdrop(self, key: Pubkey, lamports: int, blockhash: str) -> bytes:
        """Return the signed transaction that gives *key* *lamports* from the faucet."""
        # Two equal airdrops with one blockhash would be one transaction, were it not for the limit.
        units = _AIRDROP_UNITS + next(self._airdrops) % _DISTINCT_AIRDROPS
        faucet = self._faucet.pubkey()
        instructions = [
            set_compute_unit_limit(units),
            transfer(TransferParams(from_pubkey=faucet, to_pubkey=key, lamports=lamports)),
        ]
        message = Message.new_with_blockhash(instructions, faucet, Hash.from_string(blockhash))
        return bytes(VersionedTransaction(message, [self._faucet]))
