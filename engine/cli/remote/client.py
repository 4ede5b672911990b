"""Asking an engine and giving it commands, through its API; see docs/api.md.

A command has one idempotency key, which it keeps when a connection breaks and it is sent again: it is done once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from engine.cli.codes import NoEngineError, UnansweredError
from engine.cli.remote.problems import MAY_BE_DONE, error_of, no_answer, stranger
from engine.cli.waiting import pause
from engine.domain.errors import ConfigError
from engine.domain.units import seconds

if TYPE_CHECKING:
    import httpx

    from engine.cli.remote.place import Place

V1 = "/api/v1"
ANSWER_SECONDS = 30.0
"""How long an answer may take unless a command is told otherwise."""
_CONNECT_SECONDS = 5.0
_TIMES = 3
"""How often a request is sent whose connection breaks."""
_AGAIN = seconds(0.5)
_CONFLICT = 409


class Client:
    """One engine. Also a context manager.

    Args:
        place: where it is.
        timeout: seconds that an answer may take.
        key: the idempotency key of the command; None to make one.

    Raises:
        ConfigError: there is no token, or no way to check the server's certificate.
        NoEngineError: there is no token, and no engine either.
    """

    def __init__(self, place: Place, *, timeout: float = ANSWER_SECONDS, key: str | None = None) -> None:
        import httpx

        from engine.clock import SystemClock
        from engine.ids import RandomIds

        self.place = place
        self.key = key or RandomIds().seed()
        self.clock = SystemClock()
        self._timeout = timeout
        self._http = httpx.Client(
            base_url=place.url,
            verify=place.tls(),
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            trust_env=False,  # the token goes to the engine and to no proxy
        )
        try:
            self._authorize()
        except BaseException:
            self.close()
            raise

    def _authorize(self) -> None:
        try:
            token = self.place.token()
        except ConfigError:
            # Where no engine ever ran there is no token either, and that is the better word for it.
            self._send("GET", "/livez")
            raise
        self._http.headers["Authorization"] = f"Bearer {token.get_secret_value()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()
        self.clock.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer to a question; parameters that are None are left out.

        Args:
            path: after `/api/v1`.
            parameters: of the query.

        Raises:
            EngineError: what went wrong; see `engine.cli.codes`.
        """
        return self._answer(self._send("GET", V1 + path, params=_query(parameters)))

    def post(self, path: str, body: Any = None, *, step: str = "") -> Any:
        """Have a command carried out once, and return its answer.

        Args:
            path: after `/api/v1`.
            body: as JSON.
            step: tells the calls of one command apart that has several.

        Raises:
            EngineError: what went wrong; see `engine.cli.codes`.
        """
        headers = {"Idempotency-Key": self.key + (f".{step}" if step else "")}
        deadline = self.clock.now() + seconds(self._timeout)
        while True:
            answer = self._send("POST", V1 + path, headers=headers, json=body)
            under_way = answer.status_code == _CONFLICT and "retry-after" in answer.headers
            if not under_way or self.clock.now() > deadline:
                return self._answer(answer)
            pause(self.clock, _AGAIN)  # the call whose connection broke

    @contextmanager
    def lines(self, path: str, *, silence: float, **parameters: Any) -> Iterator[Iterator[str]]:
        """Yield the lines of a stream that lasts.

        Args:
            path: after `/api/v1`.
            silence: seconds after which a stream that says nothing has ended.
            parameters: of the query.

        Raises:
            EngineError: as `get`.
            httpx.TransportError: the connection broke, or said nothing.
        """
        request = self._http.build_request("GET", V1 + path, params=_query(parameters))
        with self._understood("GET"):
            answer = self._http.send(request, stream=True)
        request.extensions["timeout"]["read"] = silence  # from here on each read is one of a line
        try:
            if answer.is_error:
                answer.read()
            self._check(answer)
            yield answer.iter_lines()
        finally:
            answer.close()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        import httpx

        broke: Exception | None = None
        for _ in range(_TIMES):
            try:
                with self._understood(method):
                    return self._http.request(method, path, **options)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                broke = error
            except NoEngineError:
                if broke is None:
                    raise
                break  # it went away with what it was sent
        said = f"the connection to {self.place.url} broke ({broke})"
        raise UnansweredError(f"{said}: {MAY_BE_DONE}" if method == "POST" else said)

    @contextmanager
    def _understood(self, method: str) -> Iterator[None]:
        """Say what became of a request that was not answered; a connection that broke is the caller's to mend."""
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise no_answer(error, self.place) from None
        except httpx.TimeoutException:
            said = f"{self.place.url} did not answer within {self._timeout:g} s"
            if method == "POST":
                said += f": {MAY_BE_DONE}; the same again with --key {self.key} does it once"
            raise UnansweredError(said) from None
        except httpx.InvalidURL as error:
            raise ConfigError(f"{self.place.url} is no address: {error}") from None

    def _answer(self, answer: httpx.Response) -> Any:
        self._check(answer)
        try:
            return answer.json()
        except ValueError:
            raise stranger(self.place.url, answer) from None

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        if answer.headers.get("content-type", "") != "application/problem+json":
            raise stranger(self.place.url, answer)
        raise error_of(answer.status_code, str(answer.json()["detail"]), self.place)


def _query(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
