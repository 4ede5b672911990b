"""A network that answers what a test says and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from chain.http.client import HttpClient
from chain.jupiter.build import jupiter_http
from chain.node.rpc import RpcClient

RPC_URL = "http://127.0.0.1:8899/"
JUPITER_URL = "http://127.0.0.1:8900"


class Wire:
    """Answers each request by *answer*, in the place of a server."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client is given instead of the network."""
        return httpx.MockTransport(self._handle)

    def json(self, index: int = -1) -> Any:
        """Return the body of a request that was made."""
        return json.loads(self.requests[index].content)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)


def always(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Wire:
    """Return a network that answers *body* to everything: text as it is, anything else as JSON."""
    content = body if isinstance(body, str) else json.dumps(body)
    return Wire(lambda _: httpx.Response(status, content=content, headers=dict(headers or {})))


def failing(error: Exception) -> Wire:
    """Return a network on which every request fails with *error*."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return Wire(fail)


class Node(Wire):
    """A Solana node that answers each method with one result, or with an error object."""

    def __init__(self, **results: Any) -> None:
        super().__init__(self._respond)
        self.results = results

    def params(self, method: str) -> Any:
        """Return the params of the last call of *method*."""
        calls = [json.loads(request.content) for request in self.requests]
        return [call["params"] for call in calls if call["method"] == method][-1]

    def called(self) -> list[str]:
        """Return the methods that were called, in order."""
        return [json.loads(request.content)["method"] for request in self.requests]

    def _respond(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        result = self.results[call["method"]]
        outcome = {"error": result.error} if isinstance(result, Failing) else {"result": result}
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": call["id"], **outcome})


class Failing:
    """A result that is an error object."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.error = error


def rpc(wire: Wire) -> RpcClient:
    """Return a client of the node that *wire* leads to."""
    return RpcClient(RPC_URL, transport=wire.transport)


def jupiter(wire: Wire, api_key: str | None = None) -> HttpClient:
    """Return the connections to the Jupiter that *wire* leads to."""
    return jupiter_http(JUPITER_URL, api_key, transport=wire.transport)
