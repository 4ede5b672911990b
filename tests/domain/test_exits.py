"""The exit rules: each at exactly its threshold, and none of them lost when prices are merged."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.exits import Window, sell_pct, still, stop_price, target_price, trailing_price, triggered
from engine.domain.guarding import RaiseExit, on_price
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import Nanos, seconds
from engine.domain.urgency import ExitReason
from engine.messages.prices import PriceMoved
from tests.factories import MINT, NOW, a_plan, a_position

SL, TRAIL, TIME, CALM = (
    ExitReason.STOP_LOSS,
    ExitReason.TRAILING_STOP,
    ExitReason.TIME_LIMIT,
    ExitReason.STAGNATION,
)
TP1, TP2, TP3 = ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2, ExitReason.TAKE_PROFIT_3
STOP_ONLY = a_plan(take_profits=())
TRAILING = a_plan(take_profits=(), trailing=("50", "10"))


def window(*prices: float, at: Nanos = NOW) -> Window:
    """Return the window of *prices*, seen one after the other and not looked at before the last."""
    return reduce(Window.followed_by, [still(price, at) for price in prices])


def below(price: float) -> float:
    """Return the greatest float below *price*."""
    return math.nextafter(price, 0)


def above(price: float) -> float:
    """Return the smallest float above *price*."""
    return math.nextafter(price, math.inf)


def fired(position: Position, *prices: float, now: Nanos = NOW) -> ExitReason | None:
    """Return what *prices*, merged into one window, set off."""
    return triggered(position, window(*prices, at=now), now)


def seen(position: Position, *prices: float, now: Nanos = NOW) -> Position:
    """Return *position* after each of *prices*, none of which may set anything off."""
    for price in prices:
        position, action = on_price(position, still(price, now), now)
        assert action is None
    return position


# Thresholds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "stop_loss", "threshold"),
    [
        ("0.1", "20", 0.08),
        ("0.3", "10", 0.27),
        ("0.7", "30", 0.49),
        ("1.1", "35", 0.715),
        ("0.000000123", "50", 0.0000000615),
        ("123456.789", "0.1", 123333.332211),
    ],
)
def test_a_stop_loss_fires_at_its_threshold_and_not_above(entry: str, stop_loss: str, threshold: float) -> None:
    """A price written with the digits of the threshold touches it; the next float above does not."""
    position = a_position(price=entry, plan=a_plan(stop_loss=stop_loss, take_profits=()))
    assert stop_price(position.entry_price, position.plan) == threshold
    assert fired(position, threshold) is SL
    assert fired(position, below(threshold)) is SL
    assert fired(position, above(threshold)) is None


@pytest.mark.parametrize(
    ("entry", "gain", "threshold"),
    [("0.1", "10", 0.11), ("0.3", "10", 0.33), ("0.7", "100", 1.4), ("1.1", "0.1", 1.1011), ("0.0003", "7", 0.000321)],
)
def test_a_take_profit_fires_at_its_threshold_and_not_below(entry: str, gain: str, threshold: float) -> None:
    """A price written with the digits of the target touches it; the next float below does not."""
    position = a_position(price=entry, plan=a_plan(take_profits=[(gain, "50")]))
    assert target_price(position.entry_price, position.plan, 0) == threshold
    assert fired(position, threshold) is TP1
    assert fired(position, above(threshold)) is TP1
    assert fired(position, below(threshold)) is None


@pytest.mark.parametrize(
    ("peak", "trail", "threshold"), [(0.2, "10", 0.18), (0.17, "30", 0.119), (0.3, "15", 0.255), (1.1, "0.1", 1.0989)]
)
def test_a_trailing_stop_fires_at_its_distance_from_the_peak(peak: float, trail: str, threshold: float) -> None:
    """A price written with the digits of peak x (1 - trail) touches it; the next float above does not."""
    position = seen(a_position(plan=a_plan(take_profits=(), trailing=("50", trail))), peak)
    assert trailing_price(position.entry_price, position.plan, peak) == threshold
    assert fired(position, threshold) is TRAIL
    assert fired(position, above(threshold)) is None


@given(st.integers(1, 10**12), st.integers(1, 9_999))
def test_thresholds_are_those_that_a_person_computes(billionths: int, bps: int) -> None:
    """The stop is the float of the exact decimal product, for every entry price and every percentage."""
    position = a_position(price=str(Decimal(billionths).scaleb(-9)), tokens="1", plan=STOP_ONLY)
    plan = a_plan(stop_loss=str(Decimal(bps) / 100), take_profits=[(str(Decimal(bps) / 100), "50")])
    stop = float(f"{billionths * (10_000 - bps)}e-13")
    target = float(f"{billionths * (10_000 + bps)}e-13")
    assert stop_price(position.entry_price, plan) == stop
    assert target_price(position.entry_price, plan, 0) == target


def test_the_stop_counts_from_the_entry_and_the_trail_from_the_peak() -> None:
    """A stop loss does not move with the price; that is what a trailing stop is for."""
    position = seen(a_position(plan=STOP_ONLY), 0.5)
    assert fired(position, 0.0801) is None
    assert fired(position, 0.08) is SL


# Order of the rules ----------------------------------------------------------------------------------------


def test_stops_come_before_targets() -> None:
    """A window that touched both the stop and a target is a stop loss."""
    assert fired(a_position(), 0.13, 0.08, 0.13) is SL
    assert fired(a_position(), 0.08, 0.13) is SL


def test_a_trailing_stop_comes_before_a_target() -> None:
    """A window in which the trail was hit and a target touched is a trailing stop."""
    plan = a_plan(take_profits=[("100", "50")], trailing=("50", "10"))
    assert fired(seen(a_position(plan=plan), 0.16), 0.14, 0.21) is TRAIL


def test_a_stop_loss_comes_before_a_trailing_stop() -> None:
    """Where both are hit the more urgent of the two is told."""
    assert fired(seen(a_position(plan=TRAILING), 0.16), 0.07) is SL


def test_a_target_comes_before_the_time_limit_and_that_before_stagnation() -> None:
    """Where more than one rule holds, the first of the list is told."""
    plan = a_plan(max_hold=seconds(60), stagnation=("5", seconds(30)))
    late = Nanos(NOW + seconds(60))
    assert fired(a_position(plan=plan), 0.125, now=late) is TP1
    assert fired(a_position(plan=plan), 0.1, now=late) is TIME
    assert fired(a_position(plan=plan), 0.1, now=Nanos(late - 1)) is CALM


def test_a_stop_that_was_touched_between_two_looks_fires() -> None:
    """The price may be back where it was: the low of the window counts, and so does its high for a target."""
    assert fired(a_position(), 0.1, 0.08, 0.1) is SL
    assert fired(a_position(), 0.1, 0.125, 0.1) is TP1


# Take profits ----------------------------------------------------------------------------------------------


def test_levels_fire_in_order_even_where_the_price_jumps_past_them() -> None:
    """A jump beyond all targets raises the first level first, then the next."""
    reasons = [fired(a_position(levels_taken=taken), 1.0) for taken in range(4)]
    assert reasons == [TP1, TP2, TP3, None]


def test_a_level_that_was_taken_does_not_fire_again() -> None:
    """Behind the first level, its price sets off nothing more."""
    assert fired(a_position(levels_taken=1), 0.13) is None
    assert fired(a_position(levels_taken=1), 0.15) is TP2


@pytest.mark.parametrize(("reason", "pct"), [(TP1, 33), (TP2, 50), (TP3, 50)])
def test_a_level_sells_its_share(reason: ExitReason, pct: int) -> None:
    """Each take profit sells its own percentage of what remains."""
    assert sell_pct(a_plan(), reason) == pct


@pytest.mark.parametrize("reason", [r for r in ExitReason if not r.startswith("take_profit")])
def test_everything_but_a_level_sells_all(reason: ExitReason) -> None:
    """Stops, limits and emergencies leave nothing."""
    assert sell_pct(a_plan(), reason) == 100


# Trailing stop ---------------------------------------------------------------------------------------------


def test_a_trailing_stop_sleeps_until_the_price_activates_it() -> None:
    """Below the activation no fall from a peak fires; at exactly the activation it is armed."""
    assert fired(seen(a_position(plan=TRAILING), below(0.15)), 0.09) is None
    assert fired(seen(a_position(plan=TRAILING), 0.15), 0.09) is TRAIL


def test_an_activated_trailing_stop_stays_activated() -> None:
    """The peak is remembered: what was reached once is reached."""
    position = seen(a_position(plan=TRAILING), 0.2, 0.19, 0.181)
    assert position.peak_price == 0.2
    assert fired(position, 0.18) is TRAIL


def test_a_plan_without_a_trailing_stop_trails_nothing() -> None:
    """The peak moves no stop where no rule says so."""
    assert trailing_price(Decimal("0.1"), STOP_ONLY, 10.0) is None
    assert fired(seen(a_position(plan=STOP_ONLY), 10.0), 0.081) is None


def test_a_low_counts_against_the_peak_that_stood_when_it_came() -> None:
    """A rise through a low that no earlier peak forbids is no trailing stop, however high it ends."""
    position = seen(a_position(plan=TRAILING), 0.16)
    assert fired(position, 0.145, 0.2) is None
    assert fired(position, 0.144, 0.2) is TRAIL


def test_the_last_price_counts_against_the_peak_of_its_own_window() -> None:
    """A window that rose and ended below the trail of its own high is a trailing stop."""
    assert fired(a_position(plan=TRAILING), 0.2, 0.18) is TRAIL
    assert fired(a_position(plan=TRAILING), 0.2, above(0.18)) is None


def test_a_trail_touched_between_two_looks_fires_though_the_price_recovered() -> None:
    """A new peak, a fall through its trail and a recovery, all between two looks, are a trailing stop."""
    assert fired(a_position(plan=TRAILING), 0.2, 0.18, 0.19) is TRAIL
    assert fired(a_position(plan=TRAILING), 0.2, 0.18, 0.2) is TRAIL


# Time ------------------------------------------------------------------------------------------------------


def test_the_time_limit_is_reached_to_the_nanosecond() -> None:
    """Held for exactly max_hold is long enough, a nanosecond less is not."""
    position = a_position(plan=a_plan(max_hold=seconds(3600)))
    assert fired(position, 0.1, now=Nanos(NOW + seconds(3600))) is TIME
    assert fired(position, 0.1, now=Nanos(NOW + seconds(3600) - 1)) is None


STAGNANT = a_plan(take_profits=(), stagnation=("5", seconds(600)))


def test_a_price_that_stays_in_its_band_for_the_whole_window_is_stagnant() -> None:
    """The rule fires at the end of the window and not a nanosecond before it."""
    position = a_position(plan=STAGNANT)
    assert fired(position, 0.1, now=Nanos(NOW + seconds(600) - 1)) is None
    assert fired(position, 0.1, now=Nanos(NOW + seconds(600))) is CALM


@pytest.mark.parametrize("edge", [0.095, 0.105])
def test_the_edges_of_the_band_belong_to_it(edge: float) -> None:
    """A price at exactly the band's edge has not left it."""
    position = seen(a_position(plan=STAGNANT), edge, now=Nanos(NOW + seconds(300)))
    assert position.calm_since == NOW
    assert fired(position, 0.1, now=Nanos(NOW + seconds(600))) is CALM


@pytest.mark.parametrize("outside", [below(0.095), above(0.105)])
def test_a_price_that_leaves_the_band_starts_the_window_anew(outside: float) -> None:
    """The window, and its band, begin again where and when the price left the old one."""
    left = Nanos(NOW + seconds(300))
    position = seen(a_position(plan=STAGNANT), outside, now=left)
    assert (position.calm_since, position.calm_price) == (left, outside)
    assert fired(position, outside, now=Nanos(NOW + seconds(600))) is None
    assert fired(position, outside, now=Nanos(left + seconds(600))) is CALM


def test_a_price_that_left_the_band_and_came_back_has_left_it() -> None:
    """A spike between two looks is not calm, even where the look at the end of the window finds the old price."""
    late = Nanos(NOW + seconds(600))
    assert fired(a_position(plan=STAGNANT), 0.1, 0.11, 0.1, now=late) is None
    position, action = on_price(a_position(plan=STAGNANT), window(0.1, 0.11, 0.1, at=late), late)
    assert action is None
    assert (position.calm_since, position.calm_price) == (late, 0.1)


# Windows ---------------------------------------------------------------------------------------------------


def test_a_window_spans_what_it_is_made_of() -> None:
    """Merged, the newest price and time stand beside the lowest low and the highest high."""
    merged = window(4.0, 1.0, 3.0).followed_by(window(5.0, 2.0, at=Nanos(NOW + 1)))
    assert (merged.last, merged.low, merged.high, merged.at) == (2.0, 1.0, 5.0, NOW + 1)


@given(st.lists(st.floats(1e-12, 1e12), min_size=1))
def test_no_low_and_no_high_is_lost_in_merging(prices: list[float]) -> None:
    """However many prices are merged, the window has the extremes of them all and the last of them."""
    merged = window(*prices)
    assert (merged.low, merged.high, merged.last) == (min(prices), max(prices), prices[-1])


@given(st.lists(st.floats(1e-12, 1e12), min_size=3, max_size=3))
def test_it_does_not_matter_in_which_steps_windows_are_merged(prices: list[float]) -> None:
    """Merging is associative, so that a mailbox and a market may both do it."""
    a, b, c = (still(price, Nanos(NOW + n)) for n, price in enumerate(prices))
    assert a.followed_by(b).followed_by(c) == a.followed_by(b.followed_by(c))


def test_messages_about_one_mint_are_merged_like_their_windows() -> None:
    """What waits in a mailbox takes up the newer message and keeps the extremes."""
    older, newer = (PriceMoved(mint=MINT, window=window(*prices)) for prices in ((1.0, 0.5, 2.0), (1.5, 1.4)))
    assert older.conflation_key == newer.conflation_key == MINT
    assert older.followed_by(newer) == PriceMoved(mint=MINT, window=window(1.0, 0.5, 2.0, 1.5, 1.4))


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[float], list[Window]]:
    """Return prices around an entry at 0.1, and the same prices merged into windows at random."""
    prices = draw(st.lists(st.integers(50, 250).map(lambda n: n / 1000), min_size=1, max_size=20))
    cuts = draw(st.lists(st.booleans(), min_size=len(prices), max_size=len(prices)))
    groups: list[list[float]] = [[]]
    for price, cut in zip(prices, cuts, strict=True):
        if cut and groups[-1]:
            groups.append([])
        groups[-1].append(price)
    return prices, [window(*group) for group in groups]


def first_exit(plan: ExitPlan, windows: list[Window]) -> ExitReason | None:
    """Return the first exit that *windows* raise, one after the other."""
    position = a_position(plan=plan)
    for each in windows:
        position, action = on_price(position, each, NOW)
        if isinstance(action, RaiseExit):
            return action.reason
    return None


@pytest.mark.parametrize(
    "plan",
    [
        STOP_ONLY,
        a_plan(stop_loss="99", take_profits=[("25", "33")]),
        a_plan(stop_loss="99", take_profits=(), trailing=("20", "10")),
        a_plan(stop_loss="99", take_profits=(), trailing=("0", "33.3")),
    ],
    ids=["stop loss", "take profit", "trailing stop", "trailing stop from the start"],
)
@given(delivered=deliveries())
def test_merged_prices_fire_if_and_only_if_each_by_itself_would(
    plan: ExitPlan, delivered: tuple[list[float], list[Window]]
) -> None:
    """However loaded the machine is, stops and take profits fire exactly where every single tick would fire them."""
    prices, windows = delivered
    assert first_exit(plan, windows) == first_exit(plan, [still(price, NOW) for price in prices])
