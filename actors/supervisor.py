"""The supervisor starts the actors in order, restarts what dies, and never gives up silently.

An error in a handler costs one message (see base.py); this is for an actor that is gone all the same. It is
started again from the store under its name. More than `INTENSITY` restarts within `PERIOD` mean that restarting
does not help: the engine drains, an alert is raised, and whoever runs the engine hears `engine.failed`. A position or
a market that dies again and again harms only itself: it is set aside, and a person is told that nothing guards it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.base import EngineActor
from actors.executor import Executor
from actors.market import Market
from actors.position import PositionActor
from actors.system import ALERTS, CONFIRMER, FEED, MARKET, POSITION, ROUTER, System, market_name, position_name
from engine.domain.alert import Alert, Severity
from engine.domain.order import Attempt, AttemptStatus
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies
from engine.domain.units import AlertId, Mint, Nanos, PositionId, seconds
from engine.messages.alerts import RaiseAlert
from engine.messages.control import Drain, Reconcile, Snapshot
from engine.messages.orders import PositionClosed, PositionOpened
from engine.messages.prices import Subscribe, Unsubscribe, UnwatchMint, WatchMint
from engine.messages.swaps import ExecutorReady, WatchAttempt
from engine.ports import Store

INTENSITY = 5
PERIOD = seconds(10)
GUARD_INTENSITY = 3
"""The same for one position or market."""
STUCK_AFTER = seconds(20)
"""No handler takes this long while its time-outs hold. A thread cannot be stopped from outside, and what it holds might
still be written when it wakes: only a new process helps."""


@dataclass(frozen=True, slots=True)
class Child:
    """An actor that runs as long as the engine does."""

    name: str
    actor: type[EngineActor]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LookAfter:
    pass


class Supervisor(EngineActor):
    """Starts, watches and restarts the others. See the module."""

    def __init__(
        self,
        system: System,
        name: str,
        *,
        children: Sequence[Child],
        store: Store,
        policies: RetryPolicies,
        max_price_age: Nanos | None,
        check_interval: Nanos | None = seconds(0.5),
    ) -> None:
        super().__init__(system, name)
        self._children = children
        self._executors = {child.name for child in children if child.actor is Executor}
        self._store = store
        self._policies = policies
        self._max_price_age = max_price_age
        self._check_interval = check_interval
        self._starters: dict[str, Callable[[], None]] = {}
        self._positions: dict[Mint, dict[PositionId, None]] = {}
        self._restarts: deque[tuple[Nanos, str]] = deque()
        self._gave_up = False

    def started(self) -> None:
        """Start the children in their order, and then every position that the store says is open."""
        for child in self._children:
            self._start(child.name, lambda child=child: self._spawn(child))  # type: ignore[misc]
        for position in self._store.positions(open_only=True):
            self._guard(position)
        self._check_later()
        self.publish("engine.started", positions=sum(map(len, self._positions.values())))

    def receive(self, message: Any) -> Any:
        """Take a position in or out, hear of a failure, or look after the actors."""
        match message:
            case PositionOpened(position=position):
                self._guard(position)
            case PositionClosed(position=position):
                self._let_go(position)
            case _LookAfter():
                try:
                    self._look_after()
                finally:
                    self._check_later()
            case Snapshot():
                return {"actors": list(self._starters), "restarts": len(self._restarts), "gave_up": self._gave_up}
            case _:
                return super().receive(message)
        return None

    # Starting ---------------------------------------------------------------------------------------------

    def _start(self, name: str, starter: Callable[[], None]) -> None:
        self._starters[name] = starter
        starter()

    def _spawn(self, child: Child) -> None:
        self.system.spawn(child.name, child.actor, **child.arguments)

    def _guard(self, position: Position) -> None:
        mint = position.mint
        if position.id in self._positions.get(mint, {}):
            return  # it was in the store already when the engine started
        if mint not in self._positions:
            self._positions[mint] = {}
            self._start(market_name(mint), lambda: self.system.spawn(market_name(mint), Market, mint=mint))
            self.tell(FEED, WatchMint(mint=mint))
        self._positions[mint][position.id] = None
        self._start(position_name(position.id), lambda: self._spawn_position(position.id))

    def _spawn_position(self, position_id: PositionId) -> None:
        position = self._store.position(position_id)
        if position is None:
            raise LookupError(f"position {position_id} is not in the store")
        self.system.spawn(
            position_name(position_id),
            PositionActor,
            position=position,
            store=self._store,
            policies=self._policies,
            max_price_age=self._max_price_age,
        )

    def _let_go(self, position: Position) -> None:
        mint = position.mint
        self._dismiss(position_name(position.id))
        self.tell(market_name(mint), Unsubscribe(position_id=position.id))
        self._positions[mint].pop(position.id, None)
        if not self._positions[mint]:
            del self._positions[mint]
            self._dismiss(market_name(mint))
            self.tell(FEED, UnwatchMint(mint=mint))

    def _dismiss(self, name: str) -> None:
        self._starters.pop(name, None)
        self.system.dismiss(name)

    # Looking after ----------------------------------------------------------------------------------------

    def _check_later(self) -> None:
        if self._check_interval is not None and not self._gave_up:
            self.tell_self_at(Nanos(self.now() + self._check_interval), _LookAfter())

    def _look_after(self) -> None:
        for name, starter in list(self._starters.items()):
            if self.system.stuck(name, STUCK_AFTER):
                self._give_up(name, f"has been at one message for more than {STUCK_AFTER / 1e9:.0f} s")
                return
            if self.system.alive(name):
                continue
            if self._dies_again_and_again(name):
                self._set_aside(name)
                continue
            if len(self._restarts) >= INTENSITY:
                self._give_up(name, f"died again after {INTENSITY} restarts within {PERIOD / 1e9:.0f} s")
                return
            self._restarts.append((self.now(), name))
            self.log.error("actor_restarted", restarted=name)
            starter()
            self._resubscribe(name)
            self.publish("engine.actor_restarted", actor=name)
        self.system.looked_at = self.now()

    def _resubscribe(self, name: str) -> None:
        """Tell a restarted actor what only its predecessor knew, and the router what a dead executor had in hand."""
        if name in self._executors:
            self.tell(ROUTER, ExecutorReady(executor=name))
        if name == CONFIRMER:
            for attempt in self._without_verdict():
                self.tell(CONFIRMER, WatchAttempt(attempt=attempt))
            self.tell(CONFIRMER, Reconcile())  # a router may be waiting for the answer that its predecessor owed
        for mint, positions in self._positions.items():
            if name == FEED:
                self.tell(FEED, WatchMint(mint=mint))
            elif name == market_name(mint):
                for position_id in positions:
                    self.tell(name, Subscribe(position_id=position_id))

    def _without_verdict(self) -> list[Attempt]:
        """Return what may still land, and what landed and is not booked yet."""
        unbooked = [
            attempt
            for order in self._store.orders(unfinished_only=True)
            for attempt in self._store.attempts(order.id)
            if attempt.status is AttemptStatus.LANDED
        ]
        return [*self._store.attempts(unresolved_only=True), *unbooked]

    def _dies_again_and_again(self, name: str) -> bool:
        """Forget restarts of long ago; return whether *name* is a guard that restarting does not help."""
        while self._restarts and self.now() - self._restarts[0][0] > PERIOD:
            self._restarts.popleft()
        if not name.startswith((POSITION, MARKET)):
            return False
        return sum(restarted == name for _, restarted in self._restarts) >= GUARD_INTENSITY

    def _set_aside(self, name: str) -> None:
        self._restarts = deque(entry for entry in self._restarts if entry[1] != name)
        del self._starters[name]
        self.log.critical("guard_set_aside", restarted=name)
        self.alert(
            "guard_failed",
            Severity.CRITICAL,
            "A GUARD FAILED - Manual action required",
            f"{name} died again after {GUARD_INTENSITY} restarts: nothing guards what it did until the engine is "
            "started again.",
            data={"actor": name},
            requires_action=True,
            dedupe_key=f"guard_failed_{name}",
        )
        self.publish("engine.guard_failed", actor=name)

    def _give_up(self, name: str, why: str) -> None:
        self._gave_up = True
        self.system.looked_at = None
        now = self.now()
        alert = Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type="engine_failed",
            severity=Severity.CRITICAL,
            title="ENGINE FAILED - positions are not guarded",
            message=f"{name} {why}. The engine drains.",
            data={"actor": name},
            requires_action=True,
            dedupe_key="engine_failed",
            raised_at=now,
            updated_at=now,
        )
        self.log.critical("engine_failed", restarted=name)
        self._store.commit(alert)
        self.tell(ALERTS, RaiseAlert(alert=alert))
        self.tell(ROUTER, Drain())
        self.publish("engine.failed", actor=name)
