"""Servers, and gateways before them, that do not serve. Nothing of the request is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from chain.simulated import jsonrpc
from chain.simulated.faults.call import HTML_HEADERS, RPC, Call, Fault, JupiterCall, NodeCall, Reply, Serve
from chain.simulated.jupiter_errors import TOO_MANY_REQUESTS
from chain.simulated.rpc_errors import NODE_UNHEALTHY, RpcError
from engine.domain.units import SECOND, Nanos, seconds

_REQUEST_ID_BITS = 128
_FORWARDED_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Fault):
    """HTTP 429: the limit of requests is used up.

    Stands for: a plan that is too small for a burst of exits, or other software under the same account. Jupiter's
    plan limit says when the next request is free, its firewall does not (https://dev.jup.ag/docs/portal/rate-limits);
    the public Solana RPC answers with a JSON-RPC error whose code is 429.
    """

    told: bool = True
    """Whether the headers say when to come back: Jupiter's ``x-ratelimit-*``, a node's ``retry-after``."""
    resets_after: Nanos = seconds(10)

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Refuse."""
        del serve
        if isinstance(call, NodeCall):
            error = RpcError(TOO_MANY_REQUESTS, "Too many requests for a specific RPC call")
            wait = -(-self.resets_after // SECOND)
            return _refusal(call, error, TOO_MANY_REQUESTS, {"retry-after": str(wait)} if self.told else {})
        headers = {"x-api-gateway-request-id": f"{dice.getrandbits(_REQUEST_ID_BITS):032x}"}
        if self.told and isinstance(call, JupiterCall):
            headers["x-ratelimit-remaining"] = "0"
            headers["x-ratelimit-current"] = str(call.rate_limit.limit)
            headers["x-ratelimit-reset"] = str((call.clock.now() + self.resets_after) // SECOND)
        message = "[API Gateway] Too many requests" if self.told else "Too many requests"
        return Reply.of_json({"code": TOO_MANY_REQUESTS, "message": message}, TOO_MANY_REQUESTS, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcRefusal(Fault):
    """A JSON-RPC error that says nothing of what was asked.

    Stands for: a node that knows it is behind, or a provider's gateway that speaks JSON-RPC of its own troubles, with
    HTTP 200 and a code of its choice.
    """

    where: ClassVar[frozenset[str]] = frozenset({RPC})

    code: int
    message: str
    data: Any = None
    status: int = 200

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Refuse."""
        del dice
        if not isinstance(call, NodeCall):
            return await serve(call)
        return _refusal(call, RpcError(self.code, self.message, self.data), self.status, {})


NODE_IS_BEHIND = RpcRefusal(code=NODE_UNHEALTHY, message="Node is behind by 206 slots", data={"numSlotsBehind": 206})
"""A node that fell behind and says so, as Agave does with code -32005."""
RPC_TOO_MANY_REQUESTS = RpcRefusal(code=TOO_MANY_REQUESTS, message="Too many requests for a specific RPC call")
"""A limit of requests that is told with HTTP 200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError(Fault):
    """HTTP 5xx, with the HTML page of whatever stands before the server.

    Stands for: a restart, an outage, a load balancer that has no healthy server left.
    """

    status: int = 503

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Refuse."""
        del call, serve, dice
        return gateway_page(self.status)


def gateway_page(status: int) -> Reply:
    """Return the page that a gateway answers with instead of its server."""
    body = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return Reply(status=status, headers=HTML_HEADERS, body=body.encode())


def _refusal(call: NodeCall, error: RpcError, status: int, headers: dict[str, str]) -> Reply:
    answers = [jsonrpc.failure(request, error) for request in call.requests]
    batch = call.body.lstrip().startswith(b"[")
    return Reply.of_json(answers if batch else (answers or [None])[0], status, headers)
