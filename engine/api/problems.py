"""What goes wrong, as RFC 9457 problem+json: a status that says whose move it is, and one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import pykka
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from actors.system import NotRunningError
from engine.domain.errors import (
    BadInputError,
    ChainUnavailableError,
    CommandRefusedError,
    EngineError,
    IllegalStepError,
    PriceUnavailableError,
)
from engine.ports import LeaseError

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - it is named as the RFC names it
    """Why a request was not carried out.

    Attributes:
        status: of HTTP.
        detail: one sentence.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def body(self) -> dict[str, Any]:
        """Return the members of the document."""
        return {"type": "about:blank", "title": title_of(self.status), "status": self.status, "detail": self.detail}

    def response(self) -> Response:
        """Return the answer that says it."""
        return Response(json.dumps(self.body()), self.status, dict(self.headers), MEDIA_TYPE)


def title_of(status: int) -> str:
    """Return what HTTP calls *status*."""
    return HTTPStatus(status).phrase


def unknown(what: str, name: str) -> Problem:
    """Return the problem of a name that nothing has."""
    return Problem(404, f"{what} {name[:100]!r} is not known")


_STATUSES: Sequence[tuple[type[BaseException], int]] = (
    (BadInputError, 422),
    (CommandRefusedError, 409),
    (IllegalStepError, 409),
    (pykka.Timeout, 504),
    (ChainUnavailableError, 503),
    (PriceUnavailableError, 503),
    (NotRunningError, 503),
    (LeaseError, 503),
)


def problem_of(error: Exception) -> Problem:
    """Return the problem that *error* is to whoever asked."""
    if isinstance(error, Problem):
        return error
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            said = "the engine did not answer in time; it may still do what it was asked: look before you repeat it"
            return Problem(status, said if status == 504 else str(error))  # noqa: PLR2004
    said = str(error) if isinstance(error, EngineError) else "the engine failed; its log says why"
    return Problem(500, said)


def bad_request(error: RequestValidationError) -> Problem:
    """Return the problem of a request that does not fit the schema: 400 for a header, 422 for all else."""
    faults = error.errors()
    said = "; ".join(map(_fault, faults[:5]))
    in_header = any(fault["loc"][:1] == ("header",) for fault in faults)
    return Problem(400 if in_header else 422, said)


def _fault(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":
        return f"the body is not JSON: {fault['ctx']['error']}, character {fault['loc'][-1]}"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{_where(fault['loc'])}: {said[:1].lower()}{said[1:]}"


def _where(location: Sequence[Any]) -> str:
    names = [str(part) for part in location[1:]] or [str(part) for part in location]
    return ".".join(names)[:100]
