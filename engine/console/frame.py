"""The page: a banner, the tabs, and one timer that brings what is visible up to date.

See `engine.console` for how a tab is made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import gradio as gr
import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from engine.console.banner import banner
from engine.console.client import ApiError, Caller, Client
from engine.console.confirm import confirming
from engine.console.fragment import fragment
from engine.console.markup import esc
from engine.console.page import MOST_PAGES, Call, Live, Page, Pages
from engine.console.tabs import TABS
from engine.console.theme import HEAD, theme
from engine.ports import Clock

log = structlog.get_logger(__name__)

Handler = Callable[..., Awaitable[Sequence[Any] | None]]
_EVERY = 1.0
"""Seconds between two updates of what is visible."""
_MOST_SAID = 5
WORD = "EXIT"
"""What is typed before everything is sold."""
ASKS_FOR_EXIT = confirming("Sell every open position now, before anything else?", action="Sell everything", word=WORD)


class Frame:
    """Makes the page of the API *api*.

    Args:
        api: what the page asks; see `engine.console.client.Client`.
        clock: says how long ago a button was pressed.
    """

    def __init__(self, api: ASGIApp, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        # Not in a `gr.State`: for that each page would hold one of a browser's six connections to a server open.
        self._pages = Pages()
        with gr.Blocks(title="Ripcord", analytics_enabled=False) as self.blocks:
            with gr.Row(elem_id="rc-head"):
                self._banner = fragment(elem_id="rc-banner")
                everything = gr.Button(
                    "Emergency exit all", elem_id="rc-exit-all", elem_classes="command urgent", size="sm"
                )
            with gr.Tabs(elem_id="rc-tabs"):
                made = [self._tab(title, build) for title, build in TABS]
            self._lives = [live for _, live in made]
            for number, (tab, live) in enumerate(made):
                self._wire(tab.select, self._visible(number, live), live.inputs, live.outputs)
            self.on(everything.click, _exit_all, inputs=[gr.Textbox(visible=False)], js=ASKS_FOR_EXIT)
            self._keep_up()

    def mounted(self) -> FastAPI:
        """Return an application that serves the page at its root."""
        shell = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.blocks.state_session_capacity = MOST_PAGES
        gr.mount_gradio_app(
            shell,
            self.blocks,
            path="/",
            theme=theme(),
            head=HEAD,
            footer_links=[],
            run_history=False,
            show_error=False,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            max_file_size=0,
        )
        return shell

    def on(
        self,
        event: Any,
        handler: Handler | None,
        *,
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        then: Live | None = None,
        js: str | None = None,
    ) -> None:
        """Call *handler* on *event*.

        Args:
            event: of a component, such as `button.click`, or `html.send` of one with `SENDS`.
            handler: given a `Call` and the values of *inputs*; returns those of *outputs*. None: only refresh *then*.
            inputs: components.
            outputs: components.
            then: is refreshed after it.
            js: a script's function that is called first with the values of *inputs* and returns them, as it wants them
                to be; where it throws, nothing is sent.
        """
        live_inputs, live_outputs = (then.inputs, then.outputs) if then is not None else ((), ())
        count = len(inputs)

        async def act(call: Call, *values: Any) -> list[Any]:
            call.page.turn += 1
            given = await handler(call, *values[:count]) if handler is not None else None
            shown = list(given) if given is not None else [gr.skip()] * len(outputs)
            if then is not None:
                shown += await self._refreshed(call, then, values[count:])
            return shown

        self._wire(event, act, [*inputs, *live_inputs], [*outputs, *live_outputs], js=_over(js, count))

    def _tab(self, title: str, build: Callable[[Frame], Live]) -> tuple[gr.Tab, Live]:
        with gr.Tab(title) as tab:
            return tab, build(self)

    def _visible(self, number: int, live: Live) -> Handler:
        async def show(call: Call, *values: Any) -> list[Any]:
            call.page.turn += 1
            call.page.tab = number
            for output in live.outputs:
                call.page.sent.pop(id(output), None)
            return await self._refreshed(call, live, values)

        return show

    def _keep_up(self) -> None:
        inputs = [each for live in self._lives for each in live.inputs]
        outputs = [each for live in self._lives for each in live.outputs]

        async def tick(call: Call, *values: Any) -> list[Any]:
            state = await call.api.get("/engine")
            shown: list[Any] = [gr.skip()] * len(outputs)
            live, first_in, first_out = self._place(call.page.tab)
            fresh = await self._refreshed(call, live, values[first_in : first_in + len(live.inputs)])
            shown[first_out : first_out + len(live.outputs)] = fresh
            return [banner(state, call.now), *shown]

        for event in (gr.Timer(_EVERY).tick, self.blocks.load):
            self._wire(event, tick, inputs, [self._banner, *outputs], quiet=True)

    def _place(self, number: int) -> tuple[Live, int, int]:
        """Return the live part of tab *number*, and where its inputs and outputs begin among those of all."""
        before = self._lives[:number]
        return self._lives[number], sum(len(live.inputs) for live in before), sum(len(live.outputs) for live in before)

    async def _refreshed(self, call: Call, live: Live, values: Sequence[Any]) -> list[Any]:
        """Return what is new for each of the outputs; nothing where the page has moved on meanwhile."""
        turn = call.page.turn
        fresh = await live.refresh(call, *values)
        if call.page.turn != turn:
            return [gr.skip()] * len(live.outputs)
        return [_changed(call.page, id(output), value) for output, value in zip(live.outputs, fresh, strict=True)]

    def _wire(
        self,
        event: Any,
        handler: Handler,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        *,
        js: str | None = None,
        quiet: bool = False,
    ) -> None:
        async def run(request: gr.Request, detail: Any, values: Sequence[Any]) -> Any:
            assert request.request is not None, "every event comes by HTTP"  # noqa: S101
            call = Call(
                api=Client(self._api, Caller.of(request.request)),
                page=self._pages.of(request.session_hash),
                now=self._clock.now(),
                detail=detail if isinstance(detail, dict) else {},
            )
            shown: Sequence[Any] | None = None
            try:
                shown = await handler(call, *values)
            except ApiError as error:
                if not quiet:
                    gr.Warning(esc(error), duration=8, title="Not done")
            except Exception:
                log.exception("console_failed")
                if not quiet:
                    gr.Warning("The console failed; the engine's log says why.", title="Not done")
            shown = list(shown) if shown is not None else [gr.skip()] * len(outputs)
            return shown[0] if len(shown) == 1 else shown

        # Gradio looks at a signature for what to pass, and passes no event's data where an event has none.
        async def timed(request: gr.Request, *values: Any) -> Any:
            return await run(request, None, values)

        async def acted(request: gr.Request, sent: gr.EventData, *values: Any) -> Any:
            return await run(request, sent._data, values)  # noqa: SLF001 - it has no other name for the whole

        event(
            timed if quiet else acted,
            inputs=list(inputs),
            outputs=list(outputs),
            js=js,
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )


def _over(js: str | None, count: int) -> str | None:
    """Return *js* as Gradio calls it: with the *count* inputs that are its own, and others after."""
    if js is None:
        return None
    return f"async (...given) => [...(await ({js})(...given.slice(0, {count}))), ...given.slice({count})]"


async def _exit_all(call: Call, word: str) -> None:
    if word != WORD:
        return
    answer = await call.api.post("/positions/emergency", key=call.key("exit all"))
    exits = answer["exits"]
    failed = [each for each in exits if each["error"]]
    gr.Info(f"{len(exits) - len(failed)} of {len(exits)} positions are being sold.", title="Emergency exit all")
    for each in failed[:_MOST_SAID]:
        gr.Warning(esc(f"{each['position_id']}: {each['error']}"), duration=None, title="Not sold")


def _changed(page: Page, number: int, value: Any) -> Any:
    """Return *value*, or that there is nothing to send where the page has it already."""
    kept = hash(value) if isinstance(value, str) else value  # a page of HTML is not kept for each open page
    if number in page.sent and page.sent[number] == kept:
        return gr.skip()
    page.sent[number] = kept
    return value
