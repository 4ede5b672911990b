"""The application: routes, the gate before them, and how what goes wrong is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pykka
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from engine.api.access import Access
from engine.api.context import PREFIX, Context
from engine.api.gate import Gate
from engine.api.lockout import Lockout
from engine.api.problems import MEDIA_TYPE, Problem, bad_request, problem_of, title_of
from engine.api.reference import page
from engine.api.routes import alerts, engine, health, journal, orders, positions, streams
from engine.api.sessions import Sessions
from engine.api.sign_in import sign_in
from engine.api.tokens import ApiToken
from engine.domain.errors import EngineError

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_SAID = (400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 503, 504)


def create_app(
    context: Context,
    *,
    token: ApiToken,
    access: Access | None = None,
    secure: bool = False,
    sessions_file: Path | None = None,
) -> FastAPI:
    """Return the ASGI application of one engine.

    Args:
        context: the engine, its commands and its events; see `engine.api.serving.open_api`.
        token: what every request must carry.
        access: the names and pages that are let in; those of loopback where it is None.
        secure: whether browsers reach it over TLS alone.
        sessions_file: where browsers' sessions are kept across restarts, as digests; None for nowhere.
    """
    access = access or Access()
    lockout = Lockout(context.engine.ports.clock)
    sessions = Sessions(context.engine.ports.clock, name=token.name, secure=secure, file=sessions_file)
    gate = Middleware(Gate, access=access, token=token, sessions=sessions, lockout=lockout)
    app = FastAPI(
        title="Ripcord",
        version="1",
        description="Watch and command a running exit engine. Every command needs an Idempotency-Key.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
        responses={status: _said(status) for status in _SAID},
        middleware=[gate, *_other_pages(access)],
    )
    app.state.context = context
    for router in (positions.router, orders.router, alerts.router, engine.router, journal.router, streams.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(sign_in(token, sessions, lockout))
    app.include_router(health.router)
    if context.metrics is not None:
        app.include_router(health.metering)

    @app.get("/docs", include_in_schema=False)
    async def reference() -> Response:
        return page(app.openapi())

    _handle_errors(app)
    _name_the_token(app)
    return app


def _other_pages(access: Access) -> list[Middleware]:
    if not access.origins:
        return []
    pages = Middleware(
        CORSMiddleware,
        allow_origins=sorted(access.origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Idempotency-Key", "Content-Type", "Last-Event-ID"],
        expose_headers=["Idempotency-Replayed", "Retry-After"],
    )
    return [pages]


def _handle_errors(app: FastAPI) -> None:
    async def problem(_request: Request, error: Exception) -> Response:
        return problem_of(error).response()

    async def misfit(_request: Request, error: Exception) -> Response:
        return bad_request(cast("RequestValidationError", error)).response()

    async def refused(_request: Request, error: Exception) -> Response:
        known = cast("HTTPException", error)
        detail = str(known.detail) if known.detail != title_of(known.status_code) else _DETAILS.get(known.status_code)
        return Problem(known.status_code, detail or str(known.detail), known.headers or {}).response()

    for kind in (Problem, EngineError, pykka.Timeout):
        app.add_exception_handler(kind, problem)
    app.add_exception_handler(RequestValidationError, misfit)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, problem)


_DETAILS = {404: "there is nothing at this path: /docs lists what there is", 405: "this path has another method"}


def _said(status: int) -> dict[str, Any]:
    return {"description": title_of(status), "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _name_the_token(app: FastAPI) -> None:
    """Say in the OpenAPI document that a bearer token is asked for."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"token": []}]
            for path in ("/livez", "/readyz"):
                schema["paths"][path]["get"]["security"] = []
        return plain()

    app.openapi = document  # type: ignore[method-assign]
