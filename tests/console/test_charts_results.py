"""The charts of results: the curve, the days, the tokens and reasons."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from engine.console.charts import bars_chart, columns_chart, curve_chart
from engine.console.charts.scale import Prices, Times, spread
from tests.console.samples import HOSTILE, START, Page, at


def group(name: str, net: int, *, positions: int = 4, win_rate: float = 0.75) -> dict[str, Any]:
    """Return closed positions that came to *net* lamports."""
    return {"name": name, "positions": positions, "wins": 3, "win_rate": win_rate, "net": str(net)}


def test_the_curve_ends_at_the_newest_result() -> None:
    """The last figure is labelled, with its sign, and said."""
    curve = [{"at": at(0), "realized_pnl": "1000000000"}, {"at": at(60), "realized_pnl": "-250000000"}]
    markup = curve_chart(curve)
    assert "-0.2500" in Page(markup).text
    assert "now -0.2500 SOL, highest +1.0000, lowest -0.2500" in Page(markup).all("svg")[0]["aria-label"]


def test_the_curve_steps_at_each_exit() -> None:
    """A result holds until the next exit: the line is level and then upright."""
    curve = [{"at": at(60 * n), "realized_pnl": str(n * 10**9)} for n in range(3)]
    line = next(each for each in Page(curve_chart(curve)).of_class("price"))["d"]
    assert line.startswith("M0,")
    assert line.count("H") == line.count("V") == 2


@pytest.mark.parametrize("empty", [curve_chart([]), columns_chart([]), bars_chart([])])
def test_no_result_is_said(empty: str) -> None:
    """Before the first exit there is a sentence in the chart's place."""
    assert "yet" in Page(empty).text
    assert Page(empty).all("svg")[0]["role"] == "img"


def test_a_profit_and_a_loss_differ_by_side_and_colour() -> None:
    """Bars of profits stand right of zero and are good, those of losses left of it and bad."""
    page = Page(bars_chart([group("WIF", 10**9), group("BONK", -(10**9))]))
    win, loss = page.all("rect")
    assert (win["x"], win["width"]) == ("50.00%", "50.00%")
    assert (loss["x"], loss["width"]) == ("0.00%", "50.00%")
    assert [each["class"] for each in page.of_class("good") + page.of_class("bad")] == ["good"] * 2 + ["bad"] * 2


def test_the_bars_that_matter_most_are_shown_and_the_rest_counted() -> None:
    """Of many groups the heaviest stand in order, and a line says how many are not there."""
    groups = [group(f"T{n}", n * 10**6) for n in range(1, 21)]
    page = Page(bars_chart(groups, most=3))
    assert "17 smaller ones not shown" in page.text
    assert page.text.index("T20 ") < page.text.index("T19 ") < page.text.index("T18 ")
    assert "T1 " not in page.text


def test_a_long_name_shows_both_its_ends_and_the_whole_as_tooltip() -> None:
    """The address of a token does not run into its bar."""
    mint = "9TPdTbR7WsLqbfAkRdWPyoJApWdBZAFeSpwNLFSXaf7v"
    page = Page(bars_chart([group(mint, 1)]))
    assert "9TPd…af7v" in page.text
    assert f"{mint} +0.0000 SOL net" in page.text


def test_days_without_a_close_keep_their_place() -> None:
    """Two days of a week stand a week apart, and of very many days the newest are shown."""
    first, last = Page(columns_chart([group("2026-05-01", 10**9), group("2026-05-08", -(10**9))])).all("rect")
    assert float(last["x"].rstrip("%")) - float(first["x"].rstrip("%")) == pytest.approx(87.5, abs=0.1)
    long_ago = columns_chart([group("2020-01-01", 10**9), group("2026-05-08", -(10**9))])
    assert len(Page(long_ago).all("rect")) == 1


def test_a_day_says_its_result_and_its_win_rate() -> None:
    """What a column is stands in its tooltip."""
    assert (
        "2026-05-01 +1.5000 SOL net, 4 positions, 75% won"
        in Page(columns_chart([group("2026-05-01", 15 * 10**8)])).text
    )


def test_names_from_outside_are_escaped() -> None:
    """A token may call itself anything."""
    for markup in (bars_chart([group(HOSTILE, 1)]), columns_chart([group(HOSTILE, 1), group("2026-05-01", 1)])):
        ET.fromstring(markup)  # noqa: S314 - it is our own
        assert "<script" not in markup


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.00002, 0.00003, ["0.000020", "0.000022", "0.000024", "0.000026", "0.000028", "0.000030"]),
        (9.8e-10, 1.02e-9, ["0.0₈098", "0.0₈099", "0.0₈100", "0.0₈101", "0.0₈102"]),
        (995_000.0, 1_005_000.0, ["996,000", "998,000", "1,000,000", "1,002,000", "1,004,000"]),
    ],
)
def test_ticks_of_prices_are_round_and_alike(low: float, high: float, labels: list[str]) -> None:
    """They have the same digits after the point, with many zeros counted alike, and thousands apart."""
    ticks = [label for _, label in Prices(low, high, 100).ticks(6)]
    assert ticks == labels


def test_ticks_of_days_name_the_day() -> None:
    """Where a day begins its name stands in place of the time."""
    start = START.timestamp()
    labels = [label for _, label in Times(start, start + 86_400).ticks(6)]
    assert labels == ["20:00", "29 May", "04:00", "08:00", "12:00", "16:00", "20:00"]


def test_spread_places_keep_their_order_and_move_as_little_as_needed() -> None:
    """Two that collide part evenly about where they belong; one that is alone stays."""
    assert spread([10, 50, 52, 90], apart=10, low=0, high=100) == [10, 46, 56, 90]


def test_spread_places_stay_within_their_bounds() -> None:
    """At an edge they are pushed inwards, and where there is no room they stand closer."""
    assert spread([99, 100], apart=10, low=0, high=100) == [90, 100]
    assert spread([5, 5, 5], apart=80, low=0, high=100) == [0, 50, 100]
