"""A real engine on the embedded cluster, its API and its console, and what a test does to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from chain.keys.wallet import Wallet
from engine.api.folder import AUDIT, TOKEN
from engine.api.serving import served
from engine.app import Engine
from engine.clock import SystemClock
from engine.config import Settings
from engine.domain.order import Order, OrderKind
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import Mint, PositionId
from engine.ids import RandomIds
from engine.store.sql import SqlStore, open_store
from engine.wiring import connect
from tests.browser.cluster import ENTRY, PLAN, Cluster
from tests.waiting import PATIENCE, eventually

UP_TO_DATE = "#rc-banner [data-beat]"
"""What is there once the page has heard from the engine."""


def settings(folder: Path, *, poll_interval: float = 0.2) -> dict[str, Any]:
    """Return the settings of an engine that is in a hurry, and asks for prices every *poll_interval* seconds."""
    hurried = {"waits": [0.2], "resign_after": 0, "max_attempts": 2}
    return {
        "prices": {"poll_interval": poll_interval, "max_age": 2.0, "second_look": 0.5, "frozen_after": 3600.0},
        "chain": {"confirm_interval": 0.1},
        # A person's exit that failed waits in the queue for its second attempt; a stop or an emergency does not.
        "orders": {"exits": {"waits": [60.0]}, "urgent": hurried},
        "store": {"path": str(folder / "engine.db")},
        "api": {"port": 0},
    }


class Process:
    """The process of the engine, which nobody ends."""

    draining = False

    def drain(self) -> None:
        """Note that the end was asked for."""
        self.draining = True


class Stage:
    """An engine with its console.

    Attributes:
        cluster: what it trades on.
        store: its books.
        url: where the console is, without a trailing slash.
        token: what lets a person in.
    """

    def __init__(self, cluster: Cluster, engine: Engine, url: str, token: str, folder: Path) -> None:
        self.cluster = cluster
        self.engine = engine
        self.store = engine.ports.store
        self.url = url
        self.token = token
        self.folder = folder

    def hold(self, symbol: str, plan: ExitPlan = PLAN) -> Position:
        """Have tokens of a market of their own under guard, which were bought at its price."""
        return self.guard(self.cluster.held(symbol), symbol=symbol, plan=plan)

    def guard(self, mint: Mint, *, symbol: str, plan: ExitPlan = PLAN) -> Position:
        """Have what the wallet holds of *mint* under guard, by the name of *symbol*."""
        return self.engine.guard(mint, plan, price=ENTRY, symbol=symbol)

    def position(self, position_id: PositionId) -> Position:
        """Return a position as it stands in the books."""
        position = self.store.position(position_id)
        assert position is not None
        return position

    def exits(self, position: Position) -> Sequence[Order]:
        """Return every exit order of a position."""
        return [order for order in self.store.orders(position_id=position.id) if order.kind is OrderKind.EXIT]

    def audit(self) -> list[dict[str, Any]]:
        """Return the lines of the audit log."""
        return [json.loads(line) for line in (self.folder / AUDIT).read_text(encoding="utf-8").splitlines()]

    def sign_in(self, page: Page) -> None:
        """Enter the console by the token."""
        sign_in(page, self.url, self.token)


def sign_in(page: Page, url: str, token: str) -> None:
    """Enter the console at *url* by *token*, and return once it is up to date."""
    page.goto(url)
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(UP_TO_DATE)).to_be_attached()


def wait_until_made(url: str, token: str) -> None:
    """Wait until the console at *url* is served: it is made while the API is there already."""
    headers = {"Authorization": f"Bearer {token}"}
    eventually(lambda: httpx.get(url, headers=headers, timeout=PATIENCE).status_code == httpx.codes.OK, "it is served")


@contextmanager
def staged(
    folder: Path, prepare: Callable[[Cluster], Sequence[Position]] = lambda _: (), *, poll_interval: float = 0.2
) -> Iterator[Stage]:
    """Run an engine with its console, whose files are in *folder*.

    Args:
        folder: empty.
        prepare: returns the positions that it begins with.
        poll_interval: seconds between two looks at the prices.
    """
    with ExitStack() as stack:
        clock = stack.enter_context(closing(SystemClock()))
        cluster = Cluster(clock)
        stack.enter_context(cluster.world)
        known = Settings.model_validate(settings(folder, poll_interval=poll_interval))
        store = open_store(folder / "engine.db", profile="demo")
        store.commit(*prepare(cluster))
        engine = stack.enter_context(_running(known, cluster, store))
        server = stack.enter_context(served(engine, Process()))
        assert server is not None
        token = (folder / TOKEN).read_text(encoding="ascii").strip()
        wait_until_made(server.url, token)
        yield Stage(cluster, engine, server.url, token, folder)


@contextmanager
def _running(known: Settings, cluster: Cluster, store: SqlStore) -> Iterator[Engine]:
    world = cluster.world
    ports = connect(
        known,
        clock=cluster.clock,
        ids=RandomIds(),
        store=store,
        signer=Wallet(cluster.keypair),
        rpc_url=world.rpc_url,
        ws_url=world.ws_url,
        jupiter_url=world.jupiter_url,
    )
    engine = Engine(ports, known, max_price_age=known.max_price_age)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(timeout=0)
        ports.close()
