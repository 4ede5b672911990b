"""Which exits the market's own quote contradicts, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.confirmation import ConfirmationRules, contradiction
from engine.domain.guarding import RaiseExit, exit_order
from engine.domain.order import Order
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies
from engine.domain.swap import Quote
from engine.domain.units import Nanos, OrderId, RawAmount, lamports, seconds
from engine.domain.urgency import ExitReason
from tests.factories import NOW, a_plan, a_position

S, T, W = ExitReason.STOP_LOSS, ExitReason.TAKE_PROFIT_1, ExitReason.TRAILING_STOP
RULES = ConfirmationRules(above=lamports("1"))
PLAN = a_plan(stop_loss="20", take_profits=(("25", "100"),), trailing=("10", "10"))
"""Of a position bought at 0.1 SOL: the stop is at 0.08, the first target at 0.125, the trailing stop at 0.18."""


def _exit(reason: ExitReason, fired_at: str, *, tokens: int = 1_000, **changes: Any) -> tuple[Order, Position]:
    position = replace(a_position(price="0.1", plan=PLAN), peak_price=0.2, last_price=float(fired_at))
    action = RaiseExit(reason=reason, sell_pct=Decimal(100), amount=RawAmount(tokens * 10**6))
    position, order = exit_order(position, action, OrderId("exit"), RetryPolicies(), NOW)
    return replace(order, **{"attempt_count": 1, **changes}), position


def _paid(order: Order, price: str) -> Quote:
    """Return a quote that pays *price* SOL for each whole token of *order*."""
    out = int(Decimal(order.amount_tokens) / 10**6 * Decimal(price) * 10**9)
    return Quote(request=order.request(), expected_out=out, minimum_out=out, venue="", payload=None)


def _refused(reason: ExitReason, fired_at: str, pays: str, *, after: float = 0, **changes: Any) -> bool:
    order, position = _exit(reason, fired_at, **changes)
    return contradiction(order, position, _paid(order, pays), RULES, Nanos(NOW + seconds(after))) is not None


# reason, the price that fired it, what the quote pays, whether it is refused at the first attempt and at once.
@pytest.mark.parametrize(
    ("reason", "fired_at", "pays", "refused"),
    [
        (S, "0.03", "0.1", True),
        (S, "0.079", "0.0812", False),
        (S, "0.079", "0.081201", True),
        (S, "0.03", "0.08", False),
        (S, "0.08", "0.03", False),
        (S, "0.08", "0.0001", False),
        (T, "0.3", "0.1", True),
        (T, "0.126", "0.123125", False),
        (T, "0.126", "0.123124", True),
        (T, "0.126", "0.4", False),
        (W, "0.05", "0.2", True),
        (W, "0.17", "0.1827", False),
        (W, "0.17", "0.182701", True),
        (W, "0.17", "0.1", False),
        (ExitReason.TIME_LIMIT, "0.1", "0.01", False),
        (ExitReason.STAGNATION, "0.1", "0.01", False),
        (ExitReason.MANUAL, "0.1", "0.01", False),
        (ExitReason.EMERGENCY, "0.01", "1", False),
    ],
)
def test_an_exit_is_refused_where_the_quote_contradicts_what_fired_it(
    reason: ExitReason, fired_at: str, pays: str, refused: bool
) -> None:
    """Beyond the level of its rule by more than the tolerance, here 1.5 %; what no price fires is never refused."""
    assert _refused(reason, fired_at, pays) is refused


# the attempt, how long after the order, whether a stop and whether a target is refused that the quote contradicts.
@pytest.mark.parametrize(
    ("attempt", "after", "stop", "target"),
    [(1, 0, True, True), (1, 60, True, True), (2, 0.999, True, True), (2, 1, False, True), (3, 20, False, True)],
)
def test_a_stop_is_carried_out_in_the_end_and_a_target_is_not(
    attempt: int, after: float, stop: bool, target: bool
) -> None:
    """A crash must not be waited out; a false spike must not sell below its target."""
    assert _refused(S, "0.03", "0.1", attempt_count=attempt, after=after) is stop
    assert _refused(W, "0.05", "0.2", attempt_count=attempt, after=after) is stop
    assert _refused(T, "0.3", "0.1", attempt_count=attempt, after=after) is target


@given(pays=st.decimals("0.000001", "0.0812", places=6), attempt=st.integers(1, 5), after=st.floats(0, 60))
def test_a_crash_that_the_quote_agrees_with_is_never_refused(pays: Decimal, attempt: int, after: float) -> None:
    """At any attempt, however far it fell."""
    assert not _refused(S, "0.05", str(pays), attempt_count=attempt, after=after)


@pytest.mark.parametrize(
    ("fired_at", "pays", "tokens", "refused"),
    [("0.01", "0.1", 10, False), ("0.01", "0.1", 11, True), ("0.01", "0.099", 100, True), ("0.3", "0.3", 1, False)],
)
def test_only_an_exit_that_is_worth_more_than_the_limit_is_looked_at(
    fired_at: str, pays: str, tokens: int, refused: bool
) -> None:
    """Worth by the quote or by the price that fired it, whichever is more: the limit is 1 SOL."""
    assert _refused(S, fired_at, pays, tokens=tokens) is refused


def test_a_false_spike_of_a_small_price_is_looked_at_by_what_it_pretends() -> None:
    """The quote says that little would be lost; the spike says that much would be sold."""
    assert _refused(T, "10", "0.05", tokens=1)


def test_a_persons_retry_needs_no_confirmation() -> None:
    """Somebody has looked at it."""
    assert not _refused(T, "0.3", "0.1", retry_of=OrderId("before"))


def test_the_sentence_says_what_contradicts_what() -> None:
    """It ends up in the order's history."""
    order, position = _exit(T, "0.3")
    doubt = contradiction(order, position, _paid(order, "0.1"), RULES, NOW)
    assert doubt == (
        "the market does not confirm the price that fired the exit: take_profit_1 is at 0.125 SOL, "
        "and the quote for all of it pays 0.1"
    )
