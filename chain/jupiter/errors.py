"""What Jupiter's HTTP errors mean for a swap.

Nothing was signed when one of them comes, so none is uncertain. What decides is the ``errorCode`` of the body, which
Jupiter sends with HTTP 400 for anything from a missing route to a malformed request; the status decides only where
its meaning is Jupiter's gateway's own (401, 403, 408, 429, 5xx). An answer without JSON is some gateway's. The codes
are those of Jupiter's documentation (swap/v1/common-errors) and of recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from chain.http.client import Answer, HttpError, NoBudgetError, NotJsonError
from chain.http.rate_limit import reset_of
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SECOND, Nanos

OK = 200
_KEY_REFUSED = {401, 403}
_NOT_SERVED = {404, 410}
_TIMED_OUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500
_EXCERPT = 300
_SLIPPAGE = "custom program error: 0x1771"


class Problem(StrEnum):
    """What is wrong, as far as it decides who may be asked next."""

    NO_ROUTE = "no route"
    NOT_TRADABLE = "not tradable"
    RATE_LIMITED = "rate limited"
    BAD_REQUEST = "bad request"
    KEY_REFUSED = "key refused"
    UPSTREAM_DOWN = "upstream down"


_KINDS = {
    Problem.NO_ROUTE: FailureKind.REFUSED,
    Problem.NOT_TRADABLE: FailureKind.REFUSED,
    Problem.RATE_LIMITED: FailureKind.TRANSIENT,
    Problem.BAD_REQUEST: FailureKind.REFUSED,
    Problem.KEY_REFUSED: FailureKind.PERMANENT,
    Problem.UPSTREAM_DOWN: FailureKind.TRANSIENT,
}

_BY_CODE = {
    "COULD_NOT_FIND_ANY_ROUTE": Problem.NO_ROUTE,
    "NO_ROUTES_FOUND": Problem.NO_ROUTE,
    "ROUTE_PLAN_DOES_NOT_CONSUME_ALL_THE_AMOUNT": Problem.NO_ROUTE,
    "MARKET_NOT_FOUND": Problem.NO_ROUTE,
    "CANNOT_COMPUTE_OTHER_AMOUNT_THRESHOLD": Problem.NO_ROUTE,
    "TOKEN_NOT_TRADABLE": Problem.NOT_TRADABLE,
    # Jupiter's own trouble, of which a later request may see nothing.
    "FAILED_TO_GET_SWAP_AND_ACCOUNT_METAS": Problem.UPSTREAM_DOWN,
}
_BY_WORDS = {
    "failed to get quotes": Problem.NO_ROUTE,
    "no routes found": Problem.NO_ROUTE,
    "could not find any route": Problem.NO_ROUTE,
    "is not tradable": Problem.NOT_TRADABLE,
}
"""What the sentence says where there is no code: v2 sends some of its errors without one."""


class JupiterError(SwapError):
    """Jupiter gave no answer, or an error; nothing was signed.

    Attributes:
        problem: what is wrong.
    """

    def __init__(self, problem: Problem, message: str, *, code: str) -> None:
        super().__init__(_KINDS[problem], message, code=code)
        self.problem = problem


class KeyRefusedError(JupiterError):
    """Jupiter refused the API key, or what was asked with it: a person has to act."""

    def __init__(self, message: str, *, code: str) -> None:
        advice = "check the Jupiter API key and what its plan allows"
        super().__init__(Problem.KEY_REFUSED, f"{message}: {advice}", code=code)


class RateLimitedError(JupiterError):
    """Jupiter's limit of requests is used up; nothing was asked.

    Attributes:
        reset_at: when a request is free again; None where it was not told.
        asked: whether Jupiter said so itself, and not our own count.
    """

    def __init__(self, message: str, *, reset_at: Nanos | None, asked: bool = True) -> None:
        super().__init__(Problem.RATE_LIMITED, message, code="HTTP_429")
        self.reset_at = reset_at
        self.asked = asked


def of_transport(error: HttpError) -> JupiterError:
    """Return what it means that Jupiter gave no usable answer."""
    if isinstance(error, NoBudgetError):
        return RateLimitedError(str(error), reset_at=error.next_at, asked=False)
    if isinstance(error, NotJsonError):
        by_status = _of_status(error.status or 0, error.headers, str(error))
        if by_status is not None:
            return by_status
    return JupiterError(Problem.UPSTREAM_DOWN, str(error), code=f"HTTP_{error.status}" if error.status else "http")


def of_answer(answer: Answer) -> JupiterError:
    """Return what *answer*, which is not the one that was asked for, means."""
    body = answer.body if isinstance(answer.body, dict) else {}
    said = str(body.get("error") or body.get("message") or "no reason given")[:_EXCERPT]
    request_id = answer.headers.get("x-api-gateway-request-id")
    reference = f", request {request_id}" if request_id else ""
    by_status = _of_status(answer.status, answer.headers, f"Jupiter: {said} (HTTP {answer.status}{reference})")
    if by_status is not None:
        return by_status
    code = str(body.get("errorCode") or f"HTTP_{answer.status}")
    if "errorCode" in body:
        problem = _BY_CODE.get(code)
    else:
        # A host that does not serve the path, or no longer, says nothing of the swap.
        problem = Problem.UPSTREAM_DOWN if answer.status in _NOT_SERVED else _by_words(said)
    return JupiterError(problem or Problem.BAD_REQUEST, f"Jupiter: {said} ({code}{reference})", code=code)


def of_simulation(error: Mapping[str, Any]) -> SwapError:
    """Return what the ``simulationError`` of a /swap answer means: Jupiter simulated the swap and it failed."""
    said = str(error.get("error") or "no reason given")[:_EXCERPT]
    kind = FailureKind.SLIPPAGE if _SLIPPAGE in said.lower() else FailureKind.REFUSED
    return SwapError(kind, f"Jupiter's simulation failed: {said}", code=str(error.get("errorCode") or ""))


def unreadable(what: str, error: Exception) -> SwapError:
    """Return that Jupiter's answer to *what* has an unknown shape."""
    message = f"Jupiter's answer to {what} has an unknown shape ({type(error).__name__}: {error})"
    return SwapError(FailureKind.REFUSED, message, code="UNKNOWN_SHAPE")


def answered(answer: Answer) -> dict[str, Any]:
    """Return the body of *answer*, if it is the object that was asked for.

    Raises:
        SwapError: it is an error.
    """
    if answer.status != OK or not isinstance(answer.body, dict) or "errorCode" in answer.body:
        raise of_answer(answer)
    return answer.body


def _by_words(said: str) -> Problem | None:
    return next((problem for words, problem in _BY_WORDS.items() if words in said.lower()), None)


def _of_status(status: int, headers: Mapping[str, str], message: str) -> JupiterError | None:
    """Return what *status* means whatever the body says, or None where the body decides."""
    if status in _KEY_REFUSED:
        return KeyRefusedError(message, code=f"HTTP_{status}")
    if status == _TOO_MANY:
        reset_at = reset_of(headers)
        until = f"; a request is free again at {reset_at // SECOND} (Unix time)" if reset_at else ""
        return RateLimitedError(message + until, reset_at=reset_at)
    if status == _TIMED_OUT or status >= _SERVER_ERROR:
        return JupiterError(Problem.UPSTREAM_DOWN, message, code=f"HTTP_{status}")
    return None
