"""The tab of the queue."""

from __future__ import annotations

from typing import Any

from engine.console.figures import NONE
from engine.console.tabs.queue import MOST, by_rank, by_type, queue_figures, queue_page, queued_orders
from tests.console.samples import HOSTILE, NOW, Page, an_order, at


def entry(age_s: float = 2.5, **changed: Any) -> dict[str, Any]:
    """Return an unfinished order as the queue has it."""
    return {"order": an_order(**{"status": "pending", **changed}), "age_s": age_s}


def a_queue(**changed: Any) -> dict[str, Any]:
    """Return a queue with a stop loss in flight, two take profits queued, and one that waits for its retry."""
    return {
        "by_urgency": {30: 2},
        "queued": [entry(), entry(id="exit-2")],
        "waiting": [entry(id="exit-3", next_retry_at=at(4))],
        "in_flight": [entry(id="exit-4", status="confirming", exit_reason="stop_loss", urgency=10)],
        "slots": 3,
        "orders_per_minute": 7,
        "draining": False,
        "holding": False,
        "estimated_wait_s": 3.4,
        **changed,
    }


def test_the_figures_say_how_full_and_how_fast_it_is() -> None:
    """Slots, what is queued, how long a new order would wait, and the pace."""
    text = Page(queue_figures(a_queue())).text
    for expected in ("1 of 3", "Queued 2", "Waiting for a retry 1", "3.4 s", "Orders a minute 7"):
        assert expected in text


def test_an_unknown_wait_is_a_dash() -> None:
    """Nothing is guessed."""
    assert f"Estimated wait {NONE}" in Page(queue_figures(a_queue(estimated_wait_s=None))).text


def test_orders_are_counted_by_urgency_in_the_order_of_service() -> None:
    """The rank that is served first stands first, with what is queued, waits and flies."""
    text = " ".join(Page(by_rank(a_queue())).text.split())
    assert "stop loss 10 0 0 1 take profit 30 2 1 0" in text


def test_orders_are_counted_by_type() -> None:
    """Exits by their reason, entries as entries."""
    queue = a_queue(queued=[entry(kind="entry", exit_reason=None, urgency=100)])
    assert "entry 1 0 0 stop loss 0 0 1 take profit 1 0 1 0" in " ".join(Page(by_type(queue)).text.split())


def test_an_order_that_waits_says_for_how_long() -> None:
    """The time of the next attempt is counted down."""
    assert "in 4.0 s" in Page(queue_page(a_queue(), NOW)).text


def test_a_long_queue_is_cut_and_the_rest_counted() -> None:
    """A thousand orders do not make a page of a thousand rows."""
    orders = [entry(id=f"exit-{n}") for n in range(MOST + 20)]
    page = Page(queued_orders(orders, NOW, name="Queued", nothing=""))
    assert len(page.all("tr")) == MOST + 1
    assert "20 more" in page.text


def test_draining_and_holding_are_said() -> None:
    """Why nothing begins is not left to be guessed."""
    text = Page(queue_figures(a_queue(draining=True, holding=True))).text
    assert "nothing new is begun" in text
    assert "Waits for what the chain knows" in text


def test_nothing_to_do_is_said() -> None:
    """An empty queue has a sentence for each of its parts."""
    text = Page(queue_page(a_queue(queued=[], waiting=[], in_flight=[]), NOW)).text
    for expected in ("Nothing is in flight.", "Nothing is queued.", "Nothing waits for a retry."):
        assert expected in text


def test_text_from_outside_is_escaped() -> None:
    """A symbol that is markup is shown as text."""
    assert "<script" not in queue_page(a_queue(queued=[entry(symbol=HOSTILE, id=HOSTILE, last_error=HOSTILE)]), NOW)
