"""Who is let in: by token, host and page; how often they may be wrong; and where the API may listen."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.api.access import Access
from engine.api.folder import TOKEN
from engine.api.lockout import FAILURES, Lockout
from engine.api.tokens import ApiToken, token_at
from engine.cli.codes import ExitCode, code_of
from engine.clock import ManualClock
from engine.config import ApiSection
from engine.domain.errors import BadInputError, EngineError
from engine.domain.units import seconds
from tests.api.desk import V1, Desk, running

WRONG = {"Authorization": "Bearer " + "x" * 43}
PAGE = "https://desk.example.org"


def test_the_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """256 bits in a file of mode 0600, the same at the next start."""
    path = tmp_path / "data" / "token"
    first = token_at(path)
    written = path.read_text(encoding="ascii")
    assert len(written.strip()) == 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_at(path).matches(written.strip())
    assert first.name == token_at(path).name
    assert written[:8] not in repr(first) + first.name


def test_a_token_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    """A file of mode 0644, and a short token, are refused with what to do."""
    path = tmp_path / "token"
    token_at(path)
    path.chmod(0o644)
    with pytest.raises(BadInputError, match="chmod 600"):
        token_at(path)
    path.write_text("secret\n", encoding="ascii")
    path.chmod(0o600)
    with pytest.raises(BadInputError, match="remove its file"):
        token_at(path)


@pytest.mark.parametrize("given", ["", "x", "é" * 43, "\udc80" * 43, "a" * 42 + "b"])
def test_only_the_token_is_the_token(given: str) -> None:
    """Whatever bytes are given, they are compared whole."""
    token = ApiToken("a" * 43)
    assert token.matches("a" * 43)
    assert not token.matches(given)


@pytest.mark.parametrize(
    "path", [f"{V1}/positions", f"{V1}/engine", f"{V1}/events", "/metrics", "/nothing", f"{V1}/orders/x"]
)
def test_nothing_of_the_wallet_is_shown_without_the_token(desk: Desk, path: str) -> None:
    """Not even whether there is such a path."""
    answer = desk.client.get(path, headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="ripcord"')


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/openapi.json", f"{V1}/positions"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "127.0.0.1.evil.example", "127.0.0.2", "[::2]"])
def test_another_host_is_refused_on_every_path(desk: Desk, path: str, host: str) -> None:
    """A name that was pointed at this machine opens nothing."""
    answer = desk.client.get(path, headers={"Host": host})
    assert (answer.status_code, "Host" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8787", "::1"])
def test_the_names_of_loopback_are_known(host: str) -> None:
    """With or without a port, in any case."""
    assert Access().knows_host(host)


def test_a_page_of_the_same_server_or_a_known_one_is_let_in(tmp_path: Path) -> None:
    """Its preflight is answered without a token, what it asks for is not; a foreign page gets neither."""
    with running(tmp_path, section=ApiSection(port=0, origins=(PAGE,))) as desk:
        own = str(desk.client.base_url).rstrip("/")
        for origin, status in ((own, 200), (PAGE, 200), ("http://127.0.0.1:1", 403), ("https://evil.example", 403)):
            assert desk.client.get(f"{V1}/positions", headers={"Origin": origin}).status_code == status, origin
        asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Authorization": ""}
        preflight = desk.client.options(f"{V1}/positions", headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, PAGE)
        assert desk.client.get(f"{V1}/positions", headers={**asked}).status_code == 401


@pytest.mark.parametrize("origin", ["http://[::1", "http://[v1.x]:", "//", "null", "\xb2", "http://"])
def test_an_origin_that_is_none_is_foreign(desk: Desk, origin: str) -> None:
    """Refused like any other, and not a failure inside; without a token too."""
    answer = desk.client.get("/livez", headers={b"Origin": origin.encode("latin-1"), b"Authorization": b""})
    assert (answer.status_code, "Origin" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        (WRONG, 401),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
def test_a_websocket_is_let_in_by_the_same_rules(desk: Desk, headers: dict[str, str], status: int) -> None:
    """It is refused before it is accepted, with the status that says why."""
    sent = {"Authorization": f"Bearer {desk.token}", **headers}
    host, port = desk.client.base_url.host, desk.client.base_url.port
    request = "".join(
        f"{name}: {value}\r\n"
        for name, value in {
            "Host": f"{host}:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **sent,
        }.items()
    )
    with socket.create_connection((host, port or 0), timeout=10) as line:
        line.sendall(f"GET {V1}/ws HTTP/1.1\r\n{request}\r\n".encode())
        assert int(line.recv(4096).split()[1]) == status


def test_five_wrong_tokens_lock_out_for_a_minute(desk: Desk) -> None:
    """The right one is not heard either, by request or websocket, until the first failure is a minute ago."""
    for _ in range(FAILURES):
        assert desk.client.get(f"{V1}/positions", headers=WRONG).status_code == 401
    answer = desk.client.get(f"{V1}/positions")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    url = f"ws://{desk.client.base_url.netloc.decode()}{V1}/ws"
    headers = {"Authorization": f"Bearer {desk.token}"}
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
        pass
    assert refused.value.response.status_code == 429
    desk.clock.advance(seconds(61))
    assert desk.client.get(f"{V1}/positions").status_code == 200


def test_a_missing_token_locks_nobody_out(desk: Desk) -> None:
    """A web page, which cannot send one, cannot shut out whoever sits before it."""
    for _ in range(3 * FAILURES):
        assert desk.client.get(f"{V1}/positions", headers={"Authorization": ""}).status_code == 401
    assert desk.client.get(f"{V1}/positions").status_code == 200


def test_each_address_is_locked_out_by_itself() -> None:
    """One address that guesses harms no other, and memory is bounded."""
    lockout = Lockout(ManualClock())
    for _ in range(FAILURES):
        lockout.failed("10.0.0.1")
    assert (lockout.wait("10.0.0.1"), lockout.wait("10.0.0.2")) == (60, 0)
    for number in range(5000):
        lockout.failed(f"address-{number}")
    assert lockout.wait("10.0.0.1") == 0


def test_only_the_trusted_proxy_speaks_for_others() -> None:
    """The last address that it names counts; anybody else's header is disregarded."""
    forwarded = {"x-forwarded-for": "6.6.6.6, 9.9.9.9"}
    assert Access(trusted_proxy="10.0.0.1").client("10.0.0.1", forwarded) == "9.9.9.9"
    assert Access(trusted_proxy="10.0.0.1").client("10.0.0.2", forwarded) == "10.0.0.2"
    assert Access().client("10.0.0.1", forwarded) == "10.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "10.0.0.1"])  # noqa: S104 - refused
def test_an_address_that_others_reach_needs_tls_or_a_proxy(host: str) -> None:
    """The settings are refused, with what to do."""
    with pytest.raises(ValidationError, match="set tls_cert and tls_key, or trusted_proxy"):
        ApiSection(host=host)
    assert not ApiSection(host=host, trusted_proxy="127.0.0.1").loopback
    assert ApiSection(host=host, tls_cert=Path("cert.pem"), tls_key=Path("key.pem")).tls


@pytest.mark.parametrize(
    "section",
    [
        {"host": "localhost"},
        {"tls_cert": "cert.pem"},
        {"origins": ["https://a.example/path"]},
        {"origins": ["*"]},
        {"hosts": ["a.example/path"]},
        {"port": 65_536},
    ],
)
def test_settings_that_make_no_sense_are_refused(section: dict[str, object]) -> None:
    """A name in place of an address, half of a pair, what is no origin, host or port."""
    with pytest.raises(ValidationError):
        ApiSection.model_validate(section)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_by_default_only_this_machine_is_served(tmp_path: Path, host: str) -> None:
    """It listens on loopback, and on no other address of the machine."""
    with running(tmp_path, section=ApiSection(port=0, host=host)) as desk:
        assert desk.client.get("/livez").status_code == 200
        assert desk.server is not None
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", desk.server.port), timeout=5)


def test_a_port_that_is_taken_is_named(desk: Desk, tmp_path: Path) -> None:
    """The setting to change is in the sentence, and the exit code is one after which a service is started again."""
    assert desk.server is not None
    section = ApiSection(port=desk.server.port)
    with pytest.raises(EngineError, match=r"set api\.port") as taken, running(tmp_path / "other", section=section):
        pass
    assert code_of(taken.value) is ExitCode.FAILED


def test_a_port_that_nobody_may_have_is_bad_input(tmp_path: Path) -> None:
    """An address of another machine will not be ours in a moment."""
    section = ApiSection(port=0, host="192.0.2.1", trusted_proxy="127.0.0.1")
    with pytest.raises(BadInputError, match=r"set api\.port"), running(tmp_path, section=section):
        pass


def test_what_cannot_be_a_certificate_is_named(tmp_path: Path) -> None:
    """The setting to change is in the sentence."""
    section = ApiSection(port=0, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    with pytest.raises(BadInputError, match=r"api\.tls_cert"), running(tmp_path, section=section):
        pass


def test_the_token_and_the_key_are_on_no_page(desk: Desk) -> None:
    """Nothing that is answered holds the token, and no answer may be kept by a cache."""
    for path in ("/docs", "/openapi.json", "/metrics", f"{V1}/engine", f"{V1}/positions", f"{V1}/nothing"):
        answer = desk.client.get(path)
        assert desk.token not in answer.text + str(answer.headers)
        assert answer.headers["cache-control"] == "no-store"
    assert TOKEN in {path.name for path in desk.folder.iterdir()}


def test_a_body_that_trickles_in_keeps_nobody_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a while, and others are answered meanwhile."""
    monkeypatch.setattr("engine.api.gate.BODY_SECONDS", 0.2)
    host, port = desk.client.base_url.host, desk.client.base_url.port
    head = f"POST {V1}/positions HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {desk.token}\r\n"
    with socket.create_connection((host, port or 0), timeout=10) as line:
        line.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert httpx.get(f"http://{host}:{port}/livez").status_code == 200
        assert int(line.recv(4096).split()[1]) == 408
