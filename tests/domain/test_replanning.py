"""What a position remembers when its plan is changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import CommandRefusedError
from engine.domain.exits import still
from engine.domain.guarding import Action, RaiseExit, Withdraw, exit_order, on_price, ordered_exit, retried_exit
from engine.domain.order import OrderStatus
from engine.domain.plan import PRESETS, ExitPlan
from engine.domain.position import ActiveExit, Position, PositionStatus
from engine.domain.replanning import replanned
from engine.domain.retry import RetryPolicies
from engine.domain.units import Nanos, OrderId, RawAmount, seconds
from engine.domain.urgency import TAKE_PROFITS, ExitReason
from tests.factories import NOW, a_plan, a_position

POLICIES = RetryPolicies()
LATER = Nanos(NOW + seconds(3600))
LADDER = (("25", "33"), ("50", "50"), ("100", "50"))


def levels(*gains: str) -> ExitPlan:
    """Return a plan whose levels have *gains* in percent points, and a stop that nothing touches."""
    return a_plan(stop_loss="99.9", take_profits=[(gain, "10") for gain in gains])


def seen(position: Position, price: float, at: Nanos = LATER) -> tuple[Position, Action]:
    """Return what *position*, bought at 0.1, makes of one price."""
    return on_price(position, still(price, at), at)


def reason_of(action: Action) -> ExitReason | None:
    """Return what *action* is for."""
    match action:
        case RaiseExit():
            return action.reason
        case Withdraw():
            return action.wanted.reason
        case None:
            return None


@pytest.mark.parametrize(
    ("old", "taken", "new", "left"),
    [
        (("25", "50", "100"), 0, ("25", "50"), ("25", "50")),
        (("25", "50", "100"), 1, ("25", "50", "100"), ("50", "100")),
        (("25", "50", "100"), 1, ("10", "20", "30"), ("30",)),
        (("25", "50", "100"), 2, ("50",), ()),
        (("25", "50", "100"), 2, ("50.01",), ("50.01",)),
        (("25", "50", "100"), 2, ("200", "300", "400"), ("200", "300", "400")),
        (("25", "50", "100"), 3, (), ()),
        ((), 0, ("1", "2", "3"), ("1", "2", "3")),
    ],
)
def test_a_level_counts_as_taken_up_to_the_gain_of_the_last_one_taken(
    old: tuple[str, ...], taken: int, new: tuple[str, ...], left: tuple[str, ...]
) -> None:
    """By its gain and not by its number; what lies above is still to come."""
    position = replanned(a_position(plan=levels(*old), levels_taken=taken), levels(*new), LATER)
    untaken = position.plan.take_profits[position.levels_taken :]
    assert tuple(str(level.gain_pct) for level in untaken) == left


@pytest.mark.parametrize("between", [(), ("10",), ("200",)], ids=["none", "lower", "higher"])
def test_a_plan_in_between_forgets_no_level(between: tuple[str, ...]) -> None:
    """A plan without levels, or with others, and back again: what was taken stays taken."""
    position = a_position(plan=levels("25", "50", "100"), levels_taken=2)
    back = replanned(replanned(position, levels(*between), LATER), position.plan, LATER)
    assert back.levels_taken == 2


def test_what_the_new_rules_go_by_is_kept() -> None:
    """Peak, last price, amounts, fees and time of opening are those of before; the plan alone is another."""
    before = a_position(peak_price=0.3, last_price=0.2, sold_tokens=RawAmount(5), status=PositionStatus.PARTIAL_EXIT)
    after = replanned(before, PRESETS["moonbag"], LATER)
    assert (after.plan, after.updated_at) == (PRESETS["moonbag"], LATER)
    assert replace(after, plan=before.plan, updated_at=before.updated_at) == before


def test_a_new_trailing_stop_goes_by_the_peak_of_before() -> None:
    """The price was at twice the entry and came back: a stop that trails by 30 % fires where it stands."""
    position = a_position(plan=a_plan(take_profits=()), peak_price=0.2, last_price=0.13)
    changed = replanned(position, a_plan(take_profits=(), trailing=("50", "30")), LATER)
    assert reason_of(seen(changed, 0.13)[1]) is ExitReason.TRAILING_STOP


@pytest.mark.parametrize(("max_hold", "reason"), [(3600, ExitReason.TIME_LIMIT), (3601, None)])
def test_the_time_limit_counts_from_the_opening(max_hold: int, reason: ExitReason | None) -> None:
    """A position that is an hour old has used up an hour of any limit."""
    changed = replanned(a_position(), a_plan(max_hold=seconds(max_hold)), LATER)
    assert reason_of(seen(changed, 0.1)[1]) is reason


@pytest.mark.parametrize(
    ("old", "new", "fires"),
    [
        ("5", "5", True),
        ("5", "9", True),
        ("5", "4.9", False),
        (None, "5", False),
    ],
)
def test_the_stagnation_clock_runs_on_where_it_proves_the_new_rule(old: str | None, new: str, fires: bool) -> None:
    """An hour within 5 % was an hour within 9 %, but perhaps not within 4.9 %, and no rule watched nothing."""
    before = a_position(plan=a_plan(stagnation=(old, seconds(7200)) if old else None), last_price=0.101)
    changed = replanned(before, a_plan(stagnation=(new, seconds(3600))), LATER)
    assert reason_of(seen(changed, 0.101)[1]) is (ExitReason.STAGNATION if fires else None)
    assert (changed.calm_since, changed.calm_price) == ((NOW, 0.1) if fires else (LATER, 0.101))
    hour_later = Nanos(LATER + seconds(3600))
    assert reason_of(seen(changed, 0.101, hour_later)[1]) is ExitReason.STAGNATION


def test_an_exit_that_is_under_way_stays_as_it_is() -> None:
    """Its order, its amount and what is to follow it are the old plan's."""
    position, action = seen(a_position(), 0.125)
    assert isinstance(action, RaiseExit)
    position, order = exit_order(position, action, OrderId("exit-1"), POLICIES, LATER)
    changed = replanned(position, levels("25"), LATER)
    assert (changed.active_exit, changed.status) == (position.active_exit, PositionStatus.EXIT_PENDING)
    assert order.status is OrderStatus.PENDING
    assert seen(changed, 0.2)[1] is None


def test_a_retry_after_the_change_takes_no_level_of_the_new_plan() -> None:
    """The third level of the old plan failed for good; retried under a new plan, it is not the new plan's third."""
    position = a_position(plan=levels("25", "50", "100"), levels_taken=2)
    position, action = seen(position, 0.2)
    assert isinstance(action, RaiseExit)
    position, failed = exit_order(position, action, OrderId("exit-1"), POLICIES, LATER)
    position = replanned(replace(position, needs_action=True), levels("200", "300", "400"), LATER)
    retry = retried_exit(position, failed, POLICIES, everything=False)
    position, _ = exit_order(position, retry, OrderId("exit-2"), POLICIES, LATER)
    assert position.levels_taken == 0


def test_a_closed_position_keeps_its_plan() -> None:
    """The refusal names the state."""
    with pytest.raises(CommandRefusedError, match="position-1 is closed"):
        replanned(a_position(status=PositionStatus.CLOSED), a_plan(), LATER)


GAINS = st.lists(st.integers(1, 12), max_size=3, unique=True).map(sorted)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), st.integers(0, 14)),
        st.tuples(st.just("plan"), GAINS),
        st.tuples(st.just("end"), st.sampled_from(["filled", "cancelled"])),
        st.tuples(st.just("manual"), st.none()),
    ),
    max_size=40,
)


@given(first=GAINS, steps=STEPS)
def test_no_target_ever_fires_twice_over_any_changes(first: list[int], steps: list[tuple[str, object]]) -> None:
    """However prices move and plans change, each level that fires lies above every one that fired before it."""
    position, fired = a_position(plan=levels(*map(str, first))), [Decimal(0)]
    for kind, value in steps:
        match kind, value:
            case "price", int(tenths):
                before = position
                position, action = seen(position, float(Decimal("0.1") * (1 + Decimal(tenths) / 100)))
                reason = reason_of(action)
                if reason in TAKE_PROFITS:
                    gain = before.plan.take_profits[TAKE_PROFITS.index(reason)].gain_pct
                    assert gain > fired[-1]
                    fired.append(gain)
                position = _on_its_way(position, action)
            case "plan", list(gains):
                position = replanned(position, levels(*map(str, gains)), LATER)
            case "end", how:
                position = _without_exit(position, sold=how == "filled")
            case _ if position.active_exit is None:
                position = _on_its_way(position, ordered_exit(position, ExitReason.MANUAL, Decimal(10)))
        assert position.levels_taken <= len(position.plan.take_profits)


def _on_its_way(position: Position, action: Action) -> Position:
    match action:
        case RaiseExit():
            return exit_order(position, action, OrderId("exit-1"), POLICIES, LATER)[0]
        case Withdraw():
            return replace(position, wanted_exit=action.wanted)
        case None:
            return position


def _without_exit(position: Position, *, sold: bool) -> Position:
    """Return *position* after its exit ended, and what was to follow it as well."""
    if position.active_exit is None:
        return position
    status = PositionStatus.PARTIAL_EXIT if sold or position.sold_tokens else PositionStatus.OPEN
    amount = RawAmount(position.sold_tokens + (position.active_exit.amount if sold else 0))
    ended = replace(position, status=status, active_exit=None, wanted_exit=None, sold_tokens=amount)
    if position.wanted_exit is None:
        return ended
    follow = position.wanted_exit
    active = ActiveExit(order_id=OrderId("next"), reason=follow.reason, amount=RawAmount(1), sell_pct=follow.sell_pct)
    return replace(ended, status=PositionStatus.EXIT_PENDING, active_exit=active)
