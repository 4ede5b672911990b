"""What a transaction would have done, asked of a node and told as if it had landed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from solders.message import Message, MessageV0, to_bytes_versioned
from solders.transaction import VersionedTransaction

from chain.fills import as_executed
from chain.node.rpc import understood
from chain.paper.accounts import KnownAccount, known_account, read_accounts
from chain.paper.rpc import ReadOnlyRpc
from chain.transactions.lookup_tables import fetch_lookup_tables
from chain.values import array, transaction_error, whole_number
from engine.domain.errors import ChainUnavailableError

_METHOD = "simulateTransaction"
_FEE = "getFeeForMessage"
_BLOCKHASH_NOT_FOUND = "BlockhashNotFound"
_TOLD = {"fee", "preBalances", "postBalances", "preTokenBalances", "postTokenBalances"}
"""What older nodes do not tell."""
_Accounts = Mapping[int, KnownAccount | None]
"""By their index in the transaction."""


class Simulator:
    """Simulates signed transactions, whatever they were signed with. Safe to share between threads.

    Newer nodes (Agave 3.1) answer with the balances before and after. Of an older one the payer's accounts are read
    before, asked for as the simulation leaves them, and read again.
    """

    def __init__(self, rpc: ReadOnlyRpc) -> None:
        self._rpc = rpc

    def run(self, transaction: VersionedTransaction) -> dict[str, Any] | None:
        """Return what getTransaction would answer, had *transaction* landed now; None where it cannot land.

        It is tried with its own blockhash: where that has expired, or is not known yet, no leader takes it.

        Raises:
            ChainUnavailableError: the node could not be asked, or the payer's accounts changed meanwhile.
        """
        value, slot = self._simulate(transaction)
        if value["err"] == _BLOCKHASH_NOT_FOUND:
            return None
        if not value.keys() >= _TOLD:
            return self._run_on_older_node(transaction)
        # A transaction that is not even executed, such as one of a payer that is not there, has no fee: null.
        return as_executed(transaction, {**value, "fee": value["fee"] or 0}, slot=slot)

    def _run_on_older_node(self, transaction: VersionedTransaction) -> dict[str, Any] | None:
        message = transaction.message
        loaded = self._loaded_addresses(message)
        keys = [*map(str, message.account_keys), *loaded["writable"], *loaded["readonly"]]
        before = _own(keys[0], dict(enumerate(read_accounts(self._rpc, keys, extensions=False))))
        own = [keys[index] for index in before]
        value, slot = self._simulate(transaction, own)
        fee = self._fee(message)
        if fee is None or value["err"] == _BLOCKHASH_NOT_FOUND:
            return None
        meta: dict[str, Any] = {"err": value["err"], "fee": fee, "loadedAddresses": loaded}
        if value["err"] is None:
            if read_accounts(self._rpc, own, extensions=False) != list(before.values()):
                # What somebody else moved would be taken for the swap's.
                raise ChainUnavailableError(f"{_METHOD}: the accounts of {keys[0]} changed meanwhile")
            with understood(_METHOD):
                after = dict(zip(before, map(known_account, own, array(value["accounts"])), strict=True))
            for side, accounts in (("pre", before), ("post", after)):
                meta[f"{side}Balances"] = _lamports(len(keys), accounts)
                meta[f"{side}TokenBalances"] = _token_balances(accounts)
        return as_executed(transaction, meta, slot=slot)

    def _simulate(
        self, transaction: VersionedTransaction, addresses: Sequence[str] | None = None
    ) -> tuple[Mapping[str, Any], int]:
        """Return the value of the node's answer, and the slot whose state it is of."""
        config: dict[str, Any] = {
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": False,
            "commitment": "processed",
        }
        if addresses is not None:
            config["accounts"] = {"addresses": list(addresses), "encoding": "base64"}
        result = self._rpc.call(_METHOD, [base64.b64encode(bytes(transaction)).decode(), config])
        with understood(_METHOD):
            value: Mapping[str, Any] = result["value"]
            transaction_error(value["err"])
            return value, whole_number(result["context"]["slot"])

    def _loaded_addresses(self, message: Message | MessageV0) -> dict[str, list[str]]:
        """Return what *message* takes from lookup tables, as a node that tells it does."""
        lookups = message.address_table_lookups if isinstance(message, MessageV0) else []
        held = {
            table.key: table.addresses
            for table in fetch_lookup_tables(self._rpc, [str(lookup.account_key) for lookup in lookups])
        }
        with understood("getMultipleAccounts"):
            return {
                side: [
                    str(held[lookup.account_key][index])
                    for lookup in lookups
                    for index in bytes(getattr(lookup, f"{side}_indexes"))
                ]
                for side in ("writable", "readonly")
            }

    def _fee(self, message: Message | MessageV0) -> int | None:
        """Return the lamports that *message* pays; None where its blockhash is not valid."""
        encoded = base64.b64encode(to_bytes_versioned(message)).decode()
        result = self._rpc.call(_FEE, [encoded, {"commitment": "processed"}])
        with understood(_FEE):
            return None if result["value"] is None else whole_number(result["value"])


def _own(payer: str, accounts: _Accounts) -> dict[int, KnownAccount | None]:
    """Return those of *accounts* that are *payer*'s, or may be once they are there."""
    return {
        index: account
        for index, account in accounts.items()
        if index == 0 or account is None or (account.holding is not None and account.holding.owner == payer)
    }


def _lamports(count: int, accounts: _Accounts) -> list[int]:
    """Return the balances of a transaction of *count* accounts; of those that are nobody's business, 0."""
    known = (accounts.get(index) for index in range(count))
    return [0 if account is None else account.lamports for account in known]


def _token_balances(accounts: _Accounts) -> list[dict[str, Any]]:
    return [
        {
            "accountIndex": index,
            "mint": account.holding.mint,
            "owner": account.holding.owner,
            "uiTokenAmount": {"amount": str(account.holding.amount)},
        }
        for index, account in accounts.items()
        if account is not None and account.holding is not None
    ]
