"""The order router: a priority mailbox, the book of what is queued and in flight, and every retry.

It never waits: executors make the attempts, the confirmer finds out what became of them, timers bring the
retries, and all of it comes back as messages. Whatever it decides is in the store before anyone is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from actors.base import EngineActor
from actors.failures import REST
from actors.mailbox import PriorityMailbox
from actors.system import ALERTS, CONFIRMER, SUPERVISOR, System, position_name
from engine.domain.alert import order_failed, order_filled_twice
from engine.domain.book import Book, Flight
from engine.domain.errors import CommandRefusedError, FailureKind
from engine.domain.events import SUPERSEDED
from engine.domain.guarding import fee_charged, opened
from engine.domain.order import (
    Attempt,
    AttemptStatus,
    AttemptStep,
    Order,
    OrderKind,
    OrderStatus,
    attempt_stepped,
    charged,
    event_of,
    filled,
    reclaim_order,
    sent,
    submitted,
)
from engine.domain.retry import RetryPolicies, after_failure, cancelled, decided, overtaking
from engine.domain.swap import Fill, SwapFailure
from engine.domain.units import AlertId, Nanos, OrderId, Signature, seconds
from engine.domain.urgency import Urgency
from engine.messages.alerts import RaiseAlert
from engine.messages.control import Drain, Reconcile, Reconciled, Snapshot
from engine.messages.orders import (
    CancelOrder,
    ExitFailed,
    ExitLanded,
    FeeBooked,
    FeeCharged,
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
    ExecutorReady,
    SwapNotSent,
    SwapSent,
    WatchAttempt,
)
from engine.ports import Record, Store

RECLAIM_AFTER = seconds(30)
"""How long the rent of a finished order's marker may wait for others to be brought back with it."""
RECLAIM_AT_ONCE = 8
"""The most markers that one transaction empties."""
TAKE_UP_AGAIN = seconds(1)
"""How long an order that could not be taken up waits to be tried again."""
SWEEP_INTERVAL = seconds(5)
"""How long what was told may go without an answer before it is told again."""


@dataclass(frozen=True, slots=True)
class _TakeUp:
    """An order of the store could not be taken up at the start."""

    order: Order
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True)
class _RetryDue:
    order_id: OrderId
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True)
class _Sweep:
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True)
class _Overdue:
    """An attempt has had no verdict for too long."""

    order_id: OrderId
    attempt: int
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True)
class _Reclaim:
    urgency: Urgency = Urgency.CONTROL


class OrderRouter(EngineActor):
    """Serves the orders of one wallet. See the module."""

    rebuilt_after_errors = True

    def __init__(
        self,
        system: System,
        name: str,
        *,
        store: Store,
        policies: RetryPolicies,
        executors: tuple[str, ...],
        reclaim_after: Nanos = RECLAIM_AFTER,
    ) -> None:
        super().__init__(system, name)
        self._store = store
        self._policies = policies
        self._reclaim_after = reclaim_after
        self._book = Book(slots=len(executors))
        self._idle = deque(executors)
        self._working: dict[str, OrderId] = {}
        """What each executor that is not idle was given."""
        self._live: dict[OrderId, dict[Signature, Attempt]] = {}
        """Attempts that may still land, of orders in flight and of those that a sibling finished; and of these also
        the ones whose fee is not booked yet."""
        self._late: list[tuple[Attempt, Fill]] = []
        """Fees of attempts that failed beside one that landed and is not booked yet."""
        self._left_alone: set[OrderId] = set()
        """Orders that could not be taken up yet: until then no verdict on their attempts is heard."""
        self._holding = True
        """Until the chain was read: nothing new is sent before it is known what became of the old."""
        self._draining = False
        self._sweeping = False
        self._reclaiming = False

    @staticmethod
    def _create_actor_inbox() -> Any:
        return PriorityMailbox()

    def started(self) -> None:
        """Take up every order that the store says is unfinished, where it stands."""
        for attempt in self._store.attempts(unresolved_only=True):
            self._watch(attempt)
        for order in self._store.orders(unfinished_only=True):
            self._try_to_take_up(_TakeUp(order))
        self._reclaim_later()
        self.tell(CONFIRMER, Reconcile())

    def receive(self, message: Any) -> Any:
        """Handle one message of the conversations about orders and swaps."""
        match message:
            case SubmitOrder():
                self._submit(message.order)
            case _TakeUp():
                self._take_up_late(message.order.id)
            case PlaceEntry():
                return self._place_entry(message.order)
            case WithdrawOrder():
                self._withdraw(message)
            case CancelOrder():
                return self._cancel(message.order_id)
            case ExecutorReady():
                self._executor_restarted(message.executor)
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
            case FeeBooked():
                self._dead(message.attempt)
            case Reconciled():
                self._holding = False
                self.publish("engine.recovered", in_flight=len(self._book.flights()))
                self._dispatch()
            case _RetryDue():
                self._retry_due(message.order_id)
            case _Overdue():
                self._overdue(message)
            case _Sweep():
                self._sweep()
            case _Reclaim():
                self._reclaim()
            case Drain():
                self._draining = True
                self.publish("engine.draining")
                self._tell_if_drained()
            case Snapshot():
                return self._view()
            case _:
                return super().receive(message)
        return None

    # Orders come in ---------------------------------------------------------------------------------------

    def _submit(self, order: Order) -> None:
        """Queue *order*, unless it was found in the store before the message came."""
        known = self._store.order(order.id)
        if order.id not in self._book and known is not None and known.status is OrderStatus.PENDING:
            self._queue(order)

    def _queue(self, order: Order) -> None:
        self._book.queue(order)
        self._dispatch()

    def _place_entry(self, order: Order) -> Order:
        if self._draining:
            raise CommandRefusedError("the engine is draining: no position is opened")
        self._commit(order, "placed")
        self._queue(order)
        return order

    def _try_to_take_up(self, message: _TakeUp) -> None:
        """Take an order up where it stands; one that cannot be harms no other, and is tried again later."""
        if not self._set_aside(message):
            try:
                self._take_up(message.order)
            except BaseException as error:  # noqa: BLE001 - see actors/base.py
                self._failed(message, error)
                self._book.finish(message.order.id)
            else:
                return
        self._left_alone.add(message.order.id)
        self.tell_self_at(Nanos(self.now() + (REST if self._set_aside(message) else TAKE_UP_AGAIN)), message)

    def _set_aside(self, message: _TakeUp) -> bool:
        return self.system.failures.set_aside(self.name, message, self.now())

    def _take_up_late(self, order_id: OrderId) -> None:
        order = self._store.order(order_id)
        if order is not None and not order.finished and order_id not in self._book:
            self._take_up(order)
            self._left_alone.discard(order_id)
            self._dispatch()

    def _take_up(self, order: Order) -> None:
        landed = [a for a in self._store.attempts(order.id) if a.status is AttemptStatus.LANDED]
        for attempt in landed:
            self._watch(attempt)  # it landed and was not booked: the chain is asked again what it brought
        live = self._live.get(order.id)
        if live:
            newest = list(live.values())[-1]
            order = sent(order, newest.signature, self.now()) if order.status is OrderStatus.SUBMITTED else order
            self._book.fly(order)
            self._look_again_at(order)
        elif order.status is OrderStatus.PENDING:
            self._wait(order)
        else:
            self._book.fly(order)
            failure = SwapFailure(kind=FailureKind.TRANSIENT, message="interrupted before anything was signed")
            self._attempt_failed(order, failure)
        position = self._store.position(order.position_id) if order.kind is OrderKind.EXIT else None
        if position is not None and position.wanted_exit is not None:
            self._withdraw(WithdrawOrder(order_id=order.id, reason=position.wanted_exit.reason))

    # Orders are taken back --------------------------------------------------------------------------------

    def _withdraw(self, message: WithdrawOrder) -> None:
        if order := self._book.take_back(message.order_id):
            self._take_back(order, f"{SUPERSEDED} by {message.reason}")
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
        self._store.commit(*records, order, event_of(order, note), *self._unclaimed(order))
        self._log(order)
        if order.kind is OrderKind.EXIT:
            self.tell(position_name(order.position_id), OrderWithdrawn(order=order))
        return order

    # Attempts go out --------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        self._tell_if_drained()
        while not (self._draining or self._holding) and self._idle and (order := self._book.take()):
            order = submitted(order, self.now())
            self._book.fly(order)
            self._commit(order)
            self._hand_out(ExecuteSwap(order=order))

    def _hand_out(self, message: ExecuteSwap) -> None:
        executor = self._idle.popleft()
        self._working[executor] = message.order.id
        self.tell(executor, message)

    def _take_in(self, executor: str, order_id: OrderId) -> bool:
        """Note that *executor* is done with an order; return whether that was what it had been given last."""
        if self._working.get(executor) != order_id:
            return False  # it died meanwhile, and what it was making was taken up without it
        del self._working[executor]
        self._idle.append(executor)
        return True

    def _executor_restarted(self, executor: str) -> None:
        """Find out by the store how far the executor came that died, and go on from there."""
        order_id = self._working.get(executor)
        if order_id is None:
            return
        self._take_in(executor, order_id)
        flight = self._book.flight(order_id)
        if flight is None:
            return
        known = self._live.get(order_id, {})
        recorded = [a for a in self._store.attempts(order_id) if a.live and a.signature not in known]
        for attempt in recorded:
            self._attempt_sent(attempt)
        if not recorded and flight.landed is None:
            failure = SwapFailure(kind=FailureKind.TRANSIENT, message="the executor died before anything was signed")
            self._one_less(flight.order, failure)
        self._dispatch()

    def _sent(self, message: SwapSent) -> None:
        self._take_in(message.executor, message.attempt.order_id)
        self._attempt_sent(message.attempt)
        self._dispatch()

    def _attempt_sent(self, attempt: Attempt) -> None:
        if attempt.signature in self._live.get(attempt.order_id, {}):
            return  # it was found in the store when its executor died
        self._watch(attempt)
        # Otherwise an earlier attempt carried the order out while this one was being made.
        flight = self._book.flight(attempt.order_id)
        if flight is not None and flight.landed is None:
            order = sent(flight.order, attempt.signature, self.now())
            self._book.fly(order)
            self._commit(order, signature=attempt.signature)
            self._look_again_at(order)

    def _not_sent(self, message: SwapNotSent) -> None:
        given = self._take_in(message.executor, message.order_id)
        flight = self._book.flight(message.order_id)
        if given and flight is not None and flight.landed is None:
            self._one_less(flight.order, message.failure)
        self._dispatch()

    def _watch(self, attempt: Attempt) -> None:
        self._live.setdefault(attempt.order_id, {})[attempt.signature] = attempt
        self.tell(CONFIRMER, WatchAttempt(attempt=attempt))
        self._sweep_later()

    def _look_again_at(self, order: Order) -> None:
        after = self._policies.of(order.urgency).resign_after
        if after is not None:
            overdue = _Overdue(order.id, order.attempt_count)
            self.tell_self_at(Nanos(self.now() + after), overdue)

    def _overdue(self, message: _Overdue) -> None:
        """Sign another attempt beside those that have had no verdict, where they exclude each other on chain."""
        flight = self._book.flight(message.order_id)
        waits_on = flight is not None and flight.landed is None and flight.withdrawn_for is None
        if (
            flight is None
            or not waits_on
            or self._draining
            or self._holding
            or flight.order.attempt_count != message.attempt
        ):
            return
        if not self._idle:
            self._look_again_at(flight.order)
            return
        live = list(self._live.get(message.order_id, {}).values())
        order = overtaking(flight.order, live, self._policies.of(flight.order.urgency), self.now())
        if order is not None:
            self._book.fly(order)
            self._commit(order, f"no verdict: signed anew beside {len(live)}")
            self._hand_out(ExecuteSwap(order=order, beside_others=True))

    # Verdicts come back -----------------------------------------------------------------------------------

    def _dead(self, attempt: Attempt) -> bool:
        """Forget a live attempt; return whether it was one, and its end is to be heard of."""
        if attempt.order_id in self._left_alone:
            return False  # the sweep brings the verdict again
        live = self._live.get(attempt.order_id, {})
        known = live.pop(attempt.signature, None) is not None
        if not live:
            self._live.pop(attempt.order_id, None)
        return known

    def _landed(self, attempt: Attempt, fill: Fill) -> None:
        if not self._dead(attempt):
            return
        flight = self._book.flight(attempt.order_id)
        fill = fill.dated(attempt.order_id, self.now())
        if attempt.status is not AttemptStatus.LANDED:
            attempt = attempt_stepped(attempt, AttemptStep.LAND, self.now())
        if flight is None or flight.landed is not None:
            self._tell_of_second_fill(attempt, fill)
            return
        order = replace(flight.order, marker_rent=attempt.marker_rent)
        if order.kind is OrderKind.EXIT:
            self._book.fly(order)
            self._store.commit(attempt)
            self._book.land(attempt.order_id, fill)
            self.tell(position_name(order.position_id), ExitLanded(order=order, fill=fill))
            self._sweep_later()
        else:
            self._book_fill(order, attempt, fill)

    def _tell_of_second_fill(self, attempt: Attempt, fill: Fill) -> None:
        """Say that an order was carried out twice, which its marker forbids: the books are a person's to mend."""
        alert = order_filled_twice(attempt, AlertId(self.system.ids.new("alert")), self.now())
        self._store.commit(attempt, fill, alert)
        self.tell(ALERTS, RaiseAlert(alert=alert))

    def _book_fill(self, order: Order, attempt: Attempt, fill: Fill) -> None:
        order = filled(charged(order, fill.fee), fill, self.now())
        opens = [opened(order, fill, self.now())] if order.kind is OrderKind.ENTRY else []
        self._store.commit(attempt, order, event_of(order, signature=attempt.signature), fill, *opens)
        self._log(order)
        for position in opens:
            self.tell(SUPERVISOR, PositionOpened(position=position))
        self._settled(order)

    def _settled(self, order: Order) -> None:
        self._book.finish(order.id)
        for attempt, fee in [late for late in self._late if late[0].order_id == order.id]:
            self._late.remove((attempt, fee))
            self._charge_late(attempt, fee)
        self._reclaim_later(at_once_if_many=order.kind is OrderKind.RECLAIM)
        self._dispatch()

    def _reverted(self, message: AttemptReverted) -> None:
        attempt, now = message.attempt, self.now()
        if not self._dead(attempt):
            return
        if attempt.live:
            attempt = attempt_stepped(attempt, AttemptStep.REVERT, now, message.failure)
        fee = message.fill.dated(attempt.order_id, now)
        flight = self._book.flight(attempt.order_id)
        if flight is None:
            self._charge_late(attempt, fee)
        elif flight.landed is None:
            self._one_less(charged(flight.order, fee.fee), message.failure, attempt, fee)
        else:
            self._late.append((attempt, fee))
        self._dispatch()

    def _expired(self, attempt: Attempt, failure: SwapFailure) -> None:
        if not self._dead(attempt):
            return
        attempt = attempt_stepped(attempt, AttemptStep.EXPIRE, self.now(), failure)
        flight = self._book.flight(attempt.order_id)
        if flight is not None and flight.landed is None:
            self._one_less(flight.order, failure, attempt)
        else:
            self._store.commit(attempt)
        self._dispatch()

    def _charge_late(self, attempt: Attempt, fee: Fill) -> None:
        """Have the fee booked of an attempt that failed after a sibling had carried its order out.

        In one transaction with the position, which its actor alone writes while it is open. Until that has answered
        the attempt counts as live: the sweep, or the next start, brings its verdict here once more.
        """
        order = self._store.order(attempt.order_id)
        if order is None:
            raise LookupError(f"attempt {attempt.signature} is of no order")
        position = self._store.position(order.position_id)
        if position is None or position.closed:
            whose = [] if position is None else [fee_charged(position, fee.fee)]
            self._store.commit(attempt, charged(order, fee.fee), fee, *whose)
            return
        self._live.setdefault(order.id, {})[attempt.signature] = attempt
        self.tell(position_name(position.id), FeeCharged(attempt=attempt, fee=fee))
        self._sweep_later()

    def _one_less(self, order: Order, failure: SwapFailure, *records: Record) -> None:
        """Decide what follows when one attempt at *order* came to nothing, by *failure*.

        *records* are what is to be kept of the attempt; none where it was never signed.
        """
        live = self._live.get(order.id)
        another_is_being_made = bool(records) and order.status is OrderStatus.SUBMITTED
        if not live and not another_is_being_made:
            self._attempt_failed(order, failure, *records)
            return
        if live and order.status is OrderStatus.SUBMITTED and not another_is_being_made:
            order = sent(order, list(live)[-1], self.now())
        self._book.fly(order)
        self._store.commit(*records, order, event_of(order, f"one attempt less: {failure.message}"))

    # What follows a failure -------------------------------------------------------------------------------

    def _attempt_failed(self, order: Order, failure: SwapFailure, *records: Record) -> None:
        policy = self._policies.of(order.urgency)
        flight = self._flight(order.id)
        order = after_failure(order, failure, policy, self.now())
        failed = event_of(order, signature=order.tx_signature)
        self._log(order)
        if flight.withdrawn_for is not None:
            self._book.finish(order.id)
            self._take_back(order, f"{SUPERSEDED} by {flight.withdrawn_for}", *records, failed)
            return
        order = decided(order, policy, self.now())
        if order.status is OrderStatus.PENDING:
            self._store.commit(*records, order, failed, event_of(order, "waiting for the next attempt"))
            self._log(order)
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
        if order.kind is OrderKind.RECLAIM:
            self._store.commit(*records, order, event_of(order, "failed for good"), *self._unclaimed(order))
            self._log(order)
            self._reclaim_later()
            return
        alert = order_failed(order, AlertId(self.system.ids.new("alert")), self.now())
        self._store.commit(*records, order, event_of(order, "failed for good"), alert)
        self._log(order)
        self.tell(ALERTS, RaiseAlert(alert=alert))
        if order.kind is OrderKind.EXIT:
            self.tell(position_name(order.position_id), ExitFailed(order=order))

    # What was told and may be lost ------------------------------------------------------------------------

    def _sweep_later(self) -> None:
        if not self._sweeping and (self._live or self._book.flights()):
            self._sweeping = True
            self.tell_self_at(Nanos(self.now() + SWEEP_INTERVAL), _Sweep())

    def _sweep(self) -> None:
        """Tell again what has had no answer: the actor that was told may have died with its mail."""
        self._sweeping = False
        for live in self._live.values():
            for attempt in live.values():
                self.tell(CONFIRMER, WatchAttempt(attempt=attempt))
        for flight in self._book.flights():
            if flight.landed is not None:
                self.tell(position_name(flight.order.position_id), ExitLanded(order=flight.order, fill=flight.landed))
        self._sweep_later()

    def _unclaimed(self, order: Order) -> list[Order]:
        """Return the orders whose rent *order*, which is given up, was to bring back."""
        claimed = self._store.markers(order.id) if order.kind is OrderKind.RECLAIM else []
        return [replace(other, reclaimed_by=None) for other in claimed]

    # Rent of markers --------------------------------------------------------------------------------------

    def _reclaim_later(self, *, at_once_if_many: bool = False) -> None:
        parked = 0 if self._reclaiming else len(self._store.markers())
        if parked:
            self._reclaiming = True
            wait = Nanos(0) if at_once_if_many and parked >= RECLAIM_AT_ONCE else self._reclaim_after
            self.tell_self_at(Nanos(self.now() + wait), _Reclaim())

    def _reclaim(self) -> None:
        """Order the rent of finished orders' markers to be brought back, unless an attempt of theirs may still land."""
        self._reclaiming = False
        # One at a time, so that rent never keeps a slot from an exit; its end brings the next.
        if any(order.kind is OrderKind.RECLAIM for order in self._store.orders(unfinished_only=True)):
            return
        emptied = [order for order in self._store.markers() if order.id not in self._live][:RECLAIM_AT_ONCE]
        if not emptied or self._draining:
            self._reclaim_later()
            return
        order_id = OrderId(self.system.ids.new("reclaim"))
        order = reclaim_order(order_id, self._policies.entries.max_attempts, self.now())
        claimed = [replace(other, reclaimed_by=order_id) for other in emptied]
        self._store.commit(order, event_of(order, f"rent of {len(emptied)} markers"), *claimed)
        self._log(order)
        self._queue(order)

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
        self._log(order)

    def _log(self, order: Order) -> None:
        self.log.info(
            "order",
            order_id=order.id,
            position_id=order.position_id,
            status=str(order.status),
            reason=str(order.exit_reason or order.kind),
            attempt=order.attempt_count,
            **({"error": order.last_error} if order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED) else {}),
        )

    def _view(self) -> dict[str, Any]:
        return {
            "queued": self._book.queued(),
            "waiting": self._book.waiting(),
            "in_flight": [flight.order for flight in self._book.flights()],
            "draining": self._draining,
            "holding": self._holding,
        }
