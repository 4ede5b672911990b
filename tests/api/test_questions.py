"""What is asked is answered from the store and the actors, and says what is so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pykka
import pytest

from actors.system import ROUTER
from engine import __version__
from engine.api.folder import TOKEN
from engine.api.results import results
from engine.api.schemas import shown_plan
from engine.api.serving import served
from engine.app import Engine
from engine.choices import By
from engine.config import ApiSection
from engine.daemon import Daemon
from engine.domain.alert import Severity
from engine.domain.order import OrderStatus, reclaim_order
from engine.domain.plan import PRESETS, ExitPlan, parse_plan
from engine.domain.position import PositionStatus
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId
from engine.domain.urgency import ExitReason
from engine.messages.control import Drain
from tests.api.desk import V1, Desk, running
from tests.doubles_store import MemoryStore
from tests.factories import MINT, NOW, a_fill, a_plan, a_position, a_tick, an_alert, an_attempt, an_event, an_exit

DAY = 86_400 * 10**9


@pytest.mark.parametrize("plan", [*PRESETS.values(), a_plan(stagnation=("2", Nanos(90 * 10**9)))])
def test_a_plan_is_shown_as_it_is_given(plan: ExitPlan) -> None:
    """What is shown of a position can be given for the next one."""
    assert parse_plan(shown_plan(plan)) == plan


def test_positions_are_listed_newest_first_and_filtered(tmp_path: Path) -> None:
    """By status and mint, in pages, with the total of what was asked for."""

    def prepare(desk: Desk) -> None:
        for number in range(3):
            desk.add(f"position-{number}", opened_at=Nanos(NOW + number))
        desk.add("closed", status=PositionStatus.CLOSED, opened_at=Nanos(NOW - 1))

    with running(tmp_path, prepare) as desk:
        page = desk.get(f"{V1}/positions", status="open", limit=2, offset=1)
        assert (page["total"], [each["id"] for each in page["positions"]]) == (3, ["position-1", "position-0"])
        assert desk.get(f"{V1}/positions", mint="other")["total"] == 0
        detail = desk.get(f"{V1}/positions/position-0")
        assert (detail["position"]["entry_price"], detail["unrealized_pnl"]) == ("0.1", "0")
        assert detail["position"]["opened_at"] == "2025-06-15T15:06:40.000000000Z"


def test_the_rent_of_a_marker_is_told_until_it_is_back(tmp_path: Path) -> None:
    """Of the order that parked it, and of the one that brings it back."""
    parked = an_exit(status=OrderStatus.FILLED, marker_rent=Lamports(1_000_000), reclaimed_by=OrderId("reclaim-1"))
    reclaim = reclaim_order(OrderId("reclaim-1"), 3, NOW)

    def prepare(desk: Desk) -> None:
        desk.add(status=PositionStatus.CLOSED)
        desk.store.commit(parked, replace(reclaim, status=OrderStatus.FILLED))

    with running(tmp_path, prepare) as desk:
        first, second = (desk.get(f"{V1}/orders/{name}") for name in ("exit-1", "reclaim-1"))
        assert (first["order"]["marker_rent"], first["order"]["reclaimed_by"]) == ("1000000", "reclaim-1")
        assert (first["marker_returned"], first["markers_rent"]) == (True, "0")
        assert (second["marker_returned"], second["markers_rent"]) == (False, "1000000")
        desk.store.commit(reclaim)
        assert desk.get(f"{V1}/orders/exit-1")["marker_returned"] is False


def test_an_order_is_shown_with_its_whole_timeline(tmp_path: Path) -> None:
    """History, attempts without their bytes, and fills; the list counts by status."""
    order = an_exit(status=OrderStatus.FILLED, attempt_count=1, marker_seed="unpredictable")

    def prepare(desk: Desk) -> None:
        desk.add(status=PositionStatus.CLOSED)
        desk.store.commit(order, an_event(order), an_attempt(order), a_fill(order))

    with running(tmp_path, prepare) as desk:
        timeline = desk.get(f"{V1}/orders/exit-1")
        assert [len(timeline[name]) for name in ("history", "attempts", "fills")] == [1, 1, 1]
        assert "raw" not in timeline["attempts"][0]
        assert "unpredictable" not in desk.client.get(f"{V1}/orders/exit-1").text
        listed = desk.get(f"{V1}/orders", status="pending", reason="stop_loss")
        assert (listed["total"], listed["counts"]["filled"], listed["counts"]["pending"]) == (0, 1, 0)


@pytest.mark.parametrize(
    "path", ["positions/x", "orders/x", "alerts/x", "positions/x/exit", "orders/x/cancel", "alerts/x/acknowledge"]
)
def test_what_is_not_known_is_404(desk: Desk, path: str) -> None:
    """For questions and for commands, which are not begun."""
    asked = path.count("/") == 1
    answer = desk.client.get(f"{V1}/{path}") if asked else desk.post(f"{V1}/{path}")
    assert (answer.status_code, answer.json()["detail"].endswith("'x' is not known")) == (404, True)
    assert desk.audit == []


def test_the_queue_the_prices_and_the_state_are_those_of_the_actors(desk: Desk) -> None:
    """An exit is in flight, a price is the newest, and the engine says how it does."""
    desk.engine.observe(a_tick(0.11, observed_at=desk.clock.now()))
    desk.post(f"{V1}/positions/position-1/exit")
    queue = desk.get(f"{V1}/queue")
    assert [each["order"]["id"] for each in (*queue["queued"], *queue["in_flight"])] == ["exit-1"]
    assert (queue["slots"], queue["orders_per_minute"], queue["estimated_wait_s"]) == (3, 1, 0.0)
    (price,) = desk.get(f"{V1}/prices")
    assert (price["mint"], price["price"], price["source"]) == (MINT, 0.11, "test")
    assert desk.get(f"{V1}/pnl")["unrealized"] == "10000000000"
    desk.store.commit(an_alert(), an_alert(id=AlertId("alert-2"), severity=Severity.CRITICAL, dedupe_key="other"))
    state = desk.get(f"{V1}/engine")
    assert (state["newest_price_age_s"], state["explorer"], state["version"]) == (0.0, None, __version__)
    assert (state["queue_depth"] + state["in_flight"], state["started_at"]) == (1, "2025-06-15T15:06:40.000000000Z")
    assert (state["unresolved_alerts"], state["critical_alerts"]) == (2, 1)
    assert (state["wallet"], state["open_positions"], state["gave_up"]) == ("wallet", 1, False)
    assert "router" in state["actors"]
    assert "ripcord_" in desk.client.get("/metrics").text
    desk.clock.advance_to(Nanos(desk.clock.now() + 3 * 10**9))
    assert desk.get(f"{V1}/engine")["newest_price_age_s"] == 3.0


def test_alerts_are_filtered(tmp_path: Path) -> None:
    """By severity and status."""
    severe = an_alert(id=AlertId("alert-2"), severity=Severity.CRITICAL, dedupe_key="other")
    with running(tmp_path, lambda desk: desk.store.commit(an_alert(), severe)) as desk:
        listed = desk.get(f"{V1}/alerts", severity="critical", status="active")
        assert [each["id"] for each in listed["alerts"]] == ["alert-2"]
        assert desk.get(f"{V1}/alerts/alert-2") == listed["alerts"][0]


def test_results_add_up_by_day_token_and_reason() -> None:
    """Win rates count after fees; what is open counts at its newest price."""
    closed = [
        a_position(
            id=PositionId(f"p{number}"),
            mint=Mint(f"mint-{number % 2}"),
            status=PositionStatus.CLOSED,
            closed_at=Nanos(NOW + number * DAY),
            exit_reason=ExitReason.STOP_LOSS,
            realized_pnl=Lamports(pnl),
            fees=Lamports(10),
        )
        for number, pnl in enumerate((100, 5, -50))
    ]
    still = a_position(price="0.1", tokens="10")
    found = results([*closed, still], {MINT: a_tick(0.3)}, By.DAY)
    assert [(group.name, group.net, group.wins) for group in found.groups] == [
        ("2025-06-15", "90", 1),
        ("2025-06-16", "-5", 0),
        ("2025-06-17", "-60", 0),
    ]
    assert (found.realized_gross, found.fees, found.realized_net) == ("55", "30", "25")
    assert (found.unrealized, found.open_positions, found.closed.win_rate) == ("2000000000", 1, 1 / 3)
    by_token = results([replace(closed[0], symbol="OLD"), *closed[1:]], {}, By.TOKEN).groups
    assert [(group.name, group.symbol) for group in by_token] == [("mint-0", "BONK"), ("mint-1", "BONK")]
    assert {group.symbol for group in found.groups} == {None}
    assert [group.positions for group in results(closed, {}, By.REASON).groups] == [3]


def test_the_result_has_its_curve(tmp_path: Path) -> None:
    """After each exit, in lamports, and in the end what was realized in all."""

    def prepare(desk: Desk) -> None:
        for number, pnl in enumerate((500, -200)):
            closed = {"status": PositionStatus.CLOSED, "closed_at": Nanos(NOW + number)}
            desk.add(f"position-{number}", realized_pnl=Lamports(pnl), **closed)

    with running(tmp_path, prepare) as desk:
        found = desk.get(f"{V1}/pnl")
        assert [point["realized_pnl"] for point in found["curve"]] == ["500", "300"]
        assert found["curve"][1]["at"] == "2025-06-15T15:06:40.000000001Z"
        assert found["realized_gross"] == "300"


def test_nothing_begins_in_an_engine_that_drains(desk: Desk) -> None:
    """So nobody knows how long an order would wait."""
    desk.engine.system.tell(ROUTER, Drain())
    assert desk.get(f"{V1}/queue")["estimated_wait_s"] is None


def test_an_engine_that_does_not_answer_is_504_and_the_answer_stands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still do it: the same key is not tried again, whatever the engine would say now."""
    with monkeypatch.context() as stuck:
        stuck.setattr(desk.engine, "exit", _silent)
        first = desk.post(f"{V1}/positions/position-1/exit")
    again = desk.post(f"{V1}/positions/position-1/exit")
    assert [(answer.status_code, answer.json()["status"]) for answer in (first, again)] == [(504, 504)] * 2
    assert desk.orders() == []


def _silent(_position_id: PositionId, _percent: Decimal) -> OrderId:
    raise pykka.Timeout


def test_readiness_is_that_of_the_engine(desk: Desk) -> None:
    """Ready while it takes commands; alive even while it drains."""
    assert desk.client.get("/readyz").json() == {"ready": True}
    desk.process.draining = True
    assert [desk.client.get(path).status_code for path in ("/readyz", "/livez")] == [503, 200]


def test_a_drain_by_the_api_ends_the_process_in_good_order(tmp_path: Path) -> None:
    """The daemon serves the API while it runs, and ends with 0."""
    desk = Desk(tmp_path, ApiSection(port=0), MemoryStore())
    statuses: list[int] = []

    @contextmanager
    def serve(engine: Engine, daemon: Daemon) -> Iterator[None]:
        with served(engine, daemon) as server:
            assert server is not None
            token = (tmp_path / TOKEN).read_text(encoding="ascii").strip()
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "end"}
            url = f"{server.url}{V1}/engine/drain"
            asking = threading.Thread(target=lambda: statuses.append(httpx.post(url, headers=headers).status_code))
            asking.start()
            yield
            asking.join()

    assert Daemon(desk.engine, grace=5, serve=serve).run() == 0
    assert statuses == [200]
