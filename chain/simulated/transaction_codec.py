"""Transactions and what they did in the RPC's JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import base58

from chain.simulated.ledger import Effects, ExecutedTransaction, InnerInstruction, Simulation, Status, TokenBalance
from chain.simulated.message_codec import compiled, partially_decoded, signed_transaction
from chain.simulated.rpc_codec import ui_amount
from chain.simulated.rpc_errors import UNSUPPORTED_TRANSACTION_VERSION, RpcError, invalid_params
from chain.simulated.transactions import ReceivedTransaction


def decode_wire(text: str, encoding: str) -> bytes:
    """Return the bytes of a transaction that was sent as *text*.

    Raises:
        RpcError: -32602; *text* is not in *encoding*, or that is none for transactions.
    """
    try:
        if encoding == "base64":
            return base64.b64decode(text, validate=True)
        if encoding == "base58":
            return base58.b58decode(text)
    except (binascii.Error, ValueError) as error:
        raise invalid_params(f"invalid {encoding} encoding: {error}") from error
    raise invalid_params(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")


def status_json(status: Status | None) -> dict[str, Any] | None:
    """Return *status* as getSignatureStatuses does."""
    if status is None:
        return None
    return {
        "slot": status.slot,
        "confirmations": status.confirmations,
        "err": status.err,
        "status": _outcome(status.err),
        "confirmationStatus": str(status.commitment),
    }


def transaction_json(executed: ExecutedTransaction, *, encoding: str, max_version: int | None) -> dict[str, Any]:
    """Return *executed* as getTransaction does.

    Args:
        executed: what landed.
        encoding: json, jsonParsed, base64 or base58.
        max_version: the newest transaction version that the client understands; None is legacy alone.

    Raises:
        RpcError: -32015 for a transaction too new for the client, -32602 for an unknown encoding.
    """
    version = executed.transaction.version
    if version != "legacy" and max_version is None:
        raise RpcError(
            UNSUPPORTED_TRANSACTION_VERSION,
            f"Transaction version ({version}) is not supported by the requesting client. Please try the request "
            f'again with the following configuration parameter: "maxSupportedTransactionVersion": {version}',
        )
    answer: dict[str, Any] = {
        "slot": executed.slot,
        "transaction": signed_transaction(executed.transaction, encoding),
        "meta": _meta(executed, encoding),
        "blockTime": executed.block_time,
    }
    if max_version is not None:
        answer["version"] = version
    return answer


def simulation_json(simulation: Simulation, *, inner_instructions: bool) -> dict[str, Any]:
    """Return *simulation* as simulateTransaction does, without accounts: their encoding is the caller's."""
    balances = {
        "fee": simulation.fee,
        "preBalances": list(simulation.pre_balances),
        "postBalances": list(simulation.post_balances),
        "preTokenBalances": [_token_balance(balance) for balance in simulation.pre_tokens],
        "postTokenBalances": [_token_balance(balance) for balance in simulation.post_tokens],
        "loadedAddresses": _loaded(simulation.transaction),
    }
    answer: dict[str, Any] = {
        "err": simulation.err,
        "logs": list(simulation.logs),
        "accounts": None,
        "unitsConsumed": simulation.compute_units,
        "returnData": _return_data(simulation),
        "innerInstructions": _inner_parsed(simulation) if inner_instructions else None,
        **(balances if simulation.executed else dict.fromkeys(balances)),
    }
    if simulation.replacement is not None:
        blockhash, last_valid = simulation.replacement
        answer["replacementBlockhash"] = {"blockhash": blockhash, "lastValidBlockHeight": last_valid}
    return answer


def _outcome(err: Any) -> dict[str, Any]:
    return {"Ok": None} if err is None else {"Err": err}


def _meta(executed: ExecutedTransaction, encoding: str) -> dict[str, Any]:
    parsed = encoding == "jsonParsed"
    meta: dict[str, Any] = {
        "err": executed.err,
        "status": _outcome(executed.err),
        "fee": executed.fee,
        "preBalances": list(executed.pre_balances),
        "postBalances": list(executed.post_balances),
        "innerInstructions": _inner_parsed(executed) if parsed else _inner(executed),
        "logMessages": list(executed.logs),
        "preTokenBalances": [_stored(_token_balance(balance)) for balance in executed.pre_tokens],
        "postTokenBalances": [_stored(_token_balance(balance)) for balance in executed.post_tokens],
        "rewards": [],
        "computeUnitsConsumed": executed.compute_units,
    }
    if not parsed:
        meta["loadedAddresses"] = _loaded(executed.transaction)
    if executed.return_data is not None:
        meta["returnData"] = _return_data(executed)
    return meta


def _loaded(transaction: ReceivedTransaction) -> dict[str, list[str]]:
    return {
        "writable": [str(key) for key in transaction.loaded_writable],
        "readonly": [str(key) for key in transaction.loaded_readonly],
    }


def _return_data(effects: Effects) -> dict[str, Any] | None:
    if effects.return_data is None:
        return None
    program, data = effects.return_data
    return {"programId": str(program), "data": [base64.b64encode(data).decode(), "base64"]}


def _token_balance(balance: TokenBalance) -> dict[str, Any]:
    return {
        "accountIndex": balance.account_index,
        "mint": str(balance.mint),
        "owner": str(balance.owner),
        "programId": str(balance.program_id),
        "uiTokenAmount": ui_amount(balance.amount, balance.decimals),
    }


def _stored(balance: dict[str, Any]) -> dict[str, Any]:
    # A node's block store does not tell zero from nothing, so getTransaction says null.
    if balance["uiTokenAmount"]["amount"] == "0":
        balance["uiTokenAmount"]["uiAmount"] = None
    return balance


def _inner(effects: Effects) -> list[dict[str, Any]]:
    def encoded(one: InnerInstruction) -> dict[str, Any]:
        return compiled(one.program_id_index, one.accounts, one.data, one.stack_height)

    return [
        {"index": index, "instructions": [encoded(one) for one in called]}
        for index, called in effects.inner_instructions.items()
    ]


def _inner_parsed(effects: ExecutedTransaction | Simulation) -> list[dict[str, Any]]:
    def encoded(one: InnerInstruction) -> dict[str, Any]:
        keys = effects.transaction.keys
        return partially_decoded(keys, one.program_id_index, one.accounts, one.data, one.stack_height)

    return [
        {"index": index, "instructions": [encoded(one) for one in called]}
        for index, called in effects.inner_instructions.items()
    ]
