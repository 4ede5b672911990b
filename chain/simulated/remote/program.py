"""The swap program as it is deployed on a remote cluster: with an instruction by which the maker sets the price.

On the embedded cluster the market rewrites its price account from outside. Here the account belongs to the program,
and the program alone may write it. The account holds::

    u64 price, in the market's own units; 32 bytes: who may set it (zeros while nobody has)

The instruction to set the price has two accounts, the price account (writable) and who sets it (a signer without
data), and 8 bytes of data, the price. A signer becomes the authority of an account that has none, so an account must
be created and set in one transaction. Any other signer than the authority is refused. The swap, with its 13 accounts,
is that of `chain.simulated.swap_program`.

Where things are in the input of a program is described there as well.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chain.simulated import sbpf
from chain.simulated.sbpf import R0, R1, R2, R3, Assembler
from chain.simulated.swap_program import append_swap

PRICE_ACCOUNT_BYTES = 40
MAY_NOT_SET_PRICE = 1
"""The program's error where the accounts, the data or the signer of a price are not as they must be."""

_PRICE, _AUTHORITY = struct.Struct("<Q"), slice(8, 40)
_ACCOUNTS = 2
_JUMP_UNLESS_EQUAL_REGISTERS, _JUMP_IF_EQUAL = 0x5D, 0x15
_WORD_BYTES, _WORDS_OF_KEY = 8, 4

# Of the program's input, whose address is in R1: the two accounts, then the instruction's data.
_DATA, _ROOM, _RENT_EPOCH = 88, 10 * 1024, 8
_SIGNER, _KEY, _LENGTH = 1, 8, 80
_BOARD = 8
_SETTER = _BOARD + _DATA + PRICE_ACCOUNT_BYTES + _ROOM + _RENT_EPOCH
_INSTRUCTION = _SETTER + _DATA + _ROOM + _RENT_EPOCH
_STORED_PRICE, _STORED_AUTHORITY = _BOARD + _DATA, _BOARD + _DATA + 8
_FRESH = 0xFF


@cache
def elf() -> bytes:
    """Return the program as an ELF file."""
    program = Assembler()
    _append_set_price(program)
    append_swap(program)
    return program.elf()


def version() -> str:
    """Return eight hexadecimal digits that change with the program."""
    return hashlib.sha256(elf()).hexdigest()[:8]


def set_price(program: Pubkey, price_account: Pubkey, authority: Pubkey, price: int) -> Instruction:
    """Return the instruction by which *authority* sets the price, an integer below 2^64."""
    accounts = [
        AccountMeta(price_account, is_signer=False, is_writable=True),
        AccountMeta(authority, is_signer=True, is_writable=False),
    ]
    return Instruction(program, _PRICE.pack(price), accounts)


def stored_price(data: bytes) -> int:
    """Return the price in a price account of *data*.

    Raises:
        ValueError: it is no price account.
    """
    if len(data) != PRICE_ACCOUNT_BYTES:
        raise ValueError(f"a price account has {PRICE_ACCOUNT_BYTES} bytes, not {len(data)}")
    (price,) = _PRICE.unpack_from(data)
    return int(price)


def stored_authority(data: bytes) -> Pubkey:
    """Return who may set the price in a price account of *data*."""
    return Pubkey(data[_AUTHORITY])


def _append_set_price(program: Assembler) -> None:
    """Append the instruction that sets the price; another number of accounts goes on behind it."""
    program.load(R2, R1, 0).jump(sbpf.JUMP_UNLESS_EQUAL, "swap", R2, number=_ACCOUNTS)
    program.put(R0, MAY_NOT_SET_PRICE)
    for at, size, wanted in (
        (_BOARD + _LENGTH, 8, PRICE_ACCOUNT_BYTES),
        (_SETTER, 1, _FRESH),
        (_SETTER + _SIGNER, 1, 1),
        (_SETTER + _LENGTH, 8, 0),
        (_INSTRUCTION, 8, _PRICE.size),
    ):
        program.load(R2, R1, at, size=size).jump(sbpf.JUMP_UNLESS_EQUAL, "return", R2, number=wanted)
    for word in range(_WORDS_OF_KEY):
        # A key with eight zeros in a row, which would pass as none, is found once in 2^62.
        offset = word * _WORD_BYTES
        program.load(R2, R1, _STORED_AUTHORITY + offset).load(R3, R1, _SETTER + _KEY + offset)
        program.jump(_JUMP_IF_EQUAL, f"unset {word}", R2, number=0)
        program.jump(_JUMP_UNLESS_EQUAL_REGISTERS, "return", R2, right=R3)
        program.label(f"unset {word}")
    for word in range(_WORDS_OF_KEY):
        offset = word * _WORD_BYTES
        program.load(R3, R1, _SETTER + _KEY + offset).store(R1, _STORED_AUTHORITY + offset, R3)
    program.load(R2, R1, _INSTRUCTION + 8).store(R1, _STORED_PRICE, R2)
    program.put(R0, 0).exit()
    program.label("swap")
