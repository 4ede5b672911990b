"""Signing in with a browser: one token for console and API, and what the cookie that stands for it may do."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.api.folder import AUDIT
from engine.api.lockout import FAILURES
from engine.api.sessions import _MOST, IDLE, LONGEST, Sessions
from engine.clock import ManualClock
from engine.config import ApiSection
from engine.domain.units import Nanos, seconds
from tests.api.desk import V1, Desk, running

HTML = {"Accept": "text/html"}
EXIT = f"{V1}/positions/position-1/exit"
KEY = {"Idempotency-Key": "key-1"}


def url_of(desk: Desk) -> str:
    """Return where the desk is served."""
    assert desk.server is not None
    return desk.server.url


@pytest.fixture
def stranger(desk: Desk) -> Iterator[httpx.Client]:
    """Return a browser that has not signed in."""
    with httpx.Client(base_url=url_of(desk), timeout=30) as client:
        yield client


@pytest.fixture
def browser(desk: Desk, stranger: httpx.Client) -> httpx.Client:
    """Return a browser that has."""
    assert signed_in(desk, stranger).status_code == 303
    return stranger


def signed_in(desk: Desk, client: httpx.Client, token: str | None = None) -> httpx.Response:
    """Send the form of the sign-in page, as a browser does."""
    given = {"token": desk.token if token is None else token}
    return client.post("/sign-in", data=given, headers={"Origin": url_of(desk)})


def test_the_sign_in_page_loads_nothing_and_is_there_for_anyone(stranger: httpx.Client) -> None:
    """Plain HTML with a form, which a browser is told to send to this server alone."""
    page = stranger.get("/sign-in")
    assert page.status_code == 200
    assert '<form method="post" action="/sign-in">' in page.text
    assert "<script" not in page.text
    assert "http" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers.get_list("referrer-policy") == ["same-origin"]


def test_a_browser_is_led_to_the_sign_in_and_a_program_is_not(stranger: httpx.Client) -> None:
    """Only the opening of a page is led on; whatever else lacks credentials gets 401."""
    led = stranger.get(f"{V1}/positions", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
    assert stranger.get(f"{V1}/positions").status_code == 401
    assert stranger.post(EXIT, headers={**HTML, **KEY}).status_code == 401


def test_the_token_begins_a_session_that_a_script_cannot_read(desk: Desk, stranger: httpx.Client) -> None:
    """The cookie is 256 bits, HttpOnly, SameSite=Strict, for the whole server, and not the token."""
    answer = signed_in(desk, stranger)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    name, _, rest = answer.headers["set-cookie"].partition("=")
    secret, *attributes = rest.split("; ")
    assert name.startswith("ripcord-")
    assert len(secret) == 43
    assert secret != desk.token
    assert set(attributes) == {"Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"}
    assert stranger.get(f"{V1}/positions").status_code == 200
    assert stranger.get("/sign-in").headers["location"] == "/"


def test_a_command_of_a_session_is_written_down_under_its_name(desk: Desk, browser: httpx.Client) -> None:
    """The audit log says which session and from where, and never the cookie."""
    answer = browser.post(EXIT, json={"percent": 50}, headers={**KEY, "Origin": url_of(desk)})
    assert answer.status_code == 200
    who = desk.audit[0]["who"]
    assert who.startswith("session ")
    assert who.endswith(" from 127.0.0.1")
    (secret,) = browser.cookies.values()
    assert secret not in str(desk.audit)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "own"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_cookie_alone_commands_nothing(
    desk: Desk, browser: httpx.Client, headers: dict[str, str], status: int
) -> None:
    """A browser sends it by itself: only a page of this very server may command with it."""
    sent = {**headers, **({"Origin": url_of(desk)} if headers.get("Origin") == "own" else {})}
    assert browser.post(EXIT, json={"percent": 50}, headers={**KEY, **sent}).status_code == status
    assert len(desk.orders()) == (1 if status == 200 else 0)


def test_a_page_that_may_use_the_api_may_not_use_the_cookie(tmp_path: Path) -> None:
    """A page of `api.origins` needs the token; the session of whoever looks at it is not for it."""
    page = "https://desk.example.org"
    with running(tmp_path, lambda desk: desk.add(), section=ApiSection(port=0, origins=(page,))) as desk:
        with httpx.Client(base_url=url_of(desk)) as client:
            signed_in(desk, client)
            assert client.post(EXIT, headers={**KEY, "Origin": page}).status_code == 403
        assert desk.post(EXIT, headers={"Origin": page}).status_code == 200


@pytest.mark.parametrize(("origin", "status"), [(None, 403), ("http://localhost:1", 403), ("own", None)])
def test_a_websocket_with_the_cookie_comes_from_an_own_page(
    desk: Desk, browser: httpx.Client, origin: str | None, status: int | None
) -> None:
    """Otherwise it is refused before it is accepted."""
    ((name, secret),) = browser.cookies.items()
    own = url_of(desk)
    sent = {"Cookie": f"{name}={secret}"}
    if origin is not None:
        sent["Origin"] = own if origin == "own" else origin
    address = f"ws://{own.removeprefix('http://')}{V1}/ws"
    if status is None:
        with connect(address, additional_headers=sent):
            return
    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=sent).close()
    assert refused.value.response.status_code == status


def test_wrong_tokens_of_the_form_and_of_programs_are_counted_together(desk: Desk, stranger: httpx.Client) -> None:
    """Five of them, wherever they were given, and neither is heard for a minute, with the right one neither."""
    for _ in range(FAILURES - 1):
        assert signed_in(desk, stranger, "wrong").status_code == 401
    assert stranger.get(f"{V1}/engine", headers={"Authorization": "Bearer wrong"}).status_code == 401
    shut = signed_in(desk, stranger)
    assert (shut.status_code, shut.headers["retry-after"]) == (429, "60")
    assert "set-cookie" not in shut.headers
    desk.clock.advance(seconds(60))
    assert signed_in(desk, stranger).status_code == 303


def test_wrong_tokens_do_not_shut_out_who_has_signed_in(desk: Desk, browser: httpx.Client) -> None:
    """Whoever sits before the console keeps it while somebody guesses from the same address."""
    with httpx.Client(base_url=url_of(desk)) as guesser:
        for _ in range(FAILURES):
            signed_in(desk, guesser, "wrong")
    assert browser.get(f"{V1}/engine").status_code == 200


def test_a_form_of_a_foreign_page_is_not_counted(desk: Desk, stranger: httpx.Client) -> None:
    """Another page cannot shut out whoever sits before it."""
    for _ in range(FAILURES):
        answer = stranger.post("/sign-in", data={"token": "wrong"}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
    assert signed_in(desk, stranger).status_code == 303


@pytest.mark.parametrize("form", ["", "token=", "token=%20", "other=1", "&" * 100])
def test_a_form_without_a_token_is_refused_and_not_counted(desk: Desk, stranger: httpx.Client, form: str) -> None:
    """It is said what is missing, however often."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(FAILURES):
        assert stranger.post("/sign-in", content=form, headers=kind).status_code == 422
    assert signed_in(desk, stranger).status_code == 303


def test_signing_out_ends_the_session_everywhere(desk: Desk, browser: httpx.Client) -> None:
    """The cookie is taken away, and a copy of it is worth nothing any more."""
    copy = dict(browser.cookies)
    answer = browser.post("/sign-out", headers={"Origin": url_of(desk)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    with httpx.Client(base_url=url_of(desk), cookies=copy) as thief:
        assert thief.get(f"{V1}/engine").status_code == 401


def test_another_page_cannot_sign_anyone_out(desk: Desk, browser: httpx.Client) -> None:
    """It is a change like any other."""
    assert browser.post("/sign-out").status_code == 403
    assert browser.get(f"{V1}/engine").status_code == 200


def test_a_token_in_the_header_goes_before_the_cookie(browser: httpx.Client) -> None:
    """Who shows a wrong one is refused, whatever cookie is there."""
    assert browser.get(f"{V1}/engine", headers={"Authorization": "Bearer wrong"}).status_code == 401


def cookie(header: str) -> dict[str, str]:
    """Return the request header that carries the cookie of a Set-Cookie *header*."""
    return {"cookie": header.partition(";")[0]}


def test_a_session_ends_when_it_is_idle() -> None:
    """Each use begins the wait anew."""
    clock = ManualClock()
    sessions = Sessions(clock, name="a")
    held = cookie(sessions.begin())
    for _ in range(3):
        clock.advance(Nanos(IDLE - 1))
        assert sessions.of(held) is not None
    clock.advance(IDLE)
    assert sessions.of(held) is None
    clock.advance(Nanos(1))
    assert sessions.of(held) is None


def test_a_session_ends_after_its_longest_life_however_busy_it_is() -> None:
    """Twelve hours, to the nanosecond."""
    clock = ManualClock()
    sessions = Sessions(clock, name="a")
    held = cookie(sessions.begin())
    for _ in range(LONGEST // IDLE * 2 - 1):
        clock.advance(Nanos(IDLE // 2))
        assert sessions.of(held) is not None
    clock.advance(Nanos(IDLE // 2 - 1))
    assert sessions.of(held) is not None
    clock.advance(Nanos(1))
    assert sessions.of(held) is None


def test_sessions_are_bounded_and_the_idlest_goes_first() -> None:
    """One more than there may be ends the one that was used longest ago."""
    sessions = Sessions(ManualClock(), name="a")
    first, second = cookie(sessions.begin()), cookie(sessions.begin())
    for _ in range(_MOST - 2):
        sessions.begin()
    assert sessions.of(first) is not None
    sessions.begin()
    assert sessions.of(first) is not None
    assert sessions.of(second) is None


def test_the_cookies_of_two_engines_stand_beside_each_other() -> None:
    """A browser does not tell ports apart: the name of the cookie does."""
    one, other = Sessions(ManualClock(), name="a"), Sessions(ManualClock(), name="b")
    both = {"cookie": "; ".join(cookie(each.begin())["cookie"] for each in (one, other))}
    assert one.of(both) is not None
    assert other.of(both) is not None
    assert one.of(both) != other.of(both)


def test_the_cookie_goes_over_tls_alone_where_there_is_tls() -> None:
    """The attribute Secure is there when it is served encrypted, and not on plain loopback."""
    assert Sessions(ManualClock(), name="a", secure=True).begin().endswith("; Secure")
    assert "Secure" not in Sessions(ManualClock(), name="a").begin()


def test_a_session_outlives_the_process_and_its_secret_is_not_on_the_disk(tmp_path: Path) -> None:
    """The file holds digests, for its owner alone; who signed out stays out, and an old session too."""
    clock, file = ManualClock(), tmp_path / "sessions"
    before = Sessions(clock, name="a", file=file)
    held, left = cookie(before.begin()), cookie(before.begin())
    before.end(left)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert held["cookie"].partition("=")[2] not in file.read_text()
    after = Sessions(clock, name="a", file=file)
    assert after.of(held) == before.of(held) is not None
    assert after.of(left) is None
    clock.advance(LONGEST)
    assert Sessions(clock, name="a", file=file).of(held) is None


def test_a_session_does_not_outlive_its_token(tmp_path: Path) -> None:
    """The file of another token's sessions lets nobody in, whatever the cookie is called."""
    clock, file = ManualClock(), tmp_path / "sessions"
    held = cookie(Sessions(clock, name="a", file=file).begin())
    renamed = {"cookie": held["cookie"].replace("ripcord-a", "ripcord-b")}
    assert Sessions(clock, name="b", file=file).of(renamed) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "a"}', '{"name": "a", "ends_at": {"x": 1}}'])
def test_a_file_of_sessions_that_makes_no_sense_is_of_none(tmp_path: Path, content: str) -> None:
    """Everybody signs in again, and the engine starts."""
    file = tmp_path / "sessions"
    file.write_text(content)
    sessions = Sessions(ManualClock(), name="a", file=file)
    assert sessions.of(cookie(sessions.begin())) is not None


def test_no_credential_is_written_down(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the token nor a session's secret is in a log line, the audit log, an event or what is printed."""
    written: list[str] = []

    def keep(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        written.append(repr(line))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    with running(tmp_path, lambda desk: desk.add()) as desk, httpx.Client(base_url=url_of(desk)) as browser:
        signed_in(desk, browser)
        secrets = [desk.token, *browser.cookies.values()]
        assert browser.post(EXIT, headers={**KEY, "Origin": url_of(desk)}).status_code == 200
        for wrong in (desk.token[1:], desk.token + "x"):
            assert signed_in(desk, browser, wrong).status_code == 401
            asked = browser.get(f"{V1}/engine", headers={"Authorization": f"Bearer {wrong}"}, params={"token": wrong})
            assert asked.status_code == 401
        with connect(f"ws{url_of(desk)[4:]}{V1}/ws", additional_headers=[("Authorization", f"Bearer {desk.token}")]):
            pass
        written += [(desk.folder / AUDIT).read_text(), *map(str, desk.store.events())]
    written += capfd.readouterr()
    assert (len(secrets), len(written) > 10) == (2, True)
    assert [each for each in written for secret in secrets if secret in each] == []
