"""JSON over one pool of HTTP connections.

Rule of this file: a provider's URL or header may carry a key, so nothing here puts either into an error, a log
or a repr. What may be shown of a server is the name it was given and its host.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import httpx

from chain.http.gate import Gate, Rank
from engine.domain.errors import BadInputError, EngineError
from engine.domain.units import Nanos

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.5
ANSWER_TIMEOUT = 5.0
_EXCERPT = 200
_OK = 200
_TOO_MANY = 429
_SHORTEST_KEY = 8

OnCall = Callable[[str, str, str, float], None]
"""Told of a request: the server's name, what was asked of it, what came of it in a word, and how many seconds it took.
"""


class HttpError(EngineError):
    """No answer that could be used. The message names the server, never its URL.

    Attributes:
        status: the HTTP status, where there was one.
        outcome: what came of the request, in a word.
    """

    outcome: ClassVar[str] = "failed"
    status: int | None = None


class ConnectFailedError(HttpError):
    """The server was not reached: it received nothing."""

    outcome = "unreachable"


class NoAnswerError(HttpError):
    """The request was on its way and no whole answer came back: the server may have acted on it."""

    outcome = "no_answer"


class NoBudgetError(HttpError):
    """The request was not made: too many have been made already.

    Attributes:
        next_at: when one may be made again.
    """

    outcome = "not_made"

    def __init__(self, message: str, *, next_at: Nanos) -> None:
        super().__init__(message)
        self.next_at = next_at


class NotJsonError(HttpError):
    """The server, or a gateway before it, answered with something that is not JSON.

    Attributes:
        headers: of the answer, with lower-case names.
    """

    outcome = "not_json"

    def __init__(self, message: str, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """With lower-case names."""
    body: Any


class _WholeUrls(logging.Filter):
    """Drops httpx's own line for each request: it shows the whole URL, key included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("HTTP Request:")


logging.getLogger("httpx").addFilter(_WholeUrls())


class HttpClient:
    """A pool of connections to one server. Safe to share between threads.

    Args:
        base_url: what every path is appended to; may hold a key in its path or query.
        name: how errors call the server, such as "Jupiter".
        headers: sent with every request; may hold a key.
        connect_timeout: seconds to reach the server.
        read_timeout: seconds of silence after which an answer is given up.
        answer_timeout: seconds after which an answer that has begun is given up, however steadily it trickles.
        gate: asked before each request whether it may be made; None lets every request through.
        on_call: told of each request, on the thread that made it; must neither block nor raise.
        transport: stands in for the network in tests.

    Attributes:
        server: how errors call it: its name and host.

    Raises:
        BadInputError: *base_url* is not an HTTP address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        answer_timeout: float = ANSWER_TIMEOUT,
        gate: Gate | None = None,
        on_call: OnCall | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        url = _parsed(base_url, name)
        self._base_url = base_url.rstrip("/") if not url.query else base_url
        self._secrets = _secrets(url, headers or {})
        self.server = f"{name} at {url.host}"
        self._answer_timeout = answer_timeout
        self._gate = gate
        self._on_call = on_call
        self._client = httpx.Client(
            headers=dict(headers or {}),
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            transport=transport,
            # A proxy that the environment names cannot reach our own loopback.
            trust_env=not is_loopback(url.host),
        )

    def __repr__(self) -> str:
        return f"<HttpClient of {self.server}>"

    def get(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        exact_numbers: bool = False,
        rank: Rank = Rank.EXIT,
        operation: str | None = None,
    ) -> Answer:
        """Return the answer to ``GET base_url + path``.

        Args:
            path: appended to the base URL.
            params: the query.
            exact_numbers: read JSON fractions as Decimal instead of float.
            rank: of the request, for the gate.
            operation: what is asked, one of a few words, for whoever counts; None where the path says it.

        Raises:
            HttpError: there was no answer, or it was not JSON.
        """
        return self._counted(operation or path, "GET", path, exact_numbers, rank, params=dict(params))

    def post(
        self, path: str, body: Mapping[str, Any], *, rank: Rank = Rank.EXIT, operation: str | None = None
    ) -> Answer:
        """Return the answer to *body* as JSON, sent to ``POST base_url + path``; see `get`.

        Raises:
            HttpError: there was no answer, or it was not JSON.
        """
        return self._counted(operation or path, "POST", path, False, rank, json=dict(body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _counted(self, operation: str, *request: Any, **content: Any) -> Answer:
        """Return the answer to the *request*, and tell what came of it."""
        if self._on_call is None:
            return self._ask(*request, **content)
        begun, outcome = time.monotonic(), HttpError.outcome
        try:
            answer = self._ask(*request, **content)
            outcome = _outcome(answer.status, answer.body)
        except HttpError as error:
            outcome = error.outcome if error.status in (None, _OK) else _outcome(error.status or 0, None)
            raise
        finally:
            self._on_call(self.server, operation, outcome, time.monotonic() - begun)
        return answer

    def _ask(self, method: str, path: str, exact_numbers: bool, rank: Rank, **content: Any) -> Answer:
        if self._gate is not None:
            self._gate.admit(rank)
        # Errors are raised "from None": httpx's own carry the request, and with it the URL and the headers.
        try:
            with self._client.stream(method, self._base_url + path, **content) as response:
                body = self._body(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectFailedError(f"{self.server} could not be reached ({_kind(error)})") from None
        except httpx.TimeoutException as error:
            raise NoAnswerError(f"{self.server} did not answer in time ({_kind(error)})") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(f"{self.server} broke off before it had answered ({_kind(error)})") from None
        return self._read(response, body, exact_numbers)

    def _body(self, response: httpx.Response) -> str:
        # The timeout of the read starts anew with every byte: a server that trickles would hold its caller for ever.
        deadline, parts = time.monotonic() + self._answer_timeout, []
        for part in response.iter_bytes():
            if time.monotonic() > deadline:
                raise NoAnswerError(f"{self.server} did not finish its answer in time")
            parts.append(part)
        return b"".join(parts).decode(errors="replace")

    def _read(self, response: httpx.Response, body: str, exact_numbers: bool) -> Answer:
        status = response.status_code
        headers = {key.lower(): value for key, value in response.headers.items()}
        if self._gate is not None:
            self._gate.learn(status, headers)
        # A gateway that refuses a request may repeat it; its words end up in errors and logs.
        text = body if status == _OK else self._redacted(body)
        try:
            decoded = _decoded(text, exact_numbers)
            if isinstance(decoded, dict) and decoded.get("error") is not None:
                # JSON-RPC gateways refuse with HTTP 200 as well.
                decoded = _decoded(self._redacted(text), exact_numbers)
        except (ValueError, RecursionError):
            excerpt = " ".join(self._redacted(text).split())[:_EXCERPT]
            message = f"{self.server} answered HTTP {status} without JSON: {excerpt!r}"
            raise NotJsonError(message, status=status, headers=headers) from None
        return Answer(status=status, headers=headers, body=decoded)

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _parsed(base_url: str, name: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise BadInputError(f"The address of {name} is not an HTTP URL: give it as https://host/path")
    return url


def _secrets(url: httpx.URL, headers: Mapping[str, str]) -> list[str]:
    """Return whatever a server that repeats its request could repeat of a key, longest first."""
    parts = [*headers.values(), *url.path.split("/"), *(value for _, value in url.params.multi_items())]
    return sorted((part for part in parts if len(part) >= _SHORTEST_KEY), key=len, reverse=True)


def is_loopback(host: str) -> bool:
    """Return whether *host*, a name or an address, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _outcome(status: int, body: Any) -> str:
    """Return what came of a request that was answered, in a word."""
    if status == _OK:
        refused = isinstance(body, dict) and body.get("error") is not None
        return "error" if refused else "ok"
    return "http_429" if status == _TOO_MANY else f"http_{status // 100}xx"


def _kind(error: Exception) -> str:
    return type(error).__name__


def _decoded(text: str, exact_numbers: bool) -> Any:
    return json.loads(
        text,
        parse_float=Decimal if exact_numbers else float,
        parse_constant=_not_a_number,
    )


def _not_a_number(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")
