"""Requests that are carried out, and an answer that never comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from chain.simulated.faults.call import Call, Ending, Fault, Reply, Serve
from chain.simulated.faults.refusals import gateway_page

_GATEWAY_TIMEOUT = 504


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAcknowledgement(Fault):
    """The request is carried out, a sent transaction queued; then the connection is closed.

    Stands for: a node or load balancer that is restarted, a mobile network, a NAT that forgets. Whoever sent a
    transaction and takes this for "not sent" sells twice.
    """

    ending: Ending = Ending.CLOSED
    """Before the first byte of the answer, or in the middle of it."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and close the connection."""
        del dice
        return replace(await serve(call), ending=self.ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostInGateway(Fault):
    """The request is carried out, and a gateway that has waited for too long answers with its own page.

    Stands for: a load balancer's 504 while the node behind it was only slow.
    """

    status: int = _GATEWAY_TIMEOUT

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and answer with the gateway's page."""
        del dice
        await serve(call)
        return gateway_page(self.status)
