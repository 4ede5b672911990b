"""What a transaction pays to be executed.

Base fee: 5,000 lamports a signature, those that precompiled programs verify included. Priority fee: the
compute unit price times the compute unit limit, rounded up to a lamport. LiteSVM charges the base fee alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.message import Message, MessageV0
from solders.pubkey import Pubkey

LAMPORTS_PER_SIGNATURE = 5_000
MICRO = 1_000_000
_MAX_LAMPORTS = 2**64 - 1
MAX_COMPUTE_UNITS = 1_400_000
_DEFAULT_UNITS = 200_000
_DEFAULT_UNITS_OF_BUILTIN = 3_000
"""Since SIMD-0170 an instruction of a built-in program is given less by default."""

_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
_SET_LIMIT = 2
_SET_PRICE = 3

_PRECOMPILES = frozenset(
    map(
        Pubkey.from_string,
        (
            "Ed25519SigVerify111111111111111111111111111",
            "KeccakSecp256k11111111111111111111111111111",
            "Secp256r1SigVerify1111111111111111111111111",
        ),
    )
)
_BUILTINS = _PRECOMPILES | frozenset(
    map(
        Pubkey.from_string,
        (
            "11111111111111111111111111111111",
            "Vote111111111111111111111111111111111111111",
            "BPFLoader1111111111111111111111111111111111",
            "BPFLoader2111111111111111111111111111111111",
            "BPFLoaderUpgradeab1e11111111111111111111111",
            "LoaderV411111111111111111111111111111111111",
            str(_COMPUTE_BUDGET),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Fee:
    """Lamports: *base* for the signatures, *priority* for being served early."""

    base: int
    priority: int
    micro_lamports_per_unit: int

    @property
    def total(self) -> int:
        """Lamports in all."""
        return self.base + self.priority


def fee_of(message: Message | MessageV0) -> Fee:
    """Return the fee of a transaction with *message*."""
    signatures = message.header.num_required_signatures
    limit: int | None = None
    default_limit = price = 0
    for instruction in message.instructions:
        program = message.account_keys[instruction.program_id_index]
        data = bytes(instruction.data)
        if program in _PRECOMPILES and data:
            signatures += data[0]
        if program == _COMPUTE_BUDGET and data[:1] == bytes([_SET_LIMIT]):
            limit = _argument("<I", data)
        elif program == _COMPUTE_BUDGET and data[:1] == bytes([_SET_PRICE]):
            price = _argument("<Q", data)
        default_limit += _DEFAULT_UNITS_OF_BUILTIN if program in _BUILTINS else _DEFAULT_UNITS
    units = min(default_limit if limit is None else limit, MAX_COMPUTE_UNITS)
    return Fee(
        base=signatures * LAMPORTS_PER_SIGNATURE,
        priority=min(-(-price * units // MICRO), _MAX_LAMPORTS),
        micro_lamports_per_unit=price,
    )


def _argument(layout: str, data: bytes) -> int:
    """Return the number after the tag; 0 where it is cut short, which the runtime refuses by itself."""
    if len(data) < 1 + struct.calcsize(layout):
        return 0
    value: int = struct.unpack_from(layout, data, 1)[0]
    return value
