"""A Solana RPC node: JSON-RPC 2.0 over HTTP POST, and its subscriptions over a websocket of the same port."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from chain.simulated import jsonrpc
from chain.simulated.behaviour import Behaviour
from chain.simulated.rpc_call import ChainView, Served
from chain.simulated.rpc_errors import RpcError
from chain.simulated.rpc_methods import handler_of
from chain.simulated.rpc_params import Params
from chain.simulated.session import Session


class Node:
    """Serves a bank.

    Attributes:
        served: what its answers come from.
        app: the ASGI application, for `chain.simulated.server.LoopbackServer` or any other server.
    """

    def __init__(self, bank: ChainView, behaviour: Behaviour | None = None) -> None:
        """Serve *bank*, treating callers as *behaviour* says (well, by default)."""
        self.served = Served(bank, behaviour or Behaviour())
        self.app = Starlette(
            routes=[
                Route("/", self._post, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
                WebSocketRoute("/", self._websocket),
            ]
        )

    async def answer(self, body: bytes | str) -> Any:
        """Return the answer to the JSON-RPC request or batch *body*; None where none is due."""
        try:
            request = jsonrpc.parse(body)
        except RpcError as error:
            return jsonrpc.failure(None, error)
        if not isinstance(request, list):
            return await self._answer_one(request)
        answers = [await self._answer_one(one) for one in request]
        return [answer for answer in answers if answer is not None] or None

    async def _answer_one(self, request: Any) -> dict[str, Any] | None:
        try:
            method = jsonrpc.method_of(request)
            handler = handler_of(method)
            params = Params(jsonrpc.params_of(request))
            await self.served.behaviour.before(method)
            return jsonrpc.success(request, handler(self.served, params))
        except RpcError as error:
            return jsonrpc.failure(request, error)

    async def _post(self, request: Request) -> Response:
        answer = await self.answer(await request.body())
        return Response() if answer is None else JSONResponse(answer)

    async def _health(self, request: Request) -> Response:
        del request
        return PlainTextResponse("ok")

    async def _websocket(self, websocket: WebSocket) -> None:
        await Session(self.served, websocket).run()
