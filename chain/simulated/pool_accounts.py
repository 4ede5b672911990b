"""Pools whose reserves follow a market: accounts of pump.fun, PumpSwap and Raydium's CPMM, written into the ledger.

Nothing can be traded in them. They show what a client that reads pools would see on mainnet: the accounts are written
field by field in the order of the programs' IDLs, with fees in the vaults that belong to others. The reserves move
along a constant product, so that a price that moves writes both sides.
"""

from __future__ import annotations

import hashlib
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from solders.account import Account
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_PROGRAM_ID, WRAPPED_SOL_MINT

from chain.prices.layouts import PUMP, PUMP_SWAP, RAYDIUM_CPMM, curve_address, pump_swap_address
from chain.simulated.tokens import WRAPPED_SOL, Accounts, Token, create_account
from engine.domain.units import LAMPORTS_PER_SOL, Lamports

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_OWED_SOL = LAMPORTS_PER_SOL // 2
"""Lamports of fees that wait in a vault for whom they belong to."""
_OWED_TOKENS = 1_000
_MOST_TOKENS = 2**56
"""Raw units that a pool begins with at most: an account holds less than 2^64."""
_UNTAKEN = 3
"""Kinds of fees of CPMM: of the protocol, of the fund and of the creator."""


class PoolKind(StrEnum):
    """Which program a pool is of."""

    CURVE = "pump.fun"
    PUMP_SWAP = "PumpSwap"
    CPMM = "Raydium CPMM"


class PoolAccounts:
    """The accounts of one pool of *token* against SOL.

    Args:
        accounts: the ledger.
        kind: of which program.
        token: what is traded for SOL.
        price: SOL per whole token.
        depth: lamports on the SOL side at that price; less where the token is too cheap for so much of it to be held.

    Attributes:
        address: of the pool's own account, base58.
    """

    def __init__(self, accounts: Accounts, kind: PoolKind, token: Token, *, price: Decimal, depth: Lamports) -> None:
        self._accounts = accounts
        self._kind = kind
        self._token = token
        each = self._lamports_per_raw(price)
        side = min(Decimal(depth), _EXACT.multiply(each, Decimal(_MOST_TOKENS)))
        self._product = _EXACT.divide(_EXACT.multiply(side, side), each)
        self._vaults = _key("token vault", token), _key("SOL vault", token)
        self._complete = False
        derived = {PoolKind.CURVE: curve_address, PoolKind.PUMP_SWAP: pump_swap_address}.get(kind)
        self.address = derived(token.address) if derived is not None else str(_key("pool", token))
        self.move(price)

    def move(self, price: Decimal) -> None:
        """Let the reserves be those of *price*, in SOL per whole token."""
        each = self._lamports_per_raw(price)
        lamports = int(_EXACT.sqrt(_EXACT.multiply(self._product, each)))
        tokens = int(_EXACT.sqrt(_EXACT.divide(self._product, each)))
        if self._kind is PoolKind.CURVE:
            self._write(PUMP, self._curve(tokens, lamports))
            return
        self._write(*self._pool())
        owed_tokens, owed_sol = self._owed()
        authority = Pubkey.from_string(self.address)
        for vault, token, amount in (
            (self._vaults[0], self._token, tokens + owed_tokens),
            (self._vaults[1], WRAPPED_SOL, lamports + owed_sol),
        ):
            create_account(self._accounts, vault, token, owner=authority, amount=amount)

    def complete(self) -> None:
        """Let a bonding curve be complete, as one that migrated: all its reserves are zero."""
        self._complete = True
        self._write(PUMP, self._curve(0, 0))

    def _lamports_per_raw(self, price: Decimal) -> Decimal:
        return _EXACT.divide(price * LAMPORTS_PER_SOL, Decimal(10) ** self._token.decimals)

    def _owed(self) -> tuple[int, int]:
        """Return what of the vaults is not the pool's: raw tokens and lamports."""
        return (0, _OWED_SOL) if self._kind is PoolKind.PUMP_SWAP else (_UNTAKEN * _OWED_TOKENS, _UNTAKEN * _OWED_SOL)

    def _curve(self, tokens: int, lamports: int) -> bytes:
        if self._complete:
            tokens = lamports = 0
        creator = bytes(_key("creator", self._token))
        flags, no_mint = bytes(2), bytes(Pubkey.default())
        reserves = _u64(tokens, lamports, tokens, lamports, 10**15)
        return _named("BondingCurve") + reserves + bytes([self._complete]) + creator + flags + no_mint + bytes(51)

    def _pool(self) -> tuple[str, bytes]:
        mint, sol = bytes(self._token.mint), bytes(WRAPPED_SOL_MINT)
        token_vault, sol_vault = (bytes(vault) for vault in self._vaults)
        other = bytes(_key("other", self._token))
        if self._kind is PoolKind.PUMP_SWAP:
            head = bytes([255]) + bytes(2) + other + mint + sol + other + token_vault + sol_vault + _u64(10**9)
            waiting = (-_OWED_SOL).to_bytes(16, "little", signed=True)
            return PUMP_SWAP, _named("Pool") + head + other + bytes(2) + waiting + bytes(40)
        # CPMM's first mint is the one whose bytes come first.
        sol_first = sol < mint
        mints = sol + mint if sol_first else mint + sol
        vaults = sol_vault + token_vault if sol_first else token_vault + sol_vault
        programs = (bytes(TOKEN_PROGRAM_ID), bytes(self._token.program))
        owed = (_OWED_SOL, _OWED_TOKENS) if sol_first else (_OWED_TOKENS, _OWED_SOL)
        decimals = (9, self._token.decimals)
        head = other + other + vaults + other + mints + b"".join(programs if sol_first else programs[::-1]) + other
        numbers = bytes([254, 0, 9, *(decimals if sol_first else decimals[::-1])]) + _u64(10**9, *owed, *owed, 0, 0)
        return RAYDIUM_CPMM, _named("PoolState") + head + numbers + bytes(8) + _u64(*owed) + bytes(28 * 8)

    def _write(self, program: str, data: bytes) -> None:
        account = Account(self._accounts.rent(len(data)), data, Pubkey.from_string(program))
        self._accounts.set_account(Pubkey.from_string(self.address), account)


def _key(purpose: str, token: Token) -> Pubkey:
    return Pubkey(hashlib.sha256(f"{purpose} of the pool of {token.address}".encode()).digest())


def _named(name: str) -> bytes:
    return hashlib.sha256(f"account:{name}".encode()).digest()[:8]


def _u64(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in numbers)
