"""Markets that move between a quote and the block."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from chain.simulated.faults.call import Call, Fault, JupiterCall, Reply, Serve
from engine.domain.units import SOL_MINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage(Fault):
    """The transaction that is handed out meets a worse price than the one it was built at, once it is sent.

    Stands for: everybody else's trades in a falling market, and sandwich bots. The simulation still succeeds; on chain
    the transaction reverts where its tolerance is smaller than the move, and pays its fee.
    """

    where: ClassVar[frozenset[str]] = frozenset({"/swap/v2/build", "/swap/v1/swap", "/swap/v1/swap-instructions"})

    bps: int = 300
    """How far the price moves against the taker, of 10,000."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Script the move, and serve."""
        del dice
        if isinstance(call, JupiterCall):
            paid, bought = _pair(call)
            buys = paid == SOL_MINT
            market = call.exchange.markets.get(bought if buys else paid)
            if market is not None:
                market.drift_after_quote(self.bps if buys else -self.bps)
        return await serve(call)


def _pair(call: JupiterCall) -> tuple[str, str]:
    """Return the mints that are paid and bought; empty where the request does not say."""
    swap: Mapping[str, Any] = call.query
    if call.body:
        try:
            swap = json.loads(call.body)["quoteResponse"]
        except (ValueError, KeyError, TypeError):
            swap = {}
    return str(swap.get("inputMint", "")), str(swap.get("outputMint", ""))
