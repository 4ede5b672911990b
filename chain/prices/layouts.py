"""What a pool's accounts say of its reserves: bytes in, raw amounts out; no I/O.

| account of       | discriminator    | fields, little-endian, by offset                                               |
|------------------|------------------|--------------------------------------------------------------------------------|
| pump.fun:        | 17b7f83760d8ac60 | 8 virtual token reserves u64, 16 virtual quote reserves u64, 48 complete bool, |
| BondingCurve     |                  | 83 quote mint                                                                  |
| PumpSwap: Pool   | f19a6d0411b16dbc | 43 base mint, 75 quote mint, 139 base vault, 171 quote vault,                  |
|                  |                  | 245 virtual quote reserves i128                                                |
| Raydium CPMM:    | f7ede3f5d7c3de46 | 72 and 104 vaults, 168 and 200 mints, 329 status u8; u64: 341 and 349 protocol |
| PoolState        |                  | fees, 357 and 365 fund fees, 397 and 405 creator fees                          |

A discriminator is the first eight bytes of SHA-256 of "account:" and the name, as Anchor makes it. Fields are only
ever appended, so that an account may be longer, and one from before a field reads it as zero.

- A curve is quoted in SOL where its quote mint is that of wrapped SOL or zero; there are others. Its price is the
  quotient of its virtual reserves; once it is complete it has none, and the token trades in PumpSwap.
- What PumpSwap prices by is its quote vault plus the virtual quote reserves, which are negative where fees wait in the
  vault to be swept.
- CPMM's vaults hold fees that belong to others.

Sources: the IDLs and docs/NEGATIVE_VIRTUAL_QUOTE_RESERVES.md of github.com/pump-fun/pump-public-docs (October 2026);
states/pool.rs of github.com/raydium-io/raydium-cp-swap.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

from solders.pubkey import Pubkey

from chain.tokens.layout import decode_holding
from engine.domain.units import SOL_MINT, price_of

PUMP: Final = "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"
PUMP_SWAP: Final = "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA"
RAYDIUM_CPMM: Final = "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"
NAMES: Final = {PUMP: "pump.fun bonding curve", PUMP_SWAP: "PumpSwap pool", RAYDIUM_CPMM: "Raydium CPMM pool"}

CURVE_DISCRIMINATOR: Final = sha256(b"account:BondingCurve").digest()[:8]
PUMP_SWAP_DISCRIMINATOR: Final = sha256(b"account:Pool").digest()[:8]
CPMM_DISCRIMINATOR: Final = sha256(b"account:PoolState").digest()[:8]
CPMM_MINTS: Final = (168, 200)
CPMM_SIZE: Final = 637

_KEY = 32
_CURVE_SIZE, _CURVE_COMPLETE, _CURVE_QUOTE_MINT = 49, 48, 83
_PUMP_SWAP_SIZE, _PUMP_SWAP_VIRTUAL = 203, slice(245, 261)
_CPMM_STATUS, _SWAP_DISABLED = 329, 4
_CPMM_FEES = (341, 357, 397)
"""Of the first token; the second one's follow each of them."""
_NO_KEY = str(Pubkey.default())


class UnfitAccountError(ValueError):
    """An account that prices nothing in SOL; the message says which, why, and what it is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account as a node shows it."""

    address: str
    owner: str
    """The program that it belongs to."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserves:
    """What a pool trades between."""

    tokens: int
    """Raw units."""
    lamports: int

    def price(self, decimals: int) -> Decimal:
        """Return the price in SOL per whole token of a mint with *decimals*, before fees and impact."""
        return price_of(self.lamports, self.tokens, decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A pump.fun bonding curve."""

    complete: bool
    """The token has left it, and trades in PumpSwap."""
    reserves: Reserves | None
    """None once it is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPool:
    """A pool whose reserves are in two token accounts."""

    address: str
    mint: str
    token_vault: str
    sol_vault: str
    tokens_beside: int
    """Raw units that count as reserves beside the vault's, or, negative, that do not."""
    lamports_beside: int

    @property
    def vaults(self) -> tuple[str, str]:
        """The addresses of both vaults, the token's first."""
        return self.token_vault, self.sol_vault

    def reserves(self, tokens: int, lamports: int) -> Reserves:
        """Return the reserves where the vaults hold *tokens* raw units and *lamports*.

        Raises:
            UnfitAccountError: the pool is empty.
        """
        reserves = Reserves(tokens=tokens + self.tokens_beside, lamports=lamports + self.lamports_beside)
        if reserves.tokens <= 0 or reserves.lamports <= 0:
            raise UnfitAccountError(f"{self.address} is an empty pool: it has no price")
        return reserves


def read_curve(account: AccountState) -> Curve:
    """Return the bonding curve in *account*.

    Raises:
        UnfitAccountError: it is none, or is not quoted in SOL, or is empty without being complete.
    """
    data = _checked(account, PUMP, CURVE_DISCRIMINATOR, _CURVE_SIZE)
    if data[_CURVE_COMPLETE]:
        return Curve(complete=True, reserves=None)
    quote = _key(data, _CURVE_QUOTE_MINT) if len(data) >= _CURVE_QUOTE_MINT + _KEY else _NO_KEY
    if quote not in (_NO_KEY, SOL_MINT):
        raise UnfitAccountError(f"{account.address} is a bonding curve against {quote}, not against SOL")
    reserves = Reserves(tokens=_u64(data, 8), lamports=_u64(data, 16))
    if reserves.tokens == 0 or reserves.lamports == 0:
        raise UnfitAccountError(f"{account.address} is an empty bonding curve: it has no price")
    return Curve(complete=False, reserves=reserves)


def read_vault_pool(account: AccountState, mint: str) -> VaultPool:
    """Return the pool of *mint* against SOL in *account*: PumpSwap's or Raydium's CPMM, by its owner.

    Raises:
        UnfitAccountError: it is neither, trades something else, or is closed to swaps.
    """
    return _read_cpmm(account, mint) if account.owner == RAYDIUM_CPMM else _read_pump_swap(account, mint)


def read_vault(account: AccountState, mint: str) -> int:
    """Return the raw units that the token account of *mint* in *account* holds.

    Raises:
        UnfitAccountError: it is no token account of that mint.
    """
    try:
        held = decode_holding(account.data, account.owner, account.address)
    except ValueError as error:
        raise UnfitAccountError(f"{account.address} cannot be read as a token account: {error}") from error
    if held is None or held.mint != mint:
        raise UnfitAccountError(f"{account.address} is no token account of {mint}: it is no vault of its pool")
    return held.amount


def curve_address(mint: str) -> str:
    """Return where pump.fun keeps the bonding curve of *mint*."""
    return _derived(PUMP, b"bonding-curve", bytes(Pubkey.from_string(mint)))


def pump_swap_address(mint: str) -> str:
    """Return where PumpSwap keeps the pool against SOL that a completed curve of *mint* migrates to."""
    key = Pubkey.from_string(mint)
    authority, _ = Pubkey.find_program_address([b"pool-authority", bytes(key)], Pubkey.from_string(PUMP))
    first = (0).to_bytes(2, "little")
    return _derived(PUMP_SWAP, b"pool", first, bytes(authority), bytes(key), bytes(Pubkey.from_string(SOL_MINT)))


def _read_pump_swap(account: AccountState, mint: str) -> VaultPool:
    data = _checked(account, PUMP_SWAP, PUMP_SWAP_DISCRIMINATOR, _PUMP_SWAP_SIZE)
    quote_beside = int.from_bytes(data[_PUMP_SWAP_VIRTUAL], "little", signed=True)
    return _oriented(account.address, mint, _keys(data, 43, 75), _keys(data, 139, 171), (0, quote_beside))


def _read_cpmm(account: AccountState, mint: str) -> VaultPool:
    data = _checked(account, RAYDIUM_CPMM, CPMM_DISCRIMINATOR, CPMM_SIZE)
    if data[_CPMM_STATUS] & _SWAP_DISABLED:
        raise UnfitAccountError(f"{account.address} is a pool that is closed to swaps: it has no price")
    owed = [-sum(_u64(data, offset + side) for offset in _CPMM_FEES) for side in (0, 8)]
    return _oriented(account.address, mint, _keys(data, *CPMM_MINTS), _keys(data, 72, 104), (owed[0], owed[1]))


def _oriented(
    address: str, mint: str, mints: tuple[str, str], vaults: tuple[str, str], beside: tuple[int, int]
) -> VaultPool:
    if set(mints) != {mint, SOL_MINT}:
        raise UnfitAccountError(f"{address} is a pool of {mints[0]} and {mints[1]}, not of {mint} and SOL")
    token = mints.index(mint)
    return VaultPool(
        address=address,
        mint=mint,
        token_vault=vaults[token],
        sol_vault=vaults[1 - token],
        tokens_beside=beside[token],
        lamports_beside=beside[1 - token],
    )


def _checked(account: AccountState, program: str, discriminator: bytes, size: int) -> bytes:
    if not account.data:
        raise UnfitAccountError(f"There is no {NAMES[program]} at {account.address}")
    if account.owner != program:
        raise UnfitAccountError(f"{account.address} is no {NAMES[program]}: it belongs to {account.owner}")
    if account.data[:8] != discriminator:
        raise UnfitAccountError(f"{account.address} is no {NAMES[program]}, but another account of that program")
    if len(account.data) < size:
        raise UnfitAccountError(
            f"{account.address} is no whole {NAMES[program]}: it has {len(account.data)} bytes of at least {size}"
        )
    return account.data


def _derived(program: str, *seeds: bytes) -> str:
    return str(Pubkey.find_program_address(seeds, Pubkey.from_string(program))[0])


def _keys(data: bytes, first: int, second: int) -> tuple[str, str]:
    return _key(data, first), _key(data, second)


def _key(data: bytes, offset: int) -> str:
    return str(Pubkey(data[offset : offset + _KEY]))


def _u64(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 8], "little")
