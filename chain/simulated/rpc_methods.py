"""The JSON-RPC methods of the node, by name."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from solders.pubkey import Pubkey

from chain.simulated.account_methods import ACCOUNT_METHODS
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.rpc_call import Handler, Served, context_slot
from chain.simulated.rpc_codec import API_VERSION, with_context
from chain.simulated.rpc_errors import METHOD_NOT_FOUND, RpcError
from chain.simulated.rpc_params import Params, pubkey
from chain.simulated.slots import height_of
from chain.simulated.transaction_methods import TRANSACTION_METHODS

_FEATURE_SET = 2_409_014_235
_SLOTS_IN_EPOCH = 432_000
_FEE_WINDOW = 150
"""Blocks that getRecentPrioritizationFees looks back on."""
_MAX_FEE_ACCOUNTS = 128


def get_health(served: Served, params: Params) -> str:
    """Answer that the node is healthy."""
    del served, params
    return "ok"


def get_version(served: Served, params: Params) -> dict[str, Any]:
    """Answer what software this would be."""
    del served, params
    return {"solana-core": API_VERSION, "feature-set": _FEATURE_SET}


def get_genesis_hash(served: Served, params: Params) -> str:
    """Answer the name of the cluster."""
    del params
    return served.bank.genesis.hash


def get_identity(served: Served, params: Params) -> dict[str, str]:
    """Answer the node's key."""
    del params
    return {"identity": str(served.bank.genesis.identity)}


def get_slot(served: Served, params: Params) -> int:
    """Answer the newest slot."""
    return context_slot(served.bank, params.config(0))


def get_block_height(served: Served, params: Params) -> int:
    """Answer the newest block height."""
    return height_of(context_slot(served.bank, params.config(0)))


def get_epoch_info(served: Served, params: Params) -> dict[str, int]:
    """Answer where in its epoch the cluster is."""
    slot = context_slot(served.bank, params.config(0))
    return {
        "absoluteSlot": slot,
        "blockHeight": height_of(slot),
        "epoch": slot // _SLOTS_IN_EPOCH,
        "slotIndex": slot % _SLOTS_IN_EPOCH,
        "slotsInEpoch": _SLOTS_IN_EPOCH,
        "transactionCount": len(served.bank.ledger()),
    }


def get_block_time(served: Served, params: Params) -> int:
    """Answer when a slot started, in seconds since the Unix epoch."""
    return served.bank.block_time(params.unsigned(0))


def get_latest_blockhash(served: Served, params: Params) -> dict[str, Any]:
    """Answer a blockhash to sign with, and how long it lasts."""
    config = params.config(0)
    slot = context_slot(served.bank, config)
    blockhash, last_valid = served.bank.latest_blockhash(config.commitment())
    return with_context(slot, {"blockhash": blockhash, "lastValidBlockHeight": last_valid})


def is_blockhash_valid(served: Served, params: Params) -> dict[str, Any]:
    """Answer whether a blockhash is known and young enough at a commitment level."""
    config = params.config(1)
    slot = context_slot(served.bank, config)
    return with_context(slot, served.bank.is_blockhash_valid(params.text(0), config.commitment()))


def get_recent_prioritization_fees(served: Served, params: Params) -> list[dict[str, int]]:
    """Answer, for each of the last blocks, the lowest unit price that was enough to write some accounts."""
    addresses: list[Pubkey] = []
    if params.given(0):
        addresses = [pubkey(text) for text in params.sequence(0, _MAX_FEE_ACCOUNTS)]
    newest = served.bank.slot()
    oldest = newest - _FEE_WINDOW + 1
    landed: defaultdict[int, list[ExecutedTransaction]] = defaultdict(list)
    for executed in served.bank.ledger_since(oldest):
        landed[executed.slot].append(executed)
    return [
        {"slot": slot, "prioritizationFee": _least_price(landed[slot], addresses)} for slot in range(oldest, newest + 1)
    ]


def _least_price(landed: list[ExecutedTransaction], addresses: list[Pubkey]) -> int:
    """Return the highest of the floors of the block and of each account, in micro-lamports a compute unit."""
    writers = [landed] + [[one for one in landed if _writes(one, address)] for address in addresses]
    floors = [min(one.transaction.fee.micro_lamports_per_unit for one in some) for some in writers if some]
    return max(floors, default=0)


def _writes(executed: ExecutedTransaction, address: Pubkey) -> bool:
    accounts = zip(executed.keys, executed.transaction.writable, strict=True)
    return any(writable and key == address for key, writable in accounts)


_METHODS: dict[str, Handler] = {
    "getHealth": get_health,
    "getVersion": get_version,
    "getGenesisHash": get_genesis_hash,
    "getIdentity": get_identity,
    "getSlot": get_slot,
    "getBlockHeight": get_block_height,
    "getBlockTime": get_block_time,
    "getEpochInfo": get_epoch_info,
    "getLatestBlockhash": get_latest_blockhash,
    "isBlockhashValid": is_blockhash_valid,
    "getRecentPrioritizationFees": get_recent_prioritization_fees,
    **ACCOUNT_METHODS,
    **TRANSACTION_METHODS,
}


def handler_of(method: str) -> Handler:
    """Return what serves *method*.

    Raises:
        RpcError: -32601; nothing does.
    """
    if method not in _METHODS:
        raise RpcError(METHOD_NOT_FOUND, "Method not found")
    return _METHODS[method]
