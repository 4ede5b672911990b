"""How long an order waits, and how the realized result came in time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.curve import Realized, realized, thinned
from engine.api.pace import REMEMBERED, Pace, expected_wait
from engine.domain.guarding import exit_filled
from engine.domain.order import Order, OrderEvent, OrderStatus
from engine.domain.position import ActiveExit, Position, PositionStatus
from engine.domain.swap import Fill
from engine.domain.units import Lamports, Nanos, OrderId, PositionId, RawAmount, Signature, seconds
from engine.domain.urgency import ExitReason
from tests.factories import NOW, a_fill, a_position, an_entry, an_event, an_exit


def line(status: OrderStatus, after: float, number: int = 1) -> OrderEvent:
    """Return what the history of an order says so many seconds after now."""
    return an_event(an_exit(id=OrderId(f"exit-{number}"), status=status), at=Nanos(NOW + seconds(after)))


# Pace ------------------------------------------------------------------------------------------------------


def test_the_pace_is_the_time_for_which_orders_had_a_slot() -> None:
    """From being handed out; signing anew beside the first attempt keeps the slot, and a failed attempt gives it up."""
    pace = Pace()
    assert pace.seconds_per_order is None
    for status, after in (
        (OrderStatus.PENDING, 0),
        (OrderStatus.SUBMITTED, 5),
        (OrderStatus.CONFIRMING, 6),
        (OrderStatus.SUBMITTED, 7),
        (OrderStatus.FAILED, 9),
        (OrderStatus.SUBMITTED, 20),
        (OrderStatus.FILLED, 22),
    ):
        pace.take(line(status, after))
    assert pace.seconds_per_order == 3.0


def test_only_what_was_lately_makes_the_pace() -> None:
    """And an order that was cancelled while it was queued never had a slot."""
    pace = Pace()
    for number in range(REMEMBERED + 1):
        pace.take(line(OrderStatus.SUBMITTED, 0, number))
        pace.take(line(OrderStatus.FILLED, 1000 if number == 0 else 2, number))
    pace.take(line(OrderStatus.CANCELLED, 5000, 999))
    assert pace.seconds_per_order == 2.0


@pytest.mark.parametrize(
    ("queued", "in_flight", "slots", "per_order", "wait"),
    [
        (0, 1, 3, 4.0, 0.0),
        (0, 1, 3, None, 0.0),
        (0, 2, 3, 4.0, 2.0),
        (5, 3, 3, 4.0, 12.0),
        (0, 1, 1, 4.0, 4.0),
        (2, 1, 1, None, None),
    ],
)
def test_an_order_waits_for_all_before_it(
    queued: int, in_flight: int, slots: int, per_order: float | None, wait: float | None
) -> None:
    """Not at all where a slot is free; the one that is kept for stop losses is not."""
    assert expected_wait(queued=queued, in_flight=in_flight, slots=slots, seconds_per_order=per_order) == wait


# Curve -----------------------------------------------------------------------------------------------------


def sold(position: Position, number: int, tokens: int, sol: int) -> tuple[Position, Order, Fill]:
    """Return what is booked when an exit of so many raw *tokens* brings *sol* lamports."""
    name, at = OrderId(f"{position.id}-exit-{number}"), Nanos(NOW + number)
    order = an_exit(
        id=name,
        position_id=position.id,
        amount_tokens=RawAmount(tokens),
        status=OrderStatus.CONFIRMING,
        attempt_count=1,
    )
    active = ActiveExit(order_id=name, reason=ExitReason.MANUAL, amount=RawAmount(tokens), sell_pct=Decimal(100))
    waiting = a_position(
        id=position.id,
        status=PositionStatus.EXIT_PENDING,
        active_exit=active,
        sold_tokens=position.sold_tokens,
        realized_pnl=position.realized_pnl,
    )
    fill = a_fill(order, signature=Signature(name), tokens=-tokens, sol=sol, slot=number, time=at)
    position, order, _ = exit_filled(waiting, order, fill, at)
    return position, order, fill


@given(st.lists(st.tuples(st.integers(1, 300_000_000), st.integers(1, 10**11)), min_size=1, max_size=3))
def test_the_curve_has_each_exit_with_what_it_realized(exits: list[tuple[int, int]]) -> None:
    """As the position booked it at that time, to the last lamport."""
    position, orders, fills, booked = a_position(), list[Order](), list[Fill](), list[Realized]()
    for number, (tokens, sol) in enumerate(exits, 1):
        position, order, fill = sold(position, number, tokens, sol)
        orders.append(order)
        fills.append(fill)
        booked.append(Realized(at=Nanos(NOW + number), realized_pnl=position.realized_pnl))
    assert realized([position], [an_entry(), *orders], [a_fill(an_entry(), tokens=5), *fills]) == booked


def test_positions_add_up_in_the_order_of_their_exits() -> None:
    """Also what a position booked of which there is no fill, and what the wallet did not have."""
    first, order, fill = sold(a_position(), 2, 1_000_000_000, 7)
    lost = a_position(id=PositionId("lost"), realized_pnl=Lamports(-30), closed_at=Nanos(NOW + 1))
    curve = realized([first, lost, a_position(id=PositionId("held"))], [order], [fill])
    assert [point.at - NOW for point in curve] == [1, 2]
    assert [point.realized_pnl for point in curve] == [-30, -30 + first.realized_pnl]


@given(st.lists(st.integers(0, 1000), max_size=60).map(sorted), st.integers(2, 20))
def test_a_thinned_curve_begins_and_ends_where_the_whole_one_does(times: list[int], points: int) -> None:
    """With no more points than were asked for, all of them its own."""
    curve = [Realized(at=Nanos(at), realized_pnl=Lamports(number)) for number, at in enumerate(times)]
    fewer = thinned(curve, points)
    assert len(fewer) <= points
    assert (fewer[:1], fewer[-1:]) == (curve[:1], curve[-1:])
    assert [point for point in curve if point in fewer] == fewer
