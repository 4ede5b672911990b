"""Transactions that a node accepts and that do not land, or not when they should."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

import structlog

from chain.simulated.behaviour import Behaviour
from chain.simulated.faults.call import Call, Fault, NodeCall, Reply, Serve
from chain.simulated.rpc_call import Served
from chain.simulated.rpc_errors import RpcError
from chain.simulated.trading_bank import TradingBank
from chain.simulated.transactions import receive
from engine.domain.units import Nanos
from engine.ports import Clock

log = structlog.get_logger(__name__)

SENDS = frozenset({"sendTransaction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedSend(Fault):
    """The node answers with the signature and the transaction reaches no leader.

    Stands for: UDP packets that are lost, a leader that drops what pays too little, a node whose queue is full. Sent
    again, it has another chance.
    """

    where: ClassVar[frozenset[str]] = SENDS

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve with a node that forwards nothing."""
        del dice
        return await serve(dropping(call) if isinstance(call, NodeCall) else call)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedSend(Fault):
    """The node answers with the signature, and passes the transaction on some slots later.

    Stands for: a full queue on the way to the leader, leaders that skip their slots, forwarding that is tried again
    and again. By then whoever sent it may have given it up, or its blockhash may have expired.
    """

    where: ClassVar[frozenset[str]] = SENDS

    least: int
    """Slots."""
    most: int
    """Slots; drawn evenly from *least* to this, both included."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve with a node that forwards late."""
        if not isinstance(call, NodeCall):
            return await serve(call)
        slots = dice.randint(self.least, self.most)
        late = _Late(call.served.behaviour, call.bank, call.clock, slots)
        return await serve(replace(call, served=Served(call.served.bank, late)))


def dropping(call: NodeCall) -> NodeCall:
    """Return *call*, to be served by a node that forwards nothing."""
    return replace(call, served=Served(call.served.bank, _Dropping(call.served.behaviour)))


class _Otherwise(Behaviour):
    """Another behaviour, but for what is forwarded."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def before(self, method: str) -> None:
        """Treat *method* as the other behaviour does."""
        await self._behaviour.before(method)


class _Dropping(_Otherwise):
    """Forwards nothing."""

    def forwards(self, raw: bytes) -> bool:
        """Keep *raw*."""
        del raw
        return False


class _Late(_Otherwise):
    """Forwards later than it says."""

    def __init__(self, behaviour: Behaviour, bank: TradingBank, clock: Clock, slots: int) -> None:
        super().__init__(behaviour)
        self._bank = bank
        self._clock = clock
        self._slots = slots

    def forwards(self, raw: bytes) -> bool:
        """Keep *raw* for now, if it is a sound transaction."""
        receive(raw, self._bank.account)
        due = Nanos(self._clock.now() + self._slots * self._bank.slot_duration)
        self._clock.call_at(due, lambda: self._submit(raw))
        return False

    def _submit(self, raw: bytes) -> None:
        try:
            self._bank.submit(raw, check=False)
        except RpcError as error:  # a lookup table of it is gone by now
            log.info("delayed_transaction_dropped", reason=str(error))
