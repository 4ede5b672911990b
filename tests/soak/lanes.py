"""What is done with one token: buy, leave in one of many ways, and begin again.

A lane is a generator that yields what it waits for. All of them run on one thread, which looks again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from enum import StrEnum
from functools import partial
from random import Random
from typing import TypeVar

import pykka

from engine.app import Engine
from engine.domain.errors import EngineError
from engine.domain.order import Order, OrderStatus
from engine.domain.plan import ExitPlan, TakeProfit, TrailingStop
from engine.domain.position import Position
from engine.domain.units import Mint, Nanos, PositionId, lamports, seconds
from tests.soak.stage import BASE_PRICE, Stage

SPEND = lamports("0.1")
PLAN = ExitPlan(
    stop_loss_pct=Decimal(20),
    take_profits=(
        TakeProfit(gain_pct=Decimal(20), sell_pct=Decimal(40)),
        TakeProfit(gain_pct=Decimal(60), sell_pct=Decimal(100)),
    ),
    trailing=TrailingStop(activation_pct=Decimal(10), trail_pct=Decimal(8)),
)
PATIENCE = seconds(240)
"""How long anything that is waited for may take: longer than all attempts of an order, each proven dead first."""
MOST_RETRIES = 20
"""How often a person tries an exit of one position again."""
_STEPS = (-90, -30, 30, 90)
"""Seconds by which the cluster's own clock jumps."""
T = TypeVar("T")


class Way(StrEnum):
    """How a position is left."""

    STOP = "stop loss"
    PROFITS = "two take profits"
    PROFIT_THEN_STOP = "a take profit, then the stop loss at once"
    TRAIL = "trailing stop"
    MANUAL = "half by hand, then the rest"
    EMERGENCY = "emergency"
    EMERGENCY_FOR_ALL = "emergency of everything"
    FROZEN = "stop loss of a frozen account, thawed after the alert"


_WEIGHTS = {Way.EMERGENCY_FOR_ALL: 1, Way.FROZEN: 1}
_USUAL = 4

Wait = tuple[str, Callable[[], bool]]
"""What is waited for, in words, and whether it has come."""


class Lane:
    """One token, again and again until it is told to end. Belongs to one thread."""

    def __init__(self, engine: Engine, stage: Stage, mint: Mint, symbol: str, *, rng: Random) -> None:
        self.ways: Counter[Way] = Counter()
        self.refused: Counter[str] = Counter()
        """Commands that the engine refused or could not carry out, by the kind of error: they are given again."""
        self.over = False
        self.breach: str | None = None
        self._engine, self._stage, self._mint, self._symbol, self._rng = engine, stage, mint, symbol, rng
        self._ending = False
        self._steps = self._run()
        self._wait: Wait = ("the first step", lambda: True)
        self._since = engine.ports.clock.now()

    def end(self) -> None:
        """Open no other position; what is open is left."""
        self._ending = True

    @property
    def waits_for(self) -> str:
        """What it waits for, in words."""
        return f"{self._symbol}: {self._wait[0]}"

    def look(self) -> None:
        """Go on if what is waited for has come; what does not come is a breach."""
        if self.over:
            return
        _, has_come = self._wait
        now = self._engine.ports.clock.now()
        if has_come():
            self._since = now
            try:
                self._wait = next(self._steps)
            except StopIteration:
                self.over = True
        elif now > self._since + PATIENCE:
            self.over = True
            self.breach = f"{self.waits_for} has not come for {PATIENCE / 1e9:.0f} s"

    def _run(self) -> Iterator[Wait]:
        while not self._ending:
            yield from self._given(lambda: self._stage.price(self._mint, Decimal(1)))
            yield from self._pause()
            order = yield from self._given(
                lambda: self._engine.open_position(self._mint, SPEND, PLAN, symbol=self._symbol)
            )
            yield f"the end of entry {order.id}", partial(self._entered, order)
            if (position := self._position(order.position_id)) is not None:
                way = self._rng.choices(list(Way), [_WEIGHTS.get(way, _USUAL) for way in Way])[0]
                yield from self._leave(position, way)
                self.ways[way] += 1

    def _leave(self, position: Position, way: Way) -> Iterator[Wait]:
        if self._rng.random() < 0.05:
            self._stage.step_time(self._rng.choice(_STEPS))
        match way:
            case Way.STOP:
                self._price("0.7")
            case Way.PROFITS:
                self._price("1.3")
                yield from self._pause()
                self._price("1.7")
            case Way.PROFIT_THEN_STOP:
                self._price("1.3")
                yield from self._pause()
                self._price("0.6")
            case Way.TRAIL:
                self._price("1.15")
                yield f"the peak of {position.id}", lambda: self._stands(position) or self._peaked(position)
                self._price("1.02")
            case Way.MANUAL:
                yield from self._given(lambda: self._still(position) and self._engine.exit(position.id, Decimal(50)))
                yield f"half of {position.id}", lambda: self._idle(position)
                yield from self._given(lambda: self._still(position) and self._engine.exit(position.id))
            case Way.EMERGENCY:
                yield from self._given(lambda: self._still(position) and self._engine.emergency_exit(position.id))
            case Way.EMERGENCY_FOR_ALL:
                yield from self._given(self._engine.emergency_exit_all)
            case Way.FROZEN:
                self._stage.freeze(self._mint)
                self._price("0.7")
                yield f"the alert of {position.id}", lambda: self._stands(position)
                self._stage.thaw(self._mint)
        yield from self._see_off(position)

    def _see_off(self, position: Position) -> Iterator[Wait]:
        """Wait until the position is closed, and act where a person is asked to."""
        for _ in range(MOST_RETRIES):
            yield f"the end of {position.id}", lambda: self._stands(position)
            left = self._position(position.id)
            if left is None or left.closed:
                return
            yield from self._pause()
            yield from self._given(lambda: self._retried(position))
        self.breach = f"{self._symbol}: {position.id} is not closed after {MOST_RETRIES} retries by hand"

    def _given(self, command: Callable[[], T]) -> Generator[Wait, None, T]:
        """Give *command* until the engine takes it, a moment apart, and return its answer."""
        while True:
            try:
                return command()
            except (EngineError, pykka.Timeout) as error:
                self.refused[type(error).__name__] += 1
            yield from self._pause()

    def _pause(self) -> Iterator[Wait]:
        clock = self._engine.ports.clock
        until = Nanos(clock.now() + seconds(self._rng.uniform(0.3, 1.5)))
        yield "a moment", lambda: clock.now() >= until

    def _price(self, share: str) -> None:
        self._stage.price(self._mint, Decimal(share))

    def _position(self, position_id: PositionId) -> Position | None:
        return self._engine.ports.store.position(position_id)

    def _entered(self, entry: Order) -> bool:
        order = self._engine.ports.store.order(entry.id)
        return order is not None and order.status in {OrderStatus.FILLED, OrderStatus.CANCELLED}

    def _still(self, position: Position) -> bool:
        """Return whether there is something left to command."""
        left = self._position(position.id)
        return left is not None and not left.closed

    def _idle(self, position: Position) -> bool:
        left = self._position(position.id)
        return left is None or left.closed or left.needs_action or left.active_exit is None

    def _retried(self, position: Position) -> bool:
        """Have the exit retried that failed for good; return whether that was to be done."""
        left = self._position(position.id)
        if left is None or not left.needs_action or left.active_exit is None:
            return False
        self._engine.retry(left.active_exit.order_id, everything=True)
        return True

    def _peaked(self, position: Position) -> bool:
        """Return whether the engine has seen the price that the trailing stop begins at."""
        left = self._position(position.id)
        return left is not None and left.peak_price > 1.12 * float(BASE_PRICE)

    def _stands(self, position: Position) -> bool:
        left = self._position(position.id)
        return left is None or left.closed or left.needs_action
