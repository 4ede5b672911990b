"""Pool accounts made by hand, with their fields at the offsets that the programs' IDLs give them."""

from __future__ import annotations

from solders.pubkey import Pubkey

from chain.prices.layouts import (
    PUMP,
    PUMP_SWAP,
    RAYDIUM_CPMM,
    AccountState,
    VaultPool,
    curve_address,
    pump_swap_address,
)
from chain.programs import TOKEN
from engine.domain.units import SOL_MINT, Mint

TOKEN_MINT = Mint("DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263")
TOKEN_VAULT, SOL_VAULT, POOL = (str(Pubkey(bytes([n]) * 32)) for n in (11, 12, 13))


def _filled(size: int, discriminator: str, **fields: tuple[int, bytes]) -> bytes:
    data = bytearray(size)
    data[:8] = bytes.fromhex(discriminator)
    for offset, value in fields.values():
        data[offset : offset + len(value)] = value
    return bytes(data)


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _key(address: str) -> bytes:
    return bytes(Pubkey.from_string(address))


def curve(
    tokens: int, lamports: int, *, complete: bool = False, quote_mint: str | None = None, size: int = 166
) -> AccountState:
    """Return the bonding curve of `TOKEN_MINT` with these virtual reserves."""
    quote = (83, _key(quote_mint)) if quote_mint else (83, bytes(0))
    data = _filled(
        166,
        "17b7f83760d8ac60",
        tokens=(8, _u64(tokens)),
        lamports=(16, _u64(lamports)),
        complete=(48, bytes([complete])),
        quote=quote,
    )
    return AccountState(address=curve_address(TOKEN_MINT), owner=PUMP, data=data[:size])


def pump_swap(*, virtual: int = 0, size: int = 301, base: str = TOKEN_MINT, quote: str = SOL_MINT) -> AccountState:
    """Return the PumpSwap pool of `TOKEN_MINT`."""
    data = _filled(
        301,
        "f19a6d0411b16dbc",
        base=(43, _key(base)),
        quote=(75, _key(quote)),
        base_vault=(139, _key(TOKEN_VAULT if base == TOKEN_MINT else SOL_VAULT)),
        quote_vault=(171, _key(SOL_VAULT if base == TOKEN_MINT else TOKEN_VAULT)),
        virtual=(245, virtual.to_bytes(16, "little", signed=True)),
    )
    return AccountState(address=pump_swap_address(TOKEN_MINT), owner=PUMP_SWAP, data=data[:size])


def cpmm(
    *,
    sol_first: bool = True,
    owed: tuple[int, int] = (0, 0),
    status: int = 0,
    address: str = POOL,
    sol_vault: str = SOL_VAULT,
) -> AccountState:
    """Return a Raydium CPMM pool of `TOKEN_MINT`, whose vaults hold *owed* lamports and raw tokens of each fee."""
    mints, vaults = (SOL_MINT, TOKEN_MINT), (sol_vault, TOKEN_VAULT)
    if not sol_first:
        mints, vaults, owed = (mints[1], mints[0]), (vaults[1], vaults[0]), (owed[1], owed[0])
    pair = _u64(owed[0]) + _u64(owed[1])
    data = _filled(
        637,
        "f7ede3f5d7c3de46",
        vaults=(72, _key(vaults[0]) + _key(vaults[1])),
        mints=(168, _key(mints[0]) + _key(mints[1])),
        status=(329, bytes([status])),
        protocol=(341, pair),
        fund=(357, pair),
        creator=(397, pair),
    )
    return AccountState(address=address, owner=RAYDIUM_CPMM, data=data)


def vault(address: str, mint: str, amount: int, *, owner: str = TOKEN) -> AccountState:
    """Return a token account that holds *amount* raw units."""
    data = bytearray(165)
    data[:32], data[64:72], data[108] = _key(mint), _u64(amount), 1
    return AccountState(address=address, owner=owner, data=bytes(data))


def vaults(tokens: int, lamports: int) -> tuple[AccountState, AccountState]:
    """Return both vaults of a pool of `TOKEN_MINT`."""
    return vault(TOKEN_VAULT, TOKEN_MINT, tokens), vault(SOL_VAULT, SOL_MINT, lamports)


def plain_pool() -> VaultPool:
    """Return a pool with nothing beside its vaults."""
    return VaultPool(
        address=POOL,
        mint=TOKEN_MINT,
        token_vault=TOKEN_VAULT,
        sol_vault=SOL_VAULT,
        tokens_beside=0,
        lamports_beside=0,
    )
