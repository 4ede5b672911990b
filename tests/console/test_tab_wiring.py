"""What the tabs ask the API for, and what a press of a button makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from engine.console.client import ApiError, Client
from engine.console.frame import Frame
from engine.console.page import Call, Live, Page
from engine.console.tabs import alerts, events, exits, orders, pnl, queue
from engine.domain.units import Nanos
from tests.console.samples import NOW, an_alert, an_attempt, an_event, an_order


@dataclass
class FakeApi:
    """Answers with what it was given, and remembers what it was asked."""

    answers: dict[str, Any]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, path: str, **query: Any) -> Any:
        """Return the answer to *path*."""
        self.asked.append((path, query))
        if path not in self.answers:
            raise ApiError(404, f"there is no {path}")
        answer = self.answers[path]
        return answer(query) if callable(answer) else answer

    async def post(self, path: str, _body: Any = None, *, key: str) -> Any:
        """Take a command."""
        self.told.append((path, key))
        return {"id": "exit-2"}


@dataclass
class FakeFrame:
    """Remembers what is wired to what."""

    handlers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    scripts: dict[str, str | None] = field(default_factory=dict)

    def on(
        self, _event: Any, handler: Any, *, inputs: Sequence[Any] = (), then: Any = None, js: str | None = None
    ) -> None:
        """Remember *handler* by its name."""
        self.handlers[handler.__name__] = handler
        self.scripts[handler.__name__] = js


def listed(query: dict[str, Any]) -> dict[str, Any]:
    """Return the alerts of a status: one that is active."""
    found = [an_alert()] if query["status"] == "active" else []
    return {"total": len(found), "alerts": found}


def an_api(**changed: Any) -> FakeApi:
    """Return an API with a failed exit that its position waits with."""
    timeline = {
        "order": an_order(),
        "history": [an_event(0, "pending")],
        "attempts": [an_attempt(1, "reverted")],
        "fills": [],
        "marker_returned": False,
        "markers_rent": "0",
    }
    closed = {"name": "all", "positions": 0, "wins": 0, "win_rate": 0.0, "gross": "0", "fees": "0", "net": "0"}
    money = dict.fromkeys(("realized_gross", "fees", "realized_net", "unrealized"), "0")
    return FakeApi(
        {
            "/orders": {"total": 1, "counts": {"cancelled": 1}, "orders": [an_order()]},
            "/orders/exit-1": timeline,
            "/positions/pos-1": {
                "position": {"symbol": "WEN", "needs_action": True, "active_exit": {"order_id": "exit-1"}}
            },
            "/engine": {"explorer": None},
            "/alerts": listed,
            "/queue": {
                "by_urgency": {},
                "queued": [],
                "waiting": [],
                "in_flight": [],
                "slots": 3,
                "orders_per_minute": 0,
                "draining": False,
                "holding": False,
                "estimated_wait_s": None,
            },
            "/pnl": {
                **money,
                "open_positions": 0,
                "closed": closed,
                "groups": [{**closed, "name": "mint", "symbol": "WEN"}],
                "curve": [],
            },
            **changed,
        }
    )


def a_call(api: FakeApi, **kept: Any) -> Call:
    """Return a call of a page that has *kept* something in mind."""
    page = Page()
    page.kept.update({name.replace("_", "."): value for name, value in kept.items()})
    return Call(api=cast("Client", api), page=page, now=Nanos(NOW))


def built(tab: Any) -> tuple[Live, dict[str, Callable[..., Any]]]:
    """Return what keeps *tab* up to date, and its handlers by their names."""
    frame = FakeFrame()
    return tab.build(cast("Frame", frame)), frame.handlers


def shown(live: Live, call: Call, *values: Any) -> list[Any]:
    """Return what the tab shows."""
    return list(asyncio.run(cast("Any", live.refresh(call, *values))))


@pytest.mark.parametrize("tab", [orders, alerts, queue, pnl, events])
def test_a_tab_gives_a_value_for_each_of_its_components(tab: Any) -> None:
    """Otherwise every update of the page would fail."""
    live, _ = built(tab)
    assert len(shown(live, a_call(an_api()), *[""] * len(live.inputs))) == len(live.outputs)


def test_a_failed_exit_that_is_selected_can_be_retried_and_not_cancelled() -> None:
    """The buttons follow the order that is shown, whose identifier goes with them."""
    live, _ = built(orders)
    *_, retry, cancel, detail, order_id = shown(live, a_call(an_api(), order="exit-1"), "")
    assert (retry["visible"], cancel["visible"]) == (True, False)
    assert "exit-1" in detail
    assert order_id == "exit-1"


def test_retry_tries_the_order_that_was_seen_and_shows_the_new_one() -> None:
    """What was selected meanwhile is not what was pressed; a double press has one key."""
    _, handlers = built(orders)
    api = an_api()
    call = a_call(api, order="exit-9")
    asyncio.run(handlers["retry_now"](call, "exit-1"))
    asyncio.run(handlers["retry_now"](call, "exit-1"))
    assert [path for path, _ in api.told] == ["/orders/exit-1/retry"] * 2
    assert len({key for _, key in api.told}) == 1
    assert call.page.kept["order"] == "exit-2"


def test_cancel_takes_back_the_order_that_was_seen() -> None:
    """The press goes to the API, which decides."""
    _, handlers = built(orders)
    api = an_api()
    asyncio.run(handlers["take_back"](a_call(api), "exit-1/../x"))
    assert [path for path, _ in api.told] == ["/orders/exit-1%2F..%2Fx/cancel"]


@pytest.mark.parametrize(("tab", "press"), [(orders, "retry_now"), (orders, "take_back"), (alerts, "retry_now")])
def test_what_trades_is_confirmed_first(tab: Any, press: str) -> None:
    """The page asks, and sends nothing unless the person agrees."""
    frame = FakeFrame()
    tab.build(cast("Frame", frame))
    assert "ripcord.confirm(" in (frame.scripts[press] or "")


def test_an_order_that_is_gone_is_not_selected_any_more() -> None:
    """A page that was open over a new database goes on."""
    live, _ = built(orders)
    *_, retry, cancel, detail, order_id = shown(live, a_call(an_api(), order="exit-7"), "")
    assert (retry["visible"], cancel["visible"], order_id) == (False, False, "")
    assert "Select an order" in detail


def test_an_alert_about_a_failed_exit_can_be_acted_on() -> None:
    """Acknowledge, retry and the way to the position are there at once."""
    live, handlers = built(alerts)
    call = a_call(an_api(), alert="alert-1")
    _, _, *buttons, _, alert_id, order_id, position_id = shown(live, call)
    assert [button["visible"] for button in buttons] == [True, True, True]
    assert (alert_id, order_id, position_id) == ("alert-1", "exit-1", "pos-1")
    asyncio.run(handlers["go"](call, alert_id, order_id, position_id))
    assert exits.picked(call.page) == "pos-1"


def test_an_alert_that_was_resolved_stays_shown() -> None:
    """Whoever retried its order sees what became of it, and has nothing more to press than the way there."""
    none = {"total": 0, "alerts": []}
    api = an_api(**{"/alerts": none, "/alerts/alert-1": an_alert(status="resolved", data={})})
    live, _ = built(alerts)
    _, _, *buttons, detail, _, _, _ = shown(live, a_call(api, alert="alert-1"))
    assert [button["visible"] for button in buttons] == [False, False, True]
    assert "EXIT FAILED" in detail


def test_an_alert_that_is_gone_is_not_selected_any_more() -> None:
    """A page that was open over a new database goes on."""
    live, _ = built(alerts)
    _, _, *buttons, detail, alert_id, _, _ = shown(live, a_call(an_api(), alert="alert-7"))
    assert ([button["visible"] for button in buttons], alert_id) == ([False, False, False], "")
    assert "EXIT FAILED" not in detail


def test_acknowledging_and_retrying_go_to_what_was_seen() -> None:
    """Each button acts on the alert, or on the order of it."""
    _, handlers = built(alerts)
    api = an_api()
    asyncio.run(handlers["seen"](a_call(api), "alert-1", "exit-1", "pos-1"))
    asyncio.run(handlers["retry_now"](a_call(api), "alert-1", "exit-1", "pos-1"))
    assert [path for path, _ in api.told] == ["/alerts/alert-1/acknowledge", "/orders/exit-1/retry"]


def test_results_by_token_are_named_by_their_symbols() -> None:
    """The one question for the results has them."""
    live, _ = built(pnl)
    api = an_api()
    assert "WEN" in shown(live, a_call(api, pnl_by="token"))[-1]
    assert [path for path, _ in api.asked] == ["/pnl"]
