"""Positions: looking at them, opening, guarding and leaving them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.api.charts import CandleView, ChartView, exit_marks
from engine.api.context import Api, Context, Id, Limit, Offset, Once, Points, Search
from engine.api.problems import problem_of, unknown
from engine.api.rows import Live, PositionDetail, Positions, mentions, shown_levels
from engine.api.schemas import (
    AllExitsOrdered,
    ChangedPlan,
    ExitOrdered,
    ExitRequest,
    GuardTokens,
    ImportTokens,
    OpenPosition,
    OrderView,
    PositionsTaken,
    PositionView,
    plan_of,
)
from engine.choices import SortBy
from engine.domain.candles import thinned
from engine.domain.errors import BadInputError
from engine.domain.levels import levels
from engine.domain.order import Order
from engine.domain.position import Position, PositionStatus
from engine.domain.units import Lamports, Mint, OrderId, PositionId
from engine.guard import Wanted

router = APIRouter(tags=["positions"])

_ALL = ExitRequest()


@router.get("/positions")
def list_positions(
    api: Api,
    *,
    status: PositionStatus | None = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    mint: str | None = None,
    search: Search = "",
    needs_action: bool | None = None,
    sort: SortBy | None = None,
    descending: bool | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Positions:
    """List positions, the newest first, or as `sort` says: rising, unless `descending`.

    What has no such figure, such as the change of one without a price, comes last either way. `search` is a part of
    the symbol, the mint or the id.
    """
    found = [
        position
        for position in api.books.positions()
        if (status is None or position.status is status)
        and (is_open is None or position.closed is not is_open)
        and (mint is None or position.mint == mint)
        and (needs_action is None or position.needs_action is needs_action)
        and mentions(position, search)
    ]
    live = _live(api)
    down = descending if descending is not None else sort is None
    page = live.ordered(found, sort or SortBy.OPENED_AT, descending=down)[offset : offset + limit]
    return Positions(total=len(found), positions=[live.row(each) for each in page])


@router.get("/positions/{position_id}")
def get_position(api: Api, position_id: Id) -> PositionDetail:
    """Return a position with its orders, its levels and its result."""
    live, position = _live(api), _known(api, position_id)
    orders = [order for order in api.books.orders() if order.position_id == position.id]
    row = live.row(position)
    return PositionDetail(
        position=row,
        orders=[OrderView.model_validate(order) for order in orders],
        unrealized_pnl=row.unrealized_pnl,
        levels=shown_levels(levels(api.books.live(position))),
    )


@router.get("/positions/{position_id}/chart")
def get_chart(api: Api, position_id: Id, points: Points = 300) -> ChartView:
    """Return what a position's price did since it was opened, with its levels and its exits, oldest first.

    Of more than `points` candles, several become one, which keeps their lows and highs.
    """
    position = _known(api, position_id)
    until = position.closed_at if position.closed_at is not None else api.engine.ports.clock.now()
    candles = thinned(api.history.between(position.mint, position.opened_at, until), points)
    orders = (order for order in api.books.orders() if order.position_id == position.id)
    return ChartView(
        candles=[CandleView.model_validate(candle) for candle in candles],
        levels=shown_levels(levels(api.books.live(position))),
        exits=exit_marks(orders),
    )


def _live(api: Context) -> Live:
    return Live(api.books, api.engine.newest_prices(), api.engine.ports.clock.now())


def _known(api: Context, position_id: str) -> Position:
    position = api.books.position(PositionId(position_id))
    if position is None:
        raise unknown("position", position_id)
    return position


@router.post("/positions", response_model=OrderView)
def open_position(api: Api, body: OpenPosition, once: Once) -> Response:
    """Buy a token, and guard it once it is bought. Answers with the entry order."""
    plan = plan_of(body.plan)

    def act() -> Any:
        spend = Lamports(body.spend)
        return _order(api.engine.open_position(Mint(body.mint), spend, plan, symbol=body.symbol))

    return once.carry_out(act)


@router.post("/positions/guard", response_model=PositionView)
def guard_tokens(api: Api, body: GuardTokens, once: Once) -> Response:
    """Guard tokens that the wallet holds already. Answers with the position."""
    asked = body.wanted()
    return once.carry_out(
        lambda: _shown(
            api.engine.guard(
                Mint(asked.mint), asked.plan, price=asked.entry_price, amount=asked.amount, symbol=asked.symbol
            )
        )
    )


@router.post("/positions/import", response_model=PositionsTaken)
def import_tokens(api: Api, body: ImportTokens, once: Once) -> Response:
    """Guard many tokens that the wallet holds already: all of them or, where one line makes no sense, none."""
    wanted = _wanted(body.tokens)

    def act() -> Any:
        taken = [PositionView.model_validate(position) for position in api.engine.guard_all(wanted)]
        return PositionsTaken(positions=taken).model_dump(mode="json")

    return once.carry_out(act)


@router.post("/positions/emergency", response_model=AllExitsOrdered)
def emergency_exit_all(api: Api, once: Once) -> Response:
    """Sell every open position before anything else. Answers with what became of each."""

    def act() -> Any:
        exits = [_ordered(position_id, outcome) for position_id, outcome in api.engine.emergency_exit_all().items()]
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


@router.post("/positions/{position_id}/plan", response_model=PositionView)
def change_plan(api: Api, position_id: Id, body: ChangedPlan, once: Once) -> Response:
    """Guard an open position by another plan. Answers with the position, which may leave by the new plan at once."""
    position, plan = _position(api, position_id), plan_of(body.plan)
    return once.carry_out(lambda: _shown(api.engine.change_plan(position.id, plan)))


def _position(api: Context, position_id: str) -> Position:
    position = api.engine.ports.store.position(PositionId(position_id))
    if position is None:
        raise unknown("position", position_id)
    return position


def _leave(api: Context, position_id: str, once: Once, leave: Callable[[PositionId], Order | OrderId]) -> Response:
    known = _position(api, position_id).id
    return once.carry_out(lambda: _ordered(known, leave(known)).model_dump(mode="json"))


def _ordered(position_id: PositionId, outcome: Order | OrderId | Exception) -> ExitOrdered:
    match outcome:
        case Order():
            return ExitOrdered(position_id=position_id, order=OrderView.model_validate(outcome))
        case Exception():
            return ExitOrdered(position_id=position_id, error=problem_of(outcome).detail)
        case _:
            return ExitOrdered(position_id=position_id, waits_for=outcome)


def _wanted(tokens: Sequence[GuardTokens]) -> list[Wanted]:
    """Return what *tokens* ask for.

    Raises:
        BadInputError: some plans make no sense; each is named by its index.
    """
    wanted, faults = [], []
    for at, each in enumerate(tokens):
        try:
            wanted.append(each.wanted())
        except BadInputError as error:
            faults.append(f"tokens.{at}.plan: {error}")
    if faults:
        raise BadInputError("; ".join(faults))
    return wanted


def _order(order: Order) -> Any:
    return OrderView.model_validate(order).model_dump(mode="json")


def _shown(position: Position) -> Any:
    return PositionView.model_validate(position).model_dump(mode="json")
