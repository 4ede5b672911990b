"""The pooled client: what comes back, what is raised, and what never shows."""

from __future__ import annotations

import http.server
import logging
from decimal import Decimal

import httpx
import pytest

from chain.http.client import ConnectFailedError, HttpClient, HttpError, NoAnswerError, NotJsonError
from engine.domain.errors import BadInputError
from tests.chain.conftest import Loopback
from tests.chain.recordings import needs_recordings, recorded
from tests.chain.wire import Wire, always, failing

SECRET = "7f3b9c2e-secret-key"
URL = f"https://rpc.example.com/{SECRET}"


def _client(wire: Wire, **options: str) -> HttpClient:
    return HttpClient(URL, name="the Solana RPC", headers={"x-api-key": SECRET, **options}, transport=wire.transport)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError(f"refused {URL}"), ConnectFailedError),
        (httpx.ConnectTimeout("slow"), ConnectFailedError),
        (httpx.PoolTimeout("busy"), ConnectFailedError),
        (httpx.ReadTimeout("slow"), NoAnswerError),
        (httpx.WriteTimeout("slow"), NoAnswerError),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), NoAnswerError),
        (httpx.ReadError("reset"), NoAnswerError),
        (httpx.DecodingError("broken gzip"), NoAnswerError),
    ],
)
def test_a_failed_request_says_whether_it_can_have_arrived(raised: Exception, expected: type[HttpError]) -> None:
    """What was not connected received nothing; everything else may have been acted upon."""
    with pytest.raises(expected, match=r"the Solana RPC at rpc\.example\.com") as caught:
        _client(failing(raised)).post("", {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [200, 429, 502, 503])
@pytest.mark.parametrize("body", ["<html><h1>busy</h1></html>", "", "{broken", '{"price": NaN}', "Infinity"])
def test_an_answer_without_json_is_an_error_with_its_status(status: int, body: str) -> None:
    """HTML, nothing, half a body and numbers that JSON does not have are all no answer."""
    with pytest.raises(NotJsonError, match=f"HTTP {status}") as caught:
        _client(always(status, body, {"x-ratelimit-reset": "7"})).get("/quote", {})
    assert (caught.value.status, caught.value.headers["x-ratelimit-reset"]) == (status, "7")


@needs_recordings
@pytest.mark.parametrize("name", ["http_429_html_nginx", "http_503_html", "http_504_html"])
def test_the_recorded_pages_of_gateways_are_errors(name: str) -> None:
    """The HTML that real gateways send is told from an answer."""
    case = next(case for case in recorded("rpc/errors_recorded.json") if case["name"] == name)
    with pytest.raises(NotJsonError) as caught:
        _client(always(case["http_status"], case["body"])).post("", {})
    assert caught.value.status == case["http_status"]


def test_json_comes_back_whatever_the_status() -> None:
    """Whether a status is an error is for the caller, who knows the protocol."""
    answer = _client(always(400, {"errorCode": "NO_ROUTES_FOUND"}, {"X-API-Gateway-Request-Id": "r1"})).get("/q", {})
    assert (answer.status, answer.body["errorCode"], answer.headers["x-api-gateway-request-id"]) == (
        400,
        "NO_ROUTES_FOUND",
        "r1",
    )


def test_exact_numbers_keep_every_digit() -> None:
    """A fraction is read as it was written where it is asked for, and as a float otherwise."""
    wire = always(200, '{"usdPrice": 147.4789340738336123456789}')
    exact = _client(wire).get("/price", {}, exact_numbers=True).body["usdPrice"]
    assert exact == Decimal("147.4789340738336123456789")
    assert isinstance(_client(wire).get("/price", {}).body["usdPrice"], float)


def test_paths_and_queries_follow_the_base_url() -> None:
    """A base URL may hold a path; one with a query is taken whole."""
    wire = always(200, {})
    HttpClient("https://h.example/p/", name="J", transport=wire.transport).get("/quote", {"amount": 0})
    assert str(wire.requests[0].url) == "https://h.example/p/quote?amount=0"
    HttpClient("https://h.example/?api-key=k", name="J", transport=wire.transport).post("", {})
    assert str(wire.requests[1].url) == "https://h.example/?api-key=k"


@pytest.mark.parametrize("url", ["", "api.jup.ag", "ftp://api.jup.ag", "https://", "https://host:port"])
def test_an_address_that_is_no_url_is_refused_with_a_sentence(url: str) -> None:
    """The sentence names whose address it is and what one looks like, not the address, which may hold a key."""
    with pytest.raises(BadInputError, match="The address of Jupiter is not an HTTP URL"):
        HttpClient(url, name="Jupiter")


@pytest.mark.parametrize("status", [200, 403])
def test_no_key_shows_in_errors_logs_or_repr(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the URL's path nor the header's key appears anywhere, even if the server repeats them."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    client = _client(always(status, f"<p>no access with {SECRET} at {URL}</p>"))
    with pytest.raises(NotJsonError) as caught:
        client.post("", {})
    shown = f"{caught.value!s} {caught.value!r} {client!r} {caplog.text}"
    assert SECRET not in shown
    assert "no access" in str(caught.value)


def test_a_key_that_an_error_body_repeats_is_blotted_out() -> None:
    """Error bodies end up in messages, so a repeated key is removed before anybody reads them."""
    answer = _client(always(401, {"error": f"invalid key {SECRET}"})).get("/q", {})
    assert answer.body == {"error": "invalid key ***"}


def test_many_requests_share_one_connection(loopback: Loopback) -> None:
    """Five requests need one connection, and each carries the key."""
    client = HttpClient(loopback.url, name="Jupiter", headers={"x-api-key": SECRET})
    for _ in range(5):
        client.get("/quote", {})
    client.close()
    assert (len(loopback.ports), loopback.keys) == (1, [SECRET] * 5)


def test_nobody_listening_is_a_failed_connection() -> None:
    """The operating system's refusal is told as what it is: nothing was received."""
    closed = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    port = closed.server_address[1]
    closed.server_close()
    with pytest.raises(ConnectFailedError):
        HttpClient(f"http://127.0.0.1:{port}", name="Jupiter").get("/", {})
