"""People: one who gives orders at random, and one who comes in the end and sets right what waits for a person."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from actors.system import ALERTS, ROUTER, position_name
from engine.domain.order import Order
from engine.domain.position import Position
from engine.messages.alerts import AcknowledgeAlert
from engine.messages.control import EmergencyExit, ExitPosition, ReleasePosition, RetryExit
from engine.messages.orders import CancelOrder

if TYPE_CHECKING:
    from tests.simulation.world import World


class Operator:
    """Gives orders that may or may not make sense at the time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng

    def act(self) -> None:
        """Do something, perhaps."""
        positions = self._world.store.positions()
        if not positions or self._rng.random() >= self._world.weather.operator:
            return
        position = self._rng.choice(positions)
        self._rng.choice((self._sell, self._sell_now, self._cancel, self._retry, self._release, self._acknowledge))(
            position
        )

    def _sell(self, position: Position) -> None:
        percent = self._rng.choice((Decimal(10), Decimal("33.3"), Decimal(50), Decimal(100), Decimal(5)))
        self._world.ask(position_name(position.id), ExitPosition(percent=percent))

    def _sell_now(self, position: Position) -> None:
        if self._rng.random() < 0.3:
            self._world.ask(position_name(position.id), EmergencyExit())

    def _cancel(self, position: Position) -> None:
        if order := self._some_order(position):
            self._world.ask(ROUTER, CancelOrder(order_id=order.id))

    def _retry(self, position: Position) -> None:
        if order := self._some_order(position):
            retry = RetryExit(failed=order, everything=self._rng.random() < 0.3)
            self._world.ask(position_name(position.id), retry)

    def _release(self, position: Position) -> None:
        self._world.ask(position_name(position.id), ReleasePosition())

    def _acknowledge(self, _position: Position) -> None:
        if alerts := self._world.store.alerts():
            self._world.ask(ALERTS, AcknowledgeAlert(alert_id=self._rng.choice(alerts).id))

    def _some_order(self, position: Position) -> Order | None:
        """Return an order of *position*, more often than not the one that it waits for."""
        orders = self._world.store.orders(position_id=position.id)
        active = self._world.store.exit_of(position)
        if active is not None and self._rng.random() < 0.7:
            return active
        return self._rng.choice(orders) if orders else None


def retry_what_failed(world: World) -> None:
    """Have a person retry every exit that failed for good."""
    for position in world.store.positions():
        failed = world.store.exit_of(position)
        if position.needs_action and failed is not None:
            world.ask(position_name(position.id), RetryExit(failed=failed, everything=world.rng.random() < 0.5))
