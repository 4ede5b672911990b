"""Putting a program on a cluster: instructions of the upgradeable loader ("loader-v3").

Layouts: https://github.com/anza-xyz/solana-sdk, loader-v3-interface (bincode: the tag is a u32, a vector has its length
as a u64 before it). An account of the loader begins with the tag of what it is::

    buffer:       u32 1, u8 1, 32 bytes authority; the file from byte 37
    program:      u32 2, 32 bytes address of its data
    program data: u32 3, u64 slot, u8 1, 32 bytes authority; the file from byte 45

The order is: create and initialise a buffer, write the file into it, create the program's account and deploy, which
takes the buffer's lamports back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import CLOCK, RENT

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
BUFFER_HEADER = 37
PROGRAM_BYTES = 36
CHUNK = 900
"""Bytes of the file in one transaction, whose size is 1,232 at most."""

_DATA_HEADER = 45
_INITIALIZE_BUFFER, _WRITE, _DEPLOY = 0, 1, 2
_BUFFER = struct.pack("<IB", 1, 1)
_PROGRAM = struct.pack("<I", 2)


def data_address(program: Pubkey) -> Pubkey:
    """Return where the loader keeps the file of *program*."""
    return Pubkey.find_program_address([bytes(program)], LOADER)[0]


def initialize_buffer(buffer: Pubkey, authority: Pubkey) -> Instruction:
    """Return the instruction that makes *buffer*, created in the same transaction, the buffer of *authority*."""
    return Instruction(LOADER, struct.pack("<I", _INITIALIZE_BUFFER), [_writable(buffer), _readable(authority)])


def write(buffer: Pubkey, authority: Pubkey, offset: int, chunk: bytes) -> Instruction:
    """Return the instruction that writes *chunk* at *offset* of the file in *buffer*."""
    data = struct.pack("<IIQ", _WRITE, offset, len(chunk)) + chunk
    return Instruction(LOADER, data, [_writable(buffer), _signer(authority)])


def deploy(payer: Pubkey, program: Pubkey, buffer: Pubkey, authority: Pubkey, length: int) -> Instruction:
    """Return the instruction that makes *program*, created in the same transaction, the program in *buffer*.

    Args:
        payer: pays the rent of the program's data, and is given what is in the buffer.
        program: an account of `PROGRAM_BYTES` bytes of the loader.
        buffer: holds the whole file.
        authority: of the buffer, and then of the program.
        length: bytes of the file.
    """
    accounts = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        _writable(data_address(program)),
        _writable(program),
        _writable(buffer),
        _readable(RENT),
        _readable(CLOCK),
        _readable(SYSTEM_PROGRAM),
        _signer(authority),
    ]
    return Instruction(LOADER, struct.pack("<IQ", _DEPLOY, length), accounts)


def missing_chunks(buffer: Account, file: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each chunk of *file* that *buffer* does not hold yet.

    Raises:
        ValueError: it is no buffer for a file of that length.
    """
    data = buffer.data
    if buffer.owner != LOADER or data[: len(_BUFFER)] != _BUFFER or len(data) != BUFFER_HEADER + len(file):
        raise ValueError(f"it is no buffer of the loader for {len(file)} bytes")
    for offset in range(0, len(file), CHUNK):
        chunk = file[offset : offset + CHUNK]
        if data[BUFFER_HEADER + offset : BUFFER_HEADER + offset + len(chunk)] != chunk:
            yield offset, chunk


def is_deployed(program: Pubkey, account: Account | None, held: Account | None, file: bytes) -> bool:
    """Return whether *account* and its data account *held* are *program* with exactly *file* in it."""
    if account is None or held is None or account.owner != LOADER or held.owner != LOADER:
        return False
    begins = held.data[_DATA_HEADER : _DATA_HEADER + len(file)] == file
    return begins and account.data == _PROGRAM + bytes(data_address(program))


def _readable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
