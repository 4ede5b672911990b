"""The engine as a whole: its queue, its results, the prices it goes by, its state and its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.system import FEED, ROUTER, SUPERVISOR
from engine import __version__
from engine.api.context import Api, Context, Once, Points
from engine.api.curve import realized, thinned
from engine.api.pace import expected_wait
from engine.api.results import Results, results
from engine.api.schemas import OrderView, View
from engine.app import ASK_TIMEOUT
from engine.choices import By
from engine.domain.alert import AlertStatus, Severity
from engine.domain.order import Order
from engine.domain.units import SECOND, Nanos, seconds
from engine.events.fields import Time, rfc3339
from engine.messages.control import Snapshot

router = APIRouter(tags=["engine"])

_MINUTE = seconds(60)


class QueuedOrder(View):
    """An order that is not finished, and for how many seconds it has been so."""

    order: OrderView
    age_s: float


class Queue(View):
    """What the router has before it, in the order in which it is served."""

    by_urgency: dict[int, int]
    """How many are queued of each rank; lower is served first."""
    queued: list[QueuedOrder]
    waiting: list[QueuedOrder]
    """For their next attempt."""
    in_flight: list[QueuedOrder]
    slots: int
    orders_per_minute: int
    """Orders made within the last minute."""
    draining: bool
    holding: bool
    """Whether it still waits for what the chain knows of the attempts before the start."""
    estimated_wait_s: float | None
    """How long an order that comes now, behind all others, would wait for its slot, by the time for which orders
    lately had one; null while that is not known, and while no order begins."""


class PriceView(View):
    """The newest good price of a token, in SOL per whole token."""

    mint: str
    price: float
    source: str
    observed_at: Time
    age_s: float


class EngineState(View):
    """How the engine does."""

    profile: str
    wallet: str
    draining: bool
    entries_paused: bool
    open_positions: int
    need_action: int
    actors: list[str]
    restarts: int
    """Of actors, lately."""
    gave_up: bool
    blind: list[str]
    """Mints whose positions have no price that is good enough."""
    newest_price_age_s: float | None
    """Of the newest good price of any token."""
    price_interval_s: float
    """How often prices are asked for."""
    queue_depth: int
    """Orders that wait for a slot, or for their next attempt."""
    in_flight: int
    unresolved_alerts: int
    critical_alerts: int
    """Of those that are not resolved."""
    explorer: str | None
    """URL of a transaction at a public explorer, with {signature} in its place; null where none knows the cluster."""
    started_at: Time | None
    version: str


class Entries(View):
    """Whether positions may be opened."""

    entries_paused: bool


class Draining(View):
    """Whether the engine is about to end."""

    draining: bool


@router.get("/queue")
def get_queue(api: Api) -> Queue:
    """Return what is queued, waits and is in flight."""
    view = api.engine.system.ask(ROUTER, Snapshot(), timeout=ASK_TIMEOUT)
    now = api.engine.ports.clock.now()
    queued: list[Order] = view["queued"]
    slots = api.engine.settings.orders.max_concurrent
    wait = expected_wait(
        queued=len(queued),
        in_flight=len(view["in_flight"]),
        slots=slots,
        seconds_per_order=api.books.pace.seconds_per_order,
    )
    return Queue(
        by_urgency=dict(Counter(int(order.urgency) for order in queued)),
        queued=[_aged(order, now) for order in queued],
        waiting=[_aged(order, now) for order in view["waiting"]],
        in_flight=[_aged(order, now) for order in view["in_flight"]],
        slots=slots,
        orders_per_minute=len(list(takewhile(lambda order: order.created_at > now - _MINUTE, _newest_first(api)))),
        draining=view["draining"],
        holding=view["holding"],
        estimated_wait_s=None if view["draining"] or view["holding"] else wait,
    )


@router.get("/pnl")
def get_pnl(api: Api, by: By = By.DAY, points: Points = 500) -> Results:
    """Return what was made and lost, closed positions also by day, token or reason, and how it came in time.

    The curve has at most `points` points: of more exits, the last of each stretch of time.
    """
    books = api.books
    made = realized(books.positions(), books.orders(), books.fills())
    return results(books.positions(), api.engine.newest_prices(), by, curve=thinned(made, points))


@router.get("/prices")
def list_prices(api: Api) -> list[PriceView]:
    """Return the newest good price of every token that has one."""
    now = api.engine.ports.clock.now()
    return [
        PriceView(
            mint=tick.mint,
            price=tick.price,
            source=tick.source,
            observed_at=rfc3339(tick.observed_at),
            age_s=(now - tick.observed_at) / 1e9,
        )
        for tick in api.engine.newest_prices().values()
    ]


@router.get("/engine")
def get_engine(api: Api) -> EngineState:
    """Return how the engine does."""
    engine = api.engine
    supervisor = engine.system.ask(SUPERVISOR, Snapshot(), timeout=ASK_TIMEOUT)
    feed = engine.system.ask(FEED, Snapshot(), timeout=ASK_TIMEOUT)
    router = engine.system.ask(ROUTER, Snapshot(), timeout=ASK_TIMEOUT)
    still = [position for position in api.books.positions() if not position.closed]
    alerts = [alert for alert in api.books.alerts() if alert.status is not AlertStatus.RESOLVED]
    seen = [tick.observed_at for tick in feed["newest"].values()]
    return EngineState(
        profile=str(engine.settings.profile),
        wallet=engine.ports.signer.address,
        draining=api.lifecycle.draining,
        entries_paused=engine.entries_paused,
        open_positions=len(still),
        need_action=sum(position.needs_action for position in still),
        actors=supervisor["actors"],
        restarts=supervisor["restarts"],
        gave_up=supervisor["gave_up"],
        blind=sorted(feed["blind"]),
        newest_price_age_s=(engine.ports.clock.now() - max(seen)) / SECOND if seen else None,
        price_interval_s=engine.settings.prices.poll_interval,
        queue_depth=len(router["queued"]) + len(router["waiting"]),
        in_flight=len(router["in_flight"]),
        unresolved_alerts=len(alerts),
        critical_alerts=sum(alert.severity is Severity.CRITICAL for alert in alerts),
        explorer=engine.settings.explorer,
        started_at=rfc3339(engine.started_at) if engine.started_at is not None else None,
        version=__version__,
    )


@router.post("/engine/entries/pause", response_model=Entries)
def pause_entries(api: Api, once: Once) -> Response:
    """Open no position until entries are resumed; exits go on, and so do entries that were placed before."""
    return once.carry_out(lambda: _switched(api, api.engine.pause_entries))


@router.post("/engine/entries/resume", response_model=Entries)
def resume_entries(api: Api, once: Once) -> Response:
    """Open positions again."""
    return once.carry_out(lambda: _switched(api, api.engine.resume_entries))


@router.post("/engine/drain", response_model=Draining)
def drain(api: Api, once: Once) -> Response:
    """End the engine in good order: no new attempts, and what is in flight is resolved."""
    return once.carry_out(lambda: _drain(api), while_draining=True)


def _switched(api: Context, switch: Callable[[], None]) -> Any:
    switch()
    return {"entries_paused": api.engine.entries_paused}


def _drain(api: Context) -> Any:
    api.lifecycle.drain()
    return {"draining": True}


def _newest_first(api: Context) -> Iterable[Order]:
    return reversed(api.books.orders())


def _aged(order: Order, now: Nanos) -> QueuedOrder:
    return QueuedOrder(order=OrderView.model_validate(order), age_s=(now - order.created_at) / 1e9)
