"""An exit from its trigger to its fill, through the real actors."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from actors.system import ROUTER, executor_name, position_name
from engine.domain.errors import INSUFFICIENT_TOKENS, CommandRefusedError, FailureKind, SwapError
from engine.domain.exits import Window, still
from engine.domain.order import OrderKind, OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import Mint, RawAmount, lamports
from engine.domain.urgency import ExitReason
from engine.messages.control import EmergencyExit, ExitPosition, ReleasePosition, RetryExit
from engine.messages.orders import CancelOrder, ExitLanded, PlaceEntry, SubmitOrder
from engine.messages.prices import PriceMoved
from tests.actors.rig import BONK, Rig
from tests.doubles import FEE, no_route, slipped


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A started engine, in which no handler may fail."""
    rig = Rig().start()
    yield rig
    assert rig.bus.subjects("engine.message_failed") == []


def hold_executors(rig: Rig) -> None:
    """Let the next transactions hang in the air, neither landed nor failed."""
    rig.chain.outcomes.extend(["hold"] * 100)


def test_an_entry_opens_a_position_from_what_the_chain_says(rig: Rig) -> None:
    """A filled entry opens a position with the amounts of the fill, and its actor runs."""
    position = rig.open(spend="2", price="0.5")
    assert position.status is PositionStatus.OPEN
    assert (position.entry_amount_tokens, position.entry_amount_sol) == (4_000_000, lamports("2"))
    assert position.entry_price == Decimal("0.5")
    assert position.fees == FEE
    assert rig.held(position) == position


def test_a_trigger_makes_a_pending_order_and_no_swap(rig: Rig) -> None:
    """The exit condition stores a PENDING order with position, amount and reason before anything is swapped."""
    position = rig.open()
    requests = len(rig.venue.requests)
    rig.market.prices[BONK] = Decimal("0.8")
    window = PriceMoved(mint=BONK, window=_still(0.8, rig))
    rig.system.tell(position_name(position.id), window)
    rig.steps.step()
    (order,) = rig.exits(position)
    assert order.status is OrderStatus.PENDING
    assert (order.position_id, order.amount_tokens, order.exit_reason) == (
        position.id,
        position.entry_amount_tokens,
        ExitReason.STOP_LOSS,
    )
    assert rig.position(position.id).status is PositionStatus.EXIT_PENDING
    assert len(rig.venue.requests) == requests
    assert [e.status for e in rig.store.history(order.id)] == [OrderStatus.PENDING]


def test_a_stop_loss_sells_everything_and_closes(rig: Rig) -> None:
    """A stop loss sells 100 %, and its fill closes the position with its final PnL."""
    position = rig.open()
    rig.price("0.8")
    rig.advance(2)
    closed = rig.position(position.id)
    assert closed.status is PositionStatus.CLOSED
    assert closed.sold_tokens == closed.entry_amount_tokens
    assert closed.realized_pnl == closed.final_pnl == -lamports("0.2")
    assert closed.net_pnl == closed.realized_pnl - 2 * FEE
    assert closed.exit_reason is ExitReason.STOP_LOSS
    assert closed.last_exit_price == Decimal("0.8")
    assert closed.closed_at == closed.last_exit_timestamp is not None
    assert not rig.system.alive(position_name(position.id))


def test_a_take_profit_sells_its_share_and_keeps_the_rest_open(rig: Rig) -> None:
    """TP1 sells 33 % of what remains, books its profit and leaves the position guarded."""
    position = rig.open()
    rig.price("1.25")
    rig.advance(2)
    partly = rig.position(position.id)
    assert partly.status is PositionStatus.PARTIAL_EXIT
    assert partly.sold_tokens == 330_000
    assert partly.realized_pnl == 330_000 * 250
    rig.price("1.5")
    rig.advance(2)
    again = rig.position(position.id)
    assert again.sold_tokens == 330_000 + 335_000
    assert [o.exit_reason for o in rig.exits(position)] == [ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2]
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens


def test_two_levels_crossed_at_once_are_taken_one_after_the_other(rig: Rig) -> None:
    """A jump over TP1 and TP2 sells the first, and then the second without waiting for a tick."""
    position = rig.open()
    rig.price("1.6")
    rig.advance(3)
    assert [o.exit_reason for o in rig.exits(position)] == [ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2]
    assert rig.position(position.id).status is PositionStatus.PARTIAL_EXIT


def test_a_failed_exit_keeps_its_position_pending_until_it_is_retried(rig: Rig) -> None:
    """While attempts fail the position stays EXIT_PENDING; a fill on the retry updates it."""
    position = rig.open()
    rig.chain.outcomes.extend(["revert", "revert", "land"])
    rig.price("1.25")
    rig.advance(1)
    (order,) = rig.exits(position)
    assert order.status is OrderStatus.PENDING
    assert order.next_retry_at is not None
    assert rig.position(position.id).status is PositionStatus.EXIT_PENDING
    rig.advance(30)
    (order,) = rig.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.FILLED, 3)
    partly = rig.position(position.id)
    assert partly.status is PositionStatus.PARTIAL_EXIT
    assert partly.sold_tokens == 330_000
    assert partly.fees == 4 * FEE == rig.paid()
    assert [r.slippage for r in rig.venue.requests[1:]] == [150, 300, 600]
    assert rig.venue.fees[1:] == [20_000, 40_000, 80_000]


def test_an_exit_that_fails_for_good_raises_a_critical_alert_and_waits(rig: Rig) -> None:
    """After max_attempts the order is CANCELLED, the position pending, and a CRITICAL alert asks for a person."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * 3)
    rig.price("1.25")
    rig.advance(60)
    (order,) = rig.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.CANCELLED, 3)
    stuck = rig.position(position.id)
    assert stuck.status is PositionStatus.EXIT_PENDING
    assert stuck.needs_action
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert alert.alert_type == "exit_failed_critical"
    assert (alert.severity, alert.title) == ("critical", "EXIT FAILED - Manual action required")
    assert alert.requires_action
    assert alert.data == {
        "order_id": order.id,
        "position_id": position.id,
        "token": BONK,
        "attempts": "3",
        "error": "no route found",
    }
    assert [a.id for a in rig.notifier.delivered] == [alert.id]
    rig.price("1.3")
    rig.advance(60)
    assert len(rig.exits(position)) == 1


def test_a_person_retries_at_the_amount_that_failed_and_the_alert_resolves(rig: Rig) -> None:
    """Retry makes a new order of the failed amount with 200 bps; its fill resolves the alert."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * 3)
    rig.price("1.25")
    rig.advance(60)
    (failed,) = rig.exits(position)
    retried = rig.ask(position_name(position.id), RetryExit(failed=failed))
    assert retried.amount_tokens == failed.amount_tokens
    assert (retried.max_slippage_bps, retried.retry_of) == (200, failed.id)
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.PARTIAL_EXIT
    assert rig.position(position.id).sold_tokens == failed.amount_tokens
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_person_may_retry_with_everything(rig: Rig) -> None:
    """Retry with everything sells 100 % of what remains and closes the position."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * 3)
    rig.price("1.25")
    rig.advance(60)
    (failed,) = rig.exits(position)
    rig.ask(position_name(position.id), RetryExit(failed=failed, everything=True))
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_stop_loss_fires_from_an_exit_that_failed_for_good(rig: Rig) -> None:
    """A take profit that failed for good never switches off the stop loss."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * 3)
    rig.price("1.25")
    rig.advance(60)
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_stop_loss_replaces_a_take_profit_that_waits_for_its_retry(rig: Rig) -> None:
    """A stop loss never waits out the retries of a take profit: the queued one is cancelled at once."""
    position = rig.open()
    rig.venue.fail(no_route())
    rig.price("1.25")
    rig.advance(1)
    rig.price("0.8")
    rig.run()
    take_profit, stop = rig.exits(position)
    assert take_profit.status is OrderStatus.CANCELLED
    assert stop.exit_reason is ExitReason.STOP_LOSS
    assert f"order.{take_profit.id}.superseded" in rig.bus.subjects()
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens


def test_a_stop_loss_follows_a_take_profit_in_flight_that_lands(rig: Rig) -> None:
    """Once the take profit in flight has landed, the stop loss sells exactly the rest, without another tick."""
    position = rig.open()
    hold_executors(rig)
    rig.price("1.25")
    rig.advance(1)
    rig.price("0.8")
    rig.advance(1)
    assert len(rig.exits(position)) == 1
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(3)
    take_profit, stop = rig.exits(position)
    assert take_profit.status is OrderStatus.FILLED
    assert stop.amount_tokens == position.entry_amount_tokens - take_profit.amount_tokens
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens


def test_a_stop_loss_follows_a_take_profit_in_flight_that_reverts(rig: Rig) -> None:
    """When the take profit in flight fails there is no retry of it: the stop loss goes at once."""
    position = rig.open()
    hold_executors(rig)
    rig.price("1.25")
    rig.advance(1)
    rig.price("0.8")
    rig.chain.outcomes.clear()
    rig.chain.release("revert")
    rig.advance(1)
    take_profit, stop = rig.exits(position)
    assert (take_profit.status, take_profit.attempt_count) == (OrderStatus.CANCELLED, 1)
    assert stop.exit_reason is ExitReason.STOP_LOSS
    rig.advance(1)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.position(position.id).fees == rig.paid()


def test_a_confirmation_that_does_not_come_is_never_a_new_swap(rig: Rig) -> None:
    """Without a marker an attempt is sent again as it is, for as long as it may land; it is never signed anew."""
    rig.venue.markers = False
    position = rig.open()
    hold_executors(rig)
    rig.price("0.8")
    rig.advance(600)
    assert len(rig.signer.signed) == 2
    (order,) = rig.exits(position)
    assert order.status is OrderStatus.CONFIRMING
    assert rig.chain.sent.count(rig.signer.signed[1].signature) > 10
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(1)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_proven_dead_attempt_is_followed_by_a_new_one(rig: Rig) -> None:
    """Only past its last valid height, and unknown to the node, is an attempt without a marker signed anew."""
    rig.venue.markers = False
    position = rig.open()
    rig.chain.outcomes.append("lose")
    rig.price("0.8")
    rig.advance(30)
    assert len(rig.signer.signed) == 2
    rig.chain.height = 151
    rig.advance(2)
    assert len(rig.signer.signed) == 3
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert [a.status for a in rig.store.attempts(rig.exits(position)[0].id)] == ["expired", "landed"]


def test_an_attempt_that_lands_past_its_height_is_not_buried(rig: Rig) -> None:
    """A signature that the node knows is never declared dead, whatever the height."""
    position = rig.open()
    hold_executors(rig)
    rig.price("0.8")
    rig.advance(1)
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.chain.height = 10_000
    rig.advance(1)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert len(rig.signer.signed) == 2


def test_a_lost_acknowledgement_is_not_a_failure(rig: Rig) -> None:
    """When sending times out the transaction may have gone through: the chain is asked, nothing is signed anew."""
    position = rig.open()
    rig.chain.send_errors.append(slipped())
    rig.price("0.8")
    rig.advance(5)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert len(rig.signer.signed) == 2


def test_the_bytes_are_recorded_before_they_are_sent(rig: Rig) -> None:
    """Whatever is handed to the network stands in the store already, with its last valid block height."""
    seen: list[bool] = []
    send = rig.chain.send

    def watching_send(raw: bytes) -> None:
        recorded = {a.raw: a.last_valid_block_height for a in rig.store.attempts()}
        seen.append(recorded.get(raw) == 150)
        send(raw)

    rig.chain.send = watching_send  # type: ignore[method-assign]
    position = rig.open()
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert seen == [True, True]


def test_emergency_goes_before_everything_and_follows_what_is_in_flight(rig: Rig) -> None:
    """An emergency exit replaces whatever is under way, and sells what remains."""
    position = rig.open()
    hold_executors(rig)
    rig.price("1.25")
    rig.advance(1)
    waits_for = rig.ask(position_name(position.id), EmergencyExit())
    assert waits_for == rig.exits(position)[0].id
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(2)
    assert rig.exits(position)[1].exit_reason is ExitReason.EMERGENCY
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_manual_exit_sells_the_percentage(rig: Rig) -> None:
    """A manual exit of 40 % sells 40 % of what remains and keeps the rest guarded."""
    position = rig.open()
    order = rig.ask(position_name(position.id), ExitPosition(percent=Decimal(40)))
    assert order.amount_tokens == 400_000
    rig.advance(1)
    assert rig.position(position.id).status is PositionStatus.PARTIAL_EXIT
    assert rig.exits(position)[0].status is OrderStatus.FILLED


@pytest.mark.parametrize("percent", [Decimal(0), Decimal(9), Decimal(101), Decimal(-10)])
def test_a_percentage_out_of_range_is_refused_and_changes_nothing(rig: Rig, percent: Decimal) -> None:
    """Outside 10-100 % the command is refused, and the position is as it was."""
    position = rig.open()
    with pytest.raises(CommandRefusedError, match="name 10 to 100 percent"):
        rig.ask(position_name(position.id), ExitPosition(percent=percent))
    assert rig.position(position.id) == position
    assert rig.exits(position) == []


def test_a_second_manual_exit_is_refused_while_the_first_is_on_its_way(rig: Rig) -> None:
    """A double click sells once."""
    position = rig.open()
    hold_executors(rig)
    rig.ask(position_name(position.id), ExitPosition(percent=Decimal(50)))
    with pytest.raises(CommandRefusedError, match="is on its way"):
        rig.ask(position_name(position.id), ExitPosition(percent=Decimal(50)))
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(2)
    assert rig.sold_on_chain() == 500_000


def test_a_queued_exit_can_be_cancelled_and_the_position_is_guarded_on(rig: Rig) -> None:
    """Cancelling a queued order takes it back; the stop loss still fires afterwards."""
    position = rig.open()
    rig.venue.fail(no_route())
    rig.price("1.25")
    rig.advance(1)
    (order,) = rig.exits(position)
    cancelled = rig.ask(ROUTER, CancelOrder(order_id=order.id))
    assert cancelled.status is OrderStatus.CANCELLED
    rig.run()
    assert rig.position(position.id).status is PositionStatus.OPEN
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_an_exit_in_flight_cannot_be_cancelled(rig: Rig) -> None:
    """What was sent may land: cancelling it is refused with its state."""
    position = rig.open()
    hold_executors(rig)
    rig.price("1.25")
    rig.advance(1)
    (order,) = rig.exits(position)
    with pytest.raises(CommandRefusedError, match="is confirming: only a queued order can be cancelled"):
        rig.ask(ROUTER, CancelOrder(order_id=order.id))


def test_a_released_position_is_guarded_again(rig: Rig) -> None:
    """Release gives up the failed exit, resolves its alert, and leaves the other rules armed."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * 3)
    rig.price("1.25")
    rig.advance(60)
    rig.ask(position_name(position.id), ReleasePosition())
    rig.run()
    assert rig.position(position.id).status is PositionStatus.OPEN
    assert rig.store.alerts(unresolved_only=True) == []
    rig.price("1.5")
    rig.advance(2)
    assert rig.exits(position)[-1].exit_reason is ExitReason.TAKE_PROFIT_2


def test_an_entry_that_fails_for_good_raises_a_high_alert_and_opens_nothing(rig: Rig) -> None:
    """A failed entry is HIGH, asks for no action, and leaves no position behind."""
    rig.token()
    rig.venue.fail(*[no_route()] * 3)
    order = rig.entry()
    rig.ask(ROUTER, PlaceEntry(order=order))
    rig.advance(60)
    assert rig.store.positions() == []
    (alert,) = rig.store.alerts()
    assert (alert.alert_type, alert.severity, alert.requires_action) == ("entry_failed", "high", False)


def test_a_crashing_venue_costs_an_attempt_and_not_the_slot(rig: Rig) -> None:
    """An exception, or a panic out of native code, in an attempt is a failed attempt: the next one is made."""

    class Panic(BaseException):
        pass

    position = rig.open()
    rig.venue.fail(Panic("native code"), ValueError("nonsense"))
    rig.price("0.8")
    rig.advance(10)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.exits(position)[0].attempt_count == 3
    assert all(rig.system.alive(executor_name(n)) for n in range(3))


def test_a_fill_that_is_told_twice_is_booked_once(rig: Rig) -> None:
    """A position that hears of a fill again answers that it is settled, and books nothing."""
    position = rig.open()
    rig.price("1.25")
    rig.advance(2)
    (order,) = rig.exits(position)
    rig.system.tell(position_name(position.id), ExitLanded(order=order, fill=rig.store.fills(order.id)[0]))
    rig.advance(1)
    assert rig.position(position.id).sold_tokens == 330_000


def test_a_fill_survives_the_death_of_its_position_actor(rig: Rig) -> None:
    """When the position's actor is gone as the fill arrives, the one that replaces it books the fill."""
    position = rig.open()
    hold_executors(rig)
    rig.price("0.8")
    rig.advance(1)
    rig.system.reference(position_name(position.id)).stop(block=False)
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(10)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert "engine.actor_restarted" in rig.bus.subjects()


def test_a_restarted_router_takes_up_where_the_store_stands(rig: Rig) -> None:
    """A router that died is started again with its queue, its retries and its flights."""
    position = rig.open()
    other = rig.open(Mint("other"))
    hold_executors(rig)
    rig.price("0.8")
    rig.advance(1)
    rig.venue.fail(no_route())
    rig.price("1.25", other.mint)
    rig.advance(1)
    rig.system.reference(ROUTER).stop(block=False)
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(30)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.position(other.id).status is PositionStatus.PARTIAL_EXIT
    assert rig.sold_on_chain() == position.entry_amount_tokens + 330_000


def test_an_engine_that_starts_on_an_old_store_guards_its_positions() -> None:
    """Starting is recovering: open positions get their actors, and a decided exit that was not sent is sent."""
    first = Rig().start()
    position = first.open()
    first.venue.fail(no_route())
    first.price("1.25")
    first.advance(1)
    second = Rig(store=first.store)
    second.token()
    second.clock.advance_to(first.clock.now())
    second.start()
    second.price("1.3")
    second.advance(20)
    assert second.position(position.id).status is PositionStatus.PARTIAL_EXIT
    second.price("0.8")
    second.advance(2)
    assert second.position(position.id).status is PositionStatus.CLOSED


def test_every_token_keeps_its_own_decimals() -> None:
    """Positions of tokens with 0, 5, 6 and 9 decimals are bought, partly sold and closed exactly."""
    rig = Rig().start()
    for decimals in (0, 5, 6, 9):
        mint = Mint(f"token{decimals}")
        rig.token(mint, decimals=decimals, price="0.001")
        position = rig.open(mint, spend="1")
        assert position.entry_amount_tokens == 1_000 * 10**decimals
        rig.price("0.00125", mint)
        rig.advance(2)
        assert rig.position(position.id).sold_tokens == RawAmount(330 * 10**decimals)
        rig.price("0.0008", mint)
        rig.advance(2)
        closed = rig.position(position.id)
        assert closed.status is PositionStatus.CLOSED
        assert closed.final_pnl == lamports("0.33") * Decimal("0.25") - lamports("0.67") * Decimal("0.2")


def test_a_wallet_that_holds_less_sells_what_it_has_and_says_so(rig: Rig) -> None:
    """Where a fee-taking token left less than the books say, the exit sells what is there and an alert tells it."""
    position = rig.open()
    rig.chain.tokens[BONK] = 990_000
    rig.venue.fail(SwapError(FailureKind.PERMANENT, "the wallet holds too little", code=INSUFFICIENT_TOKENS))
    rig.price("0.8")
    rig.advance(2)
    closed = rig.position(position.id)
    assert closed.status is PositionStatus.CLOSED
    assert closed.sold_tokens == rig.sold_on_chain() == 990_000
    assert closed.final_pnl == lamports("0.792") - lamports("1")
    assert [a.alert_type for a in rig.store.alerts()] == ["exit_short"]


def test_entries_are_kept_apart_from_exits_in_the_store(rig: Rig) -> None:
    """An order knows which way it goes, and its history tells every step with its time."""
    position = rig.open()
    rig.price("0.8")
    rig.advance(2)
    entry, stop = rig.store.orders(position_id=position.id)
    assert (entry.kind, stop.kind) == (OrderKind.ENTRY, OrderKind.EXIT)
    assert [e.status for e in rig.store.history(stop.id)] == ["pending", "submitted", "confirming", "filled"]
    times = [e.at for e in rig.store.history(stop.id)]
    assert times == sorted(times)


def test_a_submitted_order_is_served_once(rig: Rig) -> None:
    """An order that the router is told of twice is swapped once."""
    position = rig.open()
    hold_executors(rig)
    rig.price("0.8")
    (order,) = rig.exits(position)
    rig.system.tell(ROUTER, SubmitOrder(order=order))
    rig.advance(1)
    assert len(rig.signer.signed) == 2


def _still(price: float, rig: Rig) -> Window:
    return still(price, rig.clock.now())
