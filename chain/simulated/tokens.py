"""Mints and token accounts of the Token and the Token-2022 program, written straight into the ledger.

Token-2022 extends the layouts of Token (https://github.com/solana-program/token-2022): both kinds of account
are padded to the length of a token account, then come a byte that tells the kind and the extensions, each a
u16 type, a u16 length and a value. Of the extensions those are known here that decide whether a token moves.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint as MintState
from solders.token.state import TokenAccount, TokenAccountState
from spl.token.constants import ACCOUNT_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID, WRAPPED_SOL_MINT
from spl.token.instructions import get_associated_token_address

from chain.simulated.token_state import token_account
from engine.domain.units import BasisPoints, Mint, RawAmount

MAX_U64 = 2**64 - 1
WHOLE_BPS = 10_000
_NO_FEE = BasisPoints(0)

_AMOUNT_AT = 64
_STATE_AT = 108
_THAWED, _FROZEN = 1, 2
_EXTENSION = struct.Struct("<HH")
_FEE_SCHEDULE = struct.Struct("<QQH")
_KIND_MINT, _KIND_ACCOUNT = 1, 2
_TRANSFER_FEE_CONFIG, _TRANSFER_FEE_AMOUNT, _IMMUTABLE_OWNER = 1, 2, 7
_NON_TRANSFERABLE_ACCOUNT, _PAUSABLE_ACCOUNT = 13, 27
_PAUSED_AT = 32
"""Of the value of the mint's extension: behind the authority."""


class Trait(Enum):
    """What the issuer of a Token-2022 mint may have kept the right to; each is an extension, (type, value)."""

    DEFAULT_FROZEN = 6, b"\x02"
    """Every new account is frozen until the issuer thaws it."""
    NON_TRANSFERABLE = 9, b""
    PERMANENT_DELEGATE = 12, b"\x07" * 32
    PAUSABLE = 26, b"\x07" * 32 + b"\x00"
    """All transfers may be stopped; LiteSVM's Token-2022 is older than that and lets them through. See `set_paused`."""


_OF_ACCOUNTS = {Trait.NON_TRANSFERABLE: _NON_TRANSFERABLE_ACCOUNT, Trait.PAUSABLE: _PAUSABLE_ACCOUNT}
"""The extension, without a value, of every account of a mint with that trait."""


class Accounts(Protocol):
    """The ledger's accounts, as far as tokens need them."""

    def account(self, key: Pubkey, /) -> Account | None:
        """Return the account at *key*, or None where there is none."""

    def set_account(self, key: Pubkey, account: Account, /) -> None:
        """Put *account* at *key*, whatever was there; one without lamports leaves nothing."""

    def rent(self, size: int, /) -> int:
        """Return the lamports that keep an account of *size* bytes alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A mint and what must be known of it to move it."""

    symbol: str
    mint: Pubkey
    decimals: int
    program: Pubkey = TOKEN_PROGRAM_ID
    """`TOKEN_PROGRAM_ID` or `TOKEN_2022_PROGRAM_ID`."""
    transfer_fee: BasisPoints = _NO_FEE
    """What Token-2022 withholds of every transfer from the one who receives it; below 10,000."""
    traits: frozenset[Trait] = frozenset()
    """Of a Token-2022 mint."""

    @property
    def address(self) -> Mint:
        """The mint in base58."""
        return Mint(str(self.mint))

    @property
    def native(self) -> bool:
        """Whether this is wrapped SOL, whose accounts hold what they hold in lamports as well."""
        return self.mint == WRAPPED_SOL_MINT

    def account_of(self, owner: Pubkey) -> Pubkey:
        """Return the address of *owner*'s associated token account."""
        return get_associated_token_address(owner, self.mint, self.program)

    def received(self, sent: int) -> int:
        """Return what arrives of *sent* raw units: the fee is rounded up, as Token-2022 does."""
        return sent - -(-sent * self.transfer_fee // WHOLE_BPS)

    def sent_for(self, received: int) -> int:
        """Return the fewest raw units that must be sent for *received* to arrive."""
        return -(-received * WHOLE_BPS // (WHOLE_BPS - self.transfer_fee))


WRAPPED_SOL = Token(symbol="SOL", mint=WRAPPED_SOL_MINT, decimals=9)


def create_mint(accounts: Accounts, token: Token, *, supply: int, authority: Pubkey | None) -> None:
    """Write the mint account of *token* with *supply* raw units, to which only *authority* may add."""
    # A mint whose accounts start frozen is one that somebody can freeze and thaw.
    freezer = authority if Trait.DEFAULT_FROZEN in token.traits else None
    data = bytes(MintState(authority, supply, token.decimals, is_initialized=True, freeze_authority=freezer))
    extensions = _mint_extensions(token)
    if extensions:
        data = _extended(data, _KIND_MINT, extensions)
    _write(accounts, token.mint, data, token.program)


def create_account(
    accounts: Accounts,
    address: Pubkey,
    token: Token,
    *,
    owner: Pubkey,
    amount: int,
    delegate: Pubkey | None = None,
) -> None:
    """Write a token account at *address*.

    Args:
        accounts: the ledger.
        address: where.
        token: of which mint.
        owner: the wallet that it belongs to.
        amount: the raw units in it.
        delegate: who else may move them, all of them.
    """
    state = TokenAccount(
        token.mint,
        owner,
        amount,
        delegate,
        TokenAccountState.Initialized,
        accounts.rent(ACCOUNT_LEN) if token.native else None,
        amount if delegate else 0,
    )
    extensions = _account_extensions(token)
    data = _extended(bytes(state), _KIND_ACCOUNT, extensions) if extensions else bytes(state)
    _write(accounts, address, data, token.program, above_rent=amount if token.native else 0)


def amount(accounts: Accounts, address: Pubkey) -> RawAmount:
    """Return the raw units in the token account at *address*; zero where there is none."""
    state = token_account(accounts.account(address))
    return RawAmount(state.amount if state else 0)


def add(accounts: Accounts, token: Token, owner: Pubkey, change: int) -> None:
    """Add *change* raw units to *owner*'s associated account of *token*, creating it if need be.

    Raises:
        ValueError: less than nothing, or more than 2^64 - 1, would be in it.
    """
    address = token.account_of(owner)
    changed = amount(accounts, address) + change
    if not 0 <= changed <= MAX_U64:
        raise ValueError(f"{owner} holds {changed - change} raw units of {token.symbol}: cannot add {change} to them")
    account = accounts.account(address)
    if account is None:
        create_account(accounts, address, token, owner=owner, amount=changed)
        return
    data = bytearray(account.data)
    struct.pack_into("<Q", data, _AMOUNT_AT, changed)
    lamports = account.lamports + (change if token.native else 0)
    accounts.set_account(address, Account(lamports, bytes(data), account.owner))


def set_frozen(accounts: Accounts, address: Pubkey, *, frozen: bool) -> None:
    """Freeze the token account at *address*, as the mint's freeze authority does, or thaw it; none stays none."""
    account = accounts.account(address)
    if account is not None:
        data = bytearray(account.data)
        data[_STATE_AT] = _FROZEN if frozen else _THAWED
        accounts.set_account(address, Account(account.lamports, bytes(data), account.owner))


def set_paused(accounts: Accounts, token: Token, *, paused: bool) -> None:
    """Stop all transfers of *token*, as its issuer may, or let them go on.

    Raises:
        ValueError: there is no such mint, or it has not the trait `PAUSABLE`.
    """
    account = accounts.account(token.mint)
    if account is None or Trait.PAUSABLE not in token.traits:
        raise ValueError(f"{token.symbol} is no mint whose transfers can be paused")
    data = bytearray(account.data)
    at = ACCOUNT_LEN + 1
    for number, value in _mint_extensions(token):
        at += _EXTENSION.size
        if number == Trait.PAUSABLE.value[0]:
            data[at + _PAUSED_AT] = paused
        at += len(value)
    accounts.set_account(token.mint, Account(account.lamports, bytes(data), account.owner))


def remove(accounts: Accounts, address: Pubkey) -> None:
    """Take the account at *address* off the ledger."""
    accounts.set_account(address, Account(0, b"", Pubkey.default()))


def _write(accounts: Accounts, address: Pubkey, data: bytes, owner: Pubkey, above_rent: int = 0) -> None:
    accounts.set_account(address, Account(accounts.rent(len(data)) + above_rent, data, owner))


def _extended(base: bytes, kind: int, extensions: Iterable[tuple[int, bytes]]) -> bytes:
    values = b"".join(_EXTENSION.pack(each, len(value)) + value for each, value in extensions)
    return base.ljust(ACCOUNT_LEN, b"\0") + bytes([kind]) + values


def _mint_extensions(token: Token) -> list[tuple[int, bytes]]:
    fee: list[tuple[int, bytes]] = [(_TRANSFER_FEE_CONFIG, _fee_config(token))] if token.transfer_fee else []
    return [*fee, *(trait.value for trait in Trait if trait in token.traits)]


def _account_extensions(token: Token) -> list[tuple[int, bytes]]:
    """Return what the associated-token program would put into an account of *token*."""
    if token.program != TOKEN_2022_PROGRAM_ID:
        return []
    nothing_withheld: list[tuple[int, bytes]] = [(_TRANSFER_FEE_AMOUNT, bytes(8))] if token.transfer_fee else []
    of_traits = [(number, b"") for trait, number in _OF_ACCOUNTS.items() if trait in token.traits]
    return [(_IMMUTABLE_OWNER, b""), *nothing_withheld, *of_traits]


def _fee_config(token: Token) -> bytes:
    # No authority over the fee or what was withheld, nothing withheld yet, and the schedule of older and of
    # newer epochs: from epoch 0 on, without a maximum.
    schedule = _FEE_SCHEDULE.pack(0, MAX_U64, token.transfer_fee)
    return bytes(32) + bytes(32) + bytes(8) + schedule + schedule
