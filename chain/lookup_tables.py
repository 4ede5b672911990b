"""Address lookup tables: accounts that hold addresses, so that a transaction can name them in a byte each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.pubkey import Pubkey

from chain.programs import ADDRESS_LOOKUP_TABLE
from chain.rpc import RpcClient, understood
from chain.tokens import account_data

_HEADER_SIZE = 56
_KEY_SIZE = 32


def lookup_table(address: str, addresses: Sequence[str]) -> AddressLookupTableAccount:
    """Return the lookup table at *address* that holds *addresses*, all base58.

    Raises:
        ValueError: one of them is no address.
    """
    return AddressLookupTableAccount(Pubkey.from_string(address), [Pubkey.from_string(item) for item in addresses])


def fetch_lookup_tables(rpc: RpcClient, addresses: Sequence[str]) -> list[AddressLookupTableAccount]:
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


def _held(account: Mapping[str, Any]) -> list[str]:
    keys = account_data(account)[_HEADER_SIZE:]
    return [str(Pubkey.from_bytes(keys[at : at + _KEY_SIZE])) for at in range(0, len(keys), _KEY_SIZE)]
