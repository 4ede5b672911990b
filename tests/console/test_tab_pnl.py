"""The tab of results."""

from __future__ import annotations

from typing import Any

from engine.console.figures import NONE
from engine.console.tabs.pnl import group_page, group_table, named, totals
from tests.console.samples import HOSTILE, Page


def group(name: str, net: int, **changed: Any) -> dict[str, Any]:
    """Return closed positions that came to *net* lamports."""
    figures = {"positions": 4, "wins": 3, "win_rate": 0.75, "gross": str(net + 5000), "fees": "5000", "net": str(net)}
    return {"name": name, "symbol": None, **figures, **changed}


def results(**changed: Any) -> dict[str, Any]:
    """Return what `GET /pnl` answers."""
    return {
        "realized_gross": "1500005000",
        "fees": "5000",
        "realized_net": "1500000000",
        "unrealized": "-250000000",
        "open_positions": 2,
        "closed": group("all", 1_500_000_000),
        "groups": [],
        "curve": [],
        **changed,
    }


def test_the_totals_are_signed_and_coloured_by_their_sign() -> None:
    """A profit is good, a loss bad, fees neither."""
    page = Page(totals(results()))
    for expected in ("+1.5000 SOL", "-0.2500 SOL", "0.000005 SOL", "75% of 4"):
        assert expected in page.text
    assert [len(page.of_class(tone)) for tone in ("rc-good", "rc-bad")] == [2, 1]


def test_no_closed_position_has_no_win_rate() -> None:
    """Nothing of nothing is not nought percent."""
    assert f"Won {NONE}" in Page(totals(results(closed=group("all", 0, positions=0, win_rate=0.0)))).text


def test_days_are_listed_newest_first_and_others_best_first() -> None:
    """What one looks for first stands at the top."""
    days = Page(group_table([group("2026-05-01", 9), group("2026-05-02", 1)], "day")).text
    assert days.index("2026-05-02") < days.index("2026-05-01")
    reasons = Page(group_table([group("stop_loss", -(10**9)), group("take_profit_1", 10**9)], "reason")).text
    assert reasons.index("take profit 1") < reasons.index("stop loss")


def test_a_row_has_its_win_rate_and_its_result_after_fees() -> None:
    """Each group says how often it won, what it made, and what it cost."""
    text = " ".join(Page(group_table([group("manual", 10**9)], "reason")).text.split())
    assert "manual 4 75% +1.0000 +1.0000 0.000005" in text


def test_days_are_columns_and_the_rest_bars() -> None:
    """Each kind of group has the chart that suits it."""
    days = Page(group_page([group("2026-05-01", 10**9)], "day"))
    assert "Net results of 1 day" in days.all("svg")[0]["aria-label"]
    reasons = Page(group_page([group("manual", 10**9)], "reason"))
    assert reasons.all("svg")[0]["aria-label"].startswith("Net results: manual")


def test_tokens_are_shown_by_their_symbols() -> None:
    """Two tokens of one symbol are told apart by their addresses."""
    groups = [group("AAAA1", 1, symbol="WIF"), group("BBBB2", 2, symbol="BONK"), group("CCCC3", 3, symbol="BONK")]
    assert [each["name"] for each in named(groups)] == ["WIF", "BONK BBBB", "BONK CCCC"]


def test_names_from_outside_are_escaped() -> None:
    """A symbol that is markup is shown as text."""
    assert "<script" not in group_page([group(HOSTILE, 1)], "token")
