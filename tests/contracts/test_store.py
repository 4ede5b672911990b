"""What every store must do. Whoever writes one adds it to the fixture `store`, and passes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.candles import MINUTE, Candle
from engine.domain.entries import EntrySwitch
from engine.domain.errors import FailureKind
from engine.domain.events import StoredEvent, Told, events_of
from engine.domain.order import Attempt, AttemptStatus, Order, OrderStatus, reclaim_order
from engine.domain.plan import PRESETS
from engine.domain.position import ActiveExit, Position, PositionStatus, WantedExit
from engine.domain.swap import SwapFailure
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, Signature
from engine.domain.urgency import ExitReason
from engine.ports import LeaseError, Record, Store
from engine.store.sql import SqlStore
from tests.doubles_store import MemoryStore
from tests.factories import (
    MINT,
    NOW,
    POSITION,
    a_fill,
    a_plan,
    a_position,
    an_alert,
    an_attempt,
    an_entry,
    an_event,
    an_exit,
)

U64 = 2**64 - 1
RENT = Lamports(890_880)
FENCE = (IntegrityError, ValueError)
ODD_TEXT = 'pépé 🪂 \u202e\'; DROP TABLE orders; --\n\t"%s" {} \\'

WALLET = "7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2"
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each store in turn, empty."""
    store: Store
    match request.param:
        case "memory":
            store = MemoryStore()
        case "sqlite":
            store = SqlStore(tmp_path / "ripcord.db")
        case _:
            store = SqlStore(request.getfixturevalue("postgresql").database())
    yield store
    store.close()


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlStore]:
    """The database alone."""
    store = SqlStore(tmp_path / "ripcord.db")
    yield store
    store.close()


def later(nanos: int) -> Nanos:
    """Return the moment *nanos* after now."""
    return Nanos(NOW + nanos)


def numbered(number: int, **changes: object) -> Order:
    """Return an exit of a position of its own."""
    return an_exit(id=OrderId(f"exit-{number}"), position_id=PositionId(f"position-{number}"), **changes)


# What goes in comes out ------------------------------------------------------------------------------------


def positions() -> list[Position]:
    """Return positions at the ends of what a position can be."""
    plain = a_position(entry_order_id=None)
    exiting = a_position(
        status=PositionStatus.EXIT_PENDING,
        active_exit=ActiveExit(
            order_id=OrderId("exit-1"),
            reason=ExitReason.TAKE_PROFIT_3,
            amount=RawAmount(U64),
            sell_pct=Decimal("33.330"),
        ),
        wanted_exit=WantedExit(reason=ExitReason.EMERGENCY, sell_pct=Decimal(100)),
        needs_action=True,
        levels_taken=3,
    )
    closed = a_position(
        status=PositionStatus.CLOSED,
        symbol=ODD_TEXT,
        decimals=18,
        entry_amount_tokens=RawAmount(U64),
        entry_amount_sol=Lamports(U64),
        sold_tokens=RawAmount(U64),
        realized_pnl=Lamports(-U64),
        final_pnl=Lamports(-U64),
        fees=Lamports(U64),
        peak_price=1.7976931348623157e308,
        last_price=5e-324,
        calm_price=0.1 + 0.2,
        exit_reason=ExitReason.STAGNATION,
        last_exit_order_id=OrderId("exit-2"),
        last_exit_price=Decimal("0.1234567890123456789012345678"),
        last_exit_timestamp=later(1),
        closed_at=Nanos(2**63 - 1),
    )
    changed = a_position(plan=a_plan(take_profits=()), taken_gain_pct=Decimal("1000000.50"))
    return [plain, exiting, closed, changed, *(a_position(plan=plan) for plan in PRESETS.values())]


@pytest.mark.parametrize("position", positions(), ids=lambda position: str(position.status))
def test_a_position_comes_back_as_it_was(store: Store, position: Position) -> None:
    """Amounts to the last unit, plans with every rule, floats to the last bit, and None where there is nothing."""
    store.commit(position)
    assert store.position(position.id) == position
    assert store.positions() == [position]


@pytest.mark.parametrize(
    "order",
    [
        an_entry(),
        an_entry(plan=PRESETS["balanced"], amount_sol=Lamports(U64)),
        an_exit(
            symbol=ODD_TEXT,
            amount_tokens=RawAmount(U64),
            sell_pct=Decimal("33.330"),
            expected_price=Decimal("1E-18"),
            actual_price=Decimal("0.10"),
            last_error=ODD_TEXT * 100,
            last_error_kind=FailureKind.UNCERTAIN,
            fees=Lamports(U64),
            tx_signature=Signature("5" * 88),
            retry_of=OrderId("exit-0"),
            marker_seed="f" * 32,
            marker_rent=RENT,
            reclaimed_by=OrderId("reclaim-1"),
            next_retry_at=later(1),
            filled_at=later(2),
            status=OrderStatus.FILLED,
            attempt_count=5,
        ),
        an_exit(expected_price=None, exit_reason=ExitReason.EMERGENCY),
        reclaim_order(OrderId("reclaim-1"), 3, NOW),
    ],
    ids=["entry", "entry with a plan", "everything set", "little set", "reclaim"],
)
def test_an_order_comes_back_as_it_was(store: Store, order: Order) -> None:
    """Kind, amounts, reason, plan, prices, errors and times are what they were."""
    store.commit(order)
    assert store.order(order.id) == order
    assert store.orders() == [order]


@pytest.mark.parametrize("digits", ["0.10", "1E+3", "0", "33.330", "-0.000", "123456789.123456789123456789"])
def test_decimals_keep_their_digits(store: Store, digits: str) -> None:
    """A price of 0.10 comes back as 0.10, and not as a float near it or with other zeros."""
    store.commit(an_exit(expected_price=Decimal(digits)))
    found = store.order(OrderId("exit-1"))
    assert found is not None
    assert str(found.expected_price) == digits


@pytest.mark.parametrize("raw", [b"", b"\x00\xff\x00", bytes(range(256)) * 4])
def test_an_attempt_comes_back_with_its_bytes(store: Store, raw: bytes) -> None:
    """What was signed is kept byte for byte: it may have to be sent again."""
    failure = SwapFailure(kind=FailureKind.SLIPPAGE, message=ODD_TEXT, code="6001")
    attempt = an_attempt(
        raw=raw,
        failure=failure,
        status=AttemptStatus.REVERTED,
        quoted_out=U64,
        minimum_out=U64,
        number=5,
        marker_rent=RENT,
    )
    store.commit(an_exit(), attempt)
    assert store.attempts() == [attempt]


def test_an_attempt_without_a_failure_has_none(store: Store) -> None:
    """No failure is None, and not an empty one."""
    store.commit(an_exit(), an_attempt())
    assert store.attempts() == [an_attempt()]


@pytest.mark.parametrize(("tokens", "sol", "rent"), [(-U64, U64, -1_488_440), (U64, -U64, 1_488_440), (0, 0, 0)])
def test_a_fill_comes_back_with_its_signs(store: Store, tokens: int, sol: int, rent: int) -> None:
    """What left the wallet is negative, what came is positive, and a reverted transaction moved nothing."""
    fill = a_fill(tokens=tokens, sol=sol, rent=rent, time=later(1))
    store.commit(an_exit(), fill, replace(fill, signature=Signature("other"), time=None, slot=2))
    assert store.fills() == [fill, replace(fill, signature=Signature("other"), time=None, slot=2)]


def test_a_line_of_history_comes_back_as_it_was(store: Store) -> None:
    """With note, error, signature and the time of the next attempt, or without."""
    full = an_event(
        note=ODD_TEXT, error=ODD_TEXT, signature=Signature("5" * 88), next_retry_at=later(1), attempt=3, at=later(2)
    )
    store.commit(an_exit(), an_event(), full)
    assert store.history(OrderId("exit-1")) == [an_event(), full]


@pytest.mark.parametrize(
    "alert",
    [
        an_alert(data={}),
        an_alert(
            severity=Severity.CRITICAL,
            title=ODD_TEXT,
            message=ODD_TEXT * 100,
            data={ODD_TEXT: ODD_TEXT, "": ""},
            requires_action=True,
            position_id=POSITION,
            status=AlertStatus.RESOLVED,
            count=10**6,
            resolved_at=later(1),
        ),
    ],
    ids=["little set", "everything set"],
)
def test_an_alert_comes_back_as_it_was(store: Store, alert: Alert) -> None:
    """Words, data and state are what they were."""
    store.commit(alert)
    assert store.alert(AlertId("alert-1")) == alert
    assert store.alerts() == [alert]


def test_whether_positions_are_opened_is_kept_for_each_wallet(store: Store) -> None:
    """The last word of a person counts; of a wallet that nobody spoke of there is none. No event tells of it."""
    assert store.entry_switch(WALLET) is None
    paused = EntrySwitch(wallet=WALLET, paused=True, updated_at=NOW)
    resumed = replace(paused, paused=False, updated_at=later(1))
    for switch in (paused, resumed, paused):
        store.commit(switch)
        assert store.entry_switch(WALLET) == switch
    assert store.entry_switch("another wallet") is None
    assert store.last_event() == 0


@pytest.mark.parametrize("words", ["\0", "\x1b", "\x1b0", "\x1b[", "a\0\x1b[\x1b\0", "\\u0000"])
def test_control_characters_come_back(store: Store, words: str) -> None:
    """In the words of an error, which anybody may have written, and in the data of an alert."""
    records = an_exit(last_error=words), an_alert(data={"error": words})
    store.commit(*records)
    assert (*store.orders(), *store.alerts()) == records


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    amount=st.integers(0, U64),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    words=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_amount_price_and_text_comes_back(store: Store, amount: int, price: Decimal, words: str) -> None:
    """Whatever stands in a record stands in it again."""
    order = an_exit(amount_tokens=RawAmount(amount), expected_price=price, last_error=words, symbol=words)
    store.commit(order)
    assert store.order(order.id) == order


def test_a_record_that_is_committed_again_is_replaced(store: Store) -> None:
    """By its id, or its signature: the newest version is the only one, and its fields may become None again."""
    store.commit(an_exit(next_retry_at=later(1)), an_attempt(), a_fill(), a_position(), an_alert())
    newer = (
        an_exit(status=OrderStatus.FILLED, next_retry_at=None),
        an_attempt(status=AttemptStatus.LANDED),
        a_fill(sol=1),
        a_position(status=PositionStatus.CLOSED),
        an_alert(count=2),
    )
    store.commit(*newer)
    found = (*store.orders(), *store.attempts(), *store.fills(), *store.positions(), *store.alerts())
    assert found == newer


def test_what_is_not_there_is_none(store: Store) -> None:
    """An unknown name is no error, and an empty store has empty lists."""
    assert store.position(PositionId("x")) is None
    assert store.order(OrderId("x")) is None
    assert store.alert(AlertId("x")) is None
    assert store.history(OrderId("x")) == []
    assert (store.positions(), store.orders(), store.attempts(), store.fills(), store.alerts()) == ([], [], [], [], [])


def test_committing_nothing_changes_nothing(store: Store) -> None:
    """An empty commit is no error."""
    store.commit()
    assert store.orders() == []


# Fences ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [s for s in OrderStatus if s not in {OrderStatus.FILLED, OrderStatus.CANCELLED}])
def test_a_position_cannot_have_two_unfinished_exits(store: Store, status: OrderStatus) -> None:
    """Whatever the program does, no second exit is stored beside one that is under way, and nothing with it."""
    store.commit(an_exit(status=status))
    rival = an_exit(id=OrderId("exit-2"))
    with pytest.raises(FENCE):
        store.commit(a_position(), rival, an_event(rival))
    assert [order.id for order in store.orders()] == ["exit-1"]
    assert (store.positions(), store.history(rival.id)) == ([], [])


def test_two_unfinished_exits_cannot_come_in_one_commit(store: Store) -> None:
    """The fence holds within a commit as well."""
    with pytest.raises(FENCE):
        store.commit(an_exit(), an_exit(id=OrderId("exit-2")))
    assert store.orders() == []


def test_a_finished_exit_cannot_come_to_life_beside_another(store: Store) -> None:
    """The fence holds for changes of an order too."""
    store.commit(an_exit(status=OrderStatus.CANCELLED), an_exit(id=OrderId("exit-2")))
    with pytest.raises(FENCE):
        store.commit(an_exit())
    assert [order.id for order in store.orders(unfinished_only=True)] == ["exit-2"]


def test_the_next_exit_may_come_when_the_last_one_is_finished(store: Store) -> None:
    """Finished exits, exits of other positions and entries are no rivals."""
    store.commit(an_exit(status=OrderStatus.FILLED), an_exit(id=OrderId("exit-2"), status=OrderStatus.CANCELLED))
    store.commit(an_exit(id=OrderId("exit-3")), numbered(4), an_entry(), an_entry(id=OrderId("entry-2")))
    assert len(store.orders(unfinished_only=True)) == 4


@pytest.mark.parametrize("turned", [False, True])
def test_one_exit_may_take_the_place_of_another_in_one_commit(store: Store, turned: bool) -> None:
    """The old one finished and the new one pending, in whichever order they are named."""
    store.commit(an_exit())
    records = [an_exit(status=OrderStatus.CANCELLED), an_exit(id=OrderId("exit-2"))]
    store.commit(*(reversed(records) if turned else records))
    assert [order.id for order in store.orders(unfinished_only=True)] == ["exit-2"]


def test_an_order_cannot_have_two_attempts_of_one_number(store: Store) -> None:
    """Two signatures for one try would be two swaps: the second is refused, and nothing is written with it."""
    store.commit(an_exit(), an_attempt())
    with pytest.raises(FENCE):
        store.commit(an_exit(attempt_count=9), an_attempt(signature=Signature("other")))
    assert store.attempts() == [an_attempt()]
    assert store.order(OrderId("exit-1")) == an_exit()


def test_the_same_number_is_free_for_another_order(store: Store) -> None:
    """Numbers are counted for each order."""
    store.commit(numbered(1), numbered(2), an_attempt(numbered(1)), an_attempt(numbered(2)))
    assert [attempt.number for attempt in store.attempts()] == [1, 1]


@pytest.mark.parametrize("record", [an_attempt(), a_fill(), an_event()], ids=["attempt", "fill", "history"])
def test_nothing_is_kept_of_an_order_that_is_not_there(store: Store, record: Record) -> None:
    """An attempt, a fill and a line of history belong to an order; without it they are refused."""
    with pytest.raises(FENCE):
        store.commit(record)
    assert (store.attempts(), store.fills(), store.history(OrderId("exit-1"))) == ([], [], [])


def test_parents_and_children_may_come_in_any_order(store: Store) -> None:
    """A commit is one step: an attempt may be named before the order that it belongs to."""
    store.commit(an_event(), a_fill(), an_attempt(), an_exit(), a_position())
    assert (len(store.attempts()), len(store.fills()), len(store.history(OrderId("exit-1")))) == (1, 1, 1)


def test_a_commit_is_kept_whole_or_not_at_all(store: Store) -> None:
    """One record that breaks a fence keeps all others out, new ones and changes alike."""
    store.commit(a_position(), an_exit(), an_attempt(), an_alert())
    with pytest.raises(FENCE):
        store.commit(
            a_position(status=PositionStatus.CLOSED),
            an_exit(status=OrderStatus.CONFIRMING),
            an_event(),
            a_fill(),
            an_alert(count=2),
            numbered(9),
            an_attempt(signature=Signature("other")),
        )
    assert store.positions() == [a_position()]
    assert store.orders() == [an_exit()]
    assert store.alerts() == [an_alert()]
    assert (store.fills(), store.history(OrderId("exit-1"))) == ([], [])


def test_a_store_works_on_after_a_refusal(store: Store) -> None:
    """A broken fence is the failure of one commit."""
    store.commit(an_exit())
    with pytest.raises(FENCE):
        store.commit(an_exit(id=OrderId("exit-2")))
    store.commit(an_exit(status=OrderStatus.FILLED))
    store.commit(an_exit(id=OrderId("exit-2")))
    assert len(store.orders()) == 2


def test_a_position_cannot_have_sold_more_than_it_bought(store: Store) -> None:
    """Compared as numbers and not as text, to the last unit; what it had stays, and nothing else of the commit."""
    bought = a_position(entry_amount_tokens=RawAmount(999), sold_tokens=RawAmount(998))
    store.commit(bought)
    for sold in (1_000, 10**19, -1):
        with pytest.raises(FENCE):
            store.commit(replace(bought, sold_tokens=RawAmount(sold)), an_exit())
    assert (store.positions(), store.orders()) == ([bought], [])
    store.commit(replace(bought, sold_tokens=RawAmount(999)))


@pytest.mark.parametrize("order", [an_exit(exit_reason=None), an_entry(exit_reason=ExitReason.MANUAL)])
def test_an_exit_has_a_reason_and_nothing_else_has(store: Store, order: Order) -> None:
    """The reason is what the order's rank comes from: without one a stop loss would wait behind everything."""
    with pytest.raises(FENCE):
        store.commit(order)
    assert store.orders() == []


@pytest.mark.parametrize(
    "change",
    [{"order_id": OrderId("exit-2")}, {"number": 2}, {"raw": b"other"}, {"last_valid_block_height": 151}],
    ids=lambda change: next(iter(change)),
)
def test_a_recorded_attempt_cannot_become_another(store: Store, change: dict[str, Any]) -> None:
    """A signature is recorded once, and what was signed under it stays byte for byte; its status alone moves on."""
    store.commit(numbered(1), numbered(2), an_attempt(numbered(1)))
    with pytest.raises(FENCE):
        store.commit(replace(an_attempt(numbered(1)), **change))
    assert store.attempts() == [an_attempt(numbered(1))]


def test_a_recorded_fill_cannot_become_another_orders(store: Store) -> None:
    """What one transaction moved counts once."""
    store.commit(numbered(1), numbered(2), a_fill(numbered(1)))
    with pytest.raises(FENCE):
        store.commit(replace(a_fill(numbered(1)), order_id=OrderId("exit-2")))
    assert store.fills() == [a_fill(numbered(1))]


# Queries ---------------------------------------------------------------------------------------------------


def test_positions_come_oldest_first(store: Store) -> None:
    """By the time they were opened; those of one moment by their name."""
    for name, age in (("b", 5), ("c", 9), ("a", 5)):
        store.commit(a_position(id=PositionId(name), opened_at=later(-age)))
    assert [position.id for position in store.positions()] == ["c", "a", "b"]


def test_open_positions_are_those_that_are_not_closed(store: Store) -> None:
    """Pending and partly sold positions are guarded too."""
    for status in PositionStatus:
        store.commit(a_position(id=PositionId(status), status=status))
    found = {position.status for position in store.positions(open_only=True)}
    assert found == set(PositionStatus) - {PositionStatus.CLOSED}


def test_positions_of_one_mint_are_asked_for_alone(store: Store) -> None:
    """Open ones only, where these are wanted."""
    other = Mint("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
    store.commit(a_position(id=PositionId("a")), a_position(id=PositionId("b"), mint=other))
    store.commit(a_position(id=PositionId("c"), status=PositionStatus.CLOSED))
    assert [position.id for position in store.positions(mint=MINT)] == ["a", "c"]
    assert [position.id for position in store.positions(open_only=True, mint=MINT)] == ["a"]
    assert [position.id for position in store.positions(mint=other)] == ["b"]


def test_orders_come_oldest_first(store: Store) -> None:
    """By the time they were made; those of one moment by their name."""
    store.commit(numbered(2), numbered(3, created_at=later(-1)), numbered(1))
    assert [order.id for order in store.orders()] == ["exit-3", "exit-1", "exit-2"]


def test_orders_can_be_asked_for_by_position_and_by_what_is_unfinished(store: Store) -> None:
    """Both filters hold together; FAILED is not finished."""
    mine = [an_exit(id=OrderId(status), status=status) for status in (OrderStatus.FILLED, OrderStatus.CANCELLED)]
    store.commit(*mine, an_exit(id=OrderId("failed"), status=OrderStatus.FAILED), an_entry(), numbered(7))
    assert {order.id for order in store.orders(position_id=POSITION)} == {"filled", "cancelled", "failed", "entry-1"}
    assert {order.id for order in store.orders(unfinished_only=True)} == {"failed", "entry-1", "exit-7"}
    found = store.orders(position_id=POSITION, unfinished_only=True)
    assert {order.id for order in found} == {"failed", "entry-1"}


def test_history_is_told_in_the_order_in_which_it_was_written(store: Store) -> None:
    """Lines of one moment keep their order, equal lines stay two, and each order has its own."""
    store.commit(numbered(1), numbered(2))
    notes = ["c", "a", "b", "b"]
    for note in notes:
        store.commit(an_event(numbered(1), note=note), an_event(numbered(2), note="other"))
    store.commit(an_event(numbered(1), note="first of two"), an_event(numbered(1), note="second", at=later(-5)))
    assert [event.note for event in store.history(OrderId("exit-1"))] == [*notes, "first of two", "second"]
    assert len(store.history(OrderId("exit-2"))) == len(notes)


def test_unresolved_attempts_are_those_without_a_verdict(store: Store) -> None:
    """What was signed may have been sent, and what was sent may land: both are asked of the chain at start."""
    store.commit(an_exit())
    for number, status in enumerate(AttemptStatus, 1):
        store.commit(an_attempt(signature=Signature(status), number=number, status=status, created_at=later(number)))
    found = store.attempts(unresolved_only=True)
    assert [attempt.status for attempt in found] == [AttemptStatus.SIGNED, AttemptStatus.SENT]


def test_attempts_come_oldest_first_and_by_order(store: Store) -> None:
    """By time, then by number; of one order alone where it is named."""
    store.commit(numbered(1), numbered(2))
    for order, number, at in ((1, 2, 5), (2, 1, 3), (1, 1, 5), (1, 3, 4)):
        attempt = an_attempt(numbered(order), number=number, created_at=later(at))
        store.commit(replace(attempt, signature=Signature(f"{order}-{number}")))
    assert [attempt.signature for attempt in store.attempts()] == ["2-1", "1-3", "1-1", "1-2"]
    assert [attempt.signature for attempt in store.attempts(OrderId("exit-1"))] == ["1-3", "1-1", "1-2"]
    assert store.attempts(OrderId("exit-2"), unresolved_only=True) == [
        replace(an_attempt(numbered(2), created_at=later(3)), signature=Signature("2-1"))
    ]


def test_fills_come_by_slot_and_by_order(store: Store) -> None:
    """In the order in which the chain had them; of one order alone where it is named."""
    store.commit(numbered(1), numbered(2))
    for order, slot in ((1, 9), (2, 5), (1, 2)):
        store.commit(a_fill(numbered(order), signature=Signature(f"{order}-{slot}"), slot=slot))
    assert [fill.slot for fill in store.fills()] == [2, 5, 9]
    assert [fill.slot for fill in store.fills(OrderId("exit-1"))] == [2, 9]


def test_markers_are_asked_for_by_whoever_brings_back_their_rent(store: Store) -> None:
    """Those that hold rent and nobody sees to, or those that a certain order is to empty; oldest first."""
    store.commit(
        numbered(1, marker_rent=RENT),
        numbered(2, marker_rent=RENT, created_at=later(-1)),
        numbered(3),
        numbered(4, marker_rent=RENT, reclaimed_by=OrderId("reclaim-1")),
        numbered(5, marker_rent=RENT, reclaimed_by=OrderId("reclaim-2")),
    )
    assert [order.id for order in store.markers()] == ["exit-2", "exit-1"]
    assert [order.id for order in store.markers(OrderId("reclaim-1"))] == ["exit-4"]


def test_alerts_come_oldest_first_and_unresolved_ones_alone(store: Store) -> None:
    """Acknowledged is not resolved."""
    for number, status in enumerate(AlertStatus):
        store.commit(an_alert(id=AlertId(status), status=status, raised_at=later(-number)))
    assert [alert.id for alert in store.alerts()] == ["resolved", "acknowledged", "active"]
    assert [alert.id for alert in store.alerts(unresolved_only=True)] == ["acknowledged", "active"]


# Leases ----------------------------------------------------------------------------------------------------


def test_a_lease_is_one_holders(store: Store) -> None:
    """A second holder is refused with the name of the first, as long as the lease lasts."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    for at in (NOW, later(9)):
        with pytest.raises(LeaseError, match="first"):
            store.acquire_lease(WALLET, "second", now=at, ttl=Nanos(10))


def test_a_lease_that_is_over_is_free(store: Store) -> None:
    """Then the holder of before has lost it."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.acquire_lease(WALLET, "second", now=later(10), ttl=Nanos(10))
    with pytest.raises(LeaseError):
        store.renew_lease(WALLET, "first", now=later(11), ttl=Nanos(10))
    store.renew_lease(WALLET, "second", now=later(11), ttl=Nanos(10))


def test_a_lease_lasts_while_it_is_renewed(store: Store) -> None:
    """By its holder; one that is over may be renewed as long as nobody else took it."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    for at in (5, 14, 99):
        store.renew_lease(WALLET, "first", now=later(at), ttl=Nanos(10))
        with pytest.raises(LeaseError):
            store.acquire_lease(WALLET, "second", now=later(at + 9), ttl=Nanos(10))


def test_a_released_lease_is_free_at_once(store: Store) -> None:
    """And its holder of before must acquire it anew."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.release_lease(WALLET, "first")
    with pytest.raises(LeaseError):
        store.renew_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.acquire_lease(WALLET, "second", now=NOW, ttl=Nanos(10))


def test_nobody_releases_or_renews_the_lease_of_another(store: Store) -> None:
    """The one is harmless, the other refused; and so it is where there is no lease."""
    store.release_lease(WALLET, "second")
    with pytest.raises(LeaseError):
        store.renew_lease(WALLET, "second", now=NOW, ttl=Nanos(10))
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.release_lease(WALLET, "second")
    with pytest.raises(LeaseError):
        store.renew_lease(WALLET, "second", now=NOW, ttl=Nanos(10))
    with pytest.raises(LeaseError, match="first"):
        store.acquire_lease(WALLET, "second", now=NOW, ttl=Nanos(10))


def test_a_holder_may_acquire_its_lease_again(store: Store) -> None:
    """As after a restart under the same name."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.acquire_lease(WALLET, "first", now=later(5), ttl=Nanos(10))
    store.renew_lease(WALLET, "first", now=later(6), ttl=Nanos(10))


def test_wallets_have_leases_of_their_own(store: Store) -> None:
    """One engine each."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(10))
    store.acquire_lease("another wallet", "second", now=NOW, ttl=Nanos(10))
    store.release_lease(WALLET, "first")
    with pytest.raises(LeaseError, match="second"):
        store.acquire_lease("another wallet", "first", now=NOW, ttl=Nanos(10))


def test_the_holder_of_a_lease_commits(store: Store) -> None:
    """With its lease, after it is over while nobody took it, and after it was given back."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=Nanos(1))
    store.commit(numbered(1))
    store.release_lease(WALLET, "first")
    store.commit(numbered(2))
    assert len(store.orders()) == 2


# Events ----------------------------------------------------------------------------------------------------


def test_what_is_committed_is_told(store: Store) -> None:
    """Each event once, with its number and the record that it is about, after everything of it can be read."""
    told: list[tuple[StoredEvent, Told]] = []

    def hear(event: StoredEvent, record: Told) -> None:
        assert store.events(event.seq - 1, limit=1) == [event]
        assert store.position(POSITION) == a_position()
        told.append((event, record))

    store.listen(hear)
    store.commit(an_attempt(), an_event(), an_exit(), a_position(), an_alert())
    assert [record for _, record in told] == [an_attempt(raw=b""), a_position(), an_exit(), an_alert()]
    assert [event for event, _ in told] == store.events()
    assert [event.seq for event, _ in told] == [1, 2, 3, 4]
    assert [event.subject for event, _ in told] == [
        "attempt.exit-1-sig1.signed",
        "position.position-1.opened",
        "order.exit-1.pending",
        "alert.alert-1.raised",
    ]


def test_what_is_no_change_is_not_told(store: Store) -> None:
    """The same records again, and those that nobody is told of."""
    records = (a_position(), an_exit(), an_attempt(), an_alert())
    store.commit(*records)
    known = store.last_event()
    store.commit(*records, a_fill())
    assert (store.last_event(), store.events(known)) == (known, [])


def test_a_line_of_history_is_told_with_its_order(store: Store) -> None:
    """Also where the order was committed before it."""
    store.commit(an_exit(symbol="WIF"))
    store.commit(an_event(note="raised"))
    (event,) = store.events()
    assert (event.data["symbol"], event.data["note"]) == ("WIF", "raised")


def test_what_was_refused_is_not_told_and_takes_no_number(store: Store) -> None:
    """The next event has the number that the refused one would have had."""
    told: list[int] = []
    store.listen(lambda event, _record: told.append(event.seq))
    store.commit(a_position())
    with pytest.raises(FENCE):
        store.commit(an_alert(), an_attempt(number=2), a_position(sold_tokens=RawAmount(U64)))
    assert (store.last_event(), told) == (1, [1])
    store.commit(an_alert())
    assert [event.seq for event in store.events()] == told == [1, 2]


def test_events_are_read_from_a_number_by_subject_and_in_pages(store: Store) -> None:
    """However many lie in between that nobody asked for."""
    for number in range(30):
        store.commit(an_alert(id=AlertId(f"alert-{number}")))
        store.commit(replace(a_position(), id=PositionId(f"position-{number}")))
    assert [event.seq for event in store.events(58)] == [59, 60]
    assert [event.seq for event in store.events(limit=3)] == [1, 2, 3]
    assert [event.seq for event in store.events(10, "position.>", 3)] == [12, 14, 16]
    assert [event.seq for event in store.events(pattern="*.alert-7.*", limit=2)] == [15]
    assert [event.seq for event in store.events(pattern="position.position-29.opened", limit=1)] == [60]
    assert store.events(pattern="Position.>") == store.events(pattern="pos.>") == store.events(60) == []


def test_the_newest_events_are_read_by_subject(store: Store) -> None:
    """Oldest first, however many lie in between that nobody asked for, and as many as there are."""
    for number in range(30):
        store.commit(an_alert(id=AlertId(f"alert-{number}")))
        store.commit(replace(a_position(), id=PositionId(f"position-{number}")))
    assert [event.seq for event in store.newest_events(limit=3)] == [58, 59, 60]
    assert [event.seq for event in store.newest_events("alert.>", 2)] == [57, 59]
    assert [event.seq for event in store.newest_events("*.alert-7.*", 2)] == [15]
    assert store.newest_events("position.>", 1000) == store.events(0, "position.>")
    assert store.newest_events("pos.>") == []


def test_a_listener_that_raises_harms_nobody(store: Store) -> None:
    """The commit stands, and the other listeners are told of it."""
    told: list[str] = []

    def broken(_event: StoredEvent, _record: Told) -> None:
        raise RuntimeError("a listener broke")

    store.listen(broken)
    store.listen(lambda event, _record: told.append(event.subject))
    store.commit(a_position())
    store.commit(an_alert())
    assert told == ["position.position-1.opened", "alert.alert-1.raised"]


def test_a_listener_may_commit(store: Store) -> None:
    """What follows from it is told after what is being told, to every listener in the same order."""
    told: list[tuple[str, int]] = []

    def answer(event: StoredEvent, _record: Told) -> None:
        told.append(("first", event.seq))
        if event.seq == 1:
            store.commit(an_alert())

    store.listen(answer)
    store.listen(lambda event, _record: told.append(("second", event.seq)))
    store.commit(a_position())
    assert told == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_threads_that_commit_at_once_are_told_of_in_order(store: Store) -> None:
    """No number is told before a smaller one, whoever committed it."""
    told: list[int] = []
    store.listen(lambda event, _record: told.append(event.seq))
    begin = threading.Barrier(4)

    def work(worker: int) -> None:
        begin.wait(timeout=10)
        for number in range(15):
            store.commit(an_alert(id=AlertId(f"alert-{worker}-{number}")))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert told == list(range(1, 61))
    assert [event.seq for event in store.events()] == told


CHANGES = st.lists(
    st.lists(
        st.one_of(
            st.builds(
                lambda number, status, sold: a_position(
                    id=PositionId(f"position-{number}"), status=status, sold_tokens=RawAmount(sold)
                ),
                st.integers(1, 3),
                st.sampled_from(PositionStatus),
                st.integers(0, 3),
            ),
            st.builds(
                lambda number, status, count: an_alert(id=AlertId(f"alert-{number}"), status=status, count=count),
                st.integers(1, 3),
                st.sampled_from(AlertStatus),
                st.integers(1, 3),
            ),
            st.builds(lambda status: an_attempt(status=status), st.sampled_from(AttemptStatus)),
            st.builds(lambda status: an_event(status=status), st.sampled_from(OrderStatus)),
        ),
        max_size=4,
        unique_by=lambda record: str(getattr(record, "id", type(record))),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=CHANGES)
def test_whatever_is_committed_the_events_are_its_changes(store: Store, commits: list[list[Record]]) -> None:
    """No number is missing, and what is told is what `events_of` says of each record and the one before it."""
    store.commit(an_exit())
    begun, count = store.last_event(), 0
    for records in commits:
        happenings = []
        for record in records:
            happenings += events_of(_standing(store, record), record, an_exit())
        count += len(happenings)
        known = store.last_event()
        store.commit(*records)
        assert sorted(event.subject for event in store.events(known)) == sorted(h.subject for h in happenings)
    assert [event.seq for event in store.events(begun)] == list(range(begun + 1, begun + count + 1))
    assert store.last_event() == begun + count


def _standing(store: Store, record: Record) -> Any:
    match record:
        case Position():
            return store.position(record.id)
        case Alert():
            return store.alert(record.id)
        case Attempt():
            return next((a for a in store.attempts() if a.signature == record.signature), None)
        case _:
            return None


# Commits ---------------------------------------------------------------------------------------------------


def test_a_watcher_is_told_of_every_commit(store: Store) -> None:
    """Of all its records, also where they are no news, once they can be read; of what was refused, nothing."""
    told: list[tuple[Record, ...]] = []

    def watch(records: tuple[Record, ...]) -> None:
        assert store.position(POSITION) is not None
        told.append(records)

    store.watch(watch)
    store.commit(a_position(), an_exit())
    store.commit(a_position(peak_price=0.2))
    with pytest.raises(FENCE):
        store.commit(an_alert(), an_exit(id=OrderId("exit-2")))
    assert told == [(a_position(), an_exit()), (a_position(peak_price=0.2),)]


def test_a_watcher_that_raises_harms_nobody(store: Store) -> None:
    """The commit stands, other watchers are told of it, and so are those who listen for events."""
    told: list[object] = []

    def broken(_records: tuple[Record, ...]) -> None:
        raise RuntimeError("a watcher broke")

    store.watch(broken)
    store.watch(told.append)
    store.listen(lambda event, _record: told.append(event.seq))
    store.commit(a_position())
    assert told == [(a_position(),), 1]


def test_threads_that_commit_at_once_are_watched_in_order(store: Store) -> None:
    """What was told last of a record is what the store holds."""
    newest: dict[str, Record] = {}
    store.watch(lambda records: newest.update({record.id: record for record in records if isinstance(record, Alert)}))
    begin = threading.Barrier(4)

    def work(worker: int) -> None:
        begin.wait(timeout=10)
        for number in range(10):
            store.commit(an_alert(count=1 + worker * 100 + number))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [newest[AlertId("alert-1")]] == store.alerts()


# Candles ---------------------------------------------------------------------------------------------------


def a_candle(minute: int = 0, *, mint: Mint = MINT, **prices: Any) -> Candle:
    """Return the candle of a minute."""
    at = later(minute * MINUTE)
    return replace(Candle(mint=mint, at=at, open=2.0, high=4.0, low=1.0, close=3.0), **prices)


def test_candles_come_back_as_they_were(store: Store) -> None:
    """To the last bit, oldest first, those of one mint that begin within the span, its ends included."""
    odd = a_candle(2, open=0.1 + 0.2, high=1.7976931348623157e308, low=5e-324)
    store.keep_candles([odd, a_candle(0), a_candle(1), a_candle(1, mint=Mint("other"))])
    store.keep_candles([])
    assert store.candles(MINT, later(0), later(2 * MINUTE)) == [a_candle(0), a_candle(1), odd]
    assert store.candles(MINT, later(1), later(2 * MINUTE - 1)) == [a_candle(1)]
    assert store.candles(Mint("unknown"), later(0), later(9 * MINUTE)) == []


def test_a_candle_that_goes_on_is_added_to_the_one_that_is_there(store: Store) -> None:
    """As after a restart within a minute: the first price stays, and lows and highs are of both."""
    store.keep_candles([a_candle(0), a_candle(1)])
    store.keep_candles([a_candle(0, open=3.5, high=3.7, low=0.5, close=0.6)])
    store.keep_candles([a_candle(1, open=3.5, high=5.0, low=3.4, close=4.5), a_candle(2)])
    assert store.candles(MINT, later(0), later(9 * MINUTE)) == [
        a_candle(0, open=2.0, high=4.0, low=0.5, close=0.6),
        a_candle(1, open=2.0, high=5.0, low=1.0, close=4.5),
        a_candle(2),
    ]


def test_candles_from_before_a_moment_are_removed(store: Store) -> None:
    """Of each mint from before its own; those of others stay."""
    other = Mint("other")
    store.keep_candles([a_candle(minute, mint=mint) for minute in range(3) for mint in (MINT, other, Mint("third"))])
    store.drop_candles({})
    store.drop_candles({MINT: later(2 * MINUTE), other: later(MINUTE), Mint("unknown"): later(0)})
    left = [store.candles(mint, later(0), later(9 * MINUTE)) for mint in (MINT, other, Mint("third"))]
    assert [len(candles) for candles in left] == [1, 2, 3]
    assert left[0] == [a_candle(2)]


def test_candles_are_no_events(store: Store) -> None:
    """Nobody is told of them, and no number is taken."""
    told: list[object] = []
    store.watch(told.append)
    store.keep_candles([a_candle()])
    assert (store.last_event(), told) == (0, [])


def test_peaks_only_rise(store: Store) -> None:
    """All in one go, each to what it is given unless it is higher already; nothing else changes, and nobody is told."""
    low, high = a_position(id=PositionId("low"), peak_price=1.5), a_position(id=PositionId("high"), peak_price=2.5)
    store.commit(low, high)
    told: list[object] = []
    store.watch(told.append)
    before = store.last_event()
    store.raise_peaks({low.id: 2.0, high.id: 2.0, PositionId("unknown"): 9.0})
    assert {each.id: each for each in store.positions()} == {low.id: replace(low, peak_price=2.0), high.id: high}
    assert (store.last_event(), told) == (before, [])


# Threads ---------------------------------------------------------------------------------------------------


def test_commits_of_many_threads_all_land(store: Store) -> None:
    """Eight threads that write and read at once lose nothing, and none of them fails."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def write(thread: int) -> None:
        try:
            start.wait(timeout=10)
            for number in range(10):
                order = numbered(thread * 100 + number)
                store.commit(a_position(id=order.position_id), order, an_event(order), an_attempt(order))
                assert store.order(order.id) == order
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert (len(store.positions()), len(store.orders()), len(store.attempts())) == (80, 80, 80)
    assert all(len(store.history(order.id)) == 1 for order in store.orders())


def test_of_two_threads_that_raise_an_exit_one_is_refused(store: Store) -> None:
    """The fence holds between threads: one exit is stored and the other's commit fails."""
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def raise_exit(name: str) -> None:
        start.wait(timeout=10)
        try:
            store.commit(an_exit(id=OrderId(name)))
            outcomes.append("stored")
        except FENCE:
            outcomes.append("refused")

    threads = [threading.Thread(target=raise_exit, args=(name,)) for name in ("exit-1", "exit-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["refused", "stored"]
    assert len(store.orders()) == 1


# The database ----------------------------------------------------------------------------------------------


def test_a_pause_outlives_the_program(tmp_path: Path) -> None:
    """Whoever opens the database next finds it."""
    paused = EntrySwitch(wallet=WALLET, paused=True, updated_at=NOW)
    before = SqlStore(tmp_path / "ripcord.db")
    before.commit(paused)
    before.close()
    after = SqlStore(tmp_path / "ripcord.db")
    try:
        assert after.entry_switch(WALLET) == paused
    finally:
        after.close()


def test_a_reopened_database_has_everything(tmp_path: Path) -> None:
    """What was committed is there after a restart, records of every kind and the order of the history."""
    path = tmp_path / "ripcord.db"
    before = SqlStore(path)
    records = (a_position(), an_exit(), an_attempt(), a_fill(), an_alert())
    before.commit(*records, an_event(note="b"), an_event(note="a"))
    before.close()
    after = SqlStore(path)
    try:
        found = (*after.positions(), *after.orders(), *after.attempts(), *after.fills(), *after.alerts())
        assert found == records
        assert [event.note for event in after.history(OrderId("exit-1"))] == ["b", "a"]
        with pytest.raises(IntegrityError):
            after.commit(an_exit(id=OrderId("exit-2")))
    finally:
        after.close()


def test_a_commit_is_in_the_file_when_it_returns(sql: SqlStore, tmp_path: Path) -> None:
    """Another connection, as after a crash, sees it at once; nothing waits for the store to be closed."""
    sql.commit(an_exit())
    other = sqlite3.connect(tmp_path / "ripcord.db")
    try:
        assert other.execute("SELECT id FROM orders").fetchall() == [("exit-1",)]
    finally:
        other.close()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)]
)
def test_the_database_is_durable_and_keeps_its_fences(sql: SqlStore, pragma: str, value: object) -> None:
    """Write-ahead log, a sync at every commit (FULL is 2), foreign keys, and patience with another writer."""
    sql.commit(an_exit())
    with sql._backend.reader.connect() as connection:
        assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    """A first start needs no preparation."""
    store = SqlStore(tmp_path / "a" / "b" / "ripcord.db")
    store.commit(an_exit())
    store.close()
    assert (tmp_path / "a" / "b" / "ripcord.db").is_file()


def test_a_database_may_lie_in_any_folder(tmp_path: Path) -> None:
    """What means something in a URL means nothing in a path."""
    path = tmp_path / "50% off?cache=shared#1 @home" / "rip cord.db"
    store = SqlStore(path)
    store.commit(an_exit())
    store.close()
    assert path.is_file()
