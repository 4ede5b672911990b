"""A position: it hears what the price does, decides by the pure steps of the domain, and performs what they say.

What it decides is in the store before the router hears of it: the position and its order in one transaction, and
later the order, its fill and the position in one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, PEAKS, ROUTER, SUPERVISOR, System, market_name
from engine.domain.alert import Alert, Severity
from engine.domain.exits import still
from engine.domain.guarding import (
    Action,
    RaiseExit,
    Withdraw,
    exit_failed,
    exit_filled,
    exit_order,
    exit_withdrawn,
    fee_charged,
    on_price,
    ordered_exit,
    released,
    retried_exit,
    withdrawing,
)
from engine.domain.order import Attempt, Order, OrderStatus, charged, event_of
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.replanning import replanned
from engine.domain.retry import RetryPolicies, may_retry
from engine.domain.swap import Fill
from engine.domain.units import AlertId, Nanos, OrderId
from engine.domain.urgency import ExitReason
from engine.messages.alerts import RaiseAlert, ResolveAlerts
from engine.messages.control import ChangePlan, EmergencyExit, ExitPosition, ReleasePosition, RetryExit, Snapshot
from engine.messages.orders import (
    ExitFailed,
    ExitLanded,
    FeeBooked,
    FeeCharged,
    OrderSettled,
    OrderWithdrawn,
    PositionClosed,
    SubmitOrder,
    WithdrawOrder,
)
from engine.messages.prices import PeaksRaised, PriceMoved, Subscribe
from engine.ports import Record, Store

WORTH_SAVING = 1.005
"""A peak this many times the saved one is saved: after a crash a trailing stop is at most this much too low."""


@dataclass(frozen=True, slots=True)
class _TimeIsUp:
    pass


class PositionActor(EngineActor):
    """The guard of one position. See the module."""

    def __init__(
        self,
        system: System,
        name: str,
        *,
        position: Position,
        store: Store,
        policies: RetryPolicies,
        max_price_age: Nanos | None,
    ) -> None:
        super().__init__(system, name)
        self.position = position
        self._store = store
        self._policies = policies
        self._max_price_age = max_price_age
        self._saved_peak = position.peak_price
        self._saved_calm = position.calm_since
        self.log = self.log.bind(position_id=position.id, token=position.symbol)

    def started(self) -> None:
        """Hear of prices from now on, and be woken when the time is up."""
        self._catch_up()
        self.tell(market_name(self.position.mint), Subscribe(position_id=self.position.id))
        self._await_time_limit()

    def receive(self, message: Any) -> Any:
        """Handle one message of the conversations about prices, orders and control."""
        match message:
            case PriceMoved():
                self._decide(*on_price(self.position, message.window, self.now()))
            case _TimeIsUp():
                self._look_again()
            case ExitLanded():
                self._landed(message.order, message.fill)
            case OrderWithdrawn():
                self._withdrawn(message.order)
            case FeeCharged():
                self._charged(message.attempt, message.fee)
            case ExitFailed():
                self._exit_failed(message.order)
            case ExitPosition():
                return self._ordered(ExitReason.MANUAL, message.percent)
            case EmergencyExit():
                return self._ordered(ExitReason.EMERGENCY, Decimal(100))
            case RetryExit():
                return self._retry(message)
            case ReleasePosition():
                return self._release()
            case ChangePlan():
                return self._change_plan(message.plan)
            case Snapshot():
                return self.position
            case _:
                return super().receive(message)
        return None

    def _catch_up(self) -> None:
        """Take up what became of the exit while nobody was here to be told."""
        active = self.position.active_exit
        order = self._store.order(active.order_id) if active is not None else None
        if order is None or self.position.needs_action:
            return
        if order.status is not OrderStatus.CANCELLED:
            self._insist()
        elif may_retry(order):
            self._withdrawn(order)
        else:
            self._exit_failed(order)

    # Prices -----------------------------------------------------------------------------------------------

    def _decide(self, position: Position, action: Action) -> None:
        if action is not None:
            self._perform(position, action)
            return
        levels_before, self.position = self.position.levels_taken, position
        if position.calm_since != self._saved_calm or position.levels_taken != levels_before:
            self._keep(position)
        elif position.peak_price >= self._saved_peak * WORTH_SAVING:
            self._saved_peak = position.peak_price
            self.tell(PEAKS, PeaksRaised(peaks={position.id: position.peak_price}))
        self._insist()

    def _insist(self) -> None:
        """Ask again that the active exit makes way: the router died, or read it before it knew of the order.

        What is more urgent is read first, and so a withdrawal can overtake the order that it is about.
        """
        active, wanted = self.position.active_exit, self.position.wanted_exit
        if active is not None and wanted is not None:
            self.tell(ROUTER, WithdrawOrder(order_id=active.order_id, reason=wanted.reason))

    def _look_again(self) -> None:
        """Decide anew on the last price, where it is still fresh; without one, the next tick decides."""
        self._decide(*self._at_last_price(self.position))

    def _at_last_price(self, position: Position) -> tuple[Position, Action]:
        now = self.now()
        if self._max_price_age is not None and now - position.last_price_at > self._max_price_age:
            return position, None
        return on_price(position, still(position.last_price, position.last_price_at), now)

    # Exits ------------------------------------------------------------------------------------------------

    def _perform(self, position: Position, action: Action, *records: Record) -> Order | None:
        match action:
            case RaiseExit():
                return self._raise_exit(position, action, *records)
            case Withdraw():
                self._keep(withdrawing(position, action, self.now()), *records)
                self.log.info("exit_wanted", reason=str(action.wanted.reason), order_id=action.order_id)
                self.tell(ROUTER, WithdrawOrder(order_id=action.order_id, reason=action.wanted.reason))
            case None:
                self._keep(position, *records)
        return None

    def _raise_exit(self, position: Position, action: RaiseExit, *records: Record) -> Order:
        order_id = OrderId(self.system.ids.new("exit"))
        seed = self.system.ids.seed()
        position, order = exit_order(position, action, order_id, self._policies, self.now(), marker_seed=seed)
        self._keep(position, *records, order, event_of(order, "raised"))
        self.log.info(
            "exit_raised", order_id=order.id, reason=str(action.reason), amount=action.amount, price=position.last_price
        )
        self.tell(ROUTER, SubmitOrder(order=order))
        return order

    def _landed(self, order: Order, fill: Fill) -> None:
        active = self.position.active_exit
        if active is None or active.order_id != order.id:
            self._confirm_settled(order)
            return
        position, order, action = exit_filled(self.position, order, fill, self.now())
        short = order.amount_tokens + fill.tokens
        alerts = [self._shortfall(position, order, short)] if position.closed and short > 0 else []
        self._perform(position, action, order, event_of(order, signature=fill.signature), fill, *alerts)
        for alert in alerts:
            self.tell(ALERTS, RaiseAlert(alert=alert))
        self.log.info("exit_filled", order_id=order.id, sold=-fill.tokens, brought=fill.sol, pnl=position.realized_pnl)
        self.tell(ROUTER, OrderSettled(order=order))
        self.tell(ALERTS, ResolveAlerts(position_id=position.id))
        if position.closed:
            self.tell(SUPERVISOR, PositionClosed(position=position))
        else:
            self._look_again()

    def _charged(self, attempt: Attempt, fee: Fill) -> None:
        """Book the *fee* of an attempt that failed beside the one that had carried its exit out."""
        if self.position.closed:
            return  # the router books it by itself as soon as it sees that
        order = self._store.order(attempt.order_id)
        if order is None:
            raise LookupError(f"attempt {attempt.signature} is of no order")
        if any(known.live for known in self._store.attempts(order.id) if known.signature == attempt.signature):
            self._keep(fee_charged(self.position, fee.fee), attempt, charged(order, fee.fee), fee)
        self.tell(ROUTER, FeeBooked(attempt=attempt))

    def _confirm_settled(self, order: Order) -> None:
        """Answer a fill that was told again: it was booked, and the answer may have been lost."""
        known = self._store.order(order.id)
        if known is not None and known.status is OrderStatus.FILLED:
            self.tell(ROUTER, OrderSettled(order=known))
        else:
            self.log.error("fill_without_exit", order_id=order.id)

    def _shortfall(self, position: Position, order: Order, short: int) -> Alert:
        now = self.now()
        return Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type="exit_short",
            severity=Severity.HIGH,
            title="The wallet held less than the position",
            message=f"Position {position.id} is closed; {short} raw units of {position.symbol} were not there to sell.",
            data={"order_id": order.id, "position_id": position.id, "token": position.mint, "missing": str(short)},
            dedupe_key=f"exit_short_{order.id}",
            raised_at=now,
            updated_at=now,
        )

    def _withdrawn(self, order: Order) -> None:
        self._perform(*exit_withdrawn(self.position, order, self.now()))
        if self.position.active_exit is None:
            # One that failed for good before this one was ordered is nobody's concern any more either.
            self.tell(ALERTS, ResolveAlerts(position_id=self.position.id))

    def _exit_failed(self, order: Order) -> None:
        position, action = exit_failed(self.position, order, self.now())
        self._perform(position, action)
        if self.position.needs_action:
            self.log.error("exit_needs_action", order_id=order.id, error=order.last_error)

    # A person's commands ----------------------------------------------------------------------------------

    def _ordered(self, reason: ExitReason, percent: Decimal) -> Order | OrderId:
        """Answer with the new order, or with the id of the one that must be out of the way first."""
        action = ordered_exit(self.position, reason, percent)
        order = self._perform(self.position, action)
        if isinstance(action, Withdraw):
            return action.order_id
        assert order is not None, "a raised exit has an order"
        return order

    def _retry(self, message: RetryExit) -> Order:
        action = retried_exit(self.position, message.failed, self._policies, everything=message.everything)
        return self._raise_exit(self.position, action)

    def _release(self) -> Position:
        self._keep(released(self.position, self.now()))
        self.tell(ALERTS, ResolveAlerts(position_id=self.position.id))
        self.log.warning("released", by="a person")
        return self.position

    def _change_plan(self, plan: ExitPlan) -> Position:
        """Go by *plan*; a rule of it that the last price touches fires at once, in the same commit."""
        self._perform(*self._at_last_price(replanned(self.position, plan, self.now())))
        self.log.warning("plan_changed", by="a person")
        self._await_time_limit()  # the timer of the old plan only makes it look again
        return self.position

    # ------------------------------------------------------------------------------------------------------

    def _await_time_limit(self) -> None:
        if self.position.plan.max_hold is not None:
            self.tell_self_at(Nanos(self.position.opened_at + self.position.plan.max_hold), _TimeIsUp())

    def _keep(self, position: Position, *records: Record) -> None:
        """Store *position* with *records*, and only then believe it: what could not be stored did not happen."""
        position = replace(position, updated_at=self.now())
        self._store.commit(position, *records)
        self.position = position
        self._saved_peak = position.peak_price
        self._saved_calm = position.calm_since
