"""The chart of a position's price."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.console.charts import price_chart
from tests.console.samples import HOSTILE, START, Page, at, candles, levels

SVG = "{http://www.w3.org/2000/svg}"


def drawn(markup: str) -> ET.Element:
    """Return the chart, which must be well-formed XML."""
    return ET.fromstring(markup)  # noqa: S314 - it is our own


def paths(markup: str, name: str) -> list[str]:
    """Return what the paths of a class draw."""
    return [each.get("d", "") for each in drawn(markup).iter(f"{SVG}path") if each.get("class") == name]


def labels(markup: str) -> list[tuple[str, float]]:
    """Return the texts at the right of the plot with their places from the top."""
    column = [each for each in drawn(markup) if each.tag == f"{SVG}svg" and each.get("x") == "100%"]
    return [(text.text or "", float(text.get("y", "nan"))) for each in column for text in each.iter(f"{SVG}text")]


def chart(prices: list[float], **changed: Any) -> dict[str, Any]:
    """Return the answer of the API for a token that was bought at the first of *prices*."""
    entry = prices[0] if prices else 1.0
    return {"candles": candles(prices), "levels": levels(entry), "exits": [], **changed}


def an_exit(after: float, price: float | None, **changed: Any) -> dict[str, Any]:
    """Return an exit as the API has it in a chart."""
    return {
        "at": at(after),
        "price": price,
        "reason": "take_profit_1",
        "status": "filled",
        "order_id": "exit-1",
        "amount_tokens": "12340000",
        **changed,
    }


def test_the_last_price_and_every_level_are_labelled_with_their_prices() -> None:
    """Entry, stop, trailing stop and targets stand at the right with what they are worth."""
    shown = chart([0.00002345, 0.00002400], levels=levels(0.00002345, trailing_stop=0.0000233))
    texts = [text for text, _ in labels(price_chart(shown))]
    for expected in ("entry", "0.00002345", "stop", "0.00002111", "trail", "0.00002330", "TP 1", "TP 2", "0.00002400"):
        assert expected in texts


def test_it_says_in_words_what_it_shows() -> None:
    """Who cannot see the chart hears the price, its change, each level and each exit."""
    shown = chart([1.0, 1.05], exits=[an_exit(10, 1.04)])
    said = drawn(price_chart(shown, symbol="WIF")).get("aria-label", "")
    assert "Price of WIF since entry: last 1.050 SOL, +5.00 % from the entry" in said
    assert "stop loss at 0.9000 SOL" in said
    assert "take profit 1 filled at 1.040 SOL, 20:00:10 UTC" in said


def test_a_target_that_was_taken_is_struck() -> None:
    """It is told apart from one that still waits."""
    targets = [{"price": 1.1, "sell_pct": "50", "taken": True}, {"price": 1.2, "sell_pct": "50", "taken": False}]
    page = Page(price_chart(chart([1.0, 1.15], levels=levels(1.0, targets=targets))))
    assert len([each for _, each in page.elements if each.get("class", "").split()[1:] == ["good", "taken"]]) == 1
    assert "take profit 1 at 1.100 SOL, taken" in page.text
    assert "take profit 2 at 1.200 SOL " in page.text


def test_every_exit_is_marked_with_its_reason_and_how_it_went() -> None:
    """A filled exit, one that failed and one under way have marks of their own, each with what it is."""
    exits = [
        an_exit(0, 1.0),
        an_exit(10, None, reason="stop_loss", status="cancelled"),
        an_exit(20, None, reason="emergency", status="confirming"),
    ]
    page = Page(price_chart(chart([1.0, 1.1, 1.2], exits=exits), decimals=5))
    assert [each["class"] for each in page.of_class("exit")] == ["exit accent", "exit bad", "exit warn"]
    assert "take profit 1 filled at 1.000 SOL, 20:00:00 UTC, 123.4000 tokens" in page.text
    assert "stop loss cancelled at 1.100 SOL" in page.text
    assert "EMERGENCY" in page.text


@pytest.mark.parametrize("prices", [[], [1.0], [1.0] * 50, [1.0 + n / 300 for n in range(300)]])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_any_price_and_number_of_candles_is_drawn_within_the_chart(prices: list[float], scale: float) -> None:
    """Nothing, one, a constant and many, from a billionth to a million SOL: finite places, none outside."""
    markup = price_chart(chart([price * scale for price in prices]), height=300)
    assert "nan" not in markup
    assert "inf" not in markup
    for line in paths(markup, "price"):
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", line):
            assert 0 <= float(x) <= 1000
            assert 14 <= float(y) <= 276
    assert all(0 < y < 300 for _, y in labels(markup))


def test_without_candles_it_says_so_and_shows_the_levels() -> None:
    """The moment after the entry has levels and no price."""
    markup = price_chart(chart([]))
    assert "No price yet." in markup
    assert "stop" in [text for text, _ in labels(markup)]


def test_without_anything_it_says_so() -> None:
    """An answer that is empty is no error."""
    assert "No price yet." in price_chart({"candles": [], "levels": {}, "exits": []})


def test_a_gap_is_not_drawn_over() -> None:
    """Where no price was known for a while the line is interrupted."""
    early, late = candles([1.0] * 10), candles([1.1] * 10)
    for n, each in enumerate(late):
        each["at"] = at(1000 + 10 * n)
    [line] = paths(price_chart({"candles": early + late, "levels": levels(1.0), "exits": []}), "price")
    assert line.count("M") == 2


def test_candles_without_a_gap_are_one_line() -> None:
    """A line is not cut because one candle came a little late."""
    each = candles([1.0] * 10)
    each[5]["at"] = at(54)
    [line] = paths(price_chart({"candles": each, "levels": levels(1.0), "exits": []}), "price")
    assert line.count("M") == 1


def test_labels_of_levels_that_are_close_stand_apart() -> None:
    """Six levels within a thousandth of the price can all be read."""
    targets = [{"price": 1 + n / 10_000, "sell_pct": "10", "taken": False} for n in range(1, 4)]
    close = levels(1.0, stop=0.9999, trailing_stop=0.99995, targets=targets)
    markup = price_chart(chart([1.0, 1.02, 0.98], levels=close))
    lines = sorted({y for _, y in labels(markup)})
    assert len(lines) >= 7
    assert all(after - before > 13 for before, after in pairwise(lines))


def test_labels_of_exits_that_are_close_stand_apart() -> None:
    """Exits of one moment have their reasons one above the other."""
    exits = [an_exit(10 + n, 1.0, reason=reason) for n, reason in enumerate(("stop_loss", "manual", "emergency"))]
    markup = price_chart(chart([1.0] * 100, exits=exits))
    places = sorted(
        float(each.get("y", "nan")) for each in drawn(markup).iter(f"{SVG}text") if "halo" in each.get("class", "")
    )
    assert all(after - before >= 13 for before, after in pairwise(places))


def test_a_target_that_is_far_away_does_not_flatten_the_price() -> None:
    """It is named at the edge with an arrow, and the price keeps most of the height."""
    far = levels(1.0, targets=[{"price": 50.0, "sell_pct": "100", "taken": False}])
    markup = price_chart(chart([1.0, 1.2, 0.95], levels=far), height=300)
    assert "↑" in [text for text, _ in labels(markup)]
    ys = [float(y) for line in paths(markup, "price") for _, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", line)]
    assert max(ys) - min(ys) > 150


def test_text_from_outside_is_escaped() -> None:
    """A symbol, a reason, a status or an identifier that is markup is shown as text."""
    exits = [an_exit(0, 1.0, reason=HOSTILE, status=HOSTILE, order_id=HOSTILE, amount_tokens=HOSTILE)]
    markup = price_chart(chart([1.0], exits=exits), symbol=HOSTILE)
    drawn(markup)
    assert "<script" not in markup


def test_what_is_no_figure_is_left_out() -> None:
    """A candle without a price, a level that is infinite and an exit without a time break nothing."""
    bad = [{"at": at(5), "low": None, "high": "x", "close": None}, {"at": "never", "low": 1, "high": 1, "close": 1}]
    shown = {
        "candles": [*candles([1.0, 1.1]), *bad],
        "levels": levels(1.0, stop="NaN", trailing_stop=float("inf")),
        "exits": [an_exit(0, float("nan")), {"at": None, "price": 1.0}],
    }
    page = Page(price_chart(shown))
    assert "stop loss" not in page.text
    assert len(page.of_class("exit")) == 1


def test_three_hundred_candles_are_small() -> None:
    """A chart is sent once a second to every page that is open: it stays far below 40 kB."""
    prices = [1.0 + (n * 7919 % 101) / 500 for n in range(300)]
    assert len(price_chart(chart(prices, exits=[an_exit(n * 300, 1.0) for n in range(10)])).encode()) < 40_000


def test_the_time_axis_has_round_moments() -> None:
    """Half an hour is labelled by minutes, in UTC."""
    markup = price_chart({"candles": candles([1.0] * 31, apart=60), "levels": levels(1.0), "exits": []})
    texts = [each.text for each in drawn(markup).iter(f"{SVG}text") if "time" in each.get("class", "")]
    assert texts == [f"20:{minute:02}" for minute in range(0, 31, 5)]
    assert START.hour == 20


@given(
    st.lists(st.floats(min_value=1e-9, max_value=1e6), max_size=30),
    st.dictionaries(st.sampled_from(["entry", "stop", "trailing_stop"]), st.floats(min_value=0, max_value=1e6)),
)
def test_any_candles_and_levels_make_a_chart(prices: list[float], given_levels: dict[str, float]) -> None:
    """Whatever the prices and levels, the chart is well-formed and its labels are within it."""
    markup = price_chart({"candles": candles(prices), "levels": given_levels, "exits": []})
    assert "nan" not in markup
    assert all(0 < y < 320 for _, y in labels(markup))
