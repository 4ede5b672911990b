"""The positions of a run and the prices that they meet."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from actors.system import FEED, ROUTER, SUPERVISOR
from engine.domain.entries import adopted, entry_order
from engine.domain.plan import ExitPlan, Stagnation, TakeProfit, TrailingStop
from engine.domain.swap import TokenInfo
from engine.domain.units import Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, lamports, seconds
from engine.messages.orders import PlaceEntry, PositionOpened
from engine.messages.prices import Tick, TickObserved
from tests.simulation.weather import CALM

if TYPE_CHECKING:
    from tests.simulation.world import World

SPARE = 10**18
"""Raw units that the wallet holds beside the positions, so that the chain does not save us from selling twice."""


class Portfolio:
    """Opens positions, and moves the prices of their tokens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self._volatility: dict[Mint, float] = {}
        self._rebound: dict[Mint, Decimal] = {}

    def begin(self) -> None:
        """List tokens, and open a position or two of each."""
        for number in range(self._rng.randint(1, 3)):
            mint = Mint(f"mint-{number}")
            self._world.market.decimals[mint] = self._rng.choice((0, 5, 6, 9))
            self._world.market.prices[mint] = _price(math.exp(self._rng.uniform(-9, 0)))
            self._world.chain.tokens[mint] = SPARE
            self._volatility[mint] = self._rng.choice((0.01, 0.05, 0.15))
            for _ in range(self._rng.choice((1, 1, 2))):
                opening = self._adopt if self._rng.random() < 0.6 else self._enter
                self._world.after(self._rng.uniform(0, 5), partial(opening, mint))
            self._world.after(self._rng.uniform(0, 1), partial(self._tick, mint))

    # Positions ----------------------------------------------------------------------------------------------

    def _adopt(self, mint: Mint) -> None:
        """Guard tokens that the wallet holds already."""
        world, unit = self._world, 10 ** self._world.market.decimals[mint]
        amount = RawAmount(self._rng.randint(1, 10_000) * unit + self._rng.randrange(unit))
        position = adopted(
            self._token(mint),
            mint.upper(),
            amount,
            world.market.prices[mint],
            self._plan(),
            position_id=PositionId(world.ids.new("position")),
            held=amount,
            now=world.now,
        )
        world.store.keep(position)
        if world.process is not None:
            world.process.system.tell(SUPERVISOR, PositionOpened(position=position))

    def _enter(self, mint: Mint) -> None:
        """Order tokens to be bought, once there is an engine to order them from."""
        if self._world.process is None:
            self._world.after(1, partial(self._enter, mint))
            return
        order = entry_order(
            self._token(mint),
            mint.upper(),
            Lamports(self._rng.randint(10**8, 10**10)),
            self._plan(),
            order_id=OrderId(self._world.ids.new("entry")),
            position_id=PositionId(self._world.ids.new("position")),
            wallet_sol=lamports(1000),
            policies=self._world.policies,
            now=self._world.now,
            marker_seed=self._world.ids.seed(),
        )
        self._world.ask(ROUTER, PlaceEntry(order=order))

    def _token(self, mint: Mint) -> TokenInfo:
        return TokenInfo(mint=mint, decimals=self._world.market.decimals[mint], program="token")

    def _plan(self) -> ExitPlan:
        rng = self._rng
        gains = sorted(rng.sample(range(5, 120), rng.randint(0, 3)))
        trailing = TrailingStop(activation_pct=Decimal(rng.randint(5, 30)), trail_pct=Decimal(rng.randint(5, 25)))
        stagnation = Stagnation(band_pct=Decimal(2), window=seconds(rng.randint(10, 30)))
        return ExitPlan(
            stop_loss_pct=Decimal(rng.randint(3, 40)),
            take_profits=tuple(
                TakeProfit(gain_pct=Decimal(gain), sell_pct=Decimal(rng.randint(5, 95))) for gain in gains
            ),
            trailing=trailing if rng.random() < 0.3 else None,
            max_hold=seconds(rng.randint(31, 120)) if rng.random() < 0.2 else None,
            stagnation=stagnation if rng.random() < 0.2 else None,
        )

    # Prices -------------------------------------------------------------------------------------------------

    def _tick(self, mint: Mint) -> None:
        world, weather = self._world, self._world.weather
        if weather is CALM:
            world.after(5, partial(self._tick, mint))
        else:
            world.after(min(0.1 + self._rng.expovariate(0.7), 8), partial(self._tick, mint))
            world.market.prices[mint] = self._next_price(mint, weather.price_crash)
            if self._rng.random() < weather.lost_tick:
                return
            if self._rng.random() < weather.bad_tick:
                self._tell(self._bad_tick(mint))
        price = float(world.market.prices[mint])
        world.watch.priced(mint, price)
        self._tell(Tick(mint=mint, price=price, source="simulated", observed_at=world.now))

    def _next_price(self, mint: Mint, crash: float) -> Decimal:
        if mint in self._rebound:
            return self._rebound.pop(mint)
        price = self._world.market.prices[mint]
        if self._rng.random() < crash:
            if self._rng.random() < 0.5:
                self._rebound[mint] = price
            return _price(float(price) * self._rng.uniform(0.3, 0.9))
        return _price(float(price) * math.exp(self._rng.gauss(0, self._volatility[mint])))

    def _bad_tick(self, mint: Mint) -> Tick:
        """Return a price that nothing may be decided on: all but the last would set off every stop."""
        now, price = self._world.now, float(self._world.market.prices[mint])
        low = price / 1000
        worst = (math.nan, math.inf, -price, 0.0)
        late = [(low, Nanos(now - seconds(60)))] if self._world.max_price_age is not None else []
        chosen = self._rng.choice([*((value, now) for value in worst), (low, Nanos(now + seconds(60))), *late])
        return Tick(mint=mint, price=chosen[0], source="broken", observed_at=chosen[1])

    def _tell(self, tick: Tick) -> None:
        if self._world.process is not None:
            self._world.process.system.tell(FEED, TickObserved(tick=tick))


def _price(value: float) -> Decimal:
    """Return a price with as many digits as a market gives."""
    return Decimal(f"{value:.6g}")
