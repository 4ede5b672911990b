"""What Jupiter's HTTP errors mean for a swap.

Nothing was signed when one of them comes, so none is uncertain. What decides is the ``errorCode`` of the body, which
Jupiter sends with HTTP 400 for anything from a missing route to a malformed request; the status decides only where
its meaning is Jupiter's gateway's own (401, 403, 408, 429, 5xx). An answer without JSON is some gateway's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain.http import Answer, HttpError, NotJsonError
from chain.values import whole_number
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SECOND, Nanos

OK = 200
_KEY_REFUSED = {401, 403}
_TIMED_OUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500
_EXCERPT = 300
_SLIPPAGE = "custom program error: 0x1771"

# Jupiter's own trouble, of which a later request may see nothing.
_TRANSIENT_CODES = {"FAILED_TO_GET_SWAP_AND_ACCOUNT_METAS"}


class RateLimitedError(SwapError):
    """Jupiter's limit of requests is used up; nothing was asked.

    Attributes:
        reset_at: when the oldest request leaves the window, by ``x-ratelimit-reset``; None where it was not told.
    """

    def __init__(self, message: str, *, reset_at: Nanos | None) -> None:
        super().__init__(FailureKind.TRANSIENT, message, code="HTTP_429")
        self.reset_at = reset_at


def of_transport(error: HttpError) -> SwapError:
    """Return what it means that Jupiter gave no usable answer."""
    if isinstance(error, NotJsonError):
        by_status = _of_status(error.status or 0, error.headers, str(error))
        if by_status is not None:
            return by_status
    return SwapError(FailureKind.TRANSIENT, str(error), code=f"HTTP_{error.status}" if error.status else "http")


def of_answer(answer: Answer) -> SwapError:
    """Return what *answer*, which is not the one that was asked for, means."""
    body = answer.body if isinstance(answer.body, dict) else {}
    said = str(body.get("error") or body.get("message") or "no reason given")[:_EXCERPT]
    request_id = answer.headers.get("x-api-gateway-request-id")
    reference = f", request {request_id}" if request_id else ""
    by_status = _of_status(answer.status, answer.headers, f"Jupiter: {said} (HTTP {answer.status}{reference})")
    if by_status is not None:
        return by_status
    code = str(body.get("errorCode") or f"HTTP_{answer.status}")
    kind = FailureKind.TRANSIENT if code in _TRANSIENT_CODES else FailureKind.REFUSED
    return SwapError(kind, f"Jupiter: {said} ({code}{reference})", code=code)


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


def _of_status(status: int, headers: Mapping[str, str], message: str) -> SwapError | None:
    """Return what *status* means whatever the body says, or None where the body decides."""
    if status in _KEY_REFUSED:
        advice = "check the Jupiter API key and what its plan allows"
        return SwapError(FailureKind.PERMANENT, f"{message}: {advice}", code=f"HTTP_{status}")
    if status == _TOO_MANY:
        reset_at = _reset_at(headers)
        until = f"; a request is free again at {reset_at // SECOND} (Unix time)" if reset_at else ""
        return RateLimitedError(message + until, reset_at=reset_at)
    if status == _TIMED_OUT or status >= _SERVER_ERROR:
        return SwapError(FailureKind.TRANSIENT, message, code=f"HTTP_{status}")
    return None


def _reset_at(headers: Mapping[str, str]) -> Nanos | None:
    text = headers.get("x-ratelimit-reset", "")
    try:
        return Nanos(whole_number(text) * SECOND)
    except ValueError:
        return None
