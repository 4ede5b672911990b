"""In front of a stand-in: every request passes the faults that strike it, and an unstruck one passes untouched."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chain.simulated.exchange import Exchange
from chain.simulated.faults.call import (
    HTTP,
    JUPITER,
    NODE,
    RPC,
    WEBSOCKET,
    Call,
    Ending,
    Fault,
    JupiterCall,
    NodeCall,
    Reply,
    Serve,
    SocketFault,
)
from chain.simulated.faults.plan import FaultPlan, Strike
from chain.simulated.faults.waiting import HungUpError
from chain.simulated.jupiter_gateway import Gateway
from chain.simulated.node import Node
from chain.simulated.trading_bank import TradingBank
from engine.domain.units import Nanos
from engine.ports import Clock


class Front(ABC):
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, clock: Clock) -> None:
        self._app = app
        self._plan = plan
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] == "websocket":
            await self._app(scope, receive, self._socket_sender(send))
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    @abstractmethod
    def call(self, request: Request, body: bytes) -> Call:
        """Return *request* as the faults are to see it."""

    def app_for(self, call: Call) -> ASGIApp:
        """Return what serves *call*, as the faults have left it."""
        del call
        return self._app

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        call = self.call(request, body)
        strikes = self._plan.strikes(call.names)
        if not strikes:
            await self._app(scope, _once(body, receive), send)
            return
        try:
            reply = await self._chain(scope, strikes)(call)
            await self._send(reply, receive, send)
        except HungUpError:
            await _close(receive, send)

    def _chain(self, scope: Scope, strikes: Sequence[Strike]) -> Serve:
        serve: Serve = partial(self._served, scope)
        for strike in reversed(strikes):
            serve = partial(self._meet, strike, serve)
        return serve

    async def _meet(self, strike: Strike, serve: Serve, call: Call) -> Reply:
        if not isinstance(strike.fault, Fault):
            return await serve(call)
        self._plan.met(strike, call.names)
        return await strike.fault.meet(call, serve, strike.dice)

    async def _served(self, scope: Scope, call: Call) -> Reply:
        """Let the server answer, and hold its answer back."""
        status, headers, body = 0, [], b""

        async def keep(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", ()))
            else:
                body += message.get("body", b"")

        await self.app_for(call)(scope, _once(call.body), keep)
        kept = tuple((name, value) for name, value in headers if name.lower() != b"content-length")
        return Reply(status=status, headers=kept, body=body)

    async def _send(self, reply: Reply, receive: Receive, send: Send) -> None:
        if reply.ending is Ending.CLOSED:
            await _close(receive, send)
            return
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.ending is Ending.BROKEN_OFF:
            half = reply.body[: len(reply.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await _close(receive, send)
            return
        if reply.pace is not None:
            for byte in reply.body:
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await self._pause(reply.pace)
        await send({"type": "http.response.body", "body": b"" if reply.pace is not None else reply.body})

    async def _pause(self, span: Nanos) -> None:
        await self._plan.waiting.pause(self._clock, span)

    def _socket_sender(self, send: Send) -> Send:
        names = frozenset({NODE, WEBSOCKET})
        hang_up = _transport(send).close
        for strike in reversed(self._plan.strikes(names)):
            if isinstance(strike.fault, SocketFault):
                self._plan.met(strike, names)
                send = strike.fault.over(send, hang_up, strike.dice)
        return send


class NodeFront(Front):
    """In front of a node."""

    def __init__(self, node: Node, plan: FaultPlan, clock: Clock, *, bank: TradingBank) -> None:
        super().__init__(node.app, plan, clock)
        self._bank = bank
        self._served_well = node.served

    def call(self, request: Request, body: bytes) -> Call:
        """Return *request* under the names of the methods that it calls."""
        del request
        requests = _requests(body)
        methods = (each.get("method") for each in requests)
        return NodeCall(
            names=frozenset({HTTP, NODE, RPC, *(name for name in methods if isinstance(name, str))}),
            body=body,
            clock=self._clock,
            pause=self._pause,
            bank=self._bank,
            served=self._served_well,
            requests=requests,
        )

    def app_for(self, call: Call) -> ASGIApp:
        """Return the node, or another one where a fault put something else behind it."""
        if not isinstance(call, NodeCall) or call.served is self._served_well:
            return self._app
        return Node(call.served.bank, call.served.behaviour).app


class JupiterFront(Front):
    """In front of the Jupiter API's gateway, whose limit counts only what gets through."""

    def __init__(self, gateway: Gateway, plan: FaultPlan, clock: Clock, *, exchange: Exchange) -> None:
        super().__init__(gateway, plan, clock)
        self._exchange = exchange
        self._rate_limit = gateway.rate_limit

    def call(self, request: Request, body: bytes) -> Call:
        """Return *request* under its path."""
        return JupiterCall(
            names=frozenset({HTTP, JUPITER, request.url.path}),
            body=body,
            clock=self._clock,
            pause=self._pause,
            exchange=self._exchange,
            query=request.query_params,
            rate_limit=self._rate_limit,
        )


def _requests(body: bytes) -> tuple[dict[str, Any], ...]:
    """Return the JSON-RPC requests in *body*; none where the node itself will say what is wrong with it."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return ()
    return tuple(each for each in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(each, dict))


def _once(body: bytes, then: Receive | None = None) -> Receive:
    """Return what an application receives a whole *body* from, and whatever comes *then*."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return await then() if then is not None else {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _transport(send: Send) -> Any:
    # ASGI has no word for hanging up. What sends belongs to uvicorn's protocol, of HTTP as of websockets, and that
    # one has the transport.
    return cast("Any", send).__self__.transport


async def _close(receive: Receive, send: Send) -> None:
    """Close the TCP connection, and return once the server knows: it answers for an application that only returns."""
    _transport(send).close()
    while (await receive())["type"] != "http.disconnect":
        pass
