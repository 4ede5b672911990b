"""The tab of orders: which are asked for, how they are listed, and one of them in full."""

from __future__ import annotations

from typing import Any

import pytest

from engine.console.tabs.order_detail import may_cancel, may_retry, order_detail, signature
from engine.console.tabs.orders import PAGE, Asked, order_filters, order_table
from tests.console.samples import HOSTILE, NOW, SIGNATURE, Page, an_attempt, an_event, an_order, at


def found(*orders: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    """Return a page of orders as `GET /orders` answers it."""
    counts = dict.fromkeys(("pending", "submitted", "confirming", "filled", "failed", "cancelled"), 0)
    for order in orders:
        counts[order["status"]] += 1
    return {"total": len(orders) if total is None else total, "counts": counts, "orders": list(orders)}


def a_timeline(**changed: Any) -> dict[str, Any]:
    """Return an exit whose first attempt reverted and whose second landed below its quote."""
    failure = {"kind": "slippage", "message": "the price left the slippage tolerance", "code": "6001"}
    attempts = [an_attempt(1, "reverted", failure=failure), an_attempt(2, "landed")]
    fill = {"signature": attempts[1]["signature"], "tokens": "-598802395209", "sol": "2910001234", "fee": "45000"}
    return {
        "order": an_order(status="filled", actual_price="0.000000486", slippage_bps="41.2", filled_at=at(4), **changed),
        "history": [
            an_event(0, "pending", attempt=0, note="placed"),
            an_event(1, "failed", error="the price left the slippage tolerance", next_retry_at=at(3)),
            an_event(4, "filled", attempt=2, signature=attempts[1]["signature"]),
        ],
        "attempts": attempts,
        "fills": [{**fill, "rent": "0", "slot": 1, "time": at(4)}],
        "marker_returned": False,
        "markers_rent": "0",
    }


def a_position(*, needs_action: bool = True, order_id: str = "exit-1") -> dict[str, Any]:
    """Return a position that waits for a person, with the exit that failed."""
    return {"needs_action": needs_action, "active_exit": {"order_id": order_id}}


# What is asked for -----------------------------------------------------------------------------------------


def test_the_last_day_is_asked_for_at_first() -> None:
    """Older orders are listed on request alone."""
    assert Asked().query("", NOW) == {
        "created_after": "2026-05-27T20:00:00.000000000Z",
        "status": None,
        "search": None,
        "limit": PAGE,
        "offset": 0,
    }


def test_all_orders_have_no_limit_of_time() -> None:
    """Whoever asks for all gets the oldest too."""
    assert Asked().changed({"period": "All"}).query(" WIF ", NOW)["created_after"] is None
    assert Asked().query(" WIF ", NOW)["search"] == "WIF"


def test_another_filter_begins_on_its_first_page() -> None:
    """The third page of all orders is not the third page of the failed ones."""
    asked = Asked().changed({"offset": 100})
    assert asked.offset == 100
    assert asked.changed({"status": "failed"}) == Asked(status="failed")
    assert asked.changed({"period": "7 days"}) == Asked(period="7 days")
    assert asked.changed({"status": "failed"}).changed({"status": None}) == Asked()


@pytest.mark.parametrize("message", [{}, {"status": "gone"}, {"period": "ever"}, {"offset": -1}, {"offset": "1"}])
def test_a_press_that_makes_no_sense_changes_nothing(message: dict[str, Any]) -> None:
    """What a browser sends is not trusted with what the API is asked."""
    assert Asked(status="filled").changed(message) == Asked(status="filled")


# The list --------------------------------------------------------------------------------------------------


def test_each_status_has_its_count_and_the_chosen_one_is_pressed() -> None:
    """The filters say how many orders they would show."""
    page = Page(order_filters(found(an_order(), an_order(status="filled")), Asked(status="filled")))
    assert "All 2" in page.text
    assert "filled 1" in page.text
    pressed = [each["data-send"] for each in page.all("button") if each["aria-pressed"] == "true"]
    assert pressed == ['{"period": "24 hours"}', '{"status": "filled"}']


def test_a_row_tells_what_an_order_is_and_is_selected_by_a_button() -> None:
    """Token, status, reason, share, attempts, prices and the error stand in a row that the keyboard reaches."""
    page = Page(order_table(found(an_order()), Asked(), "exit-1"))
    for expected in ("WEN", "cancelled", "take profit 1, 60 %", "3/3", "5,988,023.9521", "0.0₆4880", "no route found"):
        assert expected in page.text
    [pick] = page.all("button")
    assert (pick["aria-pressed"], pick["data-send"]) == ("true", '{"pick": "exit-1"}')


def test_an_entry_shows_what_it_spends() -> None:
    """Of an entry the amount is in SOL."""
    entry = an_order(kind="entry", exit_reason=None, amount_sol="4000000000", status="filled")
    text = Page(order_table(found(entry), Asked(), None)).text
    assert "4.0000 SOL" in text
    assert "no route found" not in text


def test_no_order_is_said() -> None:
    """An empty table has a sentence in it."""
    assert "No order was made in this time." in Page(order_table(found(), Asked(), None)).text


def test_pages_can_be_turned_as_far_as_there_are_any() -> None:
    """The first page leads on, the last leads back."""
    first = Page(order_table(found(an_order(), total=PAGE + 1), Asked(), None)).all("button")[-2:]
    last = Page(order_table(found(an_order(), total=PAGE + 1), Asked(offset=PAGE), None)).all("button")[-2:]
    assert ["disabled" in each for each in (*first, *last)] == [True, False, False, True]
    assert first[1]["data-send"] == f'{{"offset": {PAGE}}}'


# One order -------------------------------------------------------------------------------------------------


def test_the_quote_stands_against_the_fill() -> None:
    """An attempt that landed says what it was quoted, what it got, and the difference."""
    text = Page(order_detail(a_timeline(), None, NOW)).text
    assert "2.917892 SOL" in text
    assert "2.910001 SOL" in text
    assert "-0.27 %" in text
    assert "+41 bps, tolerance 1000 bps" in text


def test_every_attempt_and_transition_is_told_with_its_error_in_full() -> None:
    """Nothing of the history is left out."""
    page = Page(order_detail(a_timeline(), None, NOW))
    assert len(page.all("li")) == 3
    assert "slippage: the price left the slippage tolerance" in page.text
    assert "next attempt at 28 May 20:00:03.000" in page.text
    assert f"2{SIGNATURE[1:]}" in page.text


def test_an_entry_that_landed_is_compared_in_tokens() -> None:
    """A purchase is quoted in tokens, and gets tokens."""
    timeline = a_timeline(kind="entry", exit_reason=None)
    timeline["attempts"][1]["quoted_out"] = "1000000"
    timeline["fills"][0].update(tokens="990000", sol="-4000000000")
    assert "-1.00 %" in Page(order_detail(timeline, None, NOW)).text


def test_rent_that_came_back_is_compared_with_what_was_parked() -> None:
    """Bringing rent back swaps nothing: what it got is the rent, which the chain counts as negative."""
    timeline = a_timeline(kind="reclaim", exit_reason=None)
    timeline["attempts"][1]["quoted_out"] = "2600960"
    timeline["fills"][0].update(tokens="0", sol="0", rent="-2600960")
    text = Page(order_detail(timeline, None, NOW)).text
    assert "+0.00 %" in text
    assert "Sells" not in text


def test_a_signature_is_a_link_where_an_explorer_knows_it() -> None:
    """On a cluster that nobody else knows it is plain text, and so is a template that is no web page."""
    [link] = Page(signature(SIGNATURE, "https://explorer.example/tx/{signature}?x=1")).all("a")
    assert link["href"] == f"https://explorer.example/tx/{SIGNATURE}?x=1"
    assert link["rel"] == "noopener noreferrer"
    for none in (None, "javascript:alert(1)//{signature}"):
        page = Page(signature(SIGNATURE, none))
        assert not page.all("a")
        assert SIGNATURE in page.text


def test_text_from_outside_is_escaped_everywhere() -> None:
    """A symbol, a note, an error or a venue that is markup is shown as text."""
    timeline = a_timeline(symbol=HOSTILE, last_error=HOSTILE, retry_of=HOSTILE, id=HOSTILE)
    timeline["history"][0].update(note=HOSTILE, error=HOSTILE, signature=HOSTILE)
    timeline["attempts"][0].update(venue=HOSTILE, failure={"kind": HOSTILE, "message": HOSTILE, "code": ""})
    shown = order_detail(timeline, "https://explorer.example/{signature}", NOW)
    shown += order_table(found(an_order(symbol=HOSTILE, last_error=HOSTILE, id=HOSTILE)), Asked(), None)
    assert "<script" not in shown
    assert HOSTILE in Page(shown).text


def test_without_a_selection_the_detail_says_what_to_do() -> None:
    """The box is never empty."""
    assert "Select an order" in Page(order_detail(None, None, NOW)).text


# What may be done ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "may"),
    [
        ("pending", "exit", True),
        ("pending", "entry", True),
        ("pending", "reclaim", False),
        ("submitted", "exit", False),
        ("confirming", "exit", False),
        ("filled", "exit", False),
    ],
)
def test_only_an_order_that_waits_can_be_taken_back(status: str, kind: str, *, may: bool) -> None:
    """The button is not there where it would be refused."""
    assert may_cancel(an_order(status=status, kind=kind)) is may


def test_only_the_failed_exit_that_its_position_waits_with_can_be_retried() -> None:
    """One that was superseded, or whose position goes on without it, has no such button."""
    assert may_retry(an_order(), a_position())
    assert not may_retry(an_order(), None)
    assert not may_retry(an_order(), a_position(needs_action=False))
    assert not may_retry(an_order(), a_position(order_id="exit-2"))
    assert not may_retry(an_order(), {"needs_action": True, "active_exit": None})
    assert not may_retry(an_order(status="filled"), a_position())
    assert not may_retry(an_order(kind="entry"), a_position())
