"""The whole life of a position and its orders, against a model that only counts.

Prices move, attempts are sent, fill, fail and are withdrawn, and a person orders, retries, releases and changes the
plan, in any sequence; the steps are performed as an actor performs them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.domain.errors import CommandRefusedError, FailureKind
from engine.domain.exits import still
from engine.domain.guarding import (
    Action,
    RaiseExit,
    Withdraw,
    exit_failed,
    exit_filled,
    exit_order,
    exit_withdrawn,
    on_price,
    ordered_exit,
    released,
    retried_exit,
    withdrawing,
)
from engine.domain.order import Order, OrderStatus, resigned, sent, submitted
from engine.domain.plan import ExitPlan
from engine.domain.position import DUST, Position, PositionStatus
from engine.domain.replanning import replanned
from engine.domain.retry import RetryPolicies, after_failure, cancelled, decided
from engine.domain.swap import SwapFailure
from engine.domain.units import Lamports, Nanos, OrderId, RawAmount, Signature, seconds, whole
from engine.domain.urgency import TAKE_PROFITS, ExitReason, more_urgent
from tests.factories import NOW, a_fill, a_plan, a_position

POLICIES = RetryPolicies()
PLAN = a_plan(
    take_profits=[("25", "33"), ("50", "50"), ("100", "50")],
    trailing=("60", "15"),
    max_hold=seconds(3600),
    stagnation=("5", seconds(600)),
)
PLANS = (
    PLAN,
    a_plan(take_profits=[("50", "33"), ("100", "50")]),
    a_plan(take_profits=[("30", "10"), ("35", "10"), ("60", "100")], stagnation=("2", seconds(300))),
    a_plan(take_profits=(), trailing=("0", "2"), max_hold=seconds(600)),
)
"""With the same stop loss, which the model looks at."""
STOPPING = (ExitReason.STOP_LOSS, ExitReason.EMERGENCY)
FEE = Lamports(5_000)


class Life(RuleBasedStateMachine):
    """One position, at most one unfinished order, and what the chain would say."""

    @initialize(
        decimals=st.sampled_from([0, 2, 6, 9]),
        tokens=st.integers(1, 5) | st.integers(1, 5_000),
        cost=st.integers(1_000, 10**12),
    )
    def buy(self, decimals: int, tokens: int, cost: int) -> None:
        """Open the position."""
        position = a_position(decimals=decimals)
        amount = RawAmount(tokens * 10 ** max(0, decimals - 2))
        position = replace(position, entry_amount_tokens=amount, entry_amount_sol=Lamports(cost))
        self.entry = float(position.entry_price)
        self.position: Position = replace(
            position, plan=PLAN, peak_price=self.entry, calm_price=self.entry, last_price=self.entry
        )
        self.now = NOW
        self.orders: list[Order] = []
        self.withdrawal: OrderId | None = None
        self.chain_sold = self.chain_brought = self.chain_fees = 0
        self.fired = [Decimal(0)]

    # What an actor does with a step ------------------------------------------------------------------------

    def perform(self, position: Position, action: Action) -> None:
        """Do as *action* says, as the actor of a position does."""
        match action:
            case RaiseExit():
                assert all(order.finished for order in self.orders), "two exits at a time"
                name = OrderId(f"exit-{len(self.orders) + 1}")
                self.position, order = exit_order(position, action, name, POLICIES, self.now)
                assert 0 < order.amount_tokens <= self.position.remaining_tokens
                self.orders.append(order)
                self.withdrawal = None
            case Withdraw():
                self.position = withdrawing(position, action, self.now)
                assert action.order_id == self.orders[-1].id
                self.withdrawal = action.order_id
            case None:
                self.position = position

    @property
    def order(self) -> Order:
        """The newest order."""
        return self.orders[-1]

    def change(self, order: Order) -> None:
        """Keep the newest order as it stands now."""
        self.orders[-1] = order

    def is_order(self, *states: OrderStatus) -> bool:
        """Return whether the newest order is in one of *states*."""
        return bool(self.orders) and self.order.status in states

    # Prices ------------------------------------------------------------------------------------------------

    @rule(factor=st.sampled_from([0.5, 0.79, 0.81, 0.97, 1.0, 1.03, 1.26, 1.36, 1.51, 1.61, 2.01]))
    def price(self, factor: float) -> None:
        """The price moves."""
        was_closed, before = self.position.closed, self.position
        position, action = on_price(self.position, still(self.entry * factor, self.now), self.now)
        self.look_at_target(action)
        self.perform(position, action)
        if was_closed:
            assert self.position == before
        elif factor < 0.8:
            assert self.exits_with(*STOPPING), "a stop that was crossed has an order, or the promise of one"

    def look_at_target(self, action: Action) -> None:
        """Make sure that a target that fires was not there before, whichever plan it is of."""
        if action is None:
            return
        reason = action.reason if isinstance(action, RaiseExit) else action.wanted.reason
        if reason in TAKE_PROFITS:
            self.fired.append(self.position.plan.take_profits[TAKE_PROFITS.index(reason)].gain_pct)
            assert self.fired[-1] > self.fired[-2], "each target fires once"

    def exits_with(self, *reasons: ExitReason) -> bool:
        """Return whether an exit for one of *reasons* is on its way, is wanted, or waits for a person."""
        found = (self.position.active_exit, self.position.wanted_exit)
        return any(each is not None and each.reason in reasons for each in found)

    @rule(span=st.sampled_from([1, 300, 601, 3601]))
    def time_passes(self, span: int) -> None:
        """Time passes."""
        self.now = Nanos(self.now + seconds(span))

    # The router and the chain ------------------------------------------------------------------------------

    @precondition(lambda self: self.is_order(OrderStatus.PENDING) and self.withdrawal is None)
    @rule()
    def send(self) -> None:
        """An executor takes the order and sends an attempt."""
        order = submitted(self.order, self.now)
        self.change(sent(order, Signature(f"{order.id}-{order.attempt_count}"), self.now))

    @precondition(lambda self: self.is_order(OrderStatus.CONFIRMING) and self.withdrawal is None)
    @rule(sends=st.booleans())
    def sign_anew(self, sends: bool) -> None:
        """The verdict is slow: another attempt is made beside the first, and perhaps sent."""
        if self.order.attempt_count < self.order.max_attempts:
            order = resigned(self.order, self.now)
            signature = Signature(f"{order.id}-{order.attempt_count}")
            self.change(sent(order, signature, self.now) if sends else order)

    @precondition(lambda self: self.is_order(OrderStatus.SUBMITTED, OrderStatus.CONFIRMING))
    @rule(sol=st.integers(0, 10**12), short=st.integers(0, 3))
    def fill(self, sol: int, short: int) -> None:
        """An attempt lands; the wallet may have held a little less than the position."""
        sold = max(1, self.order.amount_tokens - short)
        fill = a_fill(self.order, tokens=-sold, sol=sol, fee=FEE)
        self.chain_sold += sold
        self.chain_brought += sol
        self.chain_fees += FEE
        before, remaining = self.order, self.position.remaining_tokens
        position, order, action = exit_filled(self.position, self.order, fill, self.now)
        self.change(order)
        assert position.closed is (
            before.amount_tokens == remaining or whole(position.remaining_tokens, position.decimals) <= DUST
        )
        self.perform(position, action)
        with pytest.raises(CommandRefusedError):
            exit_filled(self.position, before, fill, self.now)

    @precondition(lambda self: self.is_order(OrderStatus.SUBMITTED, OrderStatus.CONFIRMING))
    @rule(kind=st.sampled_from([FailureKind.SLIPPAGE, FailureKind.EXPIRED, FailureKind.PERMANENT]))
    def fail(self, kind: FailureKind) -> None:
        """All attempts fail, at the cost of a fee where one landed; a withdrawn order has no other."""
        fee = FEE if kind is FailureKind.SLIPPAGE else Lamports(0)
        self.chain_fees += fee
        policy = POLICIES.of(self.order.urgency)
        order = replace(self.order, fees=Lamports(self.order.fees + fee))
        order = after_failure(order, SwapFailure(kind=kind, message="it failed"), policy, self.now)
        withdrawn = self.withdrawal == order.id
        order = cancelled(order, self.now) if withdrawn else decided(order, policy, self.now)
        self.change(order)
        if withdrawn:
            self.perform(*exit_withdrawn(self.position, order, self.now))
        elif order.finished:
            self.perform(*exit_failed(self.position, order, self.now))

    @precondition(lambda self: self.is_order(OrderStatus.PENDING) and self.withdrawal is not None)
    @rule()
    def withdraw(self) -> None:
        """The router takes back what was not sent, for what is wanted more."""
        self.take_back()
        assert self.position.wanted_exit is None
        assert self.is_order(OrderStatus.PENDING), "what was wanted follows at once"

    @precondition(lambda self: self.is_order(OrderStatus.PENDING))
    @rule()
    def cancel(self) -> None:
        """A person takes back what was not sent."""
        self.take_back()

    def take_back(self) -> None:
        """Cancel the order that is queued, and tell the position."""
        self.change(cancelled(self.order, self.now))
        self.perform(*exit_withdrawn(self.position, self.order, self.now))

    # A person ----------------------------------------------------------------------------------------------

    @rule(reason=st.sampled_from([ExitReason.MANUAL, ExitReason.EMERGENCY]), pct=st.sampled_from([10, 50, 100]))
    def command(self, reason: ExitReason, pct: int) -> None:
        """A person orders an exit."""
        position, before = self.position, len(self.orders)
        try:
            action = ordered_exit(position, reason, Decimal(pct))
        except CommandRefusedError:
            nothing = position.remaining_tokens * pct < 100
            busy = position.active_exit is not None and not position.needs_action
            assert position.closed or nothing or busy
            if busy and reason is ExitReason.EMERGENCY and not nothing:
                assert self.exits_with(ExitReason.EMERGENCY), "nothing but another emergency stands in its way"
            return
        self.perform(position, action)
        assert len(self.orders) == before + 1 or self.position.wanted_exit is not None

    @rule(everything=st.booleans())
    def retry(self, everything: bool) -> None:
        """A person retries the newest order."""
        if not self.orders:
            return
        failed = self.order
        if not self.position.needs_action:
            with pytest.raises(CommandRefusedError):
                retried_exit(self.position, failed, POLICIES, everything=everything)
            return
        self.perform(self.position, retried_exit(self.position, failed, POLICIES, everything=everything))
        assert self.order.retry_of == failed.id
        assert self.order.amount_tokens == (self.position.remaining_tokens if everything else failed.amount_tokens)

    @rule()
    def release(self) -> None:
        """A person gives the failed exit up."""
        if not self.position.needs_action:
            with pytest.raises(CommandRefusedError):
                released(self.position, self.now)
            return
        self.perform(released(self.position, self.now), None)

    @rule(plan=st.sampled_from(PLANS))
    def change_plan(self, plan: ExitPlan) -> None:
        """A person changes the plan: nothing but the rules is another."""
        before = self.position
        if before.closed:
            with pytest.raises(CommandRefusedError):
                replanned(before, plan, self.now)
            return
        self.position = replanned(before, plan, self.now)
        for name in ("status", "active_exit", "wanted_exit", "needs_action", "peak_price", "opened_at"):
            assert getattr(self.position, name) == getattr(before, name)

    # What always holds -------------------------------------------------------------------------------------

    @invariant()
    def no_more_is_sold_than_was_bought(self) -> None:
        """The books say what the chain says, and that is never more than was bought."""
        assert self.position.sold_tokens == self.chain_sold <= self.position.entry_amount_tokens

    @invariant()
    def one_exit_at_a_time(self) -> None:
        """There is one unfinished order at most, and it is the one that the position waits for."""
        unfinished = [order for order in self.orders if not order.finished]
        assert len(unfinished) <= 1
        active = self.position.active_exit
        if unfinished:
            assert active is not None
            assert (active.order_id, active.reason) == (unfinished[0].id, unfinished[0].exit_reason)
            assert not self.position.needs_action
        else:
            assert (active is not None) is self.position.needs_action

    @invariant()
    def the_status_says_how_it_stands(self) -> None:
        """CLOSED, waiting for an exit, partly sold or whole: each says so and nothing else."""
        position = self.position
        if position.closed:
            assert position.final_pnl == position.realized_pnl
            assert (position.active_exit, position.wanted_exit, position.needs_action) == (None, None, False)
            assert position.closed_at is not None
        elif position.active_exit is not None:
            assert position.status is PositionStatus.EXIT_PENDING
        else:
            assert position.status is (PositionStatus.PARTIAL_EXIT if self.chain_sold else PositionStatus.OPEN)
            assert position.wanted_exit is None

    @invariant()
    def what_is_wanted_is_more_urgent(self) -> None:
        """Only a more urgent exit waits behind another."""
        position = self.position
        if position.wanted_exit is not None:
            assert position.active_exit is not None
            assert more_urgent(position.wanted_exit.reason, position.active_exit.reason)

    @invariant()
    def the_result_is_what_came_in_less_what_it_cost(self) -> None:
        """To the lamport, for the tokens that were sold; at the end also for those that were missing, unless dust."""
        position = self.position
        lost = position.closed and whole(position.remaining_tokens, position.decimals) > DUST
        counted = position.entry_amount_tokens if lost else self.chain_sold
        cost = position.entry_amount_sol * counted // position.entry_amount_tokens
        assert position.realized_pnl == self.chain_brought - cost

    @invariant()
    def every_fee_is_counted_once(self) -> None:
        """What the chain took is on the position, but for the order that is not settled yet."""
        unsettled = sum(order.fees for order in self.orders if not order.finished)
        assert self.position.fees == self.chain_fees - unsettled


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
