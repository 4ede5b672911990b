"""An order with all that happened to it."""

from __future__ import annotations

from engine.api.schemas import AttemptView, FillView, OrderEventView, OrderView, View
from engine.domain.order import Order, OrderStatus
from engine.events.fields import Integer
from engine.ports import Store


class Timeline(View):
    """An order with all that happened to it, oldest first."""

    order: OrderView
    history: list[OrderEventView]
    attempts: list[AttemptView]
    fills: list[FillView]
    marker_returned: bool
    """Whether the rent of its marker was brought back."""
    markers_rent: Integer
    """Rent of the markers of other orders that it is to bring back, or did, in lamports."""


def timeline(store: Store, order: Order) -> Timeline:
    """Return what *store* knows of *order*."""
    carrier = store.order(order.reclaimed_by) if order.reclaimed_by is not None else None
    return Timeline.model_validate(
        {
            "order": OrderView.model_validate(order),
            "history": [OrderEventView.model_validate(event) for event in store.history(order.id)],
            "attempts": [AttemptView.model_validate(attempt) for attempt in store.attempts(order.id)],
            "fills": [FillView.model_validate(fill) for fill in store.fills(order.id)],
            "marker_returned": carrier is not None and carrier.status is OrderStatus.FILLED,
            "markers_rent": sum(other.marker_rent for other in store.markers(order.id)),
        }
    )
