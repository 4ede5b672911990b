"""An exit that a price fired, and the market's quote that contradicts the price: through the real actors."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.system import FEED
from engine.domain.confirmation import ConfirmationRules
from engine.domain.errors import FailureKind
from engine.domain.order import OrderStatus
from engine.domain.position import Position, PositionStatus
from engine.domain.units import lamports
from engine.messages.prices import Tick, TickObserved
from tests.actors.rig import BONK, Rig


def _rig(*, spend: str = "5", above: str | None = "1") -> tuple[Rig, Position]:
    rig = Rig()
    rig.confirmation = None if above is None else ConfirmationRules(above=lamports(above))
    position = rig.start().open(spend=spend)
    return rig, position


def _seen(rig: Rig, price: float) -> None:
    """Let the feed see *price*, of which the market knows nothing."""
    tick = Tick(mint=BONK, price=price, source="test", observed_at=rig.clock.now())
    rig.system.tell(FEED, TickObserved(tick=tick))
    rig.run()


def test_a_real_crash_fires_the_stop_at_its_first_attempt() -> None:
    """The quote agrees with the price: nothing is lost by asking."""
    rig, position = _rig()
    rig.price("0.6")
    rig.advance(2)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.attempt_count) == (OrderStatus.FILLED, 1)


def test_a_false_dip_is_refused_at_first_and_nothing_is_sent() -> None:
    """The market pays what it paid before: the stop looks again before it sells."""
    rig, position = _rig()
    sent = len(rig.chain.sent)
    _seen(rig, 0.6)
    rig.advance(0.9)
    (exit_,) = rig.exits(position)
    assert len(rig.chain.sent) == sent
    assert exit_.last_error_kind is FailureKind.REFUSED
    assert "does not confirm" in exit_.last_error


def test_a_stop_that_is_never_confirmed_is_carried_out_all_the_same() -> None:
    """Nobody can tell which of the two is wrong: after a moment it sells, for what the quote says."""
    rig, position = _rig()
    _seen(rig, 0.6)
    rig.advance(2)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.actual_price) == (OrderStatus.FILLED, Decimal(1))
    assert rig.position(position.id).status is PositionStatus.CLOSED


def test_a_crash_that_reaches_the_quote_a_moment_later_is_sold_at_once_then() -> None:
    """The venue was behind; its next quote confirms the stop."""
    rig, position = _rig()
    _seen(rig, 0.6)
    rig.market.prices[BONK] = Decimal("0.6")
    rig.advance(2)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.actual_price) == (OrderStatus.FILLED, Decimal("0.6"))


def test_a_false_spike_never_sells_below_its_target() -> None:
    """Not at any attempt; in the end a person is told, and the stop is still on guard."""
    rig, position = _rig()
    _seen(rig, 1.3)
    rig.advance(120)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.attempt_count) == (OrderStatus.CANCELLED, exit_.max_attempts)
    assert rig.sold_on_chain() == 0
    rig.price("0.7")
    rig.advance(2)
    assert [order.status for order in rig.exits(position)] == [OrderStatus.CANCELLED, OrderStatus.FILLED]


def test_a_spike_that_the_market_follows_is_sold_at_the_next_attempt() -> None:
    """A refusal is no end."""
    rig, position = _rig()
    _seen(rig, 1.3)
    rig.market.prices[BONK] = Decimal("1.3")
    rig.advance(10)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.attempt_count) == (OrderStatus.FILLED, 2)


@pytest.mark.parametrize(("spend", "above"), [("1", "1"), ("5", None)])
def test_a_small_exit_and_one_without_rules_need_no_confirmation(spend: str, above: str | None) -> None:
    """They are sold on the price alone."""
    rig, position = _rig(spend=spend, above=above)
    _seen(rig, 0.6)
    rig.advance(2)
    (exit_,) = rig.exits(position)
    assert (exit_.status, exit_.attempt_count) == (OrderStatus.FILLED, 1)
