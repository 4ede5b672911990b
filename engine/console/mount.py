"""Serving the page behind the API's gate: made on a thread of its own, and no more of Gradio than the page needs.

Gradio takes seconds to import, so the API is served first, and the page says that it is being made until it is.
Whatever Gradio offers beside it (calls by name, uploads, files, its proxy) would be a second way to the page's
functions, or to this machine, and is not there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from html import escape
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.ports import Clock

log = structlog.get_logger(__name__)

INSTALL = "pip install 'ripcord[console]'"
_PAGES = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/manifest.json"})
_BELOW = ("/assets/", "/static/", "/svelte/")
_CALLS = frozenset(
    {
        ("GET", "/gradio_api/queue/data"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/startup-events"),
        ("GET", "/gradio_api/app_id"),
    }
)
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Gradio compiles its templates in the browser, hence unsafe-eval; nothing is loaded from or sent to elsewhere."""
_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "0",
    # After each call Gradio draws up statistics of all calls, by pandas, for a page that is not served.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**12),
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SSR_MODE": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Read when Gradio is imported: it is to ask nobody anything."""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}"
)


def serve_console(app: FastAPI, clock: Clock) -> None:
    """Serve the page at `/` of the API *app*, wherever no route of its own answers; before *app* is started.

    Args:
        app: the API, behind its gate.
        clock: says how long ago a button was pressed.
    """
    console = Console(app, clock)
    app.router.default = console
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[Any]:
        async with before(app) as state, console.made():
            yield state

    app.router.lifespan_context = lifespan


class Console:
    """An ASGI application: the page, once it is made; until then, and where it cannot be, a page that says so.

    Args:
        api: what the page asks; see `engine.console.client.Client`.
        clock: see `serve_console`.
    """

    def __init__(self, api: FastAPI, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._elsewhere = api.router.default
        self.inner: FastAPI | None = None
        """The page, once it is made."""
        self._said = "The console is being made; this page opens by itself."
        self._waiting = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what the page needs; anything else is not there."""
        if scope["type"] != "http" or not _is_needed(scope["method"], scope["path"]):
            await self._elsewhere(scope, receive, send)
        elif self.inner is not None:
            await self.inner(scope, receive, _with_policy(scope["path"], send))
        elif scope["path"] == "/":
            await self._notice()(scope, receive, _with_policy("/", send))
        else:
            await self._elsewhere(scope, receive, send)

    def _notice(self) -> HTMLResponse:
        again = '<meta http-equiv="refresh" content="1">' if self._waiting else ""
        body = (
            f'<!doctype html><html lang="en"><meta charset="utf-8">{again}<title>Ripcord</title>'
            f'<style>{_STYLE}</style><p>{escape(self._said)}</p><p>The API is at <a href="/docs">/docs</a>.</p></html>'
        )
        return HTMLResponse(body, 200 if not self._waiting else 503, {"Retry-After": "1"} if self._waiting else {})

    @asynccontextmanager
    async def made(self) -> AsyncIterator[None]:
        """Make the page meanwhile, and serve it from when it is made to the end."""
        if importlib.util.find_spec("gradio") is None:
            self._say(f"The console is not installed: {INSTALL}, then start the engine again.")
            yield
            return
        # FastAPI works its routes out at the first request, with some warnings off, which is for all threads: an import
        # beside it would turn them on again.
        self._api.openapi()
        task = asyncio.create_task(self._make())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _make(self) -> None:
        try:
            shell = await _on_a_thread(lambda: asyncio.run(_page(self._api, self._clock)))
        except Exception:
            log.exception("console_not_made")
            self._say("The console could not be made; the engine's log says why.")
            return
        async with AsyncExitStack() as stack:
            lifespan: AbstractAsyncContextManager[Any] = shell.router.lifespan_context(shell)
            await stack.enter_async_context(lifespan)
            self.inner = shell
            log.info("console")
            await asyncio.Event().wait()  # until it is cancelled

    def _say(self, sentence: str) -> None:
        self._said, self._waiting = sentence, False


def _is_needed(method: str, path: str) -> bool:
    if method in ("GET", "HEAD") and (path in _PAGES or path.startswith(_BELOW)):
        return True
    return (method, path) in _CALLS


def _with_policy(path: str, send: Send) -> Send:
    """Return a *send* that adds what a browser is to be held to, and lets it keep what never changes."""
    added = [(b"content-security-policy", _POLICY.encode()), (b"referrer-policy", b"same-origin")]
    if path.startswith("/assets/"):
        added.append((b"cache-control", b"private, max-age=31536000, immutable"))  # named by their content

    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in added}
            kept = [header for header in message.get("headers", []) if header[0].lower() not in names]
            message["headers"] = [*kept, *added]
        await send(message)

    return safe


async def _page(api: ASGIApp, clock: Clock) -> FastAPI:
    """Import Gradio and return an application that serves the page at its root: seconds, in which nothing else runs.

    It is a coroutine because Gradio leaves an open event loop behind wherever it finds none.
    """
    os.environ.update(_ENVIRONMENT)
    from engine.console.frame import Frame

    return Frame(api, clock).mounted()


async def _on_a_thread(make: Callable[[], FastAPI]) -> FastAPI:
    """Return what *make* returns, called on a thread that nobody waits for when the process ends."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[FastAPI] = loop.create_future()

    def settle(result: FastAPI | None, error: Exception | None) -> None:
        if made.done():
            return
        if result is not None:
            made.set_result(result)
        elif error is not None:
            made.set_exception(error)

    def run() -> None:
        result: FastAPI | None = None
        failure: Exception | None = None
        try:
            result = make()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="console", daemon=True).start()
    return await made
