"""Nodes that find fault with a transaction before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from spl.token.constants import TOKEN_PROGRAM_ID

from chain.simulated import jsonrpc
from chain.simulated.faults.call import Call, Fault, NodeCall, Reply, Serve
from chain.simulated.faults.sends import dropping
from chain.simulated.rpc_errors import preflight_failure
from chain.simulated.transaction_errors import BLOCKHASH_NOT_FOUND

Answer = dict[str, Any]
Edit = Callable[[Answer, Answer], Answer]
"""Takes a JSON-RPC request and its answer, and returns what is answered instead."""

_CUSTOM = 1
_SIMULATE = "simulateTransaction"
_BALANCES = {"fee", "preBalances", "postBalances", "preTokenBalances", "postTokenBalances", "loadedAddresses"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockhashNotFound(Fault):
    """The node does not know the transaction's blockhash: a simulation fails, and so does a preflight.

    Stands for: a transaction that was built too long ago, or on a newer node than the one that is asked. Sent with
    skipPreflight it is accepted and never lands.
    """

    where: ClassVar[frozenset[str]] = frozenset({_SIMULATE, "sendTransaction"})

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve with a node that forwards nothing, and find fault."""
        del dice
        if not isinstance(call, NodeCall):
            return await serve(call)
        return _edited(await serve(dropping(call)), call, _unknown_blockhash)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientFunds(Fault):
    """The simulation fails in a token program, which says that an account has too little: whose, it does not say.

    Stands for: a pool that was drained between quote and simulation, a wallet whose tokens another program has moved,
    a fee-taking token of which less arrived than was sent.
    """

    where: ClassVar[frozenset[str]] = frozenset({_SIMULATE})

    program: str = str(TOKEN_PROGRAM_ID)
    """Base58 address of the token program that fails."""
    instruction: int = 3
    """Index of the instruction within which it does."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and let what was simulated have failed."""
        del dice
        if not isinstance(call, NodeCall):
            return await serve(call)
        err = {"InstructionError": [self.instruction, {"Custom": _CUSTOM}]}
        logs = [
            f"Program {self.program} invoke [2]",
            "Program log: Error: insufficient funds",
            f"Program {self.program} failed: custom program error: {_CUSTOM:#x}",
        ]
        return _edited(await serve(call), call, lambda _, answer: _failed(answer, err, logs))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationWithoutBalances(Fault):
    """The simulation tells no fee, no balances and no addresses of lookup tables.

    Stands for: a node or a provider from before Agave 3.1.
    """

    where: ClassVar[frozenset[str]] = frozenset({_SIMULATE})

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and leave them out."""
        del dice
        if not isinstance(call, NodeCall):
            return await serve(call)
        return _edited(await serve(call), call, _without_balances)


def _without_balances(request: Answer, answer: Answer) -> Answer:
    if request["method"] != _SIMULATE or "result" not in answer:
        return answer
    value = {name: told for name, told in answer["result"]["value"].items() if name not in _BALANCES}
    return {**answer, "result": {**answer["result"], "value": value}}


def _unknown_blockhash(request: Answer, answer: Answer) -> Answer:
    if request["method"] == _SIMULATE:
        return _failed(answer, BLOCKHASH_NOT_FOUND, [])
    params = [*request.get("params", ()), {}, {}]
    if params[1].get("skipPreflight"):
        return answer
    return jsonrpc.failure(request, preflight_failure(BLOCKHASH_NOT_FOUND)) or answer


def _failed(answer: Answer, err: Any, logs: list[str]) -> Answer:
    """Return *answer* to a simulation as if that had failed; an error stays as it is."""
    if "result" not in answer:
        return answer
    ran = {"unitsConsumed": answer["result"]["value"]["unitsConsumed"] if logs else 0}
    value = {**answer["result"]["value"], "err": err, "logs": logs, "accounts": None, "returnData": None, **ran}
    return {**answer, "result": {**answer["result"], "value": value}}


def _edited(reply: Reply, call: NodeCall, edit: Edit) -> Reply:
    """Return *reply* with every answer changed whose request is of a method that *edit* knows."""
    body = json.loads(reply.body)
    requests = {request.get("id"): request for request in call.requests}
    known = BlockhashNotFound.where

    def changed(answer: Answer) -> Answer:
        request = requests.get(answer["id"])
        return edit(request, answer) if request is not None and request.get("method") in known else answer

    answers = [changed(each) for each in body] if isinstance(body, list) else changed(body)
    return replace(reply, body=json.dumps(answers).encode())
