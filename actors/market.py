"""A market hands the newest price of one mint to every position in it."""

from __future__ import annotations

from typing import Any

from actors.base import EngineActor
from actors.system import System, position_name
from engine.domain.exits import still
from engine.domain.units import Mint, PositionId
from engine.messages.control import Snapshot
from engine.messages.prices import PriceMoved, Subscribe, Unsubscribe


class Market(EngineActor):
    """One mint's latest price and who is told of it. It decides nothing."""

    def __init__(self, system: System, name: str, *, mint: Mint) -> None:
        super().__init__(system, name)
        self._mint = mint
        self._latest: PriceMoved | None = None
        self._positions: dict[PositionId, None] = {}

    def receive(self, message: Any) -> Any:
        """Pass a price on, or take a position in or out."""
        match message:
            case PriceMoved():
                self._latest = message
                for position_id in self._positions:
                    self.tell(position_name(position_id), message)
            case Subscribe(position_id=position_id):
                self._positions[position_id] = None
                if self._latest is not None:
                    # What the price did before the position was there is not its business.
                    window = still(self._latest.window.last, self._latest.window.at)
                    self.tell(position_name(position_id), PriceMoved(mint=self._mint, window=window))
            case Unsubscribe(position_id=position_id):
                self._positions.pop(position_id, None)
            case Snapshot():
                return self._latest
            case _:
                return super().receive(message)
        return None
