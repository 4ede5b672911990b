"""Every command of the API: how it is given, what it needs, and how its effects are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.domain.order import OrderKind, OrderStatus
from engine.domain.position import ActiveExit, PositionStatus
from engine.domain.units import Nanos, OrderId, RawAmount
from engine.domain.urgency import ExitReason
from tests.api.desk import V1, Desk
from tests.factories import MINT, NOW, an_alert, an_exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One command."""

    path: str
    prepare: Callable[[Desk], object]
    effects: Callable[[Desk], int]
    body: Any = None


def _nothing(_desk: Desk) -> None:
    """Need nothing."""


def _held(desk: Desk) -> None:
    desk.add()


def _waiting(desk: Desk) -> None:
    """Have an exit wait for its next attempt."""
    order = an_exit(next_retry_at=Nanos(NOW + 10**12), attempt_count=1)
    _leaving(desk, order.id)
    desk.store.commit(order)


def _failed(desk: Desk) -> None:
    """Have an exit that failed for good."""
    _leaving(desk, OrderId("exit-1"), needs_action=True)
    desk.store.commit(an_exit(status=OrderStatus.CANCELLED, attempt_count=3, last_error="no route"))


def _leaving(desk: Desk, order_id: OrderId, **changes: Any) -> None:
    active = ActiveExit(
        order_id=order_id, reason=ExitReason.STOP_LOSS, amount=RawAmount(1_000_000_000), sell_pct=Decimal(100)
    )
    desk.add(status=PositionStatus.EXIT_PENDING, active_exit=active, **changes)


def _exits(desk: Desk) -> int:
    return sum(order.kind is OrderKind.EXIT for order in desk.orders())


def _paused(desk: Desk) -> int:
    return int(desk.get(f"{V1}/engine")["entries_paused"])


OPEN = {"mint": MINT, "spend": 10**9, "plan": "balanced", "symbol": "BONK"}
GUARD = {"mint": MINT, "plan": {"stop_loss_pct": 20}, "entry_price": "0.1", "amount": "1000000000"}
COMMANDS = {
    spec.path.removeprefix(V1): spec
    for spec in (
        Spec(
            path=f"{V1}/positions",
            body=OPEN,
            prepare=_nothing,
            effects=lambda desk: sum(order.kind is OrderKind.ENTRY for order in desk.orders()),
        ),
        Spec(
            path=f"{V1}/positions/guard",
            body=GUARD,
            prepare=_nothing,
            effects=lambda desk: len(desk.store.positions()),
        ),
        Spec(
            path=f"{V1}/positions/import",
            body={"tokens": [GUARD]},
            prepare=_nothing,
            effects=lambda desk: len(desk.store.positions()),
        ),
        Spec(
            path=f"{V1}/positions/position-1/plan",
            body={"plan": "moonbag"},
            prepare=_held,
            effects=lambda desk: desk.counts("position.*.plan_changed"),
        ),
        Spec(path=f"{V1}/positions/position-1/exit", body={"percent": 50}, prepare=_held, effects=_exits),
        Spec(path=f"{V1}/positions/position-1/emergency", prepare=_held, effects=_exits),
        Spec(path=f"{V1}/positions/emergency", prepare=_held, effects=_exits),
        Spec(
            path=f"{V1}/positions/position-1/release",
            prepare=_failed,
            effects=lambda desk: sum(p.status is PositionStatus.OPEN for p in desk.store.positions()),
        ),
        Spec(
            path=f"{V1}/orders/exit-1/retry",
            prepare=_failed,
            effects=lambda desk: sum(order.retry_of is not None for order in desk.orders()),
        ),
        Spec(
            path=f"{V1}/orders/exit-1/cancel",
            prepare=_waiting,
            effects=lambda desk: sum(order.status is OrderStatus.CANCELLED for order in desk.orders()),
        ),
        Spec(
            path=f"{V1}/alerts/alert-1/acknowledge",
            prepare=lambda desk: desk.store.commit(an_alert()),
            effects=lambda desk: desk.counts("alert.*.acknowledged"),
        ),
        Spec(path=f"{V1}/alerts/test", prepare=_nothing, effects=lambda desk: len(desk.channel.sent)),
        Spec(path=f"{V1}/engine/entries/pause", prepare=_nothing, effects=_paused),
        Spec(
            path=f"{V1}/engine/entries/resume",
            prepare=lambda desk: desk.engine.pause_entries(),
            effects=lambda desk: 1 - _paused(desk),
        ),
        Spec(path=f"{V1}/engine/drain", prepare=_nothing, effects=lambda desk: desk.process.drained),
    )
}
"""By their paths after the prefix."""
