"""An executor makes one attempt at an order: quote, build, sign, record, send. It holds no state.

Whatever happens, the router is told: an executor that fell silent would keep its slot for ever. Once the signed
bytes are recorded the attempt counts as sent, however the sending went: only the chain knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actors.base import EngineActor
from actors.system import ROUTER, System
from engine.domain.errors import INSUFFICIENT_TOKENS, ChainUnavailableError, FailureKind, SwapError
from engine.domain.order import Attempt, AttemptStep, Order, attempt_stepped
from engine.domain.swap import PreparedSwap, Side, SwapFailure, SwapRequest
from engine.messages.swaps import ExecuteSwap, SwapNotSent, SwapSent
from engine.ports import Chain, Signer, Store, SwapVenue


class Executor(EngineActor):
    """One worker of the router. See the module."""

    def __init__(
        self, system: System, name: str, *, store: Store, venue: SwapVenue, signer: Signer, chain: Chain
    ) -> None:
        super().__init__(system, name)
        self._store = store
        self._venue = venue
        self._signer = signer
        self._chain = chain

    def receive(self, message: Any) -> Any:
        """Make one attempt."""
        match message:
            case ExecuteSwap():
                self._execute(message.order)
            case _:
                super().receive(message)

    def _execute(self, order: Order) -> None:
        try:
            attempt = self._record(order)
        except BaseException as error:
            failure = _failure(error)
            if not isinstance(error, (SwapError, ChainUnavailableError)):
                self.log.exception("attempt_crashed", order_id=order.id)
            self.tell(ROUTER, SwapNotSent(executor=self.name, order_id=order.id, failure=failure))
            return
        try:
            attempt = self._send(attempt)
        finally:
            self.tell(ROUTER, SwapSent(executor=self.name, attempt=attempt))

    def _record(self, order: Order) -> Attempt:
        prepared = self._prepare(order)
        signed = self._signer.sign(prepared)
        now = self.now()
        attempt = Attempt(
            signature=signed.signature,
            order_id=order.id,
            number=order.attempt_count,
            mint=order.mint,
            raw=signed.raw,
            last_valid_block_height=signed.last_valid_block_height,
            slippage_bps=order.max_slippage_bps,
            priority_fee=prepared.priority_fee,
            quoted_out=prepared.quote.expected_out,
            minimum_out=prepared.quote.minimum_out,
            venue=prepared.quote.venue,
            created_at=now,
            updated_at=now,
        )
        self._store.commit(attempt)
        self._publish(attempt)
        return attempt

    def _prepare(self, order: Order) -> PreparedSwap:
        request = order.request()
        try:
            return self._prepare_request(request, order)
        except SwapError as error:
            if error.code != INSUFFICIENT_TOKENS or request.side is not Side.SELL:
                raise
            held = self._chain.token_balance(request.mint)
            if not 0 < held < request.amount:
                raise
            # A fee-taking token or another program took some of it: sell what is there.
            self.log.warning("wallet_holds_less", order_id=order.id, wanted=request.amount, held=held)
            return self._prepare_request(replace(request, amount=held), order)

    def _prepare_request(self, request: SwapRequest, order: Order) -> PreparedSwap:
        return self._venue.prepare(self._venue.quote(request), priority_fee=order.priority_fee)

    def _send(self, attempt: Attempt) -> Attempt:
        try:
            self._chain.send(attempt.raw)
        except (SwapError, ChainUnavailableError) as error:
            self.log.warning("send_unacknowledged", order_id=attempt.order_id, error=str(error))
            return attempt
        attempt = attempt_stepped(attempt, AttemptStep.SEND, self.now())
        self._store.commit(attempt)
        self._publish(attempt)
        return attempt

    def _publish(self, attempt: Attempt) -> None:
        self.publish(f"attempt.{attempt.signature}.{attempt.status}", attempt=replace(attempt, raw=b""))


def _failure(error: BaseException) -> SwapFailure:
    if isinstance(error, SwapError):
        return SwapFailure(kind=error.kind, message=str(error), code=error.code)
    if isinstance(error, ChainUnavailableError):
        return SwapFailure(kind=FailureKind.TRANSIENT, message=str(error))
    return SwapFailure(kind=FailureKind.TRANSIENT, message=f"the attempt crashed: {error!r}")
