"""Signing in with a browser: the token is shown once, and a cookie stands for it from then on.

The page is plain HTML that loads nothing, so that it works where the console is not installed.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from engine.api.lockout import Lockout
from engine.api.sessions import Sessions
from engine.api.tokens import ApiToken

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
_SEE_OTHER = 303
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;"
    "color-scheme:light dark;background:Canvas;color:CanvasText}"
    "form{width:min(22rem,100vw - 3rem);display:grid;gap:.75rem}h1{margin:0;font-size:1.4rem}p{margin:0}"
    "input,button{font:inherit;padding:.6rem .75rem;border:1px solid #8889;border-radius:.375rem;box-sizing:border-box;"
    "width:100%}button{background:#2456c9;border-color:#2456c9;color:#fff;cursor:pointer}"
    ":focus-visible{outline:2px solid #4c8dff;outline-offset:2px}"
    ".wrong{color:#c8322b;font-weight:600}.hint{opacity:.75;font-size:.875rem}code{font-family:ui-monospace,monospace}"
)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # With no-referrer a form would send "null" for its Origin, which is nobody's.
    "Referrer-Policy": "same-origin",
}


def sign_in(token: ApiToken, sessions: Sessions, lockout: Lockout) -> APIRouter:
    """Return the routes by which a session begins and ends.

    Args:
        token: what is asked for.
        sessions: where sessions begin and end.
        lockout: counts wrong tokens together with those that requests carry.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(SIGN_IN)
    async def form(request: Request) -> Response:
        if sessions.of(request.headers) is not None:
            return RedirectResponse("/", _SEE_OTHER)
        return _page()

    @router.post(SIGN_IN)
    async def begin(request: Request) -> Response:
        passed = request.scope["ripcord"]
        if wait := lockout.wait(passed.address):
            return _page(f"Too many wrong tokens: wait {wait} s.", 429, {"Retry-After": str(wait)})
        given = parse_qs(passed.body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if not given:
            return _page("Give the token.", 422)
        if not token.matches(given):
            lockout.failed(passed.address)
            return _page("The token is wrong.", 401)
        return RedirectResponse("/", _SEE_OTHER, {"Set-Cookie": sessions.begin()})

    @router.post(SIGN_OUT)
    async def end(request: Request) -> Response:
        return RedirectResponse(SIGN_IN, _SEE_OTHER, {"Set-Cookie": sessions.end(request.headers)})

    return router


def _page(wrong: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Sign in to Ripcord</title>'
        f"<style>{_STYLE}</style>"
        f'<form method="post" action="{SIGN_IN}"><h1>Ripcord</h1>{said}'
        '<label for="token">API token</label>'
        '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>'
        "<button>Sign in</button>"
        '<p class="hint">The token is in the file <code>api-token</code> beside the database.</p></form></html>'
    )
    return HTMLResponse(body, status, {**_HEADERS, **(headers or {})})
