"""The gateway in front of the Jupiter-compatible API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.domain.units import SOL_MINT, seconds
from tests.simulated.trading import Trading


def test_every_answer_has_its_own_request_id_and_successes_tell_the_rate_limit() -> None:
    """Errors other than 429 do not."""
    trading = Trading(limit=10)
    good = trading.ask("GET", "/price/v3", params={"ids": SOL_MINT})
    bad = trading.ask("GET", "/price/v3")
    assert good.headers["x-api-gateway-request-id"] != bad.headers["x-api-gateway-request-id"]
    assert good.headers["x-ratelimit-remaining"] == "9"
    assert good.headers["x-ratelimit-current"] == "1"
    assert int(good.headers["x-ratelimit-reset"]) == trading.clock.now() // 10**9 + 60
    assert "x-ratelimit-remaining" not in bad.headers


def test_a_client_beyond_its_plan_is_told_so_until_the_window_slides_on() -> None:
    """With the gateway's body, which is not Jupiter's."""
    trading = Trading(limit=2)
    for _ in range(2):
        trading.get("/price/v3", ids=SOL_MINT)
        trading.clock.advance(seconds(10))
    answer = trading.ask("GET", "/price/v3", params={"ids": SOL_MINT})
    assert answer.status_code == 429
    assert answer.json() == {"code": 429, "message": "[API Gateway] Too many requests"}
    assert answer.headers["x-ratelimit-remaining"] == "0"
    trading.clock.advance(seconds(40))
    assert trading.get("/price/v3", ids=SOL_MINT)


def test_an_interceptor_answers_in_the_api_s_place() -> None:
    """The seam for scripted faults: a response of its own, or None to let the API answer."""

    class Fault:
        async def intercept(self, request: Request) -> Response | None:
            return JSONResponse({"error": "down"}, 503) if request.url.path.startswith("/swap") else None

    trading = Trading()
    trading.gateway.interceptor = Fault()
    answer = trading.ask("GET", "/swap/v1/quote")
    assert (answer.status_code, answer.json()) == (503, {"error": "down"})
    assert answer.headers["x-api-gateway-request-id"]
    assert trading.get("/price/v3", ids=SOL_MINT)
