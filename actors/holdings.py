"""Holdings compares what the wallet holds with what its positions say, at the start and now and then.

It decides nothing: a node that lags, or answers with less than all, looks like a theft. What is missing twice in a row
is an alert for a person; no position is written off and nothing is sold on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System
from engine.domain.alert import Severity
from engine.domain.errors import ChainUnavailableError
from engine.domain.units import Mint, Nanos, seconds
from engine.messages.alerts import ResolveAlerts
from engine.messages.control import Snapshot
from engine.ports import Chain, Store

SECOND_LOOK = seconds(10)
"""How long after a shortage was first seen it is looked for again."""


@dataclass(frozen=True, slots=True)
class _Compare:
    pass


class Holdings(EngineActor):
    """Wallet against books. See the module.

    Args:
        interval: between two comparisons; None for one at the start alone.
    """

    def __init__(self, system: System, name: str, *, store: Store, chain: Chain, interval: Nanos | None) -> None:
        super().__init__(system, name)
        self._store = store
        self._chain = chain
        self._interval = interval
        self._suspected: set[Mint] = set()
        self._alerted: set[Mint] = set()

    def started(self) -> None:
        """Compare at once."""
        self.tell(self.name, _Compare())

    def receive(self, message: Any) -> Any:
        """Compare."""
        match message:
            case _Compare():
                try:
                    self._compare()
                except ChainUnavailableError as error:
                    self.log.warning("holdings_unknown", error=str(error))
                finally:
                    self._compare_later()
            case Snapshot():
                return {"suspected": set(self._suspected), "short": set(self._alerted)}
            case _:
                return super().receive(message)
        return None

    def _compare_later(self) -> None:
        wait = SECOND_LOOK if self._suspected - self._alerted else self._interval
        if wait is not None:
            self.tell_self_at(Nanos(self.now() + wait), _Compare())

    def _compare(self) -> None:
        for mint, booked in self._booked().items():
            held = self._chain.token_balance(mint)
            if held >= booked:
                self._found(mint)
            elif mint in self._suspected:
                self._missing(mint, booked, held)
            else:
                self._suspected.add(mint)

    def _booked(self) -> dict[Mint, int]:
        """Return the raw tokens that must be there by the books, of mints with no exit on its way."""
        positions = self._store.positions(open_only=True)
        moving = {position.mint for position in positions if position.active_exit and not position.needs_action}
        booked: defaultdict[Mint, int] = defaultdict(int)
        for position in positions:
            if position.mint not in moving:
                booked[position.mint] += position.remaining_tokens
        return booked

    def _found(self, mint: Mint) -> None:
        self._suspected.discard(mint)
        if mint in self._alerted:
            self._alerted.discard(mint)
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_key(mint)))

    def _missing(self, mint: Mint, booked: int, held: int) -> None:
        if mint in self._alerted:
            return
        self._alerted.add(mint)
        self.alert(
            "wallet_short",
            Severity.CRITICAL,
            "THE WALLET HOLDS LESS than its positions",
            f"Of {mint} the wallet holds {held} raw units, and its positions say {booked}.",
            data={"token": mint, "held": str(held), "booked": str(booked)},
            requires_action=True,
            dedupe_key=_key(mint),
        )


def _key(mint: Mint) -> str:
    return f"wallet_short_{mint}"
