"""Following an order to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.cli.codes import UnansweredError
from engine.cli.remote.client import Client
from engine.cli.remote.names import path_of
from engine.cli.waiting import pause
from engine.domain.order import OrderStatus
from engine.domain.units import Nanos, seconds

WAIT_SECONDS = 300.0
"""How long an order is followed unless a command is told otherwise."""
_LOOK_INTERVAL = seconds(0.5)
_ENDS = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED})

Order = Mapping[str, Any]


class Following:
    """Looks at orders until they end or the time is over.

    Args:
        engine: whose orders.
        timeout: seconds for all that is followed.
        tell: is called with each order when its status or its attempt changes.
    """

    def __init__(self, engine: Client, *, timeout: float, tell: Callable[[Order], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._timeout = timeout
        self._deadline = engine.clock.now() + seconds(timeout)

    def outcome(self, ordered: Mapping[str, Any]) -> Order | None:
        """Return the order that an exit came to, once it has ended; see `engine.api.schemas.ExitOrdered`.

        An exit that had to wait for another one is looked for once that has ended; None where there was nothing left
        for it to sell.

        Raises:
            UnansweredError: the time is over.
        """
        if ordered["order"] is not None:
            return self.end_of(ordered["order"])
        before = self.end_of({"id": ordered["waits_for"]})
        while True:
            detail = self._engine.get(path_of("positions", ordered["position_id"]))
            after = [each for each in detail["orders"] if each["created_at"] > before["created_at"]]
            if after:
                return self.end_of(after[-1])
            if detail["position"]["status"] == "closed":
                return None
            self._pause(f"the exit of {ordered['position_id']}")

    def end_of(self, order: Order) -> Order:
        """Return *order* as it ended.

        Raises:
            UnansweredError: the time is over.
        """
        told = None
        while True:
            order = self._engine.get(path_of("orders", order["id"]))["order"]
            if told != (told := (order["status"], order["attempt_count"])):
                self._tell(order)
            if order["status"] in _ENDS:
                return order
            self._pause(f"order {order['id']}, {order['status']},")

    def _pause(self, what: str) -> None:
        now = self._engine.clock.now()
        if now >= self._deadline:
            raise UnansweredError(
                f"{what} has not ended within {self._timeout:g} s, and goes on: run.py orders shows it"
            )
        pause(self._engine.clock, Nanos(min(_LOOK_INTERVAL, self._deadline - now)))
