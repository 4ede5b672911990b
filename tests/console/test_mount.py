"""The console is there for whoever has signed in, and no more of Gradio than it needs."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from engine.api.gate import OPEN_PATHS
from engine.console import mount
from tests.api.desk import Desk, running

pytestmark = pytest.mark.xdist_group("console")

HTML = {"Accept": "text/html"}


@pytest.fixture
def stranger(served: Desk) -> Iterator[httpx.Client]:
    """Return a client without any credentials."""
    assert served.server is not None
    with httpx.Client(base_url=served.server.url) as client:
        yield client


@pytest.fixture
def browser(served: Desk) -> Iterator[httpx.Client]:
    """Return a client that has signed in, and says where its pages are from."""
    assert served.server is not None
    with httpx.Client(base_url=served.server.url, headers={"Origin": served.server.url}, timeout=30) as client:
        assert client.post("/sign-in", data={"token": served.token}).status_code == 303
        yield client


def every_route(app: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of *app* and of what is mounted in it."""
    for context in iter_route_contexts(app.routes):
        path = prefix + str(context.path).rstrip("/")
        inner = getattr(context.original_route, "app", None)
        if hasattr(inner, "routes"):
            yield from every_route(inner, path)
        for method in sorted(context.methods or ()):
            yield method, re.sub(r"{[^}]*}", "x", path) or "/"


def routes_of(desk: Desk) -> set[tuple[str, str]]:
    """Return every route that the server has: those of the API, and those of Gradio behind it."""
    assert desk.server is not None
    return {*every_route(desk.server.app), *every_route(console_of(desk).inner)}


def console_of(desk: Desk) -> mount.Console:
    """Return the console, which is made."""
    assert desk.server is not None
    console = desk.server.app.router.default
    assert isinstance(console, mount.Console)
    assert console.inner is not None
    return console


def test_that_nothing_but_the_open_paths_is_answered_without_credentials(served: Desk, stranger: httpx.Client) -> None:
    """Every route of the API and of Gradio refuses a stranger, whatever the method."""
    routes = routes_of(served)
    assert len(routes) > 60
    assert ("POST", "/gradio_api/queue/join") in routes
    let_in = {
        (method, path)
        for method, path in routes
        if stranger.request(method, path, content=b"{}").status_code not in (401, 403)
    }
    assert {path for _, path in let_in} == OPEN_PATHS


def test_that_gradio_has_no_other_way_in(served: Desk) -> None:
    """Calls by name, uploads, files, the proxy and all else of Gradio that the page needs not are not there at all."""
    needed = {
        "/",
        "/config",
        "/theme.css",
        "/favicon.ico",
        "/manifest.json",
        "/gradio_api/queue/join",
        "/gradio_api/queue/data",
        "/gradio_api/app_id",
        "/gradio_api/startup-events",
        "/assets/x",
        "/static/x",
        "/svelte/x",
    }
    assert served.server is not None
    ours = {path for _, path in every_route(served.server.app)}
    others = {(method, path) for method, path in every_route(console_of(served).inner) if path not in needed | ours}
    assert ("POST", "/gradio_api/run/x") in others
    for method, path in others:
        assert served.client.request(method, path, content=b"{}").status_code in (404, 405), (method, path)


def test_that_the_page_is_served_and_loads_from_this_server_alone(browser: httpx.Client) -> None:
    """Whoever has signed in gets the page, which the browser is told to hold to this server."""
    page = browser.get("/", headers=HTML)
    assert page.status_code == 200
    assert "Emergency Exit" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "https:" not in policy


def test_that_an_open_page_holds_no_connection(browser: httpx.Client) -> None:
    """A browser has six to a server: were one held by each page, the seventh would never open."""
    assert browser.get("/config").json()["connect_heartbeat"] is False
    assert browser.get("/gradio_api/heartbeat/x").status_code == 404


def test_that_a_stranger_with_a_browser_is_led_to_the_sign_in(stranger: httpx.Client) -> None:
    """A page that is opened without a session leads to the sign-in; a program gets 401."""
    led = stranger.get("/", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
    assert stranger.get("/").status_code == 401


def test_that_a_press_of_another_page_is_refused(served: Desk, browser: httpx.Client) -> None:
    """A POST to Gradio's queue with the cookie, but from no page of this server, does nothing."""
    body = {"data": [], "fn_index": 0, "session_hash": "x"}
    del browser.headers["Origin"]
    assert browser.post("/gradio_api/queue/join", json=body).status_code == 403
    foreign = {"Origin": "http://localhost:1"}
    assert browser.post("/gradio_api/queue/join", json=body, headers=foreign).status_code == 403


def test_that_the_api_and_its_pages_stand_beside_the_console(served: Desk, browser: httpx.Client) -> None:
    """What the API serves is not the console's: its paths, and how it refuses what is not there."""
    for path in ("/docs", "/livez", "/readyz", "/metrics", "/openapi.json", "/api/v1/engine"):
        assert browser.get(path).status_code == 200, path
    missing = browser.get("/api/v1/nothing")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    assert browser.get("/api/v1/positions/position-1/exit").status_code == 405


def press(browser: httpx.Client, target: str, *values: Any, event: str = "click") -> None:
    """Press the button that says *target*, as Gradio's own page does, and wait until it was acted upon."""
    config = browser.get("/config").json()
    button = next(each["id"] for each in config["components"] if each["props"].get("value") == target)
    function = next(each for each in config["dependencies"] if [button, event] in map(list, each["targets"]))
    data = [*values, *[None] * (len(function["inputs"]) - len(values))]
    kinds = {each["id"]: each["type"] for each in config["components"]}
    data = ["Open" if kinds[at] == "radio" else given for at, given in zip(function["inputs"], data, strict=True)]
    body = {"data": data, "fn_index": function["id"], "session_hash": "page-1", "trigger_id": button}
    assert browser.post("/gradio_api/queue/join", json=body).status_code == 200
    with browser.stream("GET", "/gradio_api/queue/data", params={"session_hash": "page-1"}) as answers:
        for line in answers.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["msg"] == "process_completed":
                assert json.loads(line[6:])["success"], line
                return
    raise AssertionError("nothing came of it")


def test_that_a_press_sells_once_however_often_it_comes_and_names_its_session(
    served: Desk, browser: httpx.Client
) -> None:
    """Two presses of the same button at the same moment are one command, and the audit log names the session."""
    before = len(served.audit)
    press(browser, "Manual Exit", 50, "position-1")
    press(browser, "Manual Exit", 50, "position-1")
    begun = [line for line in served.audit[before:] if line["event"] == "begun"]
    assert [line["what"] for line in begun] == ["POST /api/v1/positions/position-1/exit"]
    assert json.loads(begun[0]["body"]) == {"percent": "50"}
    assert begun[0]["who"].startswith("session ")
    assert begun[0]["who"].endswith(" from 127.0.0.1")


def test_that_emergency_exit_all_needs_its_word(served: Desk, browser: httpx.Client) -> None:
    """A press without the word EXIT sells nothing."""
    before = len(served.audit)
    press(browser, "Emergency exit all", "exit")
    assert len(served.audit) == before


def test_that_without_the_extra_the_page_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Gradio is not installed, the sign-in works, and the page names the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with running(tmp_path, console=True) as desk:
        answer = desk.client.get("/", headers=HTML)
    assert answer.status_code == 200
    assert "pip install &#x27;ripcord[console]&#x27;" in answer.text


def test_that_until_it_is_made_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API answers while the console is being made, and the page opens by itself later."""
    monkeypatch.setattr(mount, "_on_a_thread", lambda _make: _forever())
    with running(tmp_path, console=True) as desk:
        answer = desk.client.get("/", headers=HTML)
        assert desk.client.get("/api/v1/engine").status_code == 200
    assert answer.status_code == 503
    assert '<meta http-equiv="refresh" content="1">' in answer.text


async def _forever() -> None:
    import asyncio

    await asyncio.Event().wait()


def test_that_a_console_that_cannot_be_made_leaves_the_api_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where making it fails, the page says so and the API serves on."""

    async def broken(_make: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(mount, "_on_a_thread", broken)
    with running(tmp_path, console=True) as desk:
        assert "could not be made" in desk.client.get("/", headers=HTML).text
        assert desk.client.get("/api/v1/engine").status_code == 200
