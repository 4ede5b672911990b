"""Address lookup tables: accounts that hold addresses, so that a transaction can name them in a byte each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.pubkey import Pubkey

from chain.node.rpc import Rpc, understood
from chain.programs import ADDRESS_LOOKUP_TABLE
from chain.tokens.accounts import account_data
from engine.domain.errors import FailureKind, SwapError

_HEADER_SIZE = 56
_KEY_SIZE = 32


def lookup_table(address: str, addresses: Sequence[str]) -> AddressLookupTableAccount:
    """Return the lookup table at *address* that holds *addresses*, all base58.

    Raises:
        ValueError: one of them is no address.
    """
    return AddressLookupTableAccount(Pubkey.from_string(address), [Pubkey.from_string(item) for item in addresses])


def fetch_lookup_tables(rpc: Rpc, addresses: Sequence[str]) -> list[AddressLookupTableAccount]:
    """Return the tables at *addresses*. One that the node does not have only makes a transaction longer.

    Raises:
        ChainUnavailableError: the chain could not be read.
    """
    if not addresses:
        return []
    method = "getMultipleAccounts"
    result = rpc.call(method, [list(addresses), {"encoding": "base64", "commitment": "confirmed"}])
    with understood(method):
        return [
            lookup_table(address, _held(account))
            for address, account in zip(addresses, result["value"], strict=True)
            if account is not None and account["owner"] == ADDRESS_LOOKUP_TABLE
        ]


class LookupTables:
    """What the chain holds in lookup tables, each read once: a table may grow, but never changes what it has.

    Whoever else tells what a table holds could name the wallet's account by an index that is another's on chain.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._known: dict[Pubkey, AddressLookupTableAccount] = {}

    def confirmed(self, claimed: Sequence[AddressLookupTableAccount]) -> tuple[AddressLookupTableAccount, ...]:
        """Return the tables of *claimed* as the chain has them.

        Raises:
            ChainUnavailableError: the chain could not be read.
            SwapError: refused, the chain does not have one; permanent, it holds other addresses than was claimed.
        """
        unread = [table for table in claimed if len(self._addresses(table.key)) < len(table.addresses)]
        for found in fetch_lookup_tables(self._rpc, [str(table.key) for table in unread]):
            self._known[found.key] = found
        for table in claimed:
            if table.key not in self._known:
                raise SwapError(FailureKind.REFUSED, f"the chain has no lookup table {table.key}, which Jupiter names")
            for index, (address, held) in enumerate(zip(table.addresses, self._addresses(table.key), strict=False)):
                if address != held:
                    message = f"lookup table {table.key} has {held} at {index}, not {address} as Jupiter says"
                    raise SwapError(FailureKind.PERMANENT, message)
        return tuple(self._known[table.key] for table in claimed)

    def _addresses(self, key: Pubkey) -> Sequence[Pubkey]:
        table = self._known.get(key)
        return table.addresses if table else ()


def _held(account: Mapping[str, Any]) -> list[str]:
    keys = account_data(account)[_HEADER_SIZE:]
    return [str(Pubkey.from_bytes(keys[at : at + _KEY_SIZE])) for at in range(0, len(keys), _KEY_SIZE)]
