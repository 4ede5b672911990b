"""An engine on an embedded cluster: the same parts as on mainnet, with other URLs, and time that can be driven."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from chain.keys.wallet import Wallet
from chain.simulated.prices.path import PricePath
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.app import Engine
from engine.clock import ManualClock, SystemClock
from engine.config import Settings
from engine.domain.errors import EngineError
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import Lamports, Nanos, seconds
from engine.messages.prices import Tick
from engine.ports import Ids
from engine.store.sql import open_store
from engine.wiring import Ports, connect

REST_TIMEOUT = 60.0
"""Seconds of the machine within which the actors must come to rest between two moments of a replay."""
_LOOK_INTERVAL = seconds(0.05)
FINISH_LIMIT = seconds(120)
"""How long after the end of a path the orders that are under way may take."""


class Simulation:
    """A cluster, a market, a wallet with SOL, and an engine that guards it. Use as a context manager.

    Args:
        clock: drives cluster and engine alike.
        settings: of the engine.
        ids: names of orders and positions.
        database: the SQLite file that is made for it; there must be none.
        funds: lamports that the wallet begins with.
        poll_prices: whether the engine polls the market's prices by itself.
        dumps: directory of programs and accounts to load into the cluster.
    """

    def __init__(
        self,
        *,
        clock: ManualClock | SystemClock,
        settings: Settings,
        ids: Ids,
        database: Path,
        funds: Lamports,
        poll_prices: bool,
        dumps: Path | None = None,
    ) -> None:
        self.clock = clock
        self.funds = funds
        self.world = World(clock, dumps=dumps)
        self.wallet = Wallet.generate()
        self.store = open_store(database, profile="demo")
        self._settings = settings
        self._ids = ids
        self._poll_prices = poll_prices
        self.engine: Engine

    def __enter__(self) -> Self:
        self.world.start()
        self.world.fund(self.wallet.address, lamports=self.funds)
        polled = self._poll_prices
        self.engine = Engine(
            self._connected(),
            self._settings,
            max_price_age=self._settings.max_price_age if polled else None,
            check_interval=seconds(0.5) if polled else None,
        )
        self.engine.start()
        return self

    def _connected(self) -> Ports:
        """Return the outside, as the engine is to use it."""
        return connect(
            self._settings,
            clock=self.clock,
            ids=self._ids,
            store=self.store,
            signer=self.wallet,
            rpc_url=self.world.rpc_url,
            jupiter_url=self.world.jupiter_url,
            # What comes over a websocket comes at a moment of the machine, not of a clock that is moved by hand:
            # with it, two replays at full speed would not be the same.
            ws_url=None if isinstance(self.clock, ManualClock) else self.world.ws_url,
            poll_prices=self._poll_prices,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.engine.stop(timeout=0.0 if isinstance(self.clock, ManualClock) else 10.0)
        self.engine.ports.close()
        self.world.stop()


class Replay:
    """One position, guarded over a price path.

    Args:
        simulation: whose clock is where the path begins; its engine must not poll.
        path: the prices, in SOL per whole token.
        token: what is bought.
    """

    def __init__(self, simulation: Simulation, path: PricePath, token: Token) -> None:
        self._simulation = simulation
        self._path = path
        self._mint = token.address
        self._closed = threading.Event()
        clock = simulation.clock
        self._wait = FastForward(simulation) if isinstance(clock, ManualClock) else RealTime(clock)
        simulation.engine.ports.bus.subscribe("position.*.closed", lambda _subject, _data: self._closed.set())

    def run(self, spend: Lamports, plan: ExitPlan, symbol: str) -> Position:
        """Buy for *spend* lamports at the first price, and play the path until it ends or the position is closed.

        Raises:
            EngineError: the entry was not filled.
        """
        first, *rest = self._path.points
        self._simulation.world.set_price(self._mint, first.price)
        entry = self._simulation.engine.open_position(self._mint, spend, plan, symbol=symbol)
        for point in rest:
            if self._closed.is_set():
                break
            self._wait.until(point.at)
            self._simulation.world.set_price(self._mint, point.price)
            tick = Tick(mint=self._mint, price=point.price, source="replay", observed_at=self._simulation.clock.now())
            self._simulation.engine.observe(tick)
            self._wait.rest()
        self._finish()
        position = self._simulation.store.position(entry.position_id)
        if position is None:
            order = self._simulation.store.order(entry.id)
            raise EngineError(f"the entry was not filled: {order.last_error if order else entry.id}")
        return position

    def _finish(self) -> None:
        """Let what is under way as the path ends come to its end, and the rent of markers back."""
        if not self._closed.is_set():
            self._let_the_last_price_count()
        store, limit = self._simulation.store, Nanos(self._simulation.clock.now() + self._wait.patience)
        self._wait.until_true(lambda: not store.orders(unfinished_only=True) and not store.markers(), limit)

    def _let_the_last_price_count(self) -> None:
        """Give a jump at the end of the path the time after which it counts, as nothing contradicts it any more."""
        simulation = self._simulation
        simulation.engine.system.activity.wait_idle(REST_TIMEOUT)
        self._wait.until(Nanos(simulation.clock.now() + simulation.engine.settings.prices.rules().second_look + 1))
        simulation.engine.system.activity.wait_idle(REST_TIMEOUT)


class FastForward:
    """As fast as it will go: time moves on only when every actor has come to rest."""

    def __init__(self, simulation: Simulation) -> None:
        assert isinstance(simulation.clock, ManualClock)
        self._clock = simulation.clock
        self._simulation = simulation
        self.patience = FINISH_LIMIT

    def rest(self) -> None:
        """Wait until every actor has handled its mail.

        Raises:
            EngineError: they do not come to rest.
        """
        if not self._simulation.engine.system.activity.wait_idle(REST_TIMEOUT):
            raise EngineError(f"the engine did not come to rest within {REST_TIMEOUT:.0f} s")

    def until(self, at: Nanos) -> None:
        """Let time pass until *at*, with all that falls due on the way."""
        self.rest()
        while self._next(at):
            pass
        self._clock.advance_to(at)
        self.rest()

    def until_true(self, condition: Callable[[], bool], limit: Nanos) -> None:
        """Let time pass until *condition* holds, or *limit*, or nothing more falls due."""
        self.rest()
        while not condition() and self._next(limit):
            pass

    def _next(self, limit: Nanos) -> bool:
        at = self._clock.next_at()
        if at is None or at > limit:
            return False
        self._clock.advance_to(at)
        self.rest()
        return True


class RealTime:
    """At the clock's own pace."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        # The servers and the engine take their time in seconds of the machine, however fast the clock runs.
        self.patience = Nanos(int(FINISH_LIMIT * max(1.0, clock.speed)))

    def rest(self) -> None:
        """Go on at once: the engine keeps up by itself, or conflates."""

    def until(self, at: Nanos) -> None:
        """Wait until *at*."""
        come = threading.Event()
        self._clock.call_at(at, come.set)
        come.wait()

    def until_true(self, condition: Callable[[], bool], limit: Nanos) -> None:
        """Wait until *condition* holds, or *limit*."""
        while not condition() and self._clock.now() < limit:
            self.until(Nanos(self._clock.now() + _LOOK_INTERVAL))
