"""Orders between the positions and the router.

An order is in the store before its message is sent; the messages carry it so that nobody has to read it back.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.order import Attempt, Order
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import OrderId
from engine.domain.urgency import ExitReason, Urgency, urgency_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """To the router: carry out *order*, which is stored and PENDING."""

    order: Order

    @property
    def urgency(self) -> Urgency:
        """The rank that it is read by."""
        return self.order.urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceEntry:
    """To the router, from the edge: store and carry out an entry. Answered with the order."""

    order: Order
    urgency: Urgency = Urgency.ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOrder:
    """To the router: take the order back, where nothing was sent yet, for a more urgent *reason*.

    Answered by `OrderWithdrawn` at once where it is queued; where it is in flight, by whatever becomes of the
    attempt, and without a retry.
    """

    order_id: OrderId
    reason: ExitReason

    @property
    def urgency(self) -> Urgency:
        """The rank that it is read by: that of the exit that waits for it."""
        return urgency_of(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """To the router, from the edge: take a queued order back. Answered with the order."""

    order_id: OrderId
    urgency: Urgency = Urgency.EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWithdrawn:
    """To a position: its exit was taken back before anything moved; the order is CANCELLED and stored."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitLanded:
    """To a position: *fill* carried out its exit *order*. The position stores both and answers `OrderSettled`.

    It may come more than once.
    """

    order: Order
    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeCharged:
    """To a position: *attempt* failed beside the one that had carried its exit out, and cost a *fee* all the same.

    The position stores both with itself and answers `FeeBooked`. It may come more than once.
    """

    attempt: Attempt
    fee: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeBooked:
    """To the router: *attempt*, its fee and the position are stored as one."""

    attempt: Attempt
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSettled:
    """To the router: order, fill and position are stored as one."""

    order: Order
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitFailed:
    """To a position: its exit *order* failed for good; it is CANCELLED and stored, and the alert raised."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionOpened:
    """To the supervisor: an entry was filled; *position* is stored and wants its actor."""

    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionClosed:
    """To the supervisor: *position* is closed and stored; its actor is no longer needed."""

    position: Position
