"""Exit plans: what makes sense, and that every fault of one that does not is named at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.domain.errors import BadInputError
from engine.domain.plan import PRESETS, ExitPlan, Stagnation, TakeProfit, TrailingStop, parse_plan
from engine.domain.units import Nanos, seconds
from tests.factories import a_plan

NAN, INFINITY = Decimal("NaN"), Decimal("Infinity")


def faults_of(value: Any) -> str:
    """Return what parse_plan says against *value*."""
    with pytest.raises(BadInputError) as error:
        parse_plan(value)
    return str(error.value)


def as_table(plan: ExitPlan) -> dict[str, Any]:
    """Return *plan* the way a person writes it down, durations in seconds."""
    table: dict[str, Any] = {
        "stop_loss_pct": str(plan.stop_loss_pct),
        "take_profits": [{"gain_pct": str(x.gain_pct), "sell_pct": str(x.sell_pct)} for x in plan.take_profits],
    }
    if plan.trailing:
        activation, trail = plan.trailing.activation_pct, plan.trailing.trail_pct
        table["trailing"] = {"activation_pct": str(activation), "trail_pct": str(trail)}
    if plan.max_hold:
        table["max_hold"] = f"{plan.max_hold // seconds(1)}s"
    if plan.stagnation:
        window = plan.stagnation.window // seconds(1)
        table["stagnation"] = {"band_pct": str(plan.stagnation.band_pct), "window": window}
    return table


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_plans_that_can_be_written_down(name: str) -> None:
    """Each preset is valid, and reading it back from its written form gives the same plan."""
    assert parse_plan(as_table(PRESETS[name])) == PRESETS[name]


def test_a_plan_needs_no_more_than_a_stop_loss() -> None:
    """Every rule but the stop loss may be left out."""
    assert parse_plan({"stop_loss_pct": 20}) == ExitPlan(stop_loss_pct=Decimal(20))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (90, seconds(90)),
        (0.5, Nanos(500_000_000)),
        ("90", seconds(90)),
        ("90s", seconds(90)),
        ("1.5h", seconds(5400)),
        ("15m", seconds(900)),
        (" 24 h ", seconds(86_400)),
        ("3d", seconds(259_200)),
    ],
)
def test_durations_are_numbers_of_seconds_or_have_a_unit(written: Any, expected: Nanos) -> None:
    """A duration is read to the nanosecond whichever way it is written."""
    assert parse_plan({"stop_loss_pct": 20, "max_hold": written}).max_hold == expected


@pytest.mark.parametrize("written", ["", "h", "-5m", "5 weeks", "1e3", "5mm", True, None, [], "nan", "inf", "07:32:00"])
def test_a_duration_that_is_none_is_a_fault(written: Any) -> None:
    """What is not a number with a unit is named with its key."""
    assert "max_hold" in faults_of({"stop_loss_pct": 20, "max_hold": written})


@pytest.mark.parametrize("written", [20, 20.0, "20", "20.0", Decimal(20)])
def test_percentages_may_be_numbers_or_text(written: Any) -> None:
    """Percent points mean the same as int, float, text and Decimal."""
    assert parse_plan({"stop_loss_pct": written}).stop_loss_pct == 20


@pytest.mark.parametrize("edge", ["0.01", "99.99"])
def test_the_stop_loss_may_lie_anywhere_inside_its_range(edge: str) -> None:
    """Both ends of the range are open, and everything between them is allowed."""
    assert a_plan(stop_loss=edge).stop_loss_pct == Decimal(edge)


def test_the_last_level_may_sell_everything() -> None:
    """A level that sells 100 % is fine where no other follows it."""
    assert len(a_plan(take_profits=[("25", "50"), ("50", "100")]).take_profits) == 2


def test_a_trailing_stop_may_activate_below_the_level_that_sells_all() -> None:
    """A trailing stop that activates before the last level has its chance."""
    assert a_plan(take_profits=[("50", "100")], trailing=("49", "10")).trailing is not None


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ({"stop_loss": "0"}, "stop_loss_pct is 0"),
        ({"stop_loss": "-1"}, "stop_loss_pct is -1"),
        ({"stop_loss": "100"}, "stop_loss_pct is 100"),
        ({"stop_loss": "Infinity"}, "stop_loss_pct is Infinity"),
        ({"take_profits": [("0", "50")]}, "take profit 1: gain_pct is 0"),
        ({"take_profits": [("1000000.1", "50")]}, "take profit 1: gain_pct is 1000000.1"),
        ({"take_profits": [("25", "0")]}, "take profit 1: sell_pct is 0"),
        ({"take_profits": [("25", "100.01")]}, "take profit 1: sell_pct is 100.01"),
        ({"take_profits": [("25", "50"), ("25", "50")]}, "take profit 2: gain_pct 25 does not rise"),
        ({"take_profits": [("25", "50"), ("50", "50"), ("40", "50")]}, "take profit 3: gain_pct 40 does not rise"),
        ({"take_profits": [(str(n), "10") for n in (10, 20, 30, 40)]}, "4 take profits, and at most 3"),
        ({"take_profits": [("25", "100"), ("50", "50")]}, "take profit 2 could never fire"),
        ({"trailing": ("-1", "10")}, "activation_pct is -1"),
        ({"trailing": ("1000001", "10")}, "activation_pct is 1000001"),
        ({"trailing": ("10", "0")}, "trail_pct is 0"),
        ({"trailing": ("10", "100")}, "trail_pct is 100"),
        ({"take_profits": [("30", "100")], "trailing": ("30", "10")}, "the trailing stop could never fire"),
        ({"take_profits": [("30", "100")], "trailing": ("31", "10")}, "the trailing stop could never fire"),
        ({"max_hold": Nanos(0)}, "max_hold must be longer than nothing"),
        ({"stagnation": ("0", seconds(60))}, "band_pct is 0"),
        ({"stagnation": ("100", seconds(60))}, "band_pct is 100"),
        ({"stagnation": ("5", Nanos(0))}, "window must be longer than nothing"),
        ({"stagnation": ("5", seconds(60)), "max_hold": seconds(60)}, "stagnation could never fire"),
        ({"stagnation": ("5", seconds(61)), "max_hold": seconds(60)}, "stagnation could never fire"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(plan: dict[str, Any], named: str) -> None:
    """A plan that is out of range or could never fire is refused, and the message says where."""
    with pytest.raises(BadInputError, match="the exit plan makes no sense") as error:
        a_plan(**plan)
    assert named in str(error.value)


@pytest.mark.parametrize("number", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize("place", ["stop", "gain", "sell", "activation", "trail", "band"])
def test_what_is_no_number_is_refused_everywhere(place: str, number: Decimal) -> None:
    """NaN and infinity are faults of the plan wherever they stand, not an accident of arithmetic."""
    figures = dict.fromkeys(("stop", "gain", "sell", "activation", "trail", "band"), Decimal(10)) | {place: number}
    with pytest.raises(BadInputError):
        ExitPlan(
            stop_loss_pct=figures["stop"],
            take_profits=(
                TakeProfit(gain_pct=figures["gain"], sell_pct=figures["sell"]),
                TakeProfit(gain_pct=Decimal(20), sell_pct=Decimal(50)),
            ),
            trailing=TrailingStop(activation_pct=figures["activation"], trail_pct=figures["trail"]),
            stagnation=Stagnation(band_pct=figures["band"], window=seconds(60)),
        )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stop_loss_pct": None}, "stop_loss_pct is missing"),
        ({"stop_loss_pct": True}, "stop_loss_pct must be a number"),
        ({"stop_loss_pct": "a lot"}, "stop_loss_pct is 'a lot'"),
        ({"stop_loss_pct": [20]}, "stop_loss_pct is [20]"),
        ({"stop_loss_pct": float("nan")}, "stop_loss_pct is nan"),
        ({"stop_loss_pct": float("inf")}, "stop_loss_pct is inf"),
        ({"stoploss": 20}, "stoploss is not a key"),
        ({"take_profits": 25}, "take_profits must be a list"),
        ({"take_profits": {"gain_pct": 25}}, "take_profits must be a list"),
        ({"take_profits": [{"gain_pct": 25}]}, "take profit 1: sell_pct is missing"),
        ({"take_profits": [{"gain_pct": 25, "sell_pct": 50, "x": 1}]}, "take profit 1: x is not a key"),
        ({"trailing": {"activation_pct": 30}}, "trailing: trail_pct is missing"),
        ({"trailing": {"activation_pct": 30, "trail_pct": 10, "y": 1}}, "trailing: y is not a key"),
        ({"stagnation": {"band_pct": 5}}, "stagnation: window"),
        ({"stagnation": {"band_pct": 5, "window": "soon"}}, "stagnation: window is 'soon'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_key(changes: dict[str, Any], named: str) -> None:
    """Unknown keys, missing ones and wrong types are refused by name."""
    assert named in faults_of({"stop_loss_pct": 20} | changes)


@pytest.mark.parametrize("value", [None, 5, "balanced", [], [{"stop_loss_pct": 20}]])
def test_a_plan_that_is_no_table_is_refused(value: Any) -> None:
    """A plan is a table; anything else is one clear sentence."""
    assert "the plan must be a table" in faults_of(value)


@pytest.mark.parametrize("where", ["trailing", "stagnation"])
def test_a_rule_that_is_no_table_is_said_to_be_so_in_one_sentence(where: str) -> None:
    """A rule of the wrong type is one fault, readable, and not also a list of keys that it lacks."""
    message = faults_of({"stop_loss_pct": 20, where: 5})
    assert f"{where} must be a table" in message
    assert "missing" not in message


def test_all_faults_are_named_at_once() -> None:
    """Nobody has to correct a plan fault by fault: what cannot be read and what makes no sense come together."""
    message = faults_of(
        {
            "stop_loss_pct": 120,
            "take_profits": [{"gain_pct": 50, "sell_pct": 0}, {"gain_pct": 25, "sell_pct": 50}],
            "trailing": {"activation_pct": 10},
            "max_hold": "soon",
            "stagnation": {"band_pct": 500, "window": "1h"},
            "colour": "red",
        }
    )
    for named in (
        "stop_loss_pct is 120",
        "take profit 1: sell_pct is 0",
        "take profit 2: gain_pct 25 does not rise",
        "trailing: trail_pct is missing",
        "max_hold is 'soon'",
        "stagnation: band_pct is 500",
        "colour is not a key",
    ):
        assert named in message
    assert message.count("makes no sense") == 1


def test_levels_keep_their_number_when_one_before_them_cannot_be_read() -> None:
    """A fault of the second level is told of the second level, whatever is wrong with the first."""
    message = faults_of({"stop_loss_pct": 20, "take_profits": [{"gain_pct": 10}, {"gain_pct": 20, "sell_pct": 500}]})
    assert "take profit 1: sell_pct is missing" in message
    assert "take profit 2: sell_pct is 500" in message


def test_a_duration_that_no_clock_reaches_is_refused() -> None:
    """A limit of ten million years is a slip of the keyboard, as a target of a million times the entry is."""
    assert "max_hold" in faults_of({"stop_loss_pct": 20, "max_hold": "3650000000d"})
