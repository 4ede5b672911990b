"""The feed takes what the sources saw, refuses what is not fit to trade on, and passes the rest to the markets.

It also notices silence: a mint that is guarded and has had no usable price for longer than the limit is a blind
stop, and an alert.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System, market_name
from engine.domain.alert import Alert, Severity
from engine.domain.exits import still
from engine.domain.quality import fault_of
from engine.domain.units import AlertId, Mint, Nanos, seconds
from engine.messages.alerts import RaiseAlert, ResolveAlerts
from engine.messages.control import Snapshot
from engine.messages.prices import PriceMoved, SourceFailed, Tick, TickObserved, UnwatchMint, WatchMint

CHECK_INTERVAL = seconds(1)
"""How often silence is looked for."""


@dataclass(frozen=True, slots=True)
class _LookForSilence:
    pass


class Feed(EngineActor):
    """The newest good price of every guarded mint. See the module."""

    def __init__(self, system: System, name: str, *, max_price_age: Nanos | None, poller: str | None = None) -> None:
        super().__init__(system, name)
        self._max_age = max_price_age
        self._poller = poller
        self._newest: dict[Mint, Tick] = {}
        self._watched: dict[Mint, Nanos] = {}
        self._blind: set[Mint] = set()
        self._rejected: Counter[str] = Counter()

    def started(self) -> None:
        """Begin to look for silence, where there is a limit to it."""
        if self._max_age is not None:
            self.tell_self_at(Nanos(self.now() + CHECK_INTERVAL), _LookForSilence())

    def receive(self, message: Any) -> Any:
        """Take a price, a failure of a source, or a mint in or out."""
        match message:
            case TickObserved(tick=tick):
                self._observed(tick)
            case SourceFailed(source=source, error=error):
                self.log.warning("source_failed", source=source, error=error)
                self.publish("engine.price_source_down", source=source, error=error)
            case WatchMint(mint=mint):
                self._watched[mint] = self.now()
                self._pass_on(message)
            case UnwatchMint(mint=mint):
                self._forget(mint)
                self._pass_on(message)
            case _LookForSilence():
                self._look_for_silence()
                self.tell_self_at(Nanos(self.now() + CHECK_INTERVAL), message)
            case Snapshot():
                return {"newest": dict(self._newest), "rejected": dict(self._rejected), "blind": set(self._blind)}
            case _:
                return super().receive(message)
        return None

    def _observed(self, tick: Tick) -> None:
        last = self._newest.get(tick.mint)
        fault = fault_of(
            tick.price,
            tick.observed_at,
            last_at=last.observed_at if last else None,
            now=self.now(),
            max_age=self._max_age,
        )
        if fault:
            self._rejected[fault] += 1
            self.log.warning("price_rejected", mint=tick.mint, price=tick.price, source=tick.source, fault=fault)
            self.publish("engine.price_rejected", tick=tick, fault=fault)
            return
        self._newest[tick.mint] = tick
        if tick.mint in self._blind:
            self._blind.discard(tick.mint)
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_blind_key(tick.mint)))
        if tick.mint in self._watched:
            window = still(tick.price, tick.observed_at)
            self.tell(market_name(tick.mint), PriceMoved(mint=tick.mint, window=window))
        self.publish(f"price.{tick.mint}.tick", tick=tick)

    def _look_for_silence(self) -> None:
        if self._max_age is None:
            return
        now = self.now()
        for mint, since in self._watched.items():
            newest = self._newest.get(mint)
            heard = max(since, newest.observed_at) if newest else since
            if now - heard > self._max_age and mint not in self._blind:
                self._blind.add(mint)
                self.tell(ALERTS, RaiseAlert(alert=self._blind_alert(mint, heard, now)))

    def _blind_alert(self, mint: Mint, heard: Nanos, now: Nanos) -> Alert:
        return Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type="price_blind",
            severity=Severity.CRITICAL,
            title="NO PRICE - stops are blind",
            message=f"No usable price of {mint} for {(now - heard) / 1e9:.0f} s: its stop cannot fire.",
            data={"token": mint},
            requires_action=True,
            dedupe_key=_blind_key(mint),
            raised_at=now,
            updated_at=now,
        )

    def _forget(self, mint: Mint) -> None:
        self._watched.pop(mint, None)
        if mint in self._blind:
            self._blind.discard(mint)
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_blind_key(mint)))

    def _pass_on(self, message: WatchMint | UnwatchMint) -> None:
        if self._poller is not None:
            self.tell(self._poller, message)


def _blind_key(mint: Mint) -> str:
    return f"price_blind_{mint}"
