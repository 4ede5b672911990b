"""The on-chain price check of the simulated market: eight sBPF instructions at Jupiter's program id.

A market's current price stands in an account that the market rewrites whenever it moves. Each swap carries
an instruction to this program, which names the account and the band of prices at which the swap still pays
its minimum. Outside of the band the program fails with ``Custom(6001)``, as Jupiter v6 does when slippage
exceeds the tolerance, and the chain takes the whole transaction back.

Input of a program, as the loader of deployed ("version 2") programs lays it out at the address in r1
(https://solana.com/docs/programs/faq, "Input parameter serialization"; numbers little endian)::

    u64 number of accounts
    per account: u8 duplicate marker, u8 signer, u8 writable, u8 executable, 4 bytes padding,
                 32 bytes key, 32 bytes owner, u64 lamports, u64 length of data, data,
                 10,240 bytes in which data may grow, padding to a multiple of 8, u64 rent epoch
    u64 length of instruction data, instruction data, 32 bytes program id

The guard is called with exactly one account, which holds exactly one u64; hence every offset is a constant.
"""

from __future__ import annotations

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

PROGRAM_ID = Pubkey.from_string("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
"""Jupiter v6: the address under which clients look for the error code."""

SLIPPAGE_TOLERANCE_EXCEEDED = 6001
"""Jupiter v6's error number; 0x1771 in a transaction's log."""

MAX_U64 = 2**64 - 1

PRICE_BYTES = 8
_GROWTH_ROOM = 10 * 1024

_PRICE_AT = 8 + (1 + 1 + 1 + 1 + 4) + 32 + 32 + 8 + 8
_DATA_END = _PRICE_AT + PRICE_BYTES + _GROWTH_ROOM
_RENT_EPOCH_AT = _DATA_END + -_DATA_END % 8
_LOWEST_AT = _RENT_EPOCH_AT + 8 + 8
_HIGHEST_AT = _LOWEST_AT + 8

# Opcodes of sBPF: https://github.com/anza-xyz/sbpf/blob/main/doc/bytecode.md
_LOAD_U64 = 0x79
_MOVE_NUMBER = 0xB7
_JUMP_IF_LESS = 0xAD
_JUMP_IF_GREATER = 0x2D
_EXIT = 0x95


def _op(code: int, *, to: int = 0, by: int = 0, offset: int = 0, number: int = 0) -> bytes:
    """Assemble one instruction: opcode, registers (source in the high half), i16 offset, i32 immediate."""
    return struct.pack("<BBhi", code, by << 4 | to, offset, number)


_TEXT = b"".join(
    (
        _op(_LOAD_U64, to=2, by=1, offset=_PRICE_AT),
        _op(_LOAD_U64, to=3, by=1, offset=_LOWEST_AT),
        _op(_LOAD_U64, to=4, by=1, offset=_HIGHEST_AT),
        _op(_MOVE_NUMBER, to=0, number=SLIPPAGE_TOLERANCE_EXCEEDED),
        _op(_JUMP_IF_LESS, to=2, by=3, offset=2),
        _op(_JUMP_IF_GREATER, to=2, by=4, offset=1),
        _op(_MOVE_NUMBER, to=0, number=0),
        _op(_EXIT),
    )
)

# The least ELF file that the loader takes. Addresses equal file offsets, so that nothing needs relocation;
# the loader finds .text by name, hence the section table and its names.
_SECTION_NAMES = b"\0.text\0.shstrtab\0"
_FILE_HEADER_BYTES, _PROGRAM_HEADER_BYTES, _SECTION_HEADER_BYTES = 64, 56, 64
_SHARED_OBJECT, _MACHINE_SBPF = 3, 247
_PT_LOAD, _READ_AND_EXECUTE, _PAGE = 1, 5, 0x1000
_PROGBITS, _STRTAB, _ALLOCATED_AND_EXECUTABLE = 1, 3, 6


def elf() -> bytes:
    """Return the program as an ELF64 file of a few hundred bytes, to be deployed at `PROGRAM_ID`."""
    text_at = _FILE_HEADER_BYTES + _PROGRAM_HEADER_BYTES
    names_at = text_at + len(_TEXT)
    sections_at = names_at + len(_SECTION_NAMES)
    padding = -sections_at % 8
    sections_at += padding
    file_header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH",
        _SHARED_OBJECT,
        _MACHINE_SBPF,
        1,
        text_at,
        _FILE_HEADER_BYTES,
        sections_at,
        0,
        _FILE_HEADER_BYTES,
        _PROGRAM_HEADER_BYTES,
        1,
        _SECTION_HEADER_BYTES,
        3,
        2,
    )
    program_header = struct.pack(
        "<IIQQQQQQ", _PT_LOAD, _READ_AND_EXECUTE, text_at, text_at, text_at, len(_TEXT), len(_TEXT), _PAGE
    )
    sections = (
        bytes(_SECTION_HEADER_BYTES)
        + _section(b".text", kind=_PROGBITS, flags=_ALLOCATED_AND_EXECUTABLE, at=text_at, content=_TEXT)
        + _section(b".shstrtab", kind=_STRTAB, flags=0, at=names_at, content=_SECTION_NAMES)
    )
    return file_header + program_header + _TEXT + _SECTION_NAMES + bytes(padding) + sections


def _section(name: bytes, *, kind: int, flags: int, at: int, content: bytes) -> bytes:
    name_at = _SECTION_NAMES.index(name)
    address = at if flags else 0
    return struct.pack("<IIQQQQIIQQ", name_at, kind, flags, address, at, len(content), 0, 0, 1, 0)


def price_account_data(price: int) -> bytes:
    """Return the contents of a price account: *price* in the market's own units, below 2^64."""
    return struct.pack("<Q", price)


def guard(price_account: Pubkey, *, lowest: int = 0, highest: int = MAX_U64) -> Instruction:
    """Return the instruction that fails with `Custom(6001)` unless ``lowest <= price <= highest``.

    Args:
        price_account: an account of `PRICE_BYTES` bytes.
        lowest: inclusive, in the market's own units, below 2^64.
        highest: inclusive, likewise.
    """
    accounts = [AccountMeta(price_account, is_signer=False, is_writable=False)]
    return Instruction(PROGRAM_ID, struct.pack("<QQ", lowest, highest), accounts)
