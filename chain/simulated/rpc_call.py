"""What a method of the node is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.simulated.bank import Bank
from chain.simulated.behaviour import Behaviour
from chain.simulated.rpc_errors import min_context_slot_not_reached
from chain.simulated.rpc_params import Config, Params
from chain.simulated.slots import Commitment


@dataclass(frozen=True, slots=True)
class Served:
    """What stands behind a node's answers."""

    bank: Bank
    behaviour: Behaviour


Handler = Callable[[Served, Params], Any]
"""Serves one method: returns the `result` member, or raises `RpcError`."""


def context_slot(bank: Bank, config: Config, level: Commitment | None = None) -> int:
    """Return the newest slot of commitment *level*, or of the one that *config* asks for.

    Raises:
        RpcError: -32016; *config* wants a newer one.
    """
    slot = bank.slot(level or config.commitment())
    wanted = config.number("minContextSlot")
    if wanted is not None and slot < wanted:
        raise min_context_slot_not_reached(slot)
    return slot
