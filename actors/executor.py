"""An executor makes one attempt at an order: quote, build, sign, record, send. It holds no state.

Whatever happens, the router is told: an executor that fell silent would keep its slot for ever. Once the signed
bytes are recorded the attempt counts as sent, however the sending went: only the chain knows.

An attempt is recorded only for an order that still stands as it was handed out. Where the router died meanwhile, its
successor has taken the order up without this attempt and counts this executor as idle: then nothing is told either,
since the word would be taken for one about a newer attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actors.base import EngineActor
from actors.system import ROUTER, System
from engine.domain.confirmation import UNCONFIRMED, ConfirmationRules, contradiction
from engine.domain.errors import INSUFFICIENT_TOKENS, ChainUnavailableError, FailureKind, SwapError
from engine.domain.order import Attempt, AttemptStep, Order, OrderKind, OrderStatus, attempt_stepped
from engine.domain.retry import RetryPolicies
from engine.domain.swap import PreparedSwap, Quote, Side, SwapFailure, SwapRequest
from engine.messages.swaps import ExecuteSwap, SwapNotSent, SwapSent
from engine.ports import Chain, Signer, Store, SwapVenue


class Executor(EngineActor):
    """One worker of the router. See the module.

    Args:
        system: whose clock and bus are used.
        name: of the actor.
        store: keeps attempts before they are sent.
        venue: where is swapped.
        signer: of the wallet.
        chain: what is sent to.
        confirmation: which exits the market must confirm by its quote before they are made; None for none.
        policies: say what an attempt may pay at most; without them each pays what its order says.
    """

    def __init__(
        self,
        system: System,
        name: str,
        *,
        store: Store,
        venue: SwapVenue,
        signer: Signer,
        chain: Chain,
        confirmation: ConfirmationRules | None = None,
        policies: RetryPolicies | None = None,
    ) -> None:
        super().__init__(system, name)
        self._store = store
        self._venue = venue
        self._signer = signer
        self._chain = chain
        self._confirmation = confirmation
        self._policies = policies

    def receive(self, message: Any) -> Any:
        """Make one attempt."""
        match message:
            case ExecuteSwap():
                self._execute(message.order, beside_others=message.beside_others)
            case _:
                super().receive(message)

    def _execute(self, order: Order, *, beside_others: bool) -> None:
        try:
            attempt = self._record(order, beside_others=beside_others)
        except BaseException as error:
            if not isinstance(error, (SwapError, ChainUnavailableError)):
                self.log.exception("attempt_crashed", order_id=order.id)
            if not self._has_moved_on(order):
                failure = _failure(error)
                self.tell(ROUTER, SwapNotSent(executor=self.name, order_id=order.id, failure=failure))
            return
        try:
            attempt = self._send(attempt)
        finally:
            self.tell(ROUTER, SwapSent(executor=self.name, attempt=attempt))

    def _record(self, order: Order, *, beside_others: bool) -> Attempt:
        prepared = self._prepare(order)
        if beside_others and not prepared.marker_rent:
            raise SwapError(
                FailureKind.REFUSED, "there is no room for the order's marker: an earlier attempt must be dead first"
            )
        signed = self._signer.sign(prepared)
        now = self.now()
        attempt = Attempt(
            signature=signed.signature,
            order_id=order.id,
            number=order.attempt_count,
            mint=order.mint,
            raw=signed.raw,
            last_valid_block_height=signed.last_valid_block_height,
            marker_rent=prepared.marker_rent,
            slippage_bps=order.max_slippage_bps,
            priority_fee=prepared.priority_fee,
            quoted_out=prepared.quote.expected_out,
            minimum_out=prepared.quote.minimum_out,
            venue=prepared.quote.venue,
            created_at=now,
            updated_at=now,
        )
        if self._standing(order) is not OrderStatus.SUBMITTED:
            raise SwapError(FailureKind.REFUSED, "the order has moved on since the attempt was asked for")
        self._store.commit(attempt)
        return attempt

    def _standing(self, order: Order) -> OrderStatus | None:
        """Return the status of *order*; None where another attempt at it has been begun since."""
        known = self._store.order(order.id)
        return known.status if known is not None and known.attempt_count == order.attempt_count else None

    def _has_moved_on(self, order: Order) -> bool:
        """Return whether the router that asked is gone; it would not have filled the order by an earlier attempt."""
        try:
            return self._standing(order) not in (OrderStatus.SUBMITTED, OrderStatus.FILLED)
        except Exception:
            self.log.exception("order_unknown", order_id=order.id)
            return False

    def _prepare(self, order: Order) -> PreparedSwap:
        if order.kind is OrderKind.RECLAIM:
            parked = [(o.marker_seed, o.marker_rent) for o in self._store.markers(order.id)]
            return self._venue.prepare_reclaim(parked, priority_fee=order.priority_fee)
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
        quote = self._venue.quote(request)
        self._confirm(order, quote)
        cap = None if self._policies is None else self._policies.of(order.urgency).fee_cap
        return self._venue.prepare(
            quote, priority_fee=order.priority_fee, marker_seed=order.marker_seed, priority_fee_cap=cap
        )

    def _confirm(self, order: Order, quote: Quote) -> None:
        if self._confirmation is None or order.kind is not OrderKind.EXIT:
            return
        position = self._store.position(order.position_id)
        if position is None:
            return
        doubt = contradiction(order, position, quote, self._confirmation, self.now())
        if doubt is not None:
            raise SwapError(FailureKind.REFUSED, doubt, code=UNCONFIRMED)

    def _send(self, attempt: Attempt) -> Attempt:
        try:
            self._chain.send(attempt.raw)
        except (SwapError, ChainUnavailableError) as error:
            self.log.warning("send_unacknowledged", order_id=attempt.order_id, error=str(error))
            return attempt
        attempt = attempt_stepped(attempt, AttemptStep.SEND, self.now())
        self._store.commit(attempt)
        return attempt


def _failure(error: BaseException) -> SwapFailure:
    if isinstance(error, SwapError):
        return SwapFailure(kind=error.kind, message=str(error), code=error.code)
    if isinstance(error, ChainUnavailableError):
        return SwapFailure(kind=FailureKind.TRANSIENT, message=str(error))
    return SwapFailure(kind=FailureKind.TRANSIENT, message=f"the attempt crashed: {error!r}")
