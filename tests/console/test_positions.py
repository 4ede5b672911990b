"""What the tab of positions shows: the table, the position that is selected, and the box that follows its exit."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest

from engine.console.order_status import order_status
from engine.console.position_card import headline, orders_box, plan_box
from engine.console.position_table import PAGE, View, position_table
from engine.console.tabs import exits, plan_form
from tests.console.rows import a_detail, a_row, an_exit
from tests.console.samples import HOSTILE, NOW, Page, an_order, at

SECOND = 10**9


def table(*rows: dict[str, Any], view: View | None = None, total: int | None = None, picked: str = "") -> str:
    """Return the table of *rows* five minutes after they were opened."""
    found = {"total": total if total is not None else len(rows), "positions": list(rows)}
    return position_table(found, view or View(), picked, NOW + 300 * SECOND)


def timeline(fills: list[dict[str, str]] | None = None, **changes: Any) -> dict[str, Any]:
    """Return an order with what happened to it."""
    return {"order": an_order(**changes), "history": [], "attempts": [], "fills": fills or []}


def test_a_row_has_every_figure_a_trader_asks_for() -> None:
    """Token, what is left, entry, price, change, distances, results, age and status stand in one line."""
    row = a_row(remaining_tokens="500000000", realized_pnl="-2500000", active_exit=an_exit(status="confirming"))
    said = Page(table(row)).text
    for figure in ("BONK", "50 % of 1,000", "0.1000", "0.1100", "+10.0 %", "27.3 %", "+13.6 %", "-0.0025", "+10.0000"):
        assert figure in said, figure
    for words in ("5 m 00 s", "open", "stop loss · confirming · attempt 1 of 3"):
        assert words in said, words


def test_a_gain_and_a_loss_are_told_apart_by_class() -> None:
    """Colour stands for gain and loss alone: what is neither has none."""
    assert 'class="rc-num rc-live rc-good"' in table(a_row()).replace("  ", " ")
    assert "rc-bad" in table(a_row(change_pct=-1.0, unrealized_pnl="-1"))
    assert not {"rc-good", "rc-bad"} & set(table(a_row(change_pct=0.0, unrealized_pnl="0")).replace('"', " ").split())


def test_an_old_price_is_shown_as_old() -> None:
    """A price that nobody renewed for more than three seconds looks so."""
    assert "rc-old" not in table(a_row(price_age_s=3.0))
    assert "rc-old" in table(a_row(price_age_s=3.1))


def test_a_position_without_a_price_has_dashes() -> None:
    """Nothing is guessed where there is no price."""
    nothing = dict.fromkeys(("price", "price_age_s", "change_pct", "unrealized_pnl", "stop_distance_pct"))
    assert Page(table(a_row(**nothing))).text.count("–") == 4  # noqa: RUF001


def test_a_failed_exit_is_marked_and_says_why() -> None:
    """Its status asks for a person, and the error is at hand."""
    html = table(a_row(needs_action=True, active_exit=an_exit(status="cancelled", last_error="no route")))
    assert "needs action" in html
    assert 'title="no route"' in html


def test_the_wait_for_the_next_attempt_is_counted_down() -> None:
    """It is gone once its time is there."""
    later, past = an_exit(next_retry_at=at(310)), an_exit(next_retry_at=at(299))
    assert "next in 10.0 s" in table(a_row(active_exit=later))
    assert "next in" not in table(a_row(active_exit=past))


def test_the_selected_row_is_known_by_its_id() -> None:
    """Whatever the order, and told to who listens as well."""
    html = table(a_row(), a_row(id="position-2", symbol="WIF"), picked="position-2")
    assert html.count('aria-pressed="true"') == 1
    assert html.index('aria-pressed="true"') > html.index("BONK")


def test_a_row_and_a_head_are_buttons() -> None:
    """They are reached by keyboard, and say what they send."""
    html = table(a_row(id='a"b'))
    assert json.dumps({"pick": 'a"b'}) in unescape(html)
    assert '<button type="button" class="rc-sort" data-send="{&quot;sort&quot;: &quot;change&quot;}">Change' in html


def test_the_head_says_by_what_the_table_is_ordered() -> None:
    """One head, with its direction."""
    html = table(view=View(sort="change", descending=False))
    assert html.count('aria-sort="ascending"') == 1
    assert 'aria-sort="descending"' not in html


@pytest.mark.parametrize(
    ("offset", "shown", "said", "disabled"),
    [
        (0, PAGE, "1 to 50 of 120", ["Previous"]),
        (PAGE, PAGE, "51 to 100 of 120", []),
        (100, 20, "101 to 120", ["Next"]),
    ],
)
def test_a_page_leads_to_the_one_before_and_after(offset: int, shown: int, said: str, disabled: list[str]) -> None:
    """Fifty on each; there is no way beyond the ends."""
    html = table(*[a_row()] * shown, view=View(offset=offset), total=120)
    assert said in html
    for name in ("Previous", "Next"):
        button = html[: html.index(f">{name}<")].rpartition("<button")[2]
        assert ("disabled" in button) is (name in disabled), name


def test_an_empty_table_says_what_is_not_there() -> None:
    """In words, and with what was searched for."""
    assert "No position is open." in table()
    assert "&#x27;&lt;b&gt;&#x27;" in table(view=View(search="<b>"))


def test_the_view_is_what_the_api_is_asked_for() -> None:
    """Filter, words, order and page."""
    query = View(show="Closed", search=" wif ", sort="change", descending=False, offset=50).query()
    assert query == {
        "open": "false",
        "search": "wif",
        "sort": "change",
        "descending": "false",
        "limit": PAGE,
        "offset": 50,
    }


def test_what_others_named_is_text_everywhere() -> None:
    """A token may call itself what it likes, and a node may answer what it likes."""
    changes: dict[str, Any] = {"symbol": HOSTILE, "mint": HOSTILE, "id": HOSTILE}
    order = an_order(id=HOSTILE, symbol=HOSTILE, last_error=HOSTILE)
    row = a_row(**changes, active_exit=an_exit(last_error=HOSTILE))
    made = [
        table(row),
        headline(a_detail(**changes), NOW),
        plan_box(a_detail(**changes)),
        orders_box([order]),
        order_status({"order": order, "fills": []}, {"tone": "bad", "text": HOSTILE}, NOW),
    ]
    for html in made:
        assert "<script" not in html
    assert HOSTILE in Page(made[0]).text
    assert HOSTILE in Page(made[1]).text


def test_the_headline_names_the_position_that_the_buttons_act_on() -> None:
    """A script reads it there, so that what is sold is what was seen."""
    html = headline(a_detail(id="position-7", symbol="WIF"), NOW)
    assert 'id="rc-selected"' in html
    assert 'data-id="position-7" data-name="WIF"' in html
    assert "data-id" not in headline(None, NOW)


def test_the_plan_says_at_which_prices_it_fires() -> None:
    """Stop, trailing stop before and after its activation, targets taken and not, time and calm."""
    detail = a_detail()
    detail["position"]["plan"] |= {
        "trailing": {"activation_pct": "30", "trail_pct": "15"},
        "max_hold": "3600s",
        "stagnation": {"band_pct": "5", "window": "600s"},
    }
    said = Page(plan_box(detail)).text
    for words in (
        "20 % below entry, at 0.08000",
        "15 % below the peak, from +30 %",
        "+25 %, at 0.1250, sells 33 %",
        "within ±5 % for 600s",
    ):
        assert words in said, words
    detail["levels"] |= {"trailing_stop": 0.12, "targets": [{"price": 0.125, "sell_pct": "33", "taken": True}]}
    assert "at 0.1200" in Page(plan_box(detail)).text
    assert "sells 33 %, taken" in Page(plan_box(detail)).text


@pytest.mark.parametrize("status", ["pending", "submitted", "confirming", "filled"])
def test_the_status_box_is_at_one_step_of_the_way(status: str) -> None:
    """The states before it are past; who listens is told where it is."""
    html = order_status(timeline(status=status), None, NOW)
    assert html.count('aria-current="step"') == 1
    assert f'aria-current="step">{status.upper()}<' in html
    assert f'data-status="{status.upper()}"' in html


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_exit_that_left_the_way_says_so_and_why(status: str) -> None:
    """Its state stands at the end of the way, with the error in full and the attempts it had."""
    html = order_status(timeline(status=status, attempt_count=3, last_error="no route"), None, NOW)
    assert f'aria-current="step">{status.upper()}<' in html
    assert "no route" in html
    assert "3 of 3" in Page(html).text


def test_a_filled_exit_says_what_it_brought() -> None:
    """From its fills, not from what was promised."""
    fills = [{"tokens": "-400000000", "sol": "4000000000"}, {"tokens": "-100000000", "sol": "1000000000"}]
    order = {"status": "filled", "decimals": 6, "symbol": "BONK", "actual_price": "0.01", "slippage_bps": "5"}
    said = Page(order_status(timeline(fills, **order, last_error="the first attempt"), None, NOW)).text
    assert "500 BONK for 5.000000 SOL" in said
    assert "0.01000 SOL, +5 bps against the expected" in said
    assert "the first attempt" not in said


def test_what_came_of_a_press_stands_in_the_box() -> None:
    """A refusal of the API is its one sentence."""
    html = order_status(None, {"tone": "bad", "text": "Not done: an exit is under way"}, NOW)
    assert "Not done: an exit is under way" in html
    assert "No exit so far." in html


def buttons(detail: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the buttons are given for *detail*."""
    names = ("manual", "emergency", "retry", "cancel", "release")
    return dict(zip(names, exits.shown(detail), strict=True))


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, set()),
        ({"active_exit": an_exit(status="pending")}, {"cancel"}),
        ({"active_exit": an_exit(status="confirming")}, set()),
        ({"active_exit": an_exit(status="cancelled"), "needs_action": True}, {"retry", "release"}),
    ],
)
def test_a_button_is_there_when_it_can_do_something(changes: dict[str, Any], shown: set[str]) -> None:
    """Retry and release after an exit that failed for good, cancel while it is queued."""
    made = buttons(a_detail(**changes))
    assert {name for name in ("retry", "cancel", "release") if made[name]["visible"]} == shown
    assert made["manual"]["interactive"]
    assert made["emergency"]["interactive"]


def test_nothing_is_sold_of_what_is_closed_or_not_selected() -> None:
    """The buttons are there and dead."""
    for detail in (None, a_detail(closed_at=at(1), status="closed")):
        made = buttons(detail)
        assert not made["manual"]["interactive"]
        assert not made["emergency"]["interactive"]


def test_the_form_begins_with_the_plan_and_gives_it_back() -> None:
    """What is not in the form stays as it was; what is empty is left out."""
    before = {
        "stop_loss_pct": "20",
        "take_profits": [{"gain_pct": "25", "sell_pct": "33"}, {"gain_pct": "50.5", "sell_pct": "50"}],
        "trailing": {"activation_pct": "30", "trail_pct": "15"},
        "max_hold": "3600s",
    }
    detail = a_detail(plan=before)
    values = plan_form.shown(detail)
    assert values == [20.0, 30.0, 15.0, 25.0, 33.0, 50.5, 50.0, None, None]
    assert plan_form.plan_of(before, values) == before
    changed = plan_form.plan_of(before, [18.5, None, None, *values[3:5], None, None, None, None])
    assert changed == {
        "stop_loss_pct": "18.5",
        "take_profits": [{"gain_pct": "25", "sell_pct": "33"}],
        "max_hold": "3600s",
    }
