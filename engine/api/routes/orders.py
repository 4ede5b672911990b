"""Orders: looking at them and their whole history, trying them again, taking them back."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from starlette.responses import Response

from engine.api.context import Api, Context, Id, Limit, Moment, Offset, Once, Search
from engine.api.problems import unknown
from engine.api.rows import mentions
from engine.api.schemas import Orders, OrderView, RetryRequest
from engine.api.timeline import Timeline, timeline
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.units import OrderId
from engine.domain.urgency import ExitReason

router = APIRouter(tags=["orders"])

_ITS_AMOUNT = RetryRequest()


@router.get("/orders")
def list_orders(
    api: Api,
    *,
    status: OrderStatus | None = None,
    kind: OrderKind | None = None,
    reason: ExitReason | None = None,
    mint: str | None = None,
    position_id: str | None = None,
    created_after: Moment | None = None,
    search: Search = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Orders:
    """List orders, the newest first; `counts` are those of all that the other filters leave, by status.

    `search` is a part of the symbol, the mint, the signature, or the id of the order or its position.
    """
    found = [
        order
        for order in reversed(api.books.orders())
        if (kind is None or order.kind is kind)
        and (reason is None or order.exit_reason is reason)
        and (mint is None or order.mint == mint)
        and (position_id is None or order.position_id == position_id)
        and (created_after is None or order.created_at > created_after)
        and mentions(order, search)
    ]
    counts = Counter(order.status for order in found)
    listed = [order for order in found if status is None or order.status is status]
    page = listed[offset : offset + limit]
    return Orders(
        total=len(listed),
        counts={each.value: counts[each] for each in OrderStatus},
        orders=[OrderView.model_validate(order) for order in page],
    )


@router.get("/orders/{order_id}")
def get_order(api: Api, order_id: Id) -> Timeline:
    """Return an order with all that happened to it, oldest first."""
    return timeline(api.engine.ports.store, _order(api, order_id))


@router.post("/orders/{order_id}/retry", response_model=OrderView)
def retry_order(api: Api, order_id: Id, once: Once, body: RetryRequest = _ITS_AMOUNT) -> Response:
    """Try an exit that failed for good once more. Answers with the new order."""
    known = _order(api, order_id).id
    return once.carry_out(
        lambda: OrderView.model_validate(api.engine.retry(known, everything=body.everything)).model_dump(mode="json")
    )


@router.post("/orders/{order_id}/cancel", response_model=OrderView)
def cancel_order(api: Api, order_id: Id, once: Once) -> Response:
    """Take a queued order back."""
    known = _order(api, order_id).id
    return once.carry_out(lambda: OrderView.model_validate(api.engine.cancel(known)).model_dump(mode="json"))


def _order(api: Context, order_id: str) -> Order:
    order = api.engine.ports.store.order(OrderId(order_id))
    if order is None:
        raise unknown("order", order_id)
    return order
