"""The methods that send transactions and tell what became of them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from solders.message import from_bytes_versioned
from solders.pubkey import Pubkey

from chain.simulated.blockhashes import REMEMBERED
from chain.simulated.fees import fee_of
from chain.simulated.ledger import ExecutedTransaction, Simulation, status_of
from chain.simulated.rpc_call import Handler, Served, context_slot
from chain.simulated.rpc_codec import ui_account, with_context
from chain.simulated.rpc_errors import (
    FILTER_TRANSACTION_NOT_FOUND,
    RpcError,
    invalid_params,
    preflight_failure,
    signature_failure,
)
from chain.simulated.rpc_params import Config, Params, pubkey, signature
from chain.simulated.slots import Commitment
from chain.simulated.transaction_codec import decode_wire, simulation_json, status_json, transaction_json
from chain.simulated.transaction_errors import SIGNATURE_FAILURE
from chain.simulated.transactions import receive

_MAX_STATUSES = 256
_MAX_HISTORY = 1_000
_RECENT_SLOTS = REMEMBERED
"""How far back statuses go without searchTransactionHistory."""


def send_transaction(served: Served, params: Params) -> str:
    """Take a signed transaction, after a trial unless skipPreflight, and answer its signature."""
    config = params.config(1)
    raw = decode_wire(params.text(0), config.text("encoding", "base58"))
    skip = config.flag("skipPreflight")
    level = Commitment.PROCESSED if skip else config.commitment(option="preflightCommitment")
    context_slot(served.bank, config, level)
    if not skip:
        _preflight(served, raw, level)
    if served.behaviour.forwards(raw):
        return served.bank.submit(raw, check=False)
    return receive(raw, served.bank.account).signature


def _preflight(served: Served, raw: bytes, level: Commitment) -> None:
    simulation = served.bank.simulate(raw, sig_verify=True, replace_blockhash=False, commitment=level)
    if simulation.err == SIGNATURE_FAILURE:
        raise signature_failure()
    if simulation.err is not None:
        raise preflight_failure(simulation.err, simulation_json(simulation, inner_instructions=False))


def simulate_transaction(served: Served, params: Params) -> dict[str, Any]:
    """Try a transaction and answer what it would do."""
    config = params.config(1)
    verify, replace = config.flag("sigVerify"), config.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    raw = decode_wire(params.text(0), config.text("encoding", "base58"))
    slot = context_slot(served.bank, config)
    simulation = served.bank.simulate(raw, sig_verify=verify, replace_blockhash=replace, commitment=config.commitment())
    value = simulation_json(simulation, inner_instructions=config.flag("innerInstructions"))
    wanted = config.mapping("accounts")
    if wanted is not None:
        value["accounts"] = _accounts_after(served, simulation, wanted)
    return with_context(slot, value)


def _accounts_after(served: Served, simulation: Simulation, wanted: Config) -> list[dict[str, Any] | None]:
    most = len(simulation.transaction.keys)
    keys = [pubkey(text) for text in wanted.values("addresses")]
    if wanted.text("encoding", "base64") in ("base58", "binary"):
        raise invalid_params("base58 encoding not supported")
    if len(keys) > most:
        raise invalid_params(f"Too many accounts provided; max {most}")
    if simulation.err is not None:
        return [None] * len(keys)

    def after(key: Pubkey) -> Any:
        return simulation.written[key] if key in simulation.written else served.bank.account(key)

    return [
        None
        if (account := after(key)) is None
        else ui_account(account, after, config=wanted, default_encoding="base64")
        for key in keys
    ]


def get_signature_statuses(served: Served, params: Params) -> dict[str, Any]:
    """Answer how far each of some signatures has come, null for what is not known."""
    signatures = [signature(text) for text in params.sequence(0, _MAX_STATUSES)]
    search = params.config(1).flag("searchTransactionHistory")
    slot = served.bank.slot()
    statuses = [served.bank.status(one) for one in signatures]
    known = [
        status if status is not None and (search or slot - status.slot <= _RECENT_SLOTS) else None
        for status in statuses
    ]
    return with_context(slot, [status_json(status) for status in known])


def get_transaction(served: Served, params: Params) -> dict[str, Any] | None:
    """Answer what a transaction did, or null where it has not come to the commitment level."""
    config = params.config_or(1, "encoding")
    executed = served.bank.transaction(params.signature(0), config.confirmed_commitment())
    if executed is None:
        return None
    return transaction_json(
        executed,
        encoding=config.text("encoding", "json"),
        max_version=config.number("maxSupportedTransactionVersion"),
    )


def get_signatures_for_address(served: Served, params: Params) -> list[dict[str, Any]]:
    """Answer the transactions that named an address, newest first."""
    address, config = params.pubkey(0), params.config(1)
    commitment = config.confirmed_commitment()
    limit = config.number("limit")
    if limit is not None and not 1 <= limit <= _MAX_HISTORY:
        raise invalid_params(f"Invalid limit; max {_MAX_HISTORY}")
    context_slot(served.bank, config)
    newest = served.bank.slot(commitment)
    found = [one for one in reversed(served.bank.transactions_of(address)) if one.slot <= newest]
    found = _between(found, config.text("before", ""), config.text("until", ""))
    return [_history_entry(one, served.bank.slot()) for one in found[: limit or _MAX_HISTORY]]


def _between(newest_first: list[ExecutedTransaction], before: str, until: str) -> list[ExecutedTransaction]:
    signatures = [one.signature for one in newest_first]
    for bound in filter(None, (before, until)):
        if signature(bound) not in signatures:
            raise RpcError(FILTER_TRANSACTION_NOT_FOUND, f"Filter transaction {bound} not found")
    start = signatures.index(before) + 1 if before else 0
    stop = signatures.index(until) if until else len(signatures)
    return newest_first[start:stop]


def _history_entry(executed: ExecutedTransaction, slot: int) -> dict[str, Any]:
    return {
        "signature": executed.signature,
        "slot": executed.slot,
        "err": executed.err,
        "memo": None,
        "blockTime": executed.block_time,
        "confirmationStatus": str(status_of(executed, slot).commitment),
    }


def get_fee_for_message(served: Served, params: Params) -> dict[str, Any]:
    """Answer what a message would pay, in lamports; null where its blockhash is not known."""
    config = params.config(1)
    try:
        message = from_bytes_versioned(base64.b64decode(params.text(0), validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid_params(f"failed to deserialize VersionedMessage: {error}") from error
    slot = context_slot(served.bank, config)
    age = served.bank.blockhash_age(str(message.recent_blockhash), config.commitment())
    return with_context(slot, None if age is None else fee_of(message).total)


def request_airdrop(served: Served, params: Params) -> str:
    """Give an account lamports at once, and answer the transaction's signature."""
    return served.bank.airdrop(params.pubkey(0), params.unsigned(1))


TRANSACTION_METHODS: dict[str, Handler] = {
    "sendTransaction": send_transaction,
    "simulateTransaction": simulate_transaction,
    "getSignatureStatuses": get_signature_statuses,
    "getTransaction": get_transaction,
    "getSignaturesForAddress": get_signatures_for_address,
    "getFeeForMessage": get_fee_for_message,
    "requestAirdrop": request_airdrop,
}
