"""The page for an operator, at `/`: a client of the API and of nothing else.

Nothing here imports Gradio until `engine.console.mount` does, on a thread of its own once the engine runs.

What is what:

- `mount`: serves the page behind the API's gate, lets through only what the page needs, sets the headers.
- `client`: `Client`, which asks the API in process, through the whole gate, as whoever sits before the page.
- `frame`: `Frame`, the page itself: banner, tabs, the one timer.
- `page`: `Page`, what one open page has in mind; `Call`, what a handler is given; `Live`, what a tab returns.
- `theme`, `assets/console.css`, `assets/console.js`: colours, style, and the script that watches the page.
- `markup`: HTML of outside text. Everything that is not a constant goes through `esc`.
- `confirm`: scripts' functions that ask first.
- `tabs`: one module a tab, listed in `tabs.TABS`; `charts`: SVG.

**A tab** is a module with `TITLE: str` and `build(frame: Frame) -> Live`, and stands in `engine.console.tabs.TABS` as
its title and its `build`. `build` is called once, inside the `gr.Tab`, makes the tab's components, wires its events,
and returns what keeps it up to date::

    def build(frame: Frame) -> Live:
        wanted = gr.Textbox(label="Search")
        table = fragment(sends=True)                  # <button data-send='{"pick": "order-1"}'> sends it
        detail = fragment()                           # a gr.HTML without Gradio's box and typography

        async def refresh(call: Call, search: str) -> Sequence[Any]:
            found = await call.api.get("/orders", search=search, limit=50)
            picked = call.page.kept.get("order")      # a dict of the tab's own, one for each open page
            timeline = await call.api.get(f"/orders/{quote(picked)}") if picked else None
            return [orders_table(found), order_detail(timeline)]

        async def pick(call: Call) -> None:
            call.page.kept["order"] = call.detail["pick"]

        live = Live(inputs=[wanted], outputs=[table, detail], refresh=refresh)
        frame.on(table.send, pick, then=live)         # after the handler the tab is refreshed
        frame.on(wanted.change, None, then=live)
        return live

- `refresh(call, *values of inputs)` returns one value for each of `outputs`. The frame calls it once a second while
  the tab is visible, at once when it becomes visible, and after each handler with `then=live`. An output whose value
  is what the page has already is not sent. It returns plain values or `gr.update(...)`.
- `frame.on(event, handler, inputs=(), outputs=(), then=None, js=None)`: `handler(call, *values)` is a coroutine; with
  `outputs` it returns their values. An `ApiError` that it raises is shown to the person as its one sentence.
- `call.api` is the `Client` (`get(path, **query)`, `post(path, body, key=)`; paths are below /api/v1), `call.page` the
  `Page`, `call.detail` the object that an HTML component sent, `call.now` the time in nanoseconds since the epoch.
- A command's key: `call.key("cancel", order_id)`: the same press within two seconds has the same key, so that a double
  click is one command.
- A press that must be confirmed: `js=confirming("Cancel the order?", action="Cancel order")` (see `confirm`): it opens
  the page's dialog and sends nothing unless it is accepted. With `word="EXIT"` the word must be typed.
- Buttons with `elem_classes="command"` (in HTML: `class="command"`) are disabled by the script while the page is not up
  to date or there are no prices; with `"command urgent"` only while it is not up to date: the way out stays open.
- Colours are the theme's variables: `--rc-bg`, `--rc-panel`, `--rc-sunken`, `--rc-line`, `--rc-text`, `--rc-muted`,
  `--rc-accent`, `--rc-good`, `--rc-bad`, `--rc-warn`, `--rc-grid`. Classes of the style sheet for tabs: `rc-box`,
  `rc-table` (in an `rc-scroll`), `rc-num`, `rc-good`, `rc-bad`, `rc-warn`, `rc-muted`, `rc-badge`, `rc-facts` (a `dl`).
- The tail of events needs no Python: the browser may open `new EventSource("/api/v1/events?subjects=...")` itself.
"""

from engine.console.mount import serve_console

__all__ = ["serve_console"]
