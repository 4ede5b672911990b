"""Nodes of a pool that have not come as far as the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from chain.simulated.faults.call import RPC, Call, Fault, NodeCall, Reply, Serve
from chain.simulated.rpc_call import Served


@dataclass(frozen=True, slots=True, kw_only=True)
class LaggingReplica(Fault):
    """The request is answered by a node that is behind: as of an older slot, whatever is asked.

    Heights and blockhashes are older, what landed since is not known, balances are those of then, and a blockhash of
    the others is not found. What it is sent, it passes on.

    Stands for: a provider's pool of nodes behind one URL. With a rule for every second request it is a pool of two, of
    which one lags; with one that is switched on and off, a node that falls behind and catches up.
    """

    where: ClassVar[frozenset[str]] = frozenset({RPC})

    least: int = 1
    """Slots."""
    most: int = 150
    """Slots; drawn evenly from *least* to this, both included, for every request."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve from a replica."""
        if not isinstance(call, NodeCall):
            return await serve(call)
        replica = call.bank.replica(dice.randint(self.least, self.most))
        return await serve(replace(call, served=Served(replica, call.served.behaviour)))
