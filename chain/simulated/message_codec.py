"""The signed part of a transaction in the RPC's JSON: its message, instructions and accounts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import base58
from solders.message import MessageV0
from solders.pubkey import Pubkey

from chain.simulated.rpc_errors import invalid_params
from chain.simulated.transactions import ReceivedTransaction


def signed_transaction(transaction: ReceivedTransaction, encoding: str) -> Any:
    """Return *transaction* in *encoding*: json, jsonParsed, base64 or base58.

    Raises:
        RpcError: -32602; *encoding* is none of these.
    """
    if encoding == "base64":
        return [base64.b64encode(transaction.raw).decode(), "base64"]
    if encoding == "base58":
        return [base58.b58encode(transaction.raw).decode(), "base58"]
    signatures = [str(signature) for signature in transaction.parsed.signatures]
    if encoding == "json":
        return {"signatures": signatures, "message": _message(transaction)}
    if encoding == "jsonParsed":
        return {"signatures": signatures, "message": _parsed_message(transaction)}
    raise invalid_params(f"Invalid params: unknown encoding `{encoding}`, expected json, jsonParsed, base64 or base58.")


def _message(transaction: ReceivedTransaction) -> dict[str, Any]:
    message = transaction.parsed.message
    header = message.header
    encoded: dict[str, Any] = {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(key) for key in message.account_keys],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            compiled(one.program_id_index, bytes(one.accounts), bytes(one.data), 1) for one in message.instructions
        ],
    }
    if isinstance(message, MessageV0):
        encoded["addressTableLookups"] = _lookups(message)
    return encoded


def _parsed_message(transaction: ReceivedTransaction) -> dict[str, Any]:
    message = transaction.parsed.message
    static = len(message.account_keys)
    encoded: dict[str, Any] = {
        "accountKeys": [
            {
                "pubkey": str(key),
                "writable": transaction.writable[index],
                "signer": index < message.header.num_required_signatures,
                "source": "transaction" if index < static else "lookupTable",
            }
            for index, key in enumerate(transaction.keys)
        ],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            partially_decoded(transaction.keys, one.program_id_index, bytes(one.accounts), bytes(one.data), 1)
            for one in message.instructions
        ],
    }
    if isinstance(message, MessageV0):
        encoded["addressTableLookups"] = _lookups(message)
    return encoded


def _lookups(message: MessageV0) -> list[dict[str, Any]]:
    return [
        {
            "accountKey": str(lookup.account_key),
            "writableIndexes": list(lookup.writable_indexes),
            "readonlyIndexes": list(lookup.readonly_indexes),
        }
        for lookup in message.address_table_lookups
    ]


def compiled(program: int, accounts: bytes, data: bytes, stack_height: int) -> dict[str, Any]:
    """Return an instruction by indices into the transaction's keys."""
    return {
        "programIdIndex": program,
        "accounts": list(accounts),
        "data": base58.b58encode(data).decode(),
        "stackHeight": stack_height,
    }


def partially_decoded(
    keys: Sequence[Pubkey], program: int, accounts: bytes, data: bytes, stack_height: int
) -> dict[str, Any]:
    """Return an instruction by its accounts, as jsonParsed shows those of programs it has no parser for."""
    return {
        "programId": str(keys[program]),
        "accounts": [str(keys[index]) for index in accounts],
        "data": base58.b58encode(data).decode(),
        "stackHeight": stack_height,
    }
