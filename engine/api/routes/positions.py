"""Positions: looking at them, opening, guarding and leaving them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.responses import Response

from engine.api.context import Api, Context, Id, Limit, Offset, Once
from engine.api.problems import problem_of, unknown
from engine.api.schemas import (
    AllExitsOrdered,
    ExitOrdered,
    ExitRequest,
    GuardTokens,
    OpenPosition,
    OrderView,
    PositionDetail,
    Positions,
    PositionView,
    plan_of,
)
from engine.app import ASK_TIMEOUT
from engine.domain.errors import CommandRefusedError
from engine.domain.order import Order
from engine.domain.position import Position, PositionStatus, unrealized_pnl
from engine.domain.units import Lamports, Mint, OrderId, PositionId, RawAmount

log = structlog.get_logger(__name__)
router = APIRouter(tags=["positions"])

_EXITS_AT_ONCE = 16
_ALL = ExitRequest()


@router.get("/positions")
def list_positions(
    api: Api,
    *,
    status: PositionStatus | None = None,
    mint: str | None = None,
    needs_action: bool | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Positions:
    """List positions, the newest first."""
    found = [
        position
        for position in reversed(api.engine.ports.store.positions())
        if (status is None or position.status is status)
        and (mint is None or position.mint == mint)
        and (needs_action is None or position.needs_action is needs_action)
    ]
    page = found[offset : offset + limit]
    return Positions(total=len(found), positions=[PositionView.model_validate(each) for each in page])


@router.get("/positions/{position_id}")
def get_position(api: Api, position_id: Id) -> PositionDetail:
    """Return a position with its orders and its result."""
    position = _position(api, position_id)
    orders = api.engine.ports.store.orders(position_id=position.id)
    return PositionDetail(
        position=PositionView.model_validate(position),
        orders=[OrderView.model_validate(order) for order in orders],
        unrealized_pnl=str(0 if position.closed else unrealized_pnl(position, position.last_price)),
    )


@router.post("/positions", response_model=OrderView)
def open_position(api: Api, body: OpenPosition, once: Once) -> Response:
    """Buy a token, and guard it once it is bought. Answers with the entry order."""
    plan = plan_of(body.plan)

    def act() -> Any:
        if api.entries_paused:
            raise CommandRefusedError("entries are paused: resume them first")
        spend = Lamports(body.spend)
        return _order(api.engine.open_position(Mint(body.mint), spend, plan, symbol=body.symbol))

    return once.carry_out(act)


@router.post("/positions/guard", response_model=PositionView)
def guard_tokens(api: Api, body: GuardTokens, once: Once) -> Response:
    """Guard tokens that the wallet holds already. Answers with the position."""
    plan = plan_of(body.plan)

    def act() -> Any:
        if not api.guarding.acquire(timeout=ASK_TIMEOUT):
            raise CommandRefusedError("other tokens are being taken under guard: try again with a new key")
        try:
            amount = RawAmount(body.amount) if body.amount is not None else None
            return _shown(
                api.engine.guard(Mint(body.mint), plan, price=body.entry_price, amount=amount, symbol=body.symbol)
            )
        finally:
            api.guarding.release()

    return once.carry_out(act)


@router.post("/positions/emergency", response_model=AllExitsOrdered)
def emergency_exit_all(api: Api, once: Once) -> Response:
    """Sell every open position before anything else. Answers with what became of each."""

    def act() -> Any:
        positions = api.engine.ports.store.positions(open_only=True)
        # Beside each other: a position that does not answer keeps no other waiting.
        with ThreadPoolExecutor(_EXITS_AT_ONCE, thread_name_prefix="emergency") as threads:
            exits = list(threads.map(lambda position: _emergency(api, position.id), positions))
        return AllExitsOrdered(exits=exits).model_dump(mode="json")

    return once.carry_out(act)


@router.post("/positions/{position_id}/exit", response_model=ExitOrdered)
def exit_position(api: Api, position_id: Id, once: Once, body: ExitRequest = _ALL) -> Response:
    """Sell a part of what remains, or all of it."""
    return _leave(api, position_id, once, lambda known: api.engine.exit(known, body.percent))


@router.post("/positions/{position_id}/emergency", response_model=ExitOrdered)
def emergency_exit(api: Api, position_id: Id, once: Once) -> Response:
    """Sell everything that remains before anything else."""
    return _leave(api, position_id, once, api.engine.emergency_exit)


@router.post("/positions/{position_id}/release", response_model=PositionView)
def release_position(api: Api, position_id: Id, once: Once) -> Response:
    """Give up an exit that failed for good, and guard on."""
    position = _position(api, position_id)
    return once.carry_out(lambda: _shown(api.engine.release(position.id)))


def _position(api: Context, position_id: str) -> Position:
    position = api.engine.ports.store.position(PositionId(position_id))
    if position is None:
        raise unknown("position", position_id)
    return position


def _leave(api: Context, position_id: str, once: Once, leave: Callable[[PositionId], Order | OrderId]) -> Response:
    known = _position(api, position_id).id
    return once.carry_out(lambda: _ordered(known, leave(known)).model_dump(mode="json"))


def _emergency(api: Context, position_id: PositionId) -> ExitOrdered:
    try:
        return _ordered(position_id, api.engine.emergency_exit(position_id))
    except Exception as error:
        log.exception("emergency_exit_failed", position_id=position_id)  # the others are sold all the same
        return ExitOrdered(position_id=position_id, error=problem_of(error).detail)


def _ordered(position_id: PositionId, answer: Order | OrderId) -> ExitOrdered:
    if isinstance(answer, Order):
        return ExitOrdered(position_id=position_id, order=OrderView.model_validate(answer))
    return ExitOrdered(position_id=position_id, waits_for=answer)


def _order(order: Order) -> Any:
    return OrderView.model_validate(order).model_dump(mode="json")


def _shown(position: Position) -> Any:
    return PositionView.model_validate(position).model_dump(mode="json")
