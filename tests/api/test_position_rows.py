"""Positions are shown with the price of now and what it makes of their levels, filtered, ordered and in pages."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.domain.order import OrderStatus
from engine.domain.position import ActiveExit, PositionStatus
from engine.domain.units import Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, seconds
from engine.domain.urgency import ExitReason
from tests.api.desk import V1, Desk, running
from tests.factories import MINT, NOW, a_plan, a_tick, an_exit

PLAN = a_plan(stop_loss="20", take_profits=(("25", "33"), ("50", "50")), trailing=("10", "10"))
WIF = Mint("wif-mint")


def waiting() -> ActiveExit:
    """Return the exit that a position waits for: `exit-1`."""
    return ActiveExit(
        order_id=OrderId("exit-1"), reason=ExitReason.STOP_LOSS, amount=RawAmount(7), sell_pct=Decimal(100)
    )


def prepare(desk: Desk) -> None:
    """Have three open positions of two tokens and a closed one."""
    desk.add("first", plan=PLAN, opened_at=Nanos(NOW - seconds(30)))
    desk.add("second", symbol="wif", mint=WIF, price="0.2", opened_at=Nanos(NOW - seconds(20)))
    desk.add("third", mint=Mint("none"), symbol="ACT", opened_at=Nanos(NOW - seconds(10)), last_price=0.0)
    closed = {"status": PositionStatus.CLOSED, "closed_at": Nanos(NOW - seconds(1)), "realized_pnl": Lamports(5)}
    desk.add("closed", symbol="ZZZ", opened_at=Nanos(NOW - seconds(90)), **closed)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desk whose engine has seen a price of BONK and one of WIF."""
    with running(tmp_path_factory.mktemp("rows"), prepare) as desk:
        for price in (0.12, 0.11):
            desk.engine.observe(a_tick(price, observed_at=desk.clock.now()))
        desk.engine.observe(a_tick(0.18, mint=WIF, observed_at=desk.clock.now()))
        desk.clock.advance_to(Nanos(desk.clock.now() + seconds(2)))
        yield desk


def ids(desk: Desk, **asked: Any) -> list[str]:
    """Return the names of the positions that are listed."""
    return [each["id"] for each in desk.get(f"{V1}/positions", **asked)["positions"]]


def test_a_row_has_the_figures_of_now(desk: Desk) -> None:
    """Price and age, what it is worth, and the trailing stop from a peak that is in no database."""
    row = desk.get(f"{V1}/positions", search="first")["positions"][0]
    assert (row["price"], row["price_age_s"], row["unrealized_pnl"]) == (0.11, 2.0, "10000000000")
    assert row["change_pct"] == pytest.approx(10)
    assert (row["stop_price"], row["stop_kind"], row["peak_price"]) == (0.108, "trailing_stop", 0.12)
    assert row["stop_distance_pct"] == pytest.approx(100 * 0.002 / 0.11)
    assert (row["next_target_price"], row["active_exit"]) == (0.125, None)
    assert row["next_target_distance_pct"] == pytest.approx(100 * 0.015 / 0.11)


def test_one_position_has_its_levels(desk: Desk) -> None:
    """In the order of its targets; a closed one as well, but nothing is ahead of it."""
    detail = desk.get(f"{V1}/positions/first")
    assert detail["levels"] == {
        "entry": 0.1,
        "stop": 0.08,
        "trailing_stop": 0.108,
        "targets": [
            {"price": 0.125, "sell_pct": "33", "taken": False},
            {"price": 0.15, "sell_pct": "50", "taken": False},
        ],
    }
    assert (detail["unrealized_pnl"], detail["position"]["price"]) == ("10000000000", 0.11)
    closed = desk.get(f"{V1}/positions/closed")
    shown = [closed["position"][name] for name in ("price", "change_pct", "stop_price", "next_target_price")]
    assert (closed["unrealized_pnl"], shown) == ("0", [None] * 4)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["third", "second", "first", "closed"]),
        ({"open": True}, ["third", "second", "first"]),
        ({"open": False}, ["closed"]),
        ({"search": "WI"}, ["second"]),
        ({"search": " F-MINT "}, ["second"]),
        ({"search": "first"}, ["first"]),
        ({"search": "%"}, []),
        ({"mint": MINT, "status": "open"}, ["first"]),
        ({"limit": 2, "offset": 1}, ["second", "first"]),
        ({"sort": "opened_at"}, ["closed", "first", "second", "third"]),
        ({"sort": "symbol"}, ["third", "first", "second", "closed"]),
        ({"sort": "symbol", "descending": True}, ["closed", "second", "first", "third"]),
        ({"sort": "change", "open": True}, ["second", "first", "third"]),
        ({"sort": "change", "descending": True}, ["first", "second", "closed", "third"]),
        ({"sort": "unrealized_pnl"}, ["second", "first", "closed", "third"]),
        ({"sort": "realized_pnl", "descending": True, "limit": 1}, ["closed"]),
        ({"sort": "stop_distance", "open": True, "descending": True}, ["second", "first", "third"]),
        ({"sort": "age"}, ["third", "second", "first", "closed"]),
        ({"sort": "status", "descending": True, "limit": 1}, ["closed"]),
    ],
)
def test_positions_are_filtered_and_ordered(desk: Desk, asked: dict[str, Any], expected: list[str]) -> None:
    """What has no such figure comes last, whichever way the others go."""
    assert ids(desk, **asked) == expected


def test_the_total_counts_all_pages(desk: Desk) -> None:
    """Of what was asked for."""
    assert desk.get(f"{V1}/positions", open=True, limit=1, offset=5) == {"total": 3, "positions": []}


@pytest.mark.parametrize(
    ("path", "asked", "named"),
    [
        ("positions", {"sort": "colour"}, "sort"),
        ("positions", {"open": "perhaps"}, "open"),
        ("positions", {"search": "x" * 101}, "search"),
        ("orders", {"created_after": "yesterday"}, "created_after"),
        ("orders", {"created_after": "2025-06-15T15:06:40"}, "created_after"),
        ("positions/first/chart", {"points": 1}, "points"),
    ],
)
def test_what_makes_no_sense_is_422(desk: Desk, path: str, asked: dict[str, Any], named: str) -> None:
    """And the parameter is named."""
    answer = desk.client.get(f"{V1}/{path}", params=asked)
    assert (answer.status_code, answer.json()["detail"].startswith(f"{named}: ")) == (422, True)


def test_an_exit_under_way_is_shown_with_its_order(tmp_path: Path) -> None:
    """How often it was tried, when it is tried again, and what went wrong last."""
    failed = {"status": OrderStatus.FAILED, "attempt_count": 2, "last_error": "no route"}

    def prepare(desk: Desk) -> None:
        desk.add(status=PositionStatus.EXIT_PENDING, needs_action=True, active_exit=waiting())
        desk.add("lost", status=PositionStatus.EXIT_PENDING, needs_action=True, active_exit=waiting())

    with running(tmp_path, prepare) as desk:
        order = an_exit(**failed, next_retry_at=Nanos(NOW + seconds(5)), max_attempts=5)
        unknown = desk.get(f"{V1}/positions/lost")["position"]["active_exit"]
        assert (unknown["order_id"], unknown["status"], unknown["attempt"]) == ("exit-1", None, None)
        desk.store.commit(order)
        assert desk.get(f"{V1}/positions/position-1")["position"]["active_exit"] == {
            "order_id": "exit-1",
            "reason": "stop_loss",
            "amount": "7",
            "sell_pct": "100",
            "status": "failed",
            "attempt": 2,
            "max_attempts": 5,
            "next_retry_at": "2025-06-15T15:06:45.000000000Z",
            "last_error": "no route",
        }


def test_orders_are_searched_and_taken_from_a_moment_on(tmp_path: Path) -> None:
    """To the nanosecond: the order of that very moment is not one after it."""

    def prepare(desk: Desk) -> None:
        for number in range(3):
            name = PositionId(f"position-{number}")
            desk.add(f"position-{number}", status=PositionStatus.CLOSED)
            order = an_exit(id=OrderId(f"exit-{number}"), position_id=name, created_at=Nanos(NOW + number))
            desk.store.commit(order)

    with running(tmp_path, prepare) as desk:
        first = desk.get(f"{V1}/orders/exit-1")["order"]["created_at"]
        assert first == "2025-06-15T15:06:40.000000001Z"
        for moment in (first, "2025-06-15T17:06:40.000000001+02:00"):
            assert [each["id"] for each in desk.get(f"{V1}/orders", created_after=moment)["orders"]] == ["exit-2"]
        for words, found in (("EXIT-0", 1), ("position-2", 1), ("bonk", 3), ("nothing", 0)):
            assert desk.get(f"{V1}/orders", search=words)["total"] == found
