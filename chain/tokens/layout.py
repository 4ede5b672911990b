"""The accounts of the Token and the Token-2022 program, read from their raw bytes. Pure.

Layouts: ``state.rs`` of https://github.com/solana-program/token (a mint has 82 bytes, a token account 165, a multisig
355), and ``extension/`` of https://github.com/solana-program/token-2022. There both kinds are padded to 165 bytes;
then come a byte that tells the kind and the extensions, each a u16 type, a u16 length and a value. Type 0 ends them.
All numbers are little endian, and an address of zeroes is none.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from solders.pubkey import Pubkey

from chain.programs import TOKEN_2022, TOKEN_PROGRAMS
from engine.domain.units import BasisPoints, RawAmount

MINT_SIZE, ACCOUNT_SIZE, MULTISIG_SIZE = 82, 165, 355

_DECIMALS, _INITIALIZED, _FREEZABLE = 44, 45, slice(46, 50)
_MINT, _OWNER, _AMOUNT, _STATE = slice(0, 32), slice(32, 64), slice(64, 72), 108
_KIND, _KIND_MINT, _KIND_ACCOUNT = ACCOUNT_SIZE, 1, 2
_FROZEN = 2
_HEAD = struct.Struct("<HH")
_FEES = struct.Struct("<32x32x8xQQHQQH")
_HOOK = struct.Struct("<32s32s")
_PAUSABLE = struct.Struct("<32xB")
_ONE_IN_BPS = 10_000


class Extension(IntEnum):
    """The types of Token-2022's extensions, of mints and of token accounts."""

    TRANSFER_FEE_CONFIG = 1
    TRANSFER_FEE_AMOUNT = 2
    MINT_CLOSE_AUTHORITY = 3
    CONFIDENTIAL_TRANSFER_MINT = 4
    CONFIDENTIAL_TRANSFER_ACCOUNT = 5
    DEFAULT_ACCOUNT_STATE = 6
    IMMUTABLE_OWNER = 7
    MEMO_TRANSFER = 8
    NON_TRANSFERABLE = 9
    INTEREST_BEARING_CONFIG = 10
    CPI_GUARD = 11
    PERMANENT_DELEGATE = 12
    NON_TRANSFERABLE_ACCOUNT = 13
    TRANSFER_HOOK = 14
    TRANSFER_HOOK_ACCOUNT = 15
    CONFIDENTIAL_TRANSFER_FEE_CONFIG = 16
    CONFIDENTIAL_TRANSFER_FEE_AMOUNT = 17
    METADATA_POINTER = 18
    TOKEN_METADATA = 19
    GROUP_POINTER = 20
    TOKEN_GROUP = 21
    GROUP_MEMBER_POINTER = 22
    TOKEN_GROUP_MEMBER = 23
    CONFIDENTIAL_MINT_BURN = 24
    SCALED_UI_AMOUNT = 25
    PAUSABLE = 26
    PAUSABLE_ACCOUNT = 27
    PERMISSIONED_BURN = 28


_LENGTHS: Mapping[int, int] = {
    Extension.TRANSFER_FEE_CONFIG: _FEES.size,
    Extension.TRANSFER_FEE_AMOUNT: 8,
    Extension.DEFAULT_ACCOUNT_STATE: 1,
    Extension.MEMO_TRANSFER: 1,
    Extension.NON_TRANSFERABLE: 0,
    Extension.CPI_GUARD: 1,
    Extension.PERMANENT_DELEGATE: 32,
    Extension.TRANSFER_HOOK: _HOOK.size,
    Extension.PAUSABLE: _PAUSABLE.size,
}
"""Bytes of those that are read here; the program takes no other length for them either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFee:
    """What is withheld of a transfer, from the one who receives it."""

    epoch: int
    """The first epoch in which it is taken."""
    maximum: RawAmount
    """Raw units; no transfer is charged more."""
    rate: BasisPoints

    def of(self, amount: int) -> RawAmount:
        """Return what is withheld of a transfer of *amount* raw units: rounded up, as Token-2022 does."""
        return RawAmount(min(self.maximum, -(-amount * self.rate // _ONE_IN_BPS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFees:
    """The fee of now and the one to come: a change takes effect two epochs after it was made."""

    older: TransferFee
    newer: TransferFee

    def at(self, epoch: int) -> TransferFee:
        """Return the fee that is taken in *epoch*."""
        return self.newer if epoch >= self.newer.epoch else self.older


@dataclass(frozen=True, slots=True, kw_only=True)
class MintState:
    """What a mint's account says."""

    decimals: int
    freezable: bool
    """Whether somebody may freeze the token accounts of it."""
    extensions: Mapping[int, bytes]
    """The value of each, by its type."""

    @property
    def transfer_fees(self) -> TransferFees | None:
        """What is withheld of transfers; None where nothing ever is."""
        value = self.extensions.get(Extension.TRANSFER_FEE_CONFIG)
        if value is None:
            return None
        older, newer = (_FEES.unpack(value)[at : at + 3] for at in (0, 3))
        return TransferFees(older=_transfer_fee(*older), newer=_transfer_fee(*newer))

    @property
    def non_transferable(self) -> bool:
        """Whether nobody can ever pass it on."""
        return Extension.NON_TRANSFERABLE in self.extensions

    @property
    def default_frozen(self) -> bool:
        """Whether new token accounts of it are frozen until its issuer thaws them."""
        return self.extensions.get(Extension.DEFAULT_ACCOUNT_STATE) == bytes([_FROZEN])

    @property
    def pausable(self) -> bool:
        """Whether somebody may stop all transfers."""
        return Extension.PAUSABLE in self.extensions

    @property
    def paused(self) -> bool:
        """Whether all transfers are stopped at present."""
        return self.pausable and bool(_PAUSABLE.unpack(self.extensions[Extension.PAUSABLE])[0])

    @property
    def permanent_delegate(self) -> str | None:
        """Base58 address that may move and burn everybody's tokens; None where there is none."""
        return _address(self.extensions.get(Extension.PERMANENT_DELEGATE, bytes(32)))

    @property
    def hook(self) -> str | None:
        """Base58 address of the program that every transfer calls; None where there is none."""
        return _address(self._hook()[1])

    @property
    def hook_authority(self) -> str | None:
        """Base58 address that may name another program for every transfer to call; None where nobody may."""
        return _address(self._hook()[0])

    def _hook(self) -> tuple[bytes, bytes]:
        authority, program = _HOOK.unpack(self.extensions.get(Extension.TRANSFER_HOOK, bytes(_HOOK.size)))
        return authority, program


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingState:
    """What a token account says."""

    address: str
    """Base58, like all addresses here."""
    program: str
    """The token program that it belongs to."""
    mint: str
    owner: str
    amount: RawAmount
    frozen: bool
    """Whether its issuer forbids every transfer from and to it."""
    extensions: Mapping[int, bytes]
    """The value of each, by its type."""

    @property
    def withheld(self) -> RawAmount:
        """Raw units of transfer fees that lie in it for the issuer to collect; it cannot be closed until then."""
        return RawAmount(int.from_bytes(self.extensions.get(Extension.TRANSFER_FEE_AMOUNT, b""), "little"))

    @property
    def cpi_guarded(self) -> bool:
        """Whether no program may move the tokens on its owner's behalf, and so none can swap them."""
        return any(self.extensions.get(Extension.CPI_GUARD, b""))

    @property
    def asks_for_memos(self) -> bool:
        """Whether it takes no transfer without a memo before it, and so no proceeds of a swap."""
        return any(self.extensions.get(Extension.MEMO_TRANSFER, b""))

    @property
    def owner_immutable(self) -> bool:
        """Whether it can never be given to another owner."""
        return Extension.IMMUTABLE_OWNER in self.extensions


def decode_mint(data: bytes, program: str) -> MintState | None:
    """Return the mint that an account of *program* (base58) with *data* is; None where it is none.

    Raises:
        ValueError: its extensions are not as Token-2022 writes them.
    """
    if not _is(data, program, size=MINT_SIZE, kind=_KIND_MINT) or not data[_INITIALIZED]:
        return None
    freezable = bool(int.from_bytes(data[_FREEZABLE], "little"))
    return MintState(decimals=data[_DECIMALS], freezable=freezable, extensions=_extensions(data))


def decode_holding(data: bytes, program: str, address: str) -> HoldingState | None:
    """Return the token account that the account at *address*, of *program*, with *data* is; None where it is none.

    Raises:
        ValueError: its extensions are not as Token-2022 writes them.
    """
    if not is_holding(data, program):
        return None
    return HoldingState(
        address=address,
        program=program,
        mint=str(Pubkey(data[_MINT])),
        owner=str(Pubkey(data[_OWNER])),
        amount=RawAmount(int.from_bytes(data[_AMOUNT], "little")),
        frozen=data[_STATE] == _FROZEN,
        extensions=_extensions(data),
    )


def is_holding(data: bytes, program: str) -> bool:
    """Return whether an account of *program* (base58) with *data* is a token account, whatever is in it."""
    return _is(data, program, size=ACCOUNT_SIZE, kind=_KIND_ACCOUNT)


def _is(data: bytes, program: str, *, size: int, kind: int) -> bool:
    """Return whether *data* is of that *kind*; a multisig may look like either, but for its length."""
    if len(data) == size:
        return program in TOKEN_PROGRAMS
    return program == TOKEN_2022 and len(data) > _KIND and len(data) != MULTISIG_SIZE and data[_KIND] == kind


def _extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = _KIND + 1
    while at + 2 <= len(data):
        if data[at : at + 2] == bytes(2):
            break
        if at + _HEAD.size > len(data):
            raise ValueError(f"extension at byte {at} has no length")
        number, length = _HEAD.unpack_from(data, at)
        value = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(value) != length or length != _LENGTHS.get(number, length):
            raise ValueError(f"extension {number} at byte {at} has {len(value)} bytes and says {length}")
        # The program takes the first of each type.
        found.setdefault(number, value)
        at += _HEAD.size + length
    return found


def _transfer_fee(epoch: int, maximum: int, rate: int) -> TransferFee:
    return TransferFee(epoch=epoch, maximum=RawAmount(maximum), rate=BasisPoints(rate))


def _address(key: bytes) -> str | None:
    return str(Pubkey(key)) if any(key) else None
