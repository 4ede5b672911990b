"""Apprise channels and the dead-man's switch over loopback: what is sent, what failure is said, and no secret ever."""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from engine import logs
from engine.domain.alert import Alert, Severity
from engine.domain.errors import ConfigError, DeliveryError
from engine.domain.units import AlertId, Nanos
from engine.notify import AppriseChannel, HttpDeadMansSwitch
from engine.notify.bounded import Bounded
from tests.notify.server import Webhook, webhook

TOKEN = "c4nAry7f3kQ9zX2mB8vT"
NOW = Nanos(1_750_000_000_000_000_000)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Return a server that takes webhooks."""
    with webhook() as server:
        yield server


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Return what the standard library's loggers say, at their most talkative."""
    said = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(level="debug", stream=said, json=True)
    root.setLevel(logging.DEBUG)
    yield said
    root.handlers[:] = handlers
    root.setLevel(level)


def alert(severity: Severity = Severity.CRITICAL, *, count: int = 1) -> Alert:
    """Return an alert."""
    return Alert(
        id=AlertId("alert-1"),
        alert_type="exit_failed_critical",
        severity=severity,
        title="EXIT FAILED",
        message="Exit order exit-1 failed: <slippage> & more",
        requires_action=True,
        dedupe_key="exit-1",
        count=count,
        raised_at=NOW,
        updated_at=NOW,
    )


def channel(port: int, *, limit: float = 10.0) -> AppriseChannel:
    """Return a channel to the webhook on *port*, with a token in its address."""
    url = f"json://me:{TOKEN}@127.0.0.1:{port}/{TOKEN}?-key={TOKEN}"
    return AppriseChannel("phone", url, min_severity=Severity.WARNING, limit=limit)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_alert_arrives_with_all_that_a_person_needs(hook: Webhook) -> None:
    """Severity and title first, then what is wrong as it was written, that action is needed, and the alert's id."""
    channel(hook.port).deliver(alert(count=3), reminder=2)
    (request,) = hook.requests
    assert request.body["title"] == "[CRITICAL] EXIT FAILED (reminder 2)"
    assert request.body["message"] == (
        "Exit order exit-1 failed: <slippage> & more\nA person must act.\n"
        "Alert alert-1, raised 2025-06-15 15:06:40 UTC, 3 times."
    )
    assert request.body["type"] == "failure"


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_a_service_that_refuses_is_named_by_its_status(hook: Webhook, status: int) -> None:
    """Whatever it answers that is no success; the next delivery is made all the same."""
    hook.answers.append(status)
    phone = channel(hook.port)
    with pytest.raises(DeliveryError, match=f"^the service answered {status}$"):
        phone.deliver(alert())
    phone.deliver(alert())
    assert len(hook.requests) == 2


def test_a_redirect_is_not_followed(hook: Webhook) -> None:
    """The token is for the host that it was given for."""
    hook.answers.append(307)
    with pytest.raises(DeliveryError, match="answered 307"):
        channel(hook.port).deliver(alert())
    assert [request.path.partition("?")[0] for request in hook.requests] == [f"/{TOKEN}"]


def test_a_service_that_is_down_cannot_be_reached() -> None:
    """Nobody listens on the port."""
    with pytest.raises(DeliveryError, match=r"^the service cannot be reached$"):
        channel(free_port()).deliver(alert())


def test_a_service_that_is_silent_is_waited_for_no_longer_than_the_limit(hook: Webhook) -> None:
    """A second delivery does not queue behind the one that hangs, and works again once that is over."""
    hook.answers.append(0)
    phone = channel(hook.port, limit=0.2)
    with pytest.raises(DeliveryError, match=r"^no answer within 0\.2 s$"):
        phone.deliver(alert())
    with pytest.raises(DeliveryError, match=r"^the call before has no answer"):
        phone.deliver(alert())
    hook.release.set()
    thread = phone._bounded._thread
    assert thread is not None
    thread.join(10)
    phone.deliver(alert())
    assert len(hook.requests) == 2


def test_no_failure_of_a_channel_shows_its_address(hook: Webhook, logged: io.StringIO) -> None:
    """Refused, redirected, down, silent, or an address that is none: neither the errors nor any log has the token."""
    said = []
    hook.answers.extend([500, 302, 0])
    for phone in (channel(hook.port), channel(hook.port), channel(hook.port, limit=0.2), channel(free_port())):
        with pytest.raises(DeliveryError) as error:
            phone.deliver(alert())
        said += [str(error.value), repr(error.value), repr(phone), repr(error.value.__cause__)]
    for url in (f"tgram://{TOKEN}", f"nothing://{TOKEN}"):
        with pytest.raises(ConfigError) as refused:
            AppriseChannel("phone", url, min_severity=Severity.HIGH)
        said.append(str(refused.value))
    lines = [line for line in logged.getvalue().splitlines() if not line.startswith("DEBUG urllib3")]
    assert [text for text in (*said, *lines) if TOKEN in text] == []


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts",
        "mailtos://me:password@example.org?to=you@example.org",
        "ntfys://ntfy.example.org/topic",
        "pover://user@token",
        "jsons://example.org/path",
    ],
)
def test_a_public_service_is_constructed_and_nothing_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The services that the documentation names are known by their addresses; no socket is opened for that."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refused)
    assert AppriseChannel("public", url, min_severity=Severity.HIGH).min_severity is Severity.HIGH


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_switch_is_called_by_its_method(hook: Webhook, method: str) -> None:
    """Any success will do."""
    hook.answers.append(204)
    HttpDeadMansSwitch(f"http://127.0.0.1:{hook.port}/{TOKEN}", method="POST" if method == "POST" else "GET").beat()
    assert [(request.method, request.path) for request in hook.requests] == [(method, f"/{TOKEN}")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(500, "it answered 500"), (302, "it answered 302"), (0, "no answer within|cannot be reached")],
)
def test_a_switch_that_is_not_reached_says_why(hook: Webhook, answer: int, reason: str) -> None:
    """Without its address."""
    hook.answers.append(answer)
    with pytest.raises(DeliveryError, match=reason) as error:
        HttpDeadMansSwitch(f"http://127.0.0.1:{hook.port}/{TOKEN}", limit=0.3).beat()
    assert TOKEN not in f"{error.value!r}{error.value.__cause__!r}"


def test_a_switch_that_is_down_says_so() -> None:
    """Nobody listens on the port."""
    with pytest.raises(DeliveryError, match=r"^it cannot be reached \(ConnectError\)$"):
        HttpDeadMansSwitch(f"http://127.0.0.1:{free_port()}/{TOKEN}").beat()


def test_a_bounded_call_returns_or_raises_what_the_call_does() -> None:
    """On a thread of its own."""
    bounded = Bounded("test", limit=10)
    assert bounded.run(lambda: threading.current_thread().name) == "test"
    with pytest.raises(KeyError, match="x"):
        bounded.run(lambda: {"y": 1}["x"])
