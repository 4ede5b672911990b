"""A transaction that is not the swap that was ordered ends the order at once, and a person hears why."""

from __future__ import annotations

from typing import Any

from engine.domain.alert import Severity
from engine.domain.errors import FailureKind, SwapError
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.swap import PreparedSwap, Quote, Side
from tests.actors.rig import Rig
from tests.doubles import FakeMarket, FakeVenue

SENTENCE = "the transaction that Jupiter built is not the swap that was ordered: instruction 4 is Approve"


class HostileVenue(FakeVenue):
    """Quotes as it should, and refuses every transaction of a sale by its inspection."""

    def __init__(self, market: FakeMarket) -> None:
        super().__init__(market)
        self.refused = 0

    def prepare(self, quote: Quote, **options: Any) -> PreparedSwap:
        """Refuse a sale."""
        if quote.request.side is Side.SELL:
            self.refused += 1
            raise SwapError(FailureKind.PERMANENT, SENTENCE, code="NOT_AS_ORDERED")
        return super().prepare(quote, **options)


def test_a_refused_transaction_is_not_asked_for_again_and_alerts_with_its_sentence() -> None:
    """One attempt: the order is cancelled, the position waits for a person, and nothing was signed."""
    rig = Rig()
    rig.venue = venue = HostileVenue(rig.market)
    rig.start()
    position = rig.open()
    rig.price("0.8")
    rig.advance(120)
    (order,) = rig.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.CANCELLED, 1)
    assert (venue.refused, rig.store.attempts(order.id)) == (1, [])
    waiting = rig.position(position.id)
    assert waiting.status is PositionStatus.EXIT_PENDING
    assert waiting.needs_action
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert alert.severity is Severity.CRITICAL
    assert SENTENCE in alert.message
