"""Two attempts of one order may live at once only because the chain lets one of them succeed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from actors.router import RECLAIM_AFTER, RECLAIM_AT_ONCE
from actors.system import ROUTER
from engine.domain.order import OrderKind, OrderStatus
from engine.domain.position import Position, PositionStatus
from engine.domain.units import Mint
from engine.messages.control import Snapshot
from tests.actors.rig import Rig
from tests.doubles import FEE, MARKER_RENT, no_route


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A started engine, in which no handler may fail."""
    rig = Rig().start()
    yield rig
    assert rig.bus.subjects("engine.message_failed") == []


def stopped_without_verdict(rig: Rig, *, seconds: float = 4) -> Position:
    """Open a position, cross its stop, and leave its first attempts hanging for *seconds*."""
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 9)
    rig.price("0.8")
    rig.advance(seconds)
    rig.chain.outcomes.clear()
    return position


def test_an_urgent_exit_without_a_verdict_is_signed_anew_at_a_higher_fee(rig: Rig) -> None:
    """After three seconds a second attempt goes out beside the first, with twice the priority fee."""
    position = stopped_without_verdict(rig)
    (order,) = rig.exits(position)
    first, second = rig.store.attempts(order.id)
    assert (order.status, order.attempt_count) == (OrderStatus.CONFIRMING, 2)
    assert first.live
    assert second.live
    assert second.priority_fee == 2 * first.priority_fee
    assert first.marked
    assert second.marked


@pytest.mark.parametrize("newest_first", [False, True])
def test_whichever_of_two_live_attempts_comes_first_there_is_one_sale(rig: Rig, *, newest_first: bool) -> None:
    """In either order of arrival one lands, the other fails at its marker, and both fees are booked."""
    position = stopped_without_verdict(rig)
    (order,) = rig.exits(position)
    if newest_first:
        rig.chain.held = dict(reversed(rig.chain.held.items()))
    rig.chain.release("land")
    rig.advance(5)
    closed = rig.position(position.id)
    assert closed.status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    outcomes = [attempt.status for attempt in rig.store.attempts(order.id)]
    assert outcomes == (["reverted", "landed"] if newest_first else ["landed", "reverted"])
    assert closed.fees == 3 * FEE == rig.paid()
    stored = rig.store.order(order.id)
    assert stored is not None
    assert (stored.status, stored.fees) == (OrderStatus.FILLED, 2 * FEE)


def test_a_sibling_that_fails_late_is_booked_to_the_closed_position(rig: Rig) -> None:
    """The fee of an attempt that fails after the position was closed is booked all the same."""
    position = stopped_without_verdict(rig)
    held = dict(rig.chain.held)
    first = next(iter(held))
    rig.chain.held = {first: held[first]}
    rig.chain.release("land")
    rig.advance(5)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    rig.chain.held = {s: body for s, body in held.items() if s != first}
    rig.chain.release("land")
    rig.advance(5)
    assert rig.position(position.id).fees == 3 * FEE == rig.paid()
    assert rig.store.attempts(unresolved_only=True) == []


def test_a_sibling_that_expires_late_costs_nothing(rig: Rig) -> None:
    """An attempt that dies unseen beside one that landed is resolved, and changes no figure."""
    position = stopped_without_verdict(rig)
    held = dict(rig.chain.held)
    last = list(held)[-1]
    rig.chain.held = {last: held[last]}
    rig.chain.release("land")
    rig.advance(5)
    rig.chain.height = 151
    rig.advance(5)
    assert rig.position(position.id).fees == 2 * FEE
    assert rig.store.attempts(unresolved_only=True) == []


def test_an_order_fails_only_when_no_attempt_of_it_lives(rig: Rig) -> None:
    """While one of two attempts may still land the order goes on; when the last is dead it is tried again."""
    position = stopped_without_verdict(rig)
    held = dict(rig.chain.held)
    first = next(iter(held))
    rig.chain.held = {first: held[first]}
    rig.chain.release("revert")
    rig.advance(0.9)
    (order,) = rig.exits(position)
    assert order.status is OrderStatus.CONFIRMING
    rig.chain.held = {s: body for s, body in held.items() if s != first}
    rig.chain.release("revert")
    rig.advance(4)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    assert rig.position(position.id).fees == rig.paid()


def test_attempts_beside_each_other_count_against_the_limit(rig: Rig) -> None:
    """However long no verdict comes, no more than max_attempts are signed."""
    position = stopped_without_verdict(rig, seconds=300)
    assert len(rig.store.attempts(rig.exits(position)[0].id)) == 5


def test_without_room_for_a_marker_nothing_is_signed_beside_a_live_attempt(rig: Rig) -> None:
    """An unmarked attempt waits for the proof of death, and so does a marked one beside it."""
    rig.venue.markers = False
    position = stopped_without_verdict(rig, seconds=60)
    (order,) = rig.exits(position)
    assert len(rig.store.attempts(order.id)) == 1
    rig.chain.height = 151
    rig.chain.held.clear()
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_transaction_that_lost_its_room_is_not_signed_beside_a_marked_one(rig: Rig) -> None:
    """A marked attempt lives, the next one has no room for a marker: it is not signed, and the order goes on."""
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 9)
    rig.price("0.8")
    rig.advance(1)
    rig.venue.markers = False
    rig.advance(60)
    (order,) = rig.exits(position)
    assert len(rig.store.attempts(order.id)) == 1
    assert order.status is OrderStatus.CONFIRMING
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_failed_quote_beside_a_live_attempt_does_not_fail_the_order(rig: Rig) -> None:
    """When the second attempt cannot be made the first may still land, and does."""
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 9)
    rig.price("0.8")
    rig.advance(1)
    rig.venue.fail(no_route())
    rig.advance(3)
    (order,) = rig.exits(position)
    assert order.status is OrderStatus.CONFIRMING
    rig.chain.outcomes.clear()
    rig.chain.release("land")
    rig.advance(3)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_withdrawn_order_is_not_signed_anew(rig: Rig) -> None:
    """A take profit in flight that a stop loss waits for gets no further attempt."""
    position = rig.open()
    rig.chain.outcomes.extend(["hold"] * 9)
    rig.price("1.25")
    rig.advance(1)
    rig.price("0.8")
    rig.advance(30)
    (order,) = rig.exits(position)
    assert len(rig.store.attempts(order.id)) == 1


def test_the_rent_of_markers_comes_back_in_one_transaction(rig: Rig) -> None:
    """Half a minute after the orders are finished one transaction brings the rent of all their markers back."""
    position = rig.open()
    rig.price("1.25")
    rig.advance(2)
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert len(rig.chain.markers) == 3
    rig.advance(30)
    assert rig.chain.markers == {}
    (reclaim,) = [order for order in rig.store.orders() if order.kind is OrderKind.RECLAIM]
    assert reclaim.status is OrderStatus.FILLED
    (fill,) = rig.store.fills(reclaim.id)
    assert (fill.rent, fill.sol, fill.tokens) == (-3 * MARKER_RENT, 0, 0)
    assert rig.store.markers() == []
    assert {order.marker_rent for order in rig.store.orders(position_id=position.id)} == {MARKER_RENT}


def test_rent_is_not_taken_back_while_an_attempt_of_the_order_lives(rig: Rig) -> None:
    """An emptied marker would let a late attempt sell again: it stays until every attempt is dead."""
    position = stopped_without_verdict(rig)
    held = dict(rig.chain.held)
    first = next(iter(held))
    rig.chain.held = {first: held[first]}
    rig.chain.release("land")
    rig.advance(120)
    (order,) = rig.exits(position)
    assert order.marker_seed in rig.chain.markers
    rig.chain.held = {s: body for s, body in held.items() if s != first}
    rig.chain.release("land")
    rig.advance(120)
    assert rig.chain.markers == {}
    assert rig.sold_on_chain() == position.entry_amount_tokens


def test_rent_that_could_not_be_taken_back_is_tried_again_later(rig: Rig) -> None:
    """A reclaim that fails for good lets go of its markers, and a later one brings them back."""
    rig.open()
    rig.chain.outcomes.extend(["revert"] * 3)
    rig.advance(300)
    assert rig.chain.markers == {}
    outcomes = [order.status for order in rig.store.orders() if order.kind is OrderKind.RECLAIM]
    assert outcomes == [OrderStatus.CANCELLED, OrderStatus.FILLED]
    assert rig.store.alerts() == []


def test_a_router_that_restarts_takes_up_every_live_attempt(rig: Rig) -> None:
    """After a restart of the router both attempts are watched, and one sale is booked with both fees."""
    position = stopped_without_verdict(rig)
    rig.system.reference(ROUTER).stop(block=False)
    rig.advance(1)
    assert [o.id for o in rig.ask(ROUTER, Snapshot())["in_flight"]] == [rig.exits(position)[0].id]
    rig.chain.release("land")
    rig.advance(5)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    assert rig.position(position.id).fees == rig.paid()


def test_what_landed_before_a_long_outage_is_found_in_the_nodes_history(rig: Rig) -> None:
    """A signature that has left the node's cache is looked for in its history, and booked, never declared dead."""
    position = stopped_without_verdict(rig, seconds=2)
    rig.chain.cache = 0
    rig.chain.release("land")
    rig.chain.height = 10_000
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens


def test_what_stays_unknown_is_an_alert_and_stays_watched(rig: Rig) -> None:
    """After a minute and a half without a verdict a person hears of it; the verdict resolves the alert."""
    rig.venue.markers = False
    stopped_without_verdict(rig, seconds=89)
    assert rig.store.alerts() == []
    rig.advance(5)
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert alert.alert_type == "attempt_unknown"
    rig.advance(300)
    assert len(rig.store.alerts()) == 1
    rig.chain.release("land")
    rig.advance(2)
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_chain_that_cannot_be_read_is_a_critical_alert_until_it_can(rig: Rig) -> None:
    """While the chain is unreadable nothing is decided, and a person hears of it after ten seconds."""
    position = stopped_without_verdict(rig, seconds=1)
    rig.chain.unreachable = True
    rig.advance(9)
    assert rig.store.alerts() == []
    rig.advance(5)
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert (alert.alert_type, alert.severity) == ("chain_unreadable", "critical")
    rig.chain.unreachable = False
    rig.chain.release("land")
    rig.advance(5)
    assert rig.store.alerts(unresolved_only=True) == []
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_much_rent_comes_back_batch_after_batch(rig: Rig) -> None:
    """The rent of twenty-four markers is back soon after the first wait, by one order at a time."""
    mints = [Mint(f"mint-{number}") for number in range(12)]
    for mint in mints:
        rig.open(mint)
    for mint in mints:
        rig.price("0.8", mint)
    rig.advance(RECLAIM_AFTER / 1e9 + 15)
    assert rig.store.markers() == []
    batches = [order for order in rig.store.orders() if order.kind is OrderKind.RECLAIM]
    assert len(batches) >= 2 * len(mints) / RECLAIM_AT_ONCE
    for one, following in pairwise(batches):
        assert one.status is OrderStatus.FILLED
        assert following.created_at >= one.updated_at
