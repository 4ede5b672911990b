"""The leaseholder keeps the wallet's lease, by which no second engine works for the same wallet.

The lease was acquired before any actor started. Losing it is the one error that nothing is waited for after: another
engine trades for the wallet, and the store takes nothing from this one any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import System
from engine.domain.alert import Severity
from engine.domain.units import Nanos
from engine.ports import LeaseError, Store

RENEWALS = 3
"""How often a lease is renewed in the time for which it holds: two renewals may fail before it is over."""


@dataclass(frozen=True, slots=True)
class _Renew:
    pass


class Leaseholder(EngineActor):
    """Renews the lease until it is lost. See the module.

    Args:
        wallet: whose lease it is.
        holder: in whose name.
        ttl: how long it holds without a renewal; None where nobody else could take it, as in a replay.
    """

    def __init__(self, system: System, name: str, *, store: Store, wallet: str, holder: str, ttl: Nanos | None) -> None:
        super().__init__(system, name)
        self._store = store
        self._wallet = wallet
        self._holder = holder
        self._ttl = ttl

    def started(self) -> None:
        """Renew at once: whoever is started again does not know when that was done last."""
        if self._ttl is not None:
            self._renew(self._ttl)

    def receive(self, message: Any) -> Any:
        """Renew."""
        match message:
            case _Renew() if self._ttl is not None:
                self._renew(self._ttl)
            case _:
                return super().receive(message)
        return None

    def _renew(self, ttl: Nanos) -> None:
        try:
            self._store.renew_lease(self._wallet, self._holder, now=self.now(), ttl=ttl)
        except LeaseError as error:
            self._lost(error)
            return
        except Exception:
            # A database that is away for a moment; the lease holds until then.
            self.log.exception("lease_not_renewed")
        self.tell_self_at(Nanos(self.now() + ttl // RENEWALS), _Renew())

    def _lost(self, error: LeaseError) -> None:
        self.log.critical("lease_lost", error=str(error))
        self.alert(
            "lease_lost",
            Severity.CRITICAL,
            "ANOTHER ENGINE HAS THE WALLET - this one stops",
            str(error),
            data={"wallet": self._wallet},
            requires_action=True,
            dedupe_key="lease_lost",
        )
        self.publish("engine.lease_lost", wallet=self._wallet, error=str(error))
