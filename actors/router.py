"""The order router: a priority mailbox, the book of what is queued and in flight, and every retry.

It never waits: executors make the attempts, the confirmer finds out what became of them, timers bring the
retries, and all of it comes back as messages. Whatever it decides is in the store before anyone is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from actors.base import EngineActor
from actors.mailbox import PriorityMailbox
from actors.system import ALERTS, CONFIRMER, SUPERVISOR, System, position_name
from engine.domain.alert import order_failed
from engine.domain.book import Book, Flight
from engine.domain.errors import CommandRefusedError, FailureKind
from engine.domain.guarding import opened
from engine.domain.order import (
    Attempt,
    AttemptStatus,
    AttemptStep,
    Order,
    OrderKind,
    OrderStatus,
    attempt_stepped,
    event_of,
    filled,
    sent,
    submitted,
)
from engine.domain.retry import RetryPolicies, after_failure, cancelled, decided
from engine.domain.swap import Fill, SwapFailure
from engine.domain.units import AlertId, Lamports, Nanos, OrderId, Signature, seconds
from engine.domain.urgency import Urgency
from engine.messages.alerts import RaiseAlert
from engine.messages.control import Drain, Snapshot
from engine.messages.orders import (
    CancelOrder,
    ExitFailed,
    ExitLanded,
    OrderSettled,
    OrderWithdrawn,
    PlaceEntry,
    PositionOpened,
    SubmitOrder,
    WithdrawOrder,
)
from engine.messages.swaps import (
    AttemptExpired,
    AttemptLanded,
    AttemptReverted,
    ExecuteSwap,
    SwapNotSent,
    SwapSent,
    WatchAttempt,
)
from engine.ports import Record, Store

SWEEP_INTERVAL = seconds(5)
"""How long a fill may wait to be booked before its position is told again."""


@dataclass(frozen=True, slots=True)
class _RetryDue:
    order_id: OrderId
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True)
class _Sweep:
    urgency: Urgency = Urgency.VERDICT


class OrderRouter(EngineActor):
    """Serves the orders of one wallet. See the module."""

    def __init__(
        self,
        system: System,
        name: str,
        *,
        store: Store,
        policies: RetryPolicies,
        executors: tuple[str, ...],
    ) -> None:
        super().__init__(system, name)
        self._store = store
        self._policies = policies
        self._book = Book(slots=len(executors))
        self._idle = deque(executors)
        self._draining = False
        self._sweeping = False

    @staticmethod
    def _create_actor_inbox() -> Any:
        return PriorityMailbox()

    def started(self) -> None:
        """Take up every order that the store says is unfinished, where it stands."""
        for order in self._store.orders(unfinished_only=True):
            self._take_up(order)
        self._dispatch()

    def receive(self, message: Any) -> Any:
        """Handle one message of the conversations about orders and swaps."""
        match message:
            case SubmitOrder():
                self._submit(message.order)
            case PlaceEntry():
                return self._place_entry(message.order)
            case WithdrawOrder():
                self._withdraw(message)
            case CancelOrder():
                return self._cancel(message.order_id)
            case SwapSent():
                self._sent(message)
            case SwapNotSent():
                self._not_sent(message)
            case AttemptLanded():
                self._landed(message.attempt, message.fill)
            case AttemptReverted():
                self._reverted(message)
            case AttemptExpired():
                self._expired(message.attempt, message.failure)
            case OrderSettled():
                self._settled(message.order)
            case _RetryDue():
                self._retry_due(message.order_id)
            case _Sweep():
                self._sweep()
            case Drain():
                self._draining = True
                self._tell_if_drained()
            case Snapshot():
                return self._view()
            case _:
                return super().receive(message)
        return None

    # Orders come in ---------------------------------------------------------------------------------------

    def _submit(self, order: Order) -> None:
        if order.id not in self._book:
            self._book.queue(order)
            self._dispatch()

    def _place_entry(self, order: Order) -> Order:
        if self._draining:
            raise CommandRefusedError("the engine is draining: no position is opened")
        self._commit(order, "placed")
        self._submit(order)
        return order

    def _take_up(self, order: Order) -> None:
        live = [a for a in self._store.attempts(order.id) if a.status not in _DEAD]
        if live:
            attempt = live[-1]
            order = sent(order, attempt.signature, self.now()) if order.status is OrderStatus.SUBMITTED else order
            self._book.fly(order)
            self.tell(CONFIRMER, WatchAttempt(attempt=attempt))
        elif order.status is OrderStatus.PENDING and order.next_retry_at is not None:
            self._wait(order)
        elif order.status is OrderStatus.PENDING:
            self._book.queue(order)
        else:
            self._book.fly(order)
            failure = SwapFailure(kind=FailureKind.TRANSIENT, message="interrupted before anything was signed")
            self._attempt_failed(order, failure)

    # Orders are taken back --------------------------------------------------------------------------------

    def _withdraw(self, message: WithdrawOrder) -> None:
        if order := self._book.take_back(message.order_id):
            self._take_back(order, f"superseded by {message.reason}")
        elif self._book.flight(message.order_id):
            self._book.withdraw(message.order_id, message.reason)

    def _cancel(self, order_id: OrderId) -> Order:
        order = self._book.take_back(order_id)
        if order is None:
            known = self._store.order(order_id)
            state = f"is {known.status}" if known else "is not known"
            raise CommandRefusedError(f"order {order_id} {state}: only a queued order can be cancelled")
        return self._take_back(order, "cancelled by a person")

    def _take_back(self, order: Order, note: str, *records: Record) -> Order:
        order = cancelled(order, self.now())
        self._store.commit(*records, order, event_of(order, note))
        self._publish(order, "superseded" if note.startswith("superseded") else None)
        if order.kind is OrderKind.EXIT:
            self.tell(position_name(order.position_id), OrderWithdrawn(order=order))
        return order

    # Attempts go out --------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        self._tell_if_drained()
        while not self._draining and self._idle and (order := self._book.take()):
            order = submitted(order, self.now())
            self._book.fly(order)
            self._commit(order)
            self.tell(self._idle.popleft(), ExecuteSwap(order=order))

    def _sent(self, message: SwapSent) -> None:
        self._idle.append(message.executor)
        flight = self._flight(message.attempt.order_id)
        order = sent(flight.order, message.attempt.signature, self.now())
        self._book.fly(order)
        self._commit(order, signature=message.attempt.signature)
        self.tell(CONFIRMER, WatchAttempt(attempt=message.attempt))
        self._dispatch()

    def _not_sent(self, message: SwapNotSent) -> None:
        self._idle.append(message.executor)
        self._attempt_failed(self._flight(message.order_id).order, message.failure)
        self._dispatch()

    # Verdicts come back -----------------------------------------------------------------------------------

    def _landed(self, attempt: Attempt, fill: Fill) -> None:
        flight = self._book.flight(attempt.order_id)
        if flight is None or flight.landed is not None:
            return
        fill = replace(fill, order_id=attempt.order_id, time=self.now())
        if attempt.status is not AttemptStatus.LANDED:
            attempt = attempt_stepped(attempt, AttemptStep.LAND, self.now())
        if flight.order.kind is OrderKind.ENTRY:
            self._open_position(flight.order, attempt, fill)
            return
        self._store.commit(attempt)
        self._book.land(attempt.order_id, fill)
        self.tell(position_name(flight.order.position_id), ExitLanded(order=flight.order, fill=fill))
        self._sweep_later()

    def _open_position(self, order: Order, attempt: Attempt, fill: Fill) -> None:
        order = filled(replace(order, fees=Lamports(order.fees + fill.fee)), fill, self.now())
        position = opened(order, fill, self.now())
        self._store.commit(attempt, order, event_of(order, signature=attempt.signature), fill, position)
        self._publish(order)
        self.tell(SUPERVISOR, PositionOpened(position=position))
        self._settled(order)

    def _settled(self, order: Order) -> None:
        self._book.finish(order.id)
        self._dispatch()

    def _reverted(self, message: AttemptReverted) -> None:
        flight = self._book.flight(message.attempt.order_id)
        if flight is None:
            return
        attempt = attempt_stepped(message.attempt, AttemptStep.REVERT, self.now(), message.failure)
        order = replace(flight.order, fees=Lamports(flight.order.fees + message.fill.fee))
        fee = replace(message.fill, order_id=order.id, time=self.now())
        self._attempt_failed(order, message.failure, attempt, fee)
        self._dispatch()

    def _expired(self, attempt: Attempt, failure: SwapFailure) -> None:
        if flight := self._book.flight(attempt.order_id):
            self._attempt_failed(
                flight.order, failure, attempt_stepped(attempt, AttemptStep.EXPIRE, self.now(), failure)
            )
            self._dispatch()

    # What follows a failure -------------------------------------------------------------------------------

    def _attempt_failed(self, order: Order, failure: SwapFailure, *records: Record) -> None:
        policy = self._policies.of(order.urgency)
        flight = self._flight(order.id)
        order = after_failure(order, failure, policy, self.now())
        failed = event_of(order, signature=order.tx_signature)
        self._publish(order)
        if flight.withdrawn_for is not None:
            self._book.finish(order.id)
            self._take_back(order, f"superseded by {flight.withdrawn_for}", *records, failed)
            return
        order = decided(order, policy, self.now())
        if order.status is OrderStatus.PENDING:
            self._store.commit(*records, order, failed, event_of(order, "waiting for the next attempt"))
            self._publish(order)
            self._wait(order)
        else:
            self._give_up(order, *records, failed)

    def _wait(self, order: Order) -> None:
        due = order.next_retry_at
        if due is None or due <= self.now():
            self._book.queue(order)
            return
        self._book.wait(order)
        self.tell_self_at(due, _RetryDue(order.id))

    def _retry_due(self, order_id: OrderId) -> None:
        if order := self._book.due(order_id):
            self._book.queue(order)
            self._dispatch()

    def _give_up(self, order: Order, *records: Record) -> None:
        self._book.finish(order.id)
        alert = order_failed(order, AlertId(self.system.ids.new("alert")), self.now())
        self._store.commit(*records, order, event_of(order, "failed for good"), alert)
        self._publish(order)
        self.tell(ALERTS, RaiseAlert(alert=alert))
        if order.kind is OrderKind.EXIT:
            self.tell(position_name(order.position_id), ExitFailed(order=order))

    # Fills that are not booked yet ------------------------------------------------------------------------

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self.tell_self_at(Nanos(self.now() + SWEEP_INTERVAL), _Sweep())

    def _sweep(self) -> None:
        self._sweeping = False
        for flight in self._book.flights():
            if flight.landed is not None:
                order = flight.order
                self.tell(position_name(order.position_id), ExitLanded(order=order, fill=flight.landed))
                self._sweep_later()

    # ------------------------------------------------------------------------------------------------------

    def _tell_if_drained(self) -> None:
        if self._draining and not self._book.flights():
            self.publish("engine.drained", queued=len(self._book.queued()) + len(self._book.waiting()))

    def _flight(self, order_id: OrderId) -> Flight:
        flight = self._book.flight(order_id)
        if flight is None:
            raise LookupError(f"order {order_id} is not in flight")
        return flight

    def _commit(self, order: Order, note: str = "", signature: Signature | None = None) -> None:
        self._store.commit(order, event_of(order, note, signature=signature))
        self._publish(order)

    def _publish(self, order: Order, what: str | None = None) -> None:
        self.log.info(
            "order",
            order_id=order.id,
            position_id=order.position_id,
            status=str(order.status),
            reason=str(order.exit_reason or order.kind),
            attempt=order.attempt_count,
            **({"error": order.last_error} if order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED) else {}),
        )
        self.publish(f"order.{order.id}.{what or order.status}", order=order)

    def _view(self) -> dict[str, Any]:
        return {
            "queued": self._book.queued(),
            "waiting": self._book.waiting(),
            "in_flight": [flight.order for flight in self._book.flights()],
            "draining": self._draining,
        }


_DEAD = frozenset({AttemptStatus.REVERTED, AttemptStatus.EXPIRED})
