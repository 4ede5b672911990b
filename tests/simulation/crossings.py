"""Stops that were touched: each is to be answered once the price has come as far as the position's actor.

A price that was on its way when an actor on that way died, or the power was cut, is not counted: nobody was there.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.system import market_name, position_name
from engine.domain.order import Order
from engine.domain.position import Position
from engine.domain.units import Mint, Nanos, PositionId
from engine.domain.urgency import ExitReason
from engine.messages.prices import PriceMoved
from tests.simulation.process import Scheduler
from tests.simulation.store import SimulatedStore
from tests.simulation.watch import stop_touched

_ANSWERS = (ExitReason.STOP_LOSS, ExitReason.EMERGENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One touch of a stop."""

    position_id: PositionId
    mint: Mint
    price: float
    at: Nanos


class Crossings:
    """What was touched, what is still on its way, and what was answered."""

    def __init__(self, store: SimulatedStore) -> None:
        self.answered: list[Crossing] = []
        self._store = store
        self._coming: list[Crossing] = []
        self._listening: set[PositionId] = set()

    def listens(self, position_id: PositionId) -> None:
        """Note that a market passes prices on to that position."""
        self._listening.add(position_id)

    def accepted(self, mint: Mint, price: float, at: Nanos, scheduler: Scheduler) -> None:
        """Note the stops that a price touches which the feed accepted and passed on."""
        if not scheduler.awaits(market_name(mint), PriceMoved):
            return  # the mint was not watched yet
        for position in self._store.positions(open_only=True):
            there = position.id in self._listening and position_name(position.id) in scheduler.by_name
            if position.mint == mint and there and stop_touched(position, price):
                self._coming.append(Crossing(position_id=position.id, mint=mint, price=price, at=at))

    def died(self, name: str) -> None:
        """Forget what an actor had before it that is gone."""
        gone = {c for c in self._coming if name in (market_name(c.mint), position_name(c.position_id))}
        self._coming = [crossing for crossing in self._coming if crossing not in gone]
        deaf = {p for p in self._listening if name == position_name(p) or name.startswith("market:")}
        self._listening -= deaf

    def all_gone(self) -> None:
        """Forget all that was on its way."""
        self._coming.clear()
        self._listening.clear()

    def unanswered(self, scheduler: Scheduler) -> list[str]:
        """Return, of the crossings that have arrived, those that led to nothing."""
        arrived = [c for c in self._coming if not self._on_its_way(c, scheduler)]
        if not arrived:
            return []
        self._coming = [crossing for crossing in self._coming if crossing not in arrived]
        self.answered += arrived
        return [f"{crossing} led to nothing" for crossing in arrived if not self._answer(crossing)]

    def _on_its_way(self, crossing: Crossing, scheduler: Scheduler) -> bool:
        way = (market_name(crossing.mint), position_name(crossing.position_id))
        return any(scheduler.awaits(name, PriceMoved) for name in way)

    def _answer(self, crossing: Crossing) -> bool:
        position = self._store.position(crossing.position_id)
        if position is None or position.closed or _aims_at_all(position):
            return True
        return any(_answers(order, crossing) for order in self._store.orders(position_id=position.id))


def _aims_at_all(position: Position) -> bool:
    intentions = (position.active_exit, position.wanted_exit)
    return any(intention is not None and intention.reason in _ANSWERS for intention in intentions)


def _answers(order: Order, crossing: Crossing) -> bool:
    return order.exit_reason in _ANSWERS and order.updated_at >= crossing.at
