"""The banner, the keys of a page's presses, and how the page asks the API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.console.banner import STALE_AFTER_S, banner, fresh_for
from engine.console.client import ApiError, Caller, Client
from engine.console.confirm import confirming
from engine.console.page import MOST_PAGES, REARM, Call, Keys, Page, Pages
from engine.console.tabs import exits
from engine.domain.units import Nanos
from tests.console import samples
from tests.console.rows import a_state
from tests.console.samples import HOSTILE, NOW

CALLER = Caller(cookie="ripcord-1=secret", host="desk:8787", peer=("10.0.0.7", 1234))


def test_the_banner_says_which_wallet_and_how_the_engine_does() -> None:
    """Profile, wallet, state, age of the newest price, queue and alerts."""
    said = samples.Page(banner(a_state(), NOW)).text
    for words in ("demo", "Gi2b…CznrB"[:5], "running", "0.4 s ago", "3 + 1 in flight", "0 alerts"):
        assert words in said, words


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gave_up": True, "draining": True}, "gave up"),
        ({"draining": True}, "draining"),
        ({"blind": ["a", "b"]}, "2 without price"),
        ({"entries_paused": True}, "entries paused"),
        ({"unresolved_alerts": 1}, "1 alert "),
        ({"newest_price_age_s": None}, "none"),
    ],
)
def test_the_banner_says_what_is_not_as_it_should_be(changes: dict[str, Any], said: str) -> None:
    """The gravest first."""
    assert said in samples.Page(banner(a_state(**changes), NOW)).text


def test_mainnet_and_a_critical_alert_are_marked() -> None:
    """Real money is never mistaken for a demo."""
    assert "rc-mainnet" in banner(a_state(profile="mainnet"), NOW)
    calm, grave = a_state(unresolved_alerts=2), a_state(unresolved_alerts=2, critical_alerts=1)
    assert 'class="rc-badge rc-warn" id="rc-alerts"' in banner(calm, NOW)
    assert 'class="rc-badge rc-bad" id="rc-alerts"' in banner(grave, NOW)


def test_the_banner_beats_so_that_the_script_sees_it_live() -> None:
    """Each update has another beat, and says how long its prices count as new."""
    assert f'data-beat="{NOW}" data-fresh-for="2.20"' in banner(a_state(), NOW)


def test_no_price_is_missed_where_nothing_is_open() -> None:
    """Without positions nobody asks for prices."""
    assert fresh_for(a_state(newest_price_age_s=None)) == "0.00"
    assert fresh_for(a_state(newest_price_age_s=STALE_AFTER_S + 2)) == "0.00"
    assert fresh_for(a_state(newest_price_age_s=None, open_positions=0)) == ""


def test_prices_that_are_asked_for_less_often_may_be_older() -> None:
    """Until one of them was missed."""
    assert fresh_for(a_state(newest_price_age_s=5.0, price_interval_s=5.0)) == "1.60"
    assert fresh_for(a_state(newest_price_age_s=1.0, price_interval_s=0.5)) == "1.60"


def test_a_hostile_name_in_the_banner_is_text() -> None:
    """Even of the profile."""
    assert "<script" not in banner(a_state(profile=HOSTILE, wallet=HOSTILE), NOW)


def test_the_same_press_has_the_same_key_until_it_is_armed_anew() -> None:
    """Within two seconds of the last press; another one of its own has another key at once."""
    keys = Keys()
    first = keys.key_for(("exit", "position-1"), Nanos(NOW))
    assert keys.key_for(("exit", "position-1"), Nanos(NOW + REARM - 1)) == first
    assert keys.key_for(("exit", "position-1"), Nanos(NOW + 2 * REARM - 2)) == first
    assert keys.key_for(("exit", "position-2"), Nanos(NOW)) != first
    assert keys.key_for(("exit", "position-1"), Nanos(NOW + 3 * REARM)) != first
    assert len(keys.armed) == 1


def test_a_page_is_known_by_its_name_while_it_speaks() -> None:
    """A page that is up to date stays known however many others were opened and left; those are bounded."""
    pages = Pages()
    mine = pages.of("mine")
    for number in range(2 * MOST_PAGES):
        assert pages.of(f"left-{number}") is not mine
        assert pages.of("mine") is mine
    assert len(pages.known) == MOST_PAGES


class Api:
    """An API that notes what it is asked, and answers one thing."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.asked: list[tuple[Scope, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        self.asked.append((scope, body))
        await self.answer(scope, receive, send)


def call(app: ASGIApp) -> Call:
    """Return a call of the page that asks *app*."""
    return Call(api=Client(app, CALLER), page=Page(), now=Nanos(NOW))


def test_the_page_asks_as_whoever_sits_before_it() -> None:
    """Cookie, host and address are the person's; the Origin is the page's own; what is None is not asked for."""
    api = Api(JSONResponse({"total": 0}))
    answer = asyncio.run(call(api).api.get("/positions", search="a&b", sort=None))
    (scope, _), headers = api.asked[0], dict(api.asked[0][0]["headers"])
    assert answer == {"total": 0}
    assert (scope["path"], scope["query_string"]) == ("/api/v1/positions", b"search=a%26b")
    assert scope["client"] == ("10.0.0.7", 1234)
    assert headers[b"cookie"] == b"ripcord-1=secret"
    assert (headers[b"host"], headers[b"origin"]) == (b"desk:8787", b"http://desk:8787")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (JSONResponse({"detail": "an exit is under way"}, 409), "an exit is under way"),
        (PlainTextResponse("oh", 500), "the API answered 500"),
        (JSONResponse(["oh"], 502), "the API answered 502"),
    ],
)
def test_a_refusal_is_its_one_sentence(answer: Response, said: str) -> None:
    """With its status."""
    with pytest.raises(ApiError, match=said) as refused:
        asyncio.run(call(Api(answer)).api.get("/engine"))
    assert refused.value.status == answer.status_code


def test_a_manual_exit_is_one_command_however_often_it_is_pressed() -> None:
    """Two presses of one percentage have one key; another percentage is another command."""
    api = Api(JSONResponse({"order": samples.an_order(), "waits_for": None}))
    press = call(api)

    async def thrice() -> None:
        for percent in (50.0, 50.0, 60.0):
            await exits.manual_exit(press, percent, "position/1")

    asyncio.run(thrice())
    keys = [dict(scope["headers"])[b"idempotency-key"] for scope, _ in api.asked]
    assert keys[0] == keys[1] != keys[2]
    assert [json.loads(body) for _, body in api.asked] == [{"percent": "50"}, {"percent": "50"}, {"percent": "60"}]
    assert api.asked[0][0]["raw_path"] == b"/api/v1/positions/position%2F1/exit"
    assert (exits.said(press.page, "position/1") or {})["text"].startswith("Ordered: take profit 1 exit of")


def test_a_press_without_a_position_asks_nothing() -> None:
    """Nothing is selected, and so nothing is sold."""
    api = Api(JSONResponse({}))
    press = call(api)

    async def all_of_them() -> None:
        await exits.manual_exit(press, 100.0, "")
        for handler in (exits.emergency_exit, exits.retry_exit, exits.cancel_exit, exits.release):
            await handler(press, "")

    asyncio.run(all_of_them())
    assert api.asked == []


def test_a_refused_press_says_why_in_the_box_of_its_position() -> None:
    """And in no other's."""
    press = call(Api(JSONResponse({"detail": "it is closed"}, 409)))
    asyncio.run(exits.emergency_exit(press, "position-1"))
    assert exits.said(press.page, "position-1") == {"tone": "bad", "text": "Not done: it is closed"}
    assert exits.said(press.page, "position-2") is None


def test_what_is_asked_before_a_press_is_quoted_into_its_script() -> None:
    """Whatever stands in the question, it is text of the script."""
    assert r'"text": "Sell \"it\"?"' in confirming('Sell "it"?', action="Sell")
