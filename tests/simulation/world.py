"""A run: the engine, the outside, and the time, all stepped by one stream of random numbers."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from actors.base import EngineActor
from actors.system import ROUTER, SUPERVISOR
from engine.domain.errors import EngineError
from engine.domain.retry import RetryPolicies
from engine.domain.units import Lamports, Nanos, seconds
from engine.ids import CountedIds
from engine.messages.control import Drain
from engine.messages.prices import Subscribe
from engine.ports import Record
from tests.doubles import FakeMarket, RecordingNotifier
from tests.simulation.chain import SimulatedChain
from tests.simulation.crossings import Crossings
from tests.simulation.oracle import Oracle, unsettled
from tests.simulation.people import Operator, retry_what_failed
from tests.simulation.portfolio import Portfolio
from tests.simulation.process import Process
from tests.simulation.store import SimulatedStore
from tests.simulation.trace import Trace
from tests.simulation.venue import CountingSigner, SimulatedVenue
from tests.simulation.watch import Watch
from tests.simulation.weather import CALM, Weather, drawn, faults

START = Nanos(1_750_000_000_000_000_000)
PATIENCE = seconds(1200)
"""How long a run without faults may take to come to rest."""
IMMORTAL = (SUPERVISOR,)
DOWNTIMES = (0.1, 1.0, 5.0, 20.0, 60.0)


class BreachError(AssertionError):
    """Something that must hold did not."""


class World:
    """Everything that one seed decides.

    Args:
        seed: names the run.
        trace: told of every message and every commit.
        exclusive: whether an order's marker holds on chain, see `SimulatedChain`.
        weather: in place of the one that the seed draws.
    """

    def __init__(
        self, seed: int, *, trace: Trace | None = None, exclusive: bool = True, weather: Weather | None = None
    ) -> None:
        self.seed = seed
        self.rng = rng = Random(seed)
        self.now = START
        self.trace = trace
        self.drawn = self.weather = weather or drawn(rng)
        self.policies = RetryPolicies()
        self.max_price_age = rng.choice((None, seconds(10)))
        self.market = FakeMarket()
        self.store = SimulatedStore(rng)
        self.chain = SimulatedChain(rng, self.market, lambda: self.now, exclusive=exclusive)
        self.venue = SimulatedVenue(rng, self.market, self.chain, validity=rng.randint(15, 60))
        self.signer = CountingSigner()
        self.ids = CountedIds()
        self.notifier = RecordingNotifier()
        self.process: Process | None = None
        self.watch = Watch(self.store, self.chain)
        self.crossings = Crossings(self.store)
        self.portfolio = Portfolio(self)
        self.operator = Operator(self)
        self._funds = Lamports(self.chain.lamports)
        self._rough = True
        self._agenda: list[tuple[Nanos, int, Callable[[], None]]] = []
        self._arrivals = itertools.count()
        self.store.on_commit = self._committed
        self.chain.on_send = self.watch.sent
        self.chain.on_landed = self.watch.landed

    # The run ------------------------------------------------------------------------------------------------

    def run(self) -> World:
        """Run to the end.

        Raises:
            BreachError: something did not hold; the message says what, and how to see the run again.
        """
        self.note("world", ", ".join(f"{name} {chance:.2f}" for name, chance in faults(self.drawn).items()))
        self._set_weather(self.weather)
        self._start()
        self.portfolio.begin()
        self._plan_faults()
        until = Nanos(self.now + seconds(self.rng.randint(20, 80)))
        try:
            while self.now < until:
                self._step()
            self._calm_down()
            self._come_to_rest()
            self._compare()
            retry_what_failed(self)
            self._come_to_rest()
            self._compare()
            if waiting := [p.id for p in self.store.positions() if p.needs_action]:
                self._breach([f"{waiting} failed again when a person retried them and nothing was in the way"])
        finally:
            if self.process is not None:
                self.process.end()
        return self

    def _calm_down(self) -> None:
        self._rough = False
        self._set_weather(CALM)
        self.chain.unreachable_until = Nanos(0)
        if self.process is None:
            self._start()
        assert self.process is not None
        self.process.scheduler.stuck.clear()
        self.process.power.hold()

    def _set_weather(self, weather: Weather) -> None:
        self.weather = self.chain.weather = self.venue.weather = self.store.weather = weather

    def _come_to_rest(self) -> None:
        until = Nanos(self.now + PATIENCE)
        rest_until = None
        while rest_until is None or self.now < rest_until:
            before = self.now
            self._step()
            if self.now == before:
                continue
            left = unsettled(self.store, self.chain) or (["the engine is down"] if self.process is None else [])
            if left:
                rest_until = None
            elif rest_until is None:
                rest_until = Nanos(self.now + seconds(15))
            if self.now > until:
                self._breach([f"{PATIENCE / 1e9:.0f} s without faults were not enough: {line}" for line in left])

    def _compare(self) -> None:
        assert self.process is not None
        oracle = Oracle(
            self.store, self.chain, self.market, self.watch, funds=self._funds, delivered=self.notifier.delivered
        )
        if differences := oracle.differences(self.process, self.now):
            self._breach(differences)

    def _breach(self, sentences: list[str]) -> None:
        told = "\n".join(f"  - {sentence}" for sentence in sentences)
        raise BreachError(
            f"seed {self.seed} after {(self.now - START) / 1e9:.3f} s:\n{told}\n"
            f"see it with: python -m tests.simulation {self.seed}"
        )

    # Steps --------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Let one actor handle one message, or the time go on to what is due next."""
        process = self.process
        if process is not None and process.scheduler.able(self.now) and self.rng.random() < self.weather.haste:
            process.scheduler.step()
            if not process.power.on or self.watch.engine_failed:
                self._crash("the power failed in a handler")
            elif unanswered := self.crossings.unanswered(process.scheduler):
                self._breach(unanswered)
        else:
            self._pass_time()
        if self.watch.breaches:
            self._breach(self.watch.breaches)

    def _pass_time(self) -> None:
        timer = self.process.clock.next_at() if self.process is not None else None
        if timer is not None and timer <= self._agenda[0][0]:
            self.now = max(self.now, timer)
            assert self.process is not None
            self.process.clock.advance_to(self.now)
            return
        at, _, callback = heapq.heappop(self._agenda)
        self.now = max(self.now, at)
        if self.process is not None:
            self.process.clock.advance_to(self.now)
        self.chain.advance()
        callback()

    def after(self, span: float, callback: Callable[[], None]) -> None:
        """Have *callback* called *span* seconds from now."""
        heapq.heappush(self._agenda, (Nanos(self.now + seconds(span)), next(self._arrivals), callback))

    # The process --------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self.process is not None:
            return
        self.note("world", "the engine starts")
        self.watch.engine_failed = False
        self.process = Process(
            self.rng,
            now=self.now,
            ids=self.ids,
            bus=self,
            store=self.store,
            venue=self.venue,
            signer=self.signer,
            chain=self.chain,
            notifier=self.notifier,
            policies=self.policies,
            max_price_age=self.max_price_age,
        )
        self.process.scheduler.on_handling = self._handling

    def _crash(self, why: str) -> None:
        if self.process is None:
            return
        self.note("world", f"CRASH: {why}")
        self.process.end()
        self.process = None
        self.crossings.all_gone()
        self.after(self.rng.choice(DOWNTIMES), self._start)

    def _handling(self, actor: EngineActor, message: Any) -> None:
        if isinstance(message, Subscribe):
            self.crossings.listens(message.position_id)
        if self.trace is not None:
            self.note(actor.name, message)

    def _committed(self, records: tuple[Record, ...]) -> None:
        self.watch.committed(records)
        if self.trace is not None:
            self.note("  store", records)

    def note(self, who: str, what: Any) -> None:
        """Add to the trace, where one is kept."""
        if self.trace is not None:
            self.trace.add(self.now - START, who, what)

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Hear what the actors publish."""
        self.watch.published(subject, data)
        if subject.startswith("price.") and self.process is not None:
            tick = data["tick"]
            self.crossings.accepted(tick.mint, tick.price, self.now, self.process.scheduler)

    def ask(self, name: str, message: Any) -> None:
        """Have a person ask an actor; what is refused is refused, any other error is a breach."""
        if self.process is None or not self.process.system.alive(name):
            return
        self.note("person", f"asks {name}: {message}")
        future = self.process.system.reference(name).ask(message, block=False)
        self.after(1, lambda: self._look_at(future, message))

    def _look_at(self, future: Any, message: Any) -> None:
        try:
            future.get(timeout=0)
        except EngineError:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever comes is looked at
            if type(error).__name__ not in ("Timeout", "ActorDeadError", "PowerCutError", "DiskFullError"):
                self.watch.breach(f"a person's {message} was answered by {error!r}")

    # Faults -------------------------------------------------------------------------------------------------

    def _plan_faults(self) -> None:
        for what in (self._outage, self._death, self._stick, self._power_cut, self._drain, self.operator.act):
            self._again(what)

    def _again(self, what: Callable[[], None]) -> None:
        def happen() -> None:
            if self._rough:
                what()
                self._again(what)

        self.after(self.rng.uniform(0.1, 2.0), happen)

    def _outage(self) -> None:
        if self.rng.random() < self.weather.outage:
            self.chain.unreachable_until = Nanos(self.now + seconds(self.rng.uniform(1, 30)))
            self.note("world", "the node cannot be reached")

    def _death(self) -> None:
        if self.process is None or self.rng.random() >= self.weather.actor_death:
            return
        system = self.process.system
        names = [name for name in system.names() if not name.startswith(IMMORTAL) and system.alive(name)]
        if not names:
            return
        name = self.rng.choice(names)
        self.note("world", f"{name} dies")
        if self.rng.random() < 0.5:
            self.process.system.reference(name).stop(block=False)
        else:
            self.process.scheduler.kill(name)
        self.crossings.died(name)

    def _stick(self) -> None:
        if self.process is not None and self.rng.random() < self.weather.stuck_actor:
            name = self.rng.choice(self.process.system.names())
            self.process.scheduler.stuck[name] = Nanos(self.now + seconds(self.rng.uniform(0.1, 4)))
            self.note("world", f"{name} is stuck")

    def _power_cut(self) -> None:
        if self.process is None or self.rng.random() >= self.weather.power_cut:
            return
        if self.rng.random() < 0.3:
            self._crash("the power failed between two messages")
            return
        self.process.power.cut_at_call(self.rng.randrange(30), before=self.rng.random() < 0.5)

    def _drain(self) -> None:
        if self.process is not None and self.rng.random() < self.weather.drain:
            self.note("world", "the engine is asked to drain, and then stopped")
            drained = self.process
            self.process.system.tell(ROUTER, Drain())
            self.after(self.rng.uniform(0.5, 10), lambda: self._crash("stopped") if self.process is drained else None)
