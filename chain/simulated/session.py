"""One websocket connection of the node."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from chain.simulated import jsonrpc
from chain.simulated.rpc_call import Served
from chain.simulated.rpc_errors import RpcError
from chain.simulated.rpc_params import Params
from chain.simulated.subscriptions import Subscriptions

log = structlog.get_logger(__name__)

_MAX_WAITING = 10_000
"""Messages that a client may be behind by before it is cut off."""
_TRY_AGAIN_LATER = 1013


class Session:
    """Reads requests and writes answers and notifications, each in a task of its own."""

    def __init__(self, served: Served, websocket: WebSocket) -> None:
        self._served = served
        self._websocket = websocket
        self._outgoing: asyncio.Queue[Any] = asyncio.Queue()
        self._too_slow = asyncio.Event()
        self._subscriptions = Subscriptions(served.bank, asyncio.get_running_loop(), self._enqueue)

    async def run(self) -> None:
        """Serve the connection until either side closes it."""
        await self._websocket.accept()
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), self._too_slow.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._subscriptions.close()
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if self._too_slow.is_set():
            log.warning("subscriber_cut_off", waiting=self._outgoing.qsize())
            await self._websocket.close(_TRY_AGAIN_LATER)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome

    async def _read(self) -> None:
        while True:
            await self._serve(await self._websocket.receive_text())

    async def _write(self) -> None:
        while True:
            await self._websocket.send_text(json.dumps(await self._outgoing.get()))

    async def _serve(self, text: str) -> None:
        try:
            request = jsonrpc.parse(text)
        except RpcError as error:
            self._enqueue(jsonrpc.failure(None, error))
            return
        batch = request if isinstance(request, list) else [request]
        refusals = [await self._refusal(one) for one in batch]
        # From here to the enqueueing nothing may wait: a notification must not overtake its subscription's number.
        answers = [self._answer(one, refusal) for one, refusal in zip(batch, refusals, strict=True)]
        due = [answer for answer in answers if answer is not None]
        if due:
            self._enqueue(due if isinstance(request, list) else due[0])

    async def _refusal(self, request: Any) -> RpcError | None:
        try:
            await self._served.behaviour.before(jsonrpc.method_of(request))
        except RpcError as error:
            return error
        return None

    def _answer(self, request: Any, refusal: RpcError | None) -> dict[str, Any] | None:
        try:
            if refusal is not None:
                raise refusal
            params = Params(jsonrpc.params_of(request))
            return jsonrpc.success(request, self._subscriptions.call(request["method"], params))
        except RpcError as error:
            return jsonrpc.failure(request, error)

    def _enqueue(self, message: Any) -> None:
        if self._outgoing.qsize() >= _MAX_WAITING:
            self._too_slow.set()
        else:
            self._outgoing.put_nowait(message)
