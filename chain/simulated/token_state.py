"""What the Token and Token-2022 programs keep in an account."""

from __future__ import annotations

from solders.account import Account
from solders.token.state import Mint, TokenAccount
from spl.token.constants import ACCOUNT_LEN, MINT_LEN, MULTISIG_LEN, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

TOKEN_PROGRAMS = (TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID)

_TYPE_AT = ACCOUNT_LEN
_MINT_TYPE = 1
_HOLDING_TYPE = 2
"""Token-2022 pads both kinds to the length of a token account and says in the next byte which one it is."""


def token_account(account: Account | None) -> TokenAccount | None:
    """Return *account* as a token account, or None where it is none."""
    data = _token_data(account)
    if data is None or not _is_kind(data, ACCOUNT_LEN, _HOLDING_TYPE):
        return None
    try:
        return TokenAccount.from_bytes(data[:ACCOUNT_LEN])
    except ValueError:  # the account is allocated and not initialised yet
        return None


def mint(account: Account | None) -> Mint | None:
    """Return *account* as a mint, or None where it is none."""
    data = _token_data(account)
    if data is None or not _is_kind(data, MINT_LEN, _MINT_TYPE):
        return None
    try:
        return Mint.from_bytes(data[:MINT_LEN])
    except ValueError:  # the account is allocated and not initialised yet
        return None


def _token_data(account: Account | None) -> bytes | None:
    return account.data if account is not None and account.owner in TOKEN_PROGRAMS else None


def _is_kind(data: bytes, bare_length: int, extended_type: int) -> bool:
    if len(data) <= ACCOUNT_LEN:
        return len(data) == bare_length
    return len(data) != MULTISIG_LEN and data[_TYPE_AT] == extended_type
