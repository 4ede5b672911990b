"""How a position answers what happens to it: pure steps, each returning the new position and what to do.

One exit per position at a time. A more urgent reason withdraws one that is queued, and follows one that is in
flight as soon as its fate is known; it is kept in `wanted_exit` until then, so that nothing is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.domain.errors import CommandRefusedError
from engine.domain.exits import Window, calm, sell_pct, triggered
from engine.domain.machine import advance
from engine.domain.order import Order, OrderKind, filled
from engine.domain.position import (
    POSITION_TABLE,
    ActiveExit,
    Position,
    PositionStep,
    WantedExit,
    cost_of,
    exit_amount,
    is_dust,
    lost_tokens,
)
from engine.domain.retry import RetryPolicies
from engine.domain.swap import Fill
from engine.domain.units import BasisPoints, Lamports, Nanos, OrderId, RawAmount
from engine.domain.urgency import TAKE_PROFITS, ExitReason, more_urgent, urgency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseExit:
    """Make an exit order now."""

    reason: ExitReason
    sell_pct: Decimal
    amount: RawAmount
    slippage: BasisPoints | None = None
    """Where None, the retry policy's."""
    retry_of: OrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Ask the router to take back the active exit, for the sake of a more urgent one."""

    order_id: OrderId
    wanted: WantedExit


Action = RaiseExit | Withdraw | None


def opened(order: Order, fill: Fill, now: Nanos) -> Position:
    """Return the position that the *fill* of the entry *order* opened: what the chain moved, not the quote.

    Raises:
        ValueError: the order is not an entry with a plan, or the fill brought no tokens.
    """
    if order.kind is not OrderKind.ENTRY or order.plan is None or fill.tokens <= 0 or fill.sol >= 0:
        raise ValueError(f"order {order.id} with {fill} opens no position")
    price = fill.price(order.decimals)
    entry = float(price) if price is not None else 0.0
    return Position(
        id=order.position_id,
        mint=order.mint,
        symbol=order.symbol,
        decimals=order.decimals,
        plan=order.plan,
        entry_order_id=order.id,
        entry_amount_tokens=RawAmount(fill.tokens),
        entry_amount_sol=Lamports(-fill.sol),
        fees=order.fees,
        opened_at=now,
        updated_at=now,
        peak_price=entry,
        calm_since=now,
        calm_price=entry,
        last_price=entry,
        last_price_at=now,
    )


def on_price(position: Position, window: Window, now: Nanos) -> tuple[Position, Action]:
    """Answer a price: remember it, and raise the most urgent exit that it sets off."""
    if position.closed:
        return position, None
    reason = triggered(position, window, now)
    position = _remembering(position, window)
    action = _answer(position, reason) if reason else None
    if reason is None or action is None:
        return position, None
    # Counted here, while the plan is the one that the level is of: its exit may be raised after that has changed.
    position = _level_taken(position, reason)
    if isinstance(action, RaiseExit) and action.amount == 0:
        return position, None  # a share of so few base units that nothing is left to sell of it
    return position, action


def _remembering(position: Position, window: Window) -> Position:
    if not calm(position, window):
        position = replace(position, calm_since=window.at, calm_price=window.last)
    peak = max(position.peak_price, window.high)
    return replace(position, peak_price=peak, last_price=window.last, last_price_at=window.at)


def _answer(position: Position, reason: ExitReason) -> Action:
    return _raise_or_withdraw(position, WantedExit(reason=reason, sell_pct=sell_pct(position.plan, reason)))


def _raise_or_withdraw(position: Position, wanted: WantedExit) -> Action:
    active, waiting = position.active_exit, position.wanted_exit
    if active is not None and not more_urgent(wanted.reason, active.reason):
        return None
    if active is not None and wanted.reason in TAKE_PROFITS and wanted.sell_pct <= active.sell_pct:
        return None  # what is on its way sells as much; taking it back for less would lose a person's order
    raising = _raising(position, wanted)
    if active is None or position.needs_action or raising.amount == 0:
        return raising
    if waiting is not None and not more_urgent(wanted.reason, waiting.reason):
        return None
    return Withdraw(order_id=active.order_id, wanted=wanted)


def _raising(position: Position, wanted: WantedExit) -> RaiseExit:
    amount = exit_amount(position.remaining_tokens, wanted.sell_pct)
    return RaiseExit(reason=wanted.reason, sell_pct=wanted.sell_pct, amount=amount)


def withdrawing(position: Position, action: Withdraw, now: Nanos) -> Position:
    """Return *position*, which wants what *action* says as soon as the active exit is out of the way."""
    return replace(position, wanted_exit=action.wanted, updated_at=now)


def exit_order(
    position: Position,
    action: RaiseExit,
    order_id: OrderId,
    policies: RetryPolicies,
    now: Nanos,
    *,
    marker_seed: str = "",
) -> tuple[Position, Order]:
    """Return the position waiting for the EXIT order that *action* asks for, and the order, PENDING.

    Raises:
        IllegalStepError: the position is closed.
        ValueError: the amount is nothing, or more than remains, or another exit is on its way.
    """
    if not 0 < action.amount <= position.remaining_tokens:
        raise ValueError(f"position {position.id}: {action.amount} of {position.remaining_tokens} cannot be sold")
    if position.active_exit is not None and not position.needs_action:
        raise ValueError(f"position {position.id} waits for {position.active_exit.order_id}: one exit at a time")
    status = advance(POSITION_TABLE, position.status, PositionStep.REQUEST_EXIT, of=f"position {position.id}")
    policy = policies.of(urgency_of(action.reason))
    order = Order(
        id=order_id,
        kind=OrderKind.EXIT,
        position_id=position.id,
        mint=position.mint,
        symbol=position.symbol,
        decimals=position.decimals,
        amount_tokens=action.amount,
        exit_reason=action.reason,
        sell_pct=action.sell_pct,
        expected_price=Decimal(repr(position.last_price)),
        max_slippage_bps=policy.slippage if action.slippage is None else action.slippage,
        priority_fee=policy.fee,
        max_attempts=policy.max_attempts,
        retry_of=action.retry_of,
        marker_seed=marker_seed,
        created_at=now,
        updated_at=now,
    )
    active = ActiveExit(order_id=order_id, reason=action.reason, amount=action.amount, sell_pct=action.sell_pct)
    position = replace(
        position,
        status=status,
        active_exit=active,
        wanted_exit=None,
        needs_action=False,
        exit_reason=action.reason,
        updated_at=now,
    )
    return position, order


def _level_taken(position: Position, reason: ExitReason) -> Position:
    """Return *position* with the level of *reason* behind it: each level is taken once, whatever comes of its exit."""
    if reason not in TAKE_PROFITS:
        return position
    return replace(position, levels_taken=max(position.levels_taken, TAKE_PROFITS.index(reason) + 1))


def exit_filled(position: Position, order: Order, fill: Fill, now: Nanos) -> tuple[Position, Order, RaiseExit | None]:
    """Return position and order after *fill* sold what it sold, and the exit that is to follow, if any.

    An order for all that remained closes the position even where the wallet held less than the books said:
    the cost of what was missing is then a realized loss.

    Raises:
        CommandRefusedError: the position is not waiting for this order; it was settled before.
        ValueError: the fill sold nothing, or more than remained.
    """
    _expect(position, order)
    before, sold = position.sold_tokens, RawAmount(position.sold_tokens - fill.tokens)
    if not before < sold <= position.entry_amount_tokens:
        raise ValueError(f"position {position.id}: a fill of {fill.tokens} does not fit {position.remaining_tokens}")
    all_there_was = order.amount_tokens == position.remaining_tokens
    closes = all_there_was or is_dust(position.entry_amount_tokens - sold, position.decimals)
    counted = sold + lost_tokens(position, sold, closed=closes)
    order = filled(replace(order, fees=Lamports(order.fees + fill.fee)), fill, now)
    pnl = Lamports(position.realized_pnl + fill.sol - cost_of(position, before, counted))
    position = replace(
        _without_exit(position, PositionStep.SELL_ALL if closes else PositionStep.SELL_PART, now),
        sold_tokens=sold,
        realized_pnl=pnl,
        fees=Lamports(position.fees + order.fees),
        last_exit_order_id=order.id,
        last_exit_price=order.actual_price,
        last_exit_timestamp=now,
        closed_at=now if closes else None,
        final_pnl=pnl if closes else None,
    )
    if closes:
        return replace(position, wanted_exit=None), order, None
    position, action = _followed_up(position)
    return position, order, action


def exit_withdrawn(position: Position, order: Order, now: Nanos) -> tuple[Position, RaiseExit | None]:
    """Return the position after its exit was taken back, and the exit that is to follow, if any."""
    _expect(position, order)
    step = PositionStep.RESUME_PARTLY if position.sold_tokens else PositionStep.RESUME_WHOLE
    resumed = replace(_without_exit(position, step, now), fees=Lamports(position.fees + order.fees))
    return _followed_up(resumed)


def exit_failed(position: Position, order: Order, now: Nanos) -> tuple[Position, RaiseExit | None]:
    """Return the position after its exit failed for good: it follows up, or waits for a person.

    Raises:
        CommandRefusedError: the position is not waiting for this order, or knows of its failure already.
    """
    _expect(position, order)
    if position.needs_action:
        raise CommandRefusedError(f"position {position.id} knows already that order {order.id} failed")
    position = replace(position, needs_action=True, fees=Lamports(position.fees + order.fees), updated_at=now)
    return _followed_up(position)


def fee_charged(position: Position, fee: Lamports) -> Position:
    """Return *position* with one more *fee* of an exit that it has booked."""
    return replace(position, fees=Lamports(position.fees + fee))


def released(position: Position, now: Nanos) -> Position:
    """Return the position after a person gave up its failed exit: guarded again, the raised levels behind it.

    Raises:
        CommandRefusedError: no exit of it has failed for good.
    """
    if not position.needs_action:
        raise CommandRefusedError(f"position {position.id} is {position.status}: no exit of it waits for release")
    step = PositionStep.RESUME_PARTLY if position.sold_tokens else PositionStep.RESUME_WHOLE
    return _without_exit(position, step, now)


def ordered_exit(position: Position, reason: ExitReason, pct: Decimal) -> RaiseExit | Withdraw:
    """Return what a person's order to sell *pct* percent for *reason* (MANUAL, EMERGENCY) leads to.

    Raises:
        CommandRefusedError: the position is closed, or an exit as urgent is on its way, or nothing would be sold.
    """
    if position.closed:
        raise CommandRefusedError(f"position {position.id} is closed: there is nothing left to sell")
    if reason is ExitReason.EMERGENCY:
        pct = Decimal(100)
    if not (pct.is_finite() and 10 <= pct <= 100):  # noqa: PLR2004
        raise CommandRefusedError(f"an exit of {pct} % is not possible: name 10 to 100 percent")
    wanted = WantedExit(reason=reason, sell_pct=pct)
    active = position.active_exit
    action = _raising(position, wanted) if position.needs_action else _raise_or_withdraw(position, wanted)
    if action is None and active is not None:
        raise CommandRefusedError(
            f"position {position.id} is {position.status}: {active.reason} (order {active.order_id}) is on its way; "
            "wait for it, cancel it while it is queued, or order an emergency exit"
        )
    if action is None or (isinstance(action, RaiseExit) and action.amount == 0):
        raise CommandRefusedError(
            f"position {position.id}: {pct} % of {position.remaining_tokens} raw units is nothing"
        )
    return action


def retried_exit(position: Position, failed: Order, policies: RetryPolicies, *, everything: bool) -> RaiseExit:
    """Return a person's retry of *failed*: at the amount that failed, or at *everything* that remains.

    Raises:
        CommandRefusedError: the position does not wait for a person about this order.
    """
    active = position.active_exit
    if not position.needs_action or active is None or active.order_id != failed.id:
        raise CommandRefusedError(
            f"order {failed.id} is {failed.status} and position {position.id} is {position.status}: "
            "only the exit that failed for good last can be retried"
        )
    amount = position.remaining_tokens if everything else min(failed.amount_tokens, position.remaining_tokens)
    return RaiseExit(
        reason=active.reason,
        sell_pct=Decimal(100) if everything else failed.sell_pct,
        amount=RawAmount(amount),
        slippage=policies.manual_retry_slippage,
        retry_of=failed.id,
    )


def _expect(position: Position, order: Order) -> None:
    if position.active_exit is None or position.active_exit.order_id != order.id:
        raise CommandRefusedError(f"position {position.id} is {position.status} and does not wait for order {order.id}")


def _without_exit(position: Position, step: PositionStep, now: Nanos) -> Position:
    status = advance(POSITION_TABLE, position.status, step, of=f"position {position.id}")
    return replace(position, status=status, active_exit=None, needs_action=False, updated_at=now)


def _followed_up(position: Position) -> tuple[Position, RaiseExit | None]:
    if position.wanted_exit is None:
        return position, None
    action = _raising(position, position.wanted_exit)
    return replace(position, wanted_exit=None), action if action.amount else None
