"""One process of the engine: actors, timers and mailboxes that are all lost at once when the power is cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, TypeVar, cast

import pykka

from actors.alerts import Alerts
from actors.base import EngineActor
from actors.confirmer import Confirmer
from actors.executor import Executor
from actors.feed import Feed
from actors.holdings import Holdings
from actors.peaks import PeakSaver
from actors.router import OrderRouter
from actors.supervisor import Child, Supervisor
from actors.system import ALERTS, CONFIRMER, FEED, HOLDINGS, PEAKS, ROUTER, SUPERVISOR, Steps, System, executor_name
from engine.clock import ManualClock
from engine.domain.retry import RetryPolicies
from engine.domain.units import Nanos, seconds
from engine.ports import Bus, Chain, Ids, Notifier, Signer, Store, SwapVenue

SLOTS = 3

Port = TypeVar("Port")


class PowerCutError(BaseException):
    """The process is gone: nothing that it still tries has an effect."""


class Power:
    """What a process runs on. It can be cut in the middle of a handler, at a call to the outside."""

    def __init__(self) -> None:
        self.on = True
        self._calls_left: int | None = None
        self._before = False

    def cut(self) -> None:
        """End it now."""
        self.on = False

    def cut_at_call(self, calls: int, *, before: bool) -> None:
        """End it at the call after *calls* more, *before* that call has its effect or just after."""
        self._calls_left, self._before = calls, before

    def hold(self) -> None:
        """Call off a cut that has not come yet."""
        self._calls_left = None

    def behind(self, port: Port) -> Port:
        """Return *port* as it is while the power is on."""
        return cast("Port", _Powered(port, self))

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Make a call to the outside, unless the power fails before it."""
        last = self._calls_left == 0
        if self._calls_left is not None:
            self._calls_left -= 1
        if last and self._before:
            self.on = False
        if not self.on:
            raise PowerCutError
        answer = method(*arguments, **named)
        if last:
            self.on = False
            raise PowerCutError
        return answer


class _Powered:
    def __init__(self, port: object, power: Power) -> None:
        self._port = port
        self._power = power

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        return (lambda *a, **k: self._power.call(value, *a, **k)) if callable(value) else value


class _PoweredBus:
    def __init__(self, bus: Bus, power: Power) -> None:
        self._bus = bus
        self._power = power

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Publish, unless nobody is there any more to do so."""
        if self._power.on:
            self._bus.publish(subject, data)


class Scheduler(Steps):
    """Steps whose next actor is drawn, and in which actors can be stuck for a while."""

    def __init__(self, rng: Random) -> None:
        super().__init__(pick=self._drawn)
        self._rng = rng
        self._able: list[EngineActor] = []
        self.by_name: dict[str, EngineActor] = {}
        self.stuck: dict[str, Nanos] = {}
        """Until when, by name."""
        self.on_handling: Callable[[EngineActor, Any], None] = lambda *_: None

    def launch(self, actor: EngineActor) -> None:
        """Take *actor* into the round."""
        super().launch(actor)
        self.by_name[actor.name] = actor

    def able(self, now: Nanos) -> bool:
        """Return whether an actor that is not stuck has mail."""
        waiting = [a for a in self.by_name.values() if not a.actor_inbox.empty() and not a.actor_stopped.is_set()]
        self._able = [actor for actor in waiting if self.stuck.get(actor.name, 0) <= now]
        return bool(self._able)

    def _drawn(self, _ready: list[EngineActor]) -> EngineActor:
        actor = self._rng.choice(self._able)
        self.on_handling(actor, actor.mailbox._heap[0][2].message)
        return actor

    def awaits(self, name: str, message: type) -> bool:
        """Return whether the actor of that *name* has yet to read a *message*."""
        actor = self.by_name.get(name)
        return actor is not None and any(isinstance(entry[2].message, message) for entry in actor.mailbox._heap)

    def kill(self, name: str) -> None:
        """Let an actor drop dead, with all its mail."""
        actor = self.by_name[name]
        actor.actor_stopped.set()
        actor.mailbox.close()
        pykka.ActorRegistry.unregister(actor.actor_ref)

    def forget_all(self) -> None:
        """Let every actor be gone."""
        for name, actor in self.by_name.items():
            if not actor.actor_stopped.is_set():
                self.kill(name)


class Process:
    """One run of the engine's actors over a store and a chain that outlive it."""

    def __init__(
        self,
        rng: Random,
        *,
        now: Nanos,
        ids: Ids,
        bus: Bus,
        store: Store,
        venue: SwapVenue,
        signer: Signer,
        chain: Chain,
        notifier: Notifier,
        policies: RetryPolicies,
        max_price_age: Nanos | None,
    ) -> None:
        self.power = Power()
        self.clock = ManualClock(now)
        self.scheduler = Scheduler(rng)
        self.system = System(
            clock=self.clock, bus=_PoweredBus(bus, self.power), ids=self.power.behind(ids), runtime=self.scheduler
        )
        store, chain = self.power.behind(store), self.power.behind(chain)
        tools = {"store": store, "venue": self.power.behind(venue), "signer": signer, "chain": chain}
        executors = tuple(executor_name(number) for number in range(SLOTS))
        children = [
            Child(ALERTS, Alerts, {"store": store, "notifier": notifier}),
            Child(PEAKS, PeakSaver, {"store": store}),
            Child(FEED, Feed, {"max_price_age": max_price_age}),
            Child(CONFIRMER, Confirmer, {"chain": chain}),
            *(Child(name, Executor, tools) for name in executors),
            Child(ROUTER, OrderRouter, {"store": store, "policies": policies, "executors": executors}),
            Child(HOLDINGS, Holdings, {"store": store, "chain": chain, "interval": seconds(30)}),
        ]
        self.system.spawn(
            SUPERVISOR, Supervisor, children=children, store=store, policies=policies, max_price_age=max_price_age
        )

    def end(self) -> None:
        """Throw everything away."""
        self.power.cut()
        self.scheduler.forget_all()
