"""The feed takes what the sources saw, refuses what is not fit to trade on, and passes the rest to the markets.

Which price counts is decided by `engine.domain.price_guard`, which source is listened to by `engine.domain.voices`;
the feed performs what they say: it passes on, counts and publishes what was rejected, asks the pollers for a second
look at a price that is far off, and lets a source rest that failed. Once a second it looks for what a person must
know: a mint that is guarded and has had no usable price for longer than the limit is a blind stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, System, market_name
from engine.domain.exits import still
from engine.domain.price_alerts import PriceTrouble, price_alert, price_alert_key, troubles
from engine.domain.price_guard import Accepted, Guard, Held, Rejected, Step, observed, time_is_up
from engine.domain.quality import DEFAULT_RULES, PriceRules, Tick
from engine.domain.units import AlertId, Mint, Nanos, seconds
from engine.domain.voices import REST, Listening, resting_after
from engine.messages.alerts import RaiseAlert, ResolveAlerts
from engine.messages.control import Snapshot
from engine.messages.prices import (
    LookAgain,
    PriceMoved,
    RestSource,
    SourceFailed,
    SourceReady,
    TickObserved,
    UnwatchMint,
    WatchMint,
)
from engine.ports import Store

CHECK_INTERVAL = seconds(1)
"""How often is looked for what a person must know."""


@dataclass(frozen=True, slots=True)
class _LookAround:
    pass


@dataclass(frozen=True, slots=True)
class _SecondLookIsOver:
    mint: Mint


class Feed(EngineActor):
    """The newest good price of every guarded mint. See the module.

    Args:
        system: whose clock and bus are used.
        name: of the actor.
        max_price_age: the oldest price that is of use; None for any, where prices come from a recording: silence is
            then none, and nobody is told of it.
        rules: by what prices are compared.
        pollers: the poller of each source, by the source's name, in the order in which they are listened to.
        store: knows the last price of every open position, with which the first tick of its mint is compared.
        quorum: how many sources must agree before a price counts.
        rest: how long a source that failed is left alone while another one answers.
    """

    def __init__(
        self,
        system: System,
        name: str,
        *,
        max_price_age: Nanos | None,
        rules: PriceRules = DEFAULT_RULES,
        pollers: Mapping[str, str] = MappingProxyType({}),
        store: Store | None = None,
        quorum: int = 1,
        rest: Nanos = REST,
    ) -> None:
        super().__init__(system, name)
        self._max_age = max_price_age
        self._quorum = quorum
        self._rest = rest
        self._rules = rules
        self._pollers = pollers
        self._store = store
        self._guards: dict[Mint, Guard] = {}
        self._watched: dict[Mint, Nanos] = {}
        self._resting: dict[str, Nanos] = {}
        self._alerted: dict[tuple[PriceTrouble, Mint], bool] = {}
        self._rejected: Counter[str] = Counter()

    def started(self) -> None:
        """Begin to look around, where there is a limit to silence."""
        if self._max_age is not None:
            self.tell_self_at(Nanos(self.now() + CHECK_INTERVAL), _LookAround())

    def receive(self, message: Any) -> Any:
        """Take a price, a failure of a source, or a mint in or out."""
        match message:
            case TickObserved(tick=tick):
                self._perform(tick.mint, observed(self._guard(tick.mint), tick, self._listening()))
            case _SecondLookIsOver(mint=mint):
                self._perform(mint, time_is_up(self._guard(mint), self._listening()))
            case SourceFailed():
                self._source_failed(message)
            case SourceReady(source=source):
                self._brief(source)
            case WatchMint(mint=mint):
                self._watched[mint] = self.now()
                self._tell_pollers(message)
                self._recall(mint)
            case UnwatchMint(mint=mint):
                self._forget(mint)
                self._tell_pollers(message)
            case _LookAround():
                try:
                    for mint in self._watched:
                        self._look_at(mint)
                finally:
                    self.tell_self_at(Nanos(self.now() + CHECK_INTERVAL), message)
            case Snapshot():
                return self._snapshot()
            case _:
                return super().receive(message)
        return None

    def _snapshot(self) -> dict[str, Any]:
        return {
            "newest": {mint: guard.good for mint, guard in self._guards.items() if guard.good is not None},
            "held": {mint: guard.suspect.tick for mint, guard in self._guards.items() if guard.suspect is not None},
            "rejected": dict(self._rejected),
            "blind": {mint for (trouble, mint), on in self._alerted.items() if on and trouble is PriceTrouble.BLIND},
            "resting": self._listening().resting,
        }

    # Prices -----------------------------------------------------------------------------------------------

    def _guard(self, mint: Mint) -> Guard:
        return self._guards.get(mint) or Guard()

    def _listening(self) -> Listening:
        now = self.now()
        resting = frozenset(source for source, until in self._resting.items() if until > now)
        return Listening(
            now=now,
            rules=self._rules,
            max_age=self._max_age,
            sources=tuple(self._pollers),
            resting=resting,
            quorum=self._quorum,
        )

    def _perform(self, mint: Mint, step: Step) -> None:
        self._guards[mint], verdicts = step
        for verdict in verdicts:
            match verdict:
                case Accepted(tick=tick):
                    self._accept(tick)
                case Rejected(tick=tick, fault=fault):
                    self._reject(tick, fault)
                case Held():
                    self._hold(verdict)

    def _accept(self, tick: Tick) -> None:
        if tick.mint in self._watched:
            self.tell(market_name(tick.mint), PriceMoved(mint=tick.mint, window=still(tick.price, tick.observed_at)))
            self._alert(PriceTrouble.BLIND, tick.mint, None)
        self.publish(f"price.{tick.mint}.tick", tick=tick)

    def _reject(self, tick: Tick, fault: str) -> None:
        self._rejected[fault] += 1
        self.log.warning("price_rejected", mint=tick.mint, price=tick.price, source=tick.source, fault=fault)
        self.publish("engine.price_rejected", tick=tick, fault=fault)

    def _hold(self, held: Held) -> None:
        tick = held.tick
        self.log.warning("price_held", mint=tick.mint, price=tick.price, source=tick.source)
        self.publish("engine.price_held", tick=tick, until=held.until)
        self.tell_self_at(held.until, _SecondLookIsOver(tick.mint))
        if held.ask and tick.mint in self._watched:
            resting = self._listening().resting
            for source, poller in self._pollers.items():
                if source not in resting:
                    self.tell(poller, LookAgain(mint=tick.mint))

    # Sources ----------------------------------------------------------------------------------------------

    def _source_failed(self, failed: SourceFailed) -> None:
        self.log.warning("source_failed", source=failed.source, error=failed.error)
        self.publish("engine.price_source_down", source=failed.source, error=failed.error)
        before, now = self._resting, self.now()
        self._resting = resting_after(before, failed.source, self._pollers, now, self._rest)
        for source, poller in self._pollers.items():
            until = self._resting.get(source, now)
            if until != before.get(source, now):
                self.tell(poller, RestSource(until=until))

    def _brief(self, source: str) -> None:
        """Tell the poller of *source*, which may take the place of one that died, what is guarded."""
        if source in self._pollers:
            for mint in self._watched:
                self.tell(self._pollers[source], WatchMint(mint=mint))

    def _tell_pollers(self, message: WatchMint | UnwatchMint) -> None:
        for poller in self._pollers.values():
            self.tell(poller, message)

    # Mints ------------------------------------------------------------------------------------------------

    def _recall(self, mint: Mint) -> None:
        """Let the first tick of *mint* be compared with the last price that the store knows."""
        if mint in self._guards or self._store is None:
            return
        # One look at the store serves every position that is open as the engine starts.
        for position in self._store.positions(open_only=True):
            if position.last_price > 0:
                self._guards.setdefault(position.mint, Guard(reference=position.last_price))

    def _forget(self, mint: Mint) -> None:
        self._watched.pop(mint, None)
        for trouble in PriceTrouble:
            self._alert(trouble, mint, None)
            del self._alerted[trouble, mint]

    def _look_at(self, mint: Mint) -> None:
        found = troubles(self._guard(mint), mint, self._watched[mint], self._listening())
        for trouble in PriceTrouble:
            self._alert(trouble, mint, found.get(trouble))

    def _alert(self, trouble: PriceTrouble, mint: Mint, message: str | None) -> None:
        """Raise or resolve where that changes anything; a feed that just began knows of no alert, and resolves once."""
        if self._alerted.get((trouble, mint)) is (message is not None):
            return
        self._alerted[trouble, mint] = message is not None
        if message is None:
            self.tell(ALERTS, ResolveAlerts(dedupe_key=price_alert_key(trouble, mint)))
        else:
            alert_id = AlertId(self.system.ids.new("alert"))
            self.tell(ALERTS, RaiseAlert(alert=price_alert(trouble, mint, message, alert_id, self.now())))
