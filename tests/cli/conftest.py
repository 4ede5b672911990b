"""An engine that runs, and a shell to command it from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import Lamports, Nanos, OrderId, PositionId, RawAmount, Signature
from engine.domain.urgency import ExitReason
from tests.api.desk import Desk, running
from tests.cli.shell import Shell
from tests.factories import NOW, a_fill, a_position, an_alert, an_attempt, an_event, an_exit


def furnish(desk: Desk) -> None:
    """Have two open positions, one closed with its exit, and an alert."""
    desk.add()
    desk.add("position-2", symbol="WIF")
    sold = an_exit(
        id=OrderId("exit-9"),
        position_id=PositionId("position-3"),
        status=OrderStatus.FILLED,
        attempt_count=1,
        tx_signature=Signature("exit-9-sig1"),
        filled_at=Nanos(NOW + 10**9),
        marker_rent=Lamports(1_000_000),
    )
    desk.store.commit(
        a_position(
            id=PositionId("position-3"),
            symbol="POPCAT",
            status=PositionStatus.CLOSED,
            sold_tokens=RawAmount(1_000_000_000),
            realized_pnl=Lamports(-20_000_000_000),
            final_pnl=Lamports(-20_000_000_000),
            fees=Lamports(25_000),
            exit_reason=ExitReason.STOP_LOSS,
            closed_at=Nanos(NOW + 10**9),
        ),
        sold,
        an_event(sold),
        an_attempt(sold),
        a_fill(sold, rent=1_500_000),
        an_alert(),
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a running engine with two open positions, `position-1` and `position-2`, and its API."""
    with running(tmp_path, furnish) as desk:
        yield desk


@pytest.fixture
def ripcord(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the command line, which finds that engine by its settings."""
    return Shell(monkeypatch, tmp_path, desk)
