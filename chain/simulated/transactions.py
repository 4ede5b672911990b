"""Signed transactions as they arrive: decoded, checked for form, with every account that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTable
from solders.message import MessageAddressTableLookup, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import SanitizeError, VersionedTransaction

from chain.simulated.fees import Fee, fee_of
from chain.simulated.rpc_errors import invalid_params
from chain.simulated.transaction_errors import describe

PACKET_DATA_SIZE = 1232
"""Bytes of the longest legacy or v0 transaction."""

_TABLE_PROGRAM = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")

ReadAccount = Callable[[Pubkey], Account | None]


@dataclass(frozen=True)
class ReceivedTransaction:
    """A transaction of sound form.

    Attributes:
        raw: its wire bytes.
        parsed: the same, decoded.
        loaded_writable: writable accounts that it takes from lookup tables.
        loaded_readonly: read-only accounts that it takes from lookup tables.
    """

    raw: bytes
    parsed: VersionedTransaction
    loaded_writable: tuple[Pubkey, ...]
    loaded_readonly: tuple[Pubkey, ...]

    @cached_property
    def signature(self) -> str:
        """Its name on chain: the fee payer's signature, in base58."""
        return str(self.parsed.signatures[0])

    @cached_property
    def blockhash(self) -> str:
        """The recent blockhash that it was signed with, in base58."""
        return str(self.parsed.message.recent_blockhash)

    @cached_property
    def keys(self) -> tuple[Pubkey, ...]:
        """Every account it names, in the order of the message's indices: static, loaded writable, loaded read-only."""
        return (*self.parsed.message.account_keys, *self.loaded_writable, *self.loaded_readonly)

    @cached_property
    def writable(self) -> tuple[bool, ...]:
        """Whether it may write the account, for each of `keys`."""
        header = self.parsed.message.header
        static = len(self.parsed.message.account_keys)
        signed = header.num_required_signatures
        writable_signed = signed - header.num_readonly_signed_accounts
        writable_unsigned = static - header.num_readonly_unsigned_accounts
        # The runtime takes the write lock from an account that is called as a program.
        return (
            *[
                index < (writable_signed if index < signed else writable_unsigned) and index not in self.programs
                for index in range(static)
            ],
            *[True] * len(self.loaded_writable),
            *[False] * len(self.loaded_readonly),
        )

    @cached_property
    def programs(self) -> frozenset[int]:
        """Indices of the accounts that its instructions call."""
        return frozenset(instruction.program_id_index for instruction in self.parsed.message.instructions)

    @cached_property
    def fee(self) -> Fee:
        """What it pays to be executed."""
        return fee_of(self.parsed.message)

    @property
    def payer(self) -> Pubkey:
        """Who pays the fee."""
        return self.keys[0]

    @property
    def version(self) -> int | str:
        """Return 0, or "legacy"."""
        return 0 if isinstance(self.parsed.message, MessageV0) else "legacy"

    def signed_by_all(self) -> bool:
        """Return whether every signature fits its key and the message."""
        return all(self.parsed.verify_with_results())


def receive(raw: bytes, read_account: ReadAccount) -> ReceivedTransaction:
    """Decode *raw*, taking lookup tables through *read_account*.

    Raises:
        RpcError: -32602; the bytes are no transaction, or one whose form no cluster accepts.
    """
    if len(raw) > PACKET_DATA_SIZE:
        raise invalid_params(
            f"decoded VersionedTransaction too large: {len(raw)} bytes (max: {PACKET_DATA_SIZE} bytes)"
        )
    try:
        parsed = VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        raise invalid_params(f"failed to deserialize VersionedTransaction: {error}") from error
    try:
        parsed.sanitize()
    except SanitizeError as error:
        raise _malformed("SanitizeFailure") from error
    message = parsed.message
    lookups = message.address_table_lookups if isinstance(message, MessageV0) else []
    tables = [_read_table(lookup, read_account) for lookup in lookups]
    return ReceivedTransaction(
        raw=raw,
        parsed=parsed,
        loaded_writable=_pick(tables, [lookup.writable_indexes for lookup in lookups]),
        loaded_readonly=_pick(tables, [lookup.readonly_indexes for lookup in lookups]),
    )


def _read_table(lookup: MessageAddressTableLookup, read_account: ReadAccount) -> list[Pubkey]:
    account = read_account(lookup.account_key)
    if account is None:
        raise _malformed("AddressLookupTableNotFound")
    if account.owner != _TABLE_PROGRAM:
        raise _malformed("InvalidAddressLookupTableOwner")
    try:
        return AddressLookupTable.deserialize(account.data).addresses
    except ValueError as error:
        raise _malformed("InvalidAddressLookupTableData") from error


def _pick(tables: list[list[Pubkey]], indices: list[bytes]) -> tuple[Pubkey, ...]:
    try:
        picked = [[table[index] for index in chosen] for table, chosen in zip(tables, indices, strict=True)]
    except IndexError as error:
        raise _malformed("InvalidAddressLookupTableIndex") from error
    return tuple(chain.from_iterable(picked))


def _malformed(err: str) -> Exception:
    return invalid_params(f"invalid transaction: {describe(err)}")
