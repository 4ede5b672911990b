"""What is signed is the swap that was ordered: a transaction is read instruction by instruction before that.

Whoever builds the transaction, an API or whoever speaks in its place, is not trusted with anything that the chain
does not enforce. So everything is refused that is not known to be needed: other programs, any transfer, approval or
change of authority at the top level, a foreign fee payer or signer, another amount, a lower minimum, proceeds to an
account that is not the wallet's own. What Jupiter's program does within its one instruction is bounded by the amount
and the minimum that stand in it, which the chain enforces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.message import MessageV0
from solders.pubkey import Pubkey

from chain.transactions.assembly import decode_message
from chain.transactions.rules import Call, Ordered, Reading, refuse
from engine.domain.swap import PreparedSwap


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedSwap(PreparedSwap):
    """A transaction that is what was ordered. There is none that is not: it is inspected when it is made."""

    ordered: Ordered = field(repr=False)
    lookup_tables: tuple[AddressLookupTableAccount, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Inspect the message.

        Raises:
            SwapError: permanent; the message is not what was ordered.
        """
        inspect(self.message, self.ordered, self.lookup_tables)


def inspect(message: bytes, ordered: Ordered, lookup_tables: Sequence[AddressLookupTableAccount] = ()) -> None:
    """Make sure that signing *message* does what was *ordered* and nothing else.

    Args:
        message: serialized; of version 0.
        ordered: what it must be.
        lookup_tables: what the chain holds in the tables that *message* names, in any order.

    Raises:
        SwapError: permanent, code `NOT_AS_ORDERED`; one sentence names the first thing that is wrong.
    """
    try:
        decoded = decode_message(message)
    except ValueError as error:
        refuse(f"it is not a message of version 0 but begins with {message[:1].hex() or 'nothing'} ({error})")
    payer, signers = str(decoded.account_keys[0]), decoded.header.num_required_signatures
    if payer != ordered.wallet:
        refuse(f"{payer} pays the fee, not the wallet {ordered.wallet}")
    if signers != 1:
        refuse(f"{signers} must sign, not the wallet alone")
    Reading(ordered).judge(list(_calls(decoded, lookup_tables)))


def _calls(message: MessageV0, lookup_tables: Sequence[AddressLookupTableAccount]) -> Iterator[Call]:
    """Yield the instructions of *message*: its own keys, then the looked-up writable ones, then the read-only ones."""
    held = {table.key: table.addresses for table in lookup_tables}
    keys = list(message.account_keys)
    for of in ("writable_indexes", "readonly_indexes"):
        for lookup in message.address_table_lookups:
            addresses = held.get(lookup.account_key, [])
            for index in getattr(lookup, of):
                keys.append(_item(addresses, index, f"lookup table {lookup.account_key}"))
    for number, instruction in enumerate(message.instructions):
        where = f"instruction {number}"
        accounts = tuple(str(_item(keys, index, where)) for index in bytes(instruction.accounts))
        program = str(_item(keys, instruction.program_id_index, where))
        yield Call(number, program, accounts, bytes(instruction.data))


def _item(items: Sequence[Pubkey], index: int, what: str) -> Pubkey:
    if index >= len(items):
        refuse(f"{what} has no account {index}, there are {len(items)}")
    return items[index]
