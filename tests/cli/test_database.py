"""`--database` reads an engine's database where the engine does not run, as its API would show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.domain.alert import AlertStatus
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import AlertId, Lamports, Nanos, OrderId, PositionId, RawAmount
from engine.domain.urgency import ExitReason
from engine.store.sql import SqlStore
from tests.cli.shell import Shell
from tests.factories import NOW, a_fill, a_position, an_alert, an_attempt, an_event, an_exit

FILTERS = {
    "orders": ["exit-2", "exit-1"],
    "orders --status filled": ["exit-1"],
    "orders --reason manual": ["exit-2"],
    "orders --kind entry": [],
    "orders --position position-1": ["exit-1"],
    "orders --since 9999d": ["exit-2", "exit-1"],
    "orders --since 1h": [],
    "orders --limit 1": ["exit-2"],
    "positions list": ["position-2", "position-1"],
    "positions list --open": ["position-2"],
    "positions list --closed": ["position-1"],
    "positions list --needs-action": ["position-2"],
    "alerts list": ["alert-1"],
    "alerts list --all": ["alert-2", "alert-1"],
    "alerts list --severity critical": [],
}
"""By command: what is listed, newest first."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with two positions, their orders and two alerts."""
    file = tmp_path_factory.mktemp("database") / "engine.db"
    store = SqlStore(file)
    later = Nanos(NOW + 10**9)
    closed = a_position(
        status=PositionStatus.CLOSED,
        sold_tokens=RawAmount(1_000_000_000),
        realized_pnl=Lamports(-20_000_000_000),
        final_pnl=Lamports(-20_000_000_000),
        exit_reason=ExitReason.STOP_LOSS,
        closed_at=later,
    )
    store.commit(a_position(id=PositionId("position-2"), opened_at=later, needs_action=True), closed)
    filled = an_exit(status=OrderStatus.FILLED, marker_rent=Lamports(1_000_000), filled_at=later)
    other = an_exit(
        id=OrderId("exit-2"),
        position_id=PositionId("position-2"),
        exit_reason=ExitReason.MANUAL,
        created_at=later,
    )
    store.commit(filled, other, an_event(filled), an_attempt(filled), a_fill(filled, rent=1_500_000))
    over = replace(an_alert(), id=AlertId("alert-2"), dedupe_key="x", status=AlertStatus.RESOLVED, raised_at=later)
    store.commit(an_alert(), over)
    store.close()
    return file


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the command line where no engine runs."""
    return Shell(monkeypatch, tmp_path)


@pytest.mark.parametrize("command", FILTERS)
def test_a_database_is_listed_as_the_engine_would(shell: Shell, database: Path, command: str) -> None:
    """With the same filters, newest first, as documents of the same form."""
    done = shell(*command.split(), "--output", "json", "--database", database)
    assert done.code == 0, done.err
    listed: Any = next(value for value in done.json.values() if isinstance(value, list))
    assert [each["id"] for each in listed] == FILTERS[command]
    assert shell(*command.split(), "--database", database).code == 0


def test_an_order_of_a_database_has_its_whole_history_and_its_rents(shell: Shell, database: Path) -> None:
    """What only the database knows is shown as well."""
    shown = shell("orders", "exit-1", "--database", database)
    assert (shown.code, shown.err) == (0, "")
    for part in ("80.000000 SOL", "exit-1-sig1", "Order marker: 0.001000 SOL of rent parked, to be brought back"):
        assert part in shown.out
    assert "Rent of token accounts: 0.000500 SOL paid, beside the price" in shown.out


def test_results_of_a_database_are_added_up(shell: Shell, database: Path) -> None:
    """Closed positions by reason; the open one counts at its last price."""
    found = shell("pnl", "--by", "reason", "--output", "json", "--database", database).json
    assert [(group["name"], group["net"]) for group in found["groups"]] == [("stop_loss", "-20000000000")]
    assert (found["open_positions"], found["unrealized"], len(found["curve"])) == (1, "0", 1)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("orders exit-7", "has no order 'exit-7'"),
        ("positions list --sort change", "--sort goes by the prices of a running engine"),
    ],
)
def test_what_a_database_cannot_say_is_refused(shell: Shell, database: Path, command: str, sentence: str) -> None:
    """Exit code 2, in a sentence."""
    done = shell(*command.split(), "--database", database)
    assert (done.code, done.out, sentence in done.err) == (2, "", True)


@pytest.mark.parametrize("command", ["orders", "positions list", "alerts list", "pnl", "events"])
def test_a_database_that_is_not_there_is_named(shell: Shell, command: str) -> None:
    """And not made."""
    done = shell(*command.split(), "--database", "nowhere.db")
    assert (done.code, "there is no database nowhere.db" in done.err) == (2, True)
    assert not Path("nowhere.db").exists()
