"""Assembling a swap's transaction from Jupiter's instructions, so that fee, payer and blockhash are ours.

The order of the instructions: whatever must come first, compute-unit limit, compute-unit price, Jupiter's setup, swap,
cleanup and others.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chain.programs import COMPUTE_BUDGET
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import Lamports

MAX_COMPUTE_UNITS = 1_400_000
"""The most that one transaction may use."""
MAX_TRANSACTION_SIZE = 1232
"""Bytes of a transaction of version 0, signatures included."""
TOO_LARGE = "TRANSACTION_TOO_LARGE"

_SIGNATURE_SIZE = 64
_MICRO = 1_000_000
_SET_LIMIT, _SET_PRICE = 2, 3
_VERSION_0 = 0x80
_LATER_VERSION = 0x81


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapInstructions:
    """All that a swap's transaction is made of, but for its fee."""

    instructions: tuple[Instruction, ...]
    """Without compute-unit limit and price."""
    lookup_tables: tuple[AddressLookupTableAccount, ...]
    blockhash: Hash
    last_valid_block_height: int


def swap_instructions(
    answer: Mapping[str, Any],
    *,
    lookup_tables: Sequence[AddressLookupTableAccount],
    blockhash: Hash,
    last_valid_block_height: int,
) -> SwapInstructions:
    """Return the instructions of *answer*, of Jupiter's /build or /swap-instructions.

    Its compute-unit limit and price are left out: prices of 82e9 micro-lamports were seen baked in. So is its tip,
    which was not asked for.

    Raises:
        KeyError, TypeError or ValueError: it has not the shape that Jupiter documents.
    """
    listed = [
        *(answer.get("computeBudgetInstructions") or ()),
        *(answer.get("setupInstructions") or ()),
        answer["swapInstruction"],
        *filter(None, [answer.get("cleanupInstruction")]),
        *(answer.get("otherInstructions") or ()),
    ]
    instructions = (instruction_of(item) for item in listed)
    return SwapInstructions(
        instructions=tuple(item for item in instructions if not _sets_limit_or_price(item)),
        lookup_tables=tuple(lookup_tables),
        blockhash=blockhash,
        last_valid_block_height=last_valid_block_height,
    )


def instruction_of(item: Mapping[str, Any]) -> Instruction:
    """Return one of Jupiter's instructions: ``{programId, accounts: [{pubkey, isSigner, isWritable}], data: base64}``.

    Raises:
        KeyError, TypeError or ValueError: it has not that shape.
    """
    accounts = [
        AccountMeta(Pubkey.from_string(account["pubkey"]), account["isSigner"], account["isWritable"])
        for account in item["accounts"]
    ]
    return Instruction(Pubkey.from_string(item["programId"]), base64.b64decode(item["data"], validate=True), accounts)


def assemble(
    swap: SwapInstructions,
    *,
    payer: str,
    compute_unit_limit: int,
    priority_fee: Lamports,
    first: Sequence[Instruction] = (),
) -> MessageV0:
    """Return the message of *swap*, paid for by *payer*.

    Args:
        swap: Jupiter's part.
        payer: base58 address; the only signer.
        compute_unit_limit: how many compute units it may use.
        priority_fee: the most to pay above the base fee, in all.
        first: instructions to be put before all others.

    Raises:
        SwapError: refused; it does not fit into a transaction.
    """
    budget = (
        set_compute_unit_limit(compute_unit_limit),
        set_compute_unit_price(compute_unit_price(priority_fee, compute_unit_limit)),
    )
    try:
        message = MessageV0.try_compile(
            Pubkey.from_string(payer),
            [*first, *budget, *swap.instructions],
            list(swap.lookup_tables),
            swap.blockhash,
        )
    except Exception as error:
        # solders does not export its CompileError.
        raise SwapError(FailureKind.REFUSED, f"the swap cannot be put into a transaction: {error}") from error
    size = len(bytes(unsigned(message)))
    if size > MAX_TRANSACTION_SIZE:
        raise SwapError(
            FailureKind.REFUSED,
            f"the swap's transaction has {size} bytes, Solana takes {MAX_TRANSACTION_SIZE}: it needs a shorter route",
            code=TOO_LARGE,
        )
    return message


def compute_unit_price(priority_fee: Lamports, compute_unit_limit: int) -> int:
    """Return the micro-lamports per compute unit that cost at most *priority_fee* in all."""
    return priority_fee * _MICRO // compute_unit_limit


def priority_fee_of(price: int, compute_unit_limit: int) -> Lamports:
    """Return what *price* micro-lamports per unit cost in all, by Solana's rule: rounded up to a lamport."""
    return Lamports(-(-price * compute_unit_limit // _MICRO))


def unsigned(message: MessageV0) -> VersionedTransaction:
    """Return *message* as a transaction with empty signatures, as it can be simulated."""
    signatures = [Signature.default()] * message.header.num_required_signatures
    return VersionedTransaction.populate(message, signatures)


def programs_of(message: MessageV0) -> list[str]:
    """Return the base58 program of each instruction; programs are never in a lookup table."""
    return [str(message.account_keys[instruction.program_id_index]) for instruction in message.instructions]


def written_by(swap: SwapInstructions) -> list[str]:
    """Return the base58 accounts that *swap* writes, each once: what it competes for with other transactions."""
    accounts = (account for instruction in swap.instructions for account in instruction.accounts)
    return list(dict.fromkeys(str(account.pubkey) for account in accounts if account.is_writable))


def decode_message(data: bytes) -> MessageV0:
    """Return the message of version 0 that *data* is, to the last byte.

    Raises:
        ValueError: it is none.
    """
    if not data or data[0] != _VERSION_0:
        raise ValueError("not a message of version 0")
    message = from_bytes_versioned(data)
    if not isinstance(message, MessageV0) or to_bytes_versioned(message) != data:
        raise ValueError("not a message of version 0")
    return message


def decode_transaction(encoded: str) -> VersionedTransaction:
    """Return the transaction that *encoded*, base64, holds.

    Raises:
        SwapError: refused; it is no transaction, or of a version that is not known here.
    """
    try:
        raw = base64.b64decode(encoded, validate=True)
        decoded = None if raw[:1] == bytes([_LATER_VERSION]) else VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        raise SwapError(FailureKind.REFUSED, f"Jupiter's transaction cannot be read: {error}") from error
    if decoded is None:
        raise SwapError(FailureKind.REFUSED, "Jupiter's transaction is of version 1, which is not supported")
    return decoded


def _sets_limit_or_price(instruction: Instruction) -> bool:
    return str(instruction.program_id) == COMPUTE_BUDGET and instruction.data[:1] in {
        bytes([_SET_LIMIT]),
        bytes([_SET_PRICE]),
    }
