"""The network of a run, in a process of its own: it outlives every engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.world import World
from engine import logs
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, Nanos, seconds
from engine.ports import Clock
from tests.crash.faults import BUILD, Tripwire
from tests.crash.forks import Forked
from tests.crash.plan import DECIMALS, FUNDS, HELD, Plan
from tests.crash.timing import Epoch

CALM, COUNTS = "calm", "counts"
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the network is, and what is traded on it."""

    rpc_url: str
    ws_url: str
    jupiter_url: str
    token: TokenInfo


class Network:
    """A hold on the process. Not thread-safe."""

    def __init__(self, process: Forked, connection: Connection, faults: Collection[str]) -> None:
        self.process = process
        self._connection = connection
        self._faults = faults
        self.address: Address = self._answer()

    def calm(self) -> None:
        """Let every fault rest from now on, and thaw what is frozen."""
        self._connection.send(CALM)
        self._answer()

    def counts(self) -> Mapping[str, int]:
        """Return how often each fault has struck."""
        self._connection.send(COUNTS)
        counts: dict[str, int] = self._answer()
        return {name: count for name, count in counts.items() if name in self._faults}

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self.process.kill()

    def leave(self) -> None:
        """Let go of it in a copy of the process that holds it."""
        self._connection.close()

    def _answer(self) -> Any:
        if not self._connection.poll(PATIENCE):
            raise TimeoutError(f"the network of the run has not answered for {PATIENCE:.0f} s")
        return self._connection.recv()


@contextmanager
def network(plan: Plan, epoch: Epoch, *, log: Path) -> Iterator[Network]:
    """Yield the network of *plan* while it serves."""
    ours, theirs = Pipe()

    def body() -> int:
        ours.close()
        return _serve(plan, epoch, theirs)

    process = Forked(body, log=log)
    theirs.close()
    try:
        held = Network(process, ours, plan.faults)
    except BaseException:
        process.kill()
        raise
    try:
        yield held
    finally:
        held.close()


class _Stage:
    """The network itself."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._at_work = threading.Event()
        self._calm = False
        tripwire = Rule(fault=Tripwire(tell=self._at_work.set), on=BUILD, at=(1,))
        drawn = [replace(trouble.rule, name=name) for name, trouble in plan.faults.items() if trouble is not None]
        self.faults = FaultPlan([tripwire, *drawn], Random(plan.seed))
        self._world = World(
            clock, slot_duration=plan.slot, landing_slots=plan.landing_slots, seed=plan.seed, faults=self.faults
        )
        self._wallet = str(plan.keypair.pubkey())
        self._token = self._world.create_token(
            "BONK", decimals=DECIMALS, price=plan.prices[0][1], depth_sol=Decimal(1_000)
        )

    def open(self) -> Address:
        """Serve from now on."""
        self._world.fund(self._wallet, lamports=FUNDS, tokens={self._token.address: HELD})
        if self._plan.frozen:
            self._world.freeze(self._wallet, self._token.address)
        for name, (begins, _) in self._plan.spells.items():
            self._switch(name, on=begins <= 0)
        self._world.start()
        threading.Thread(target=self._play, name="play", daemon=True).start()
        info = TokenInfo(mint=Mint(self._token.address), decimals=DECIMALS, program=str(self._token.program))
        return Address(self._world.rpc_url, self._world.ws_url, self._world.jupiter_url, info)

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        self._calm = True
        self.faults.off()
        if self._plan.frozen:
            self._world.thaw(self._wallet, self._token.address)

    def _play(self) -> None:
        """Let prices and faults come and go once an engine is at work."""
        self._at_work.wait()
        for second, price in self._plan.prices[1:]:
            self._at(second, partial(self._world.set_price, self._token.address, price))
        for name, (begins, ends) in self._plan.spells.items():
            self._at(begins, partial(self._switch, name, on=True))
            self._at(ends, partial(self._switch, name, on=False))

    def _at(self, second: float, call: Callable[[], None]) -> None:
        self._clock.call_at(Nanos(self._clock.now() + seconds(second)), call)

    def _switch(self, name: str, *, on: bool) -> None:
        if on and not self._calm:
            self.faults.on(name)
        else:
            self.faults.off(name)


def _serve(plan: Plan, epoch: Epoch, connection: Connection) -> int:
    logs.configure(level="info", json=True)
    stage = _Stage(plan, epoch.clock())
    connection.send(stage.open())
    try:
        while True:
            if connection.recv() == CALM:
                stage.calm()
                connection.send(None)
            else:
                connection.send(stage.faults.counts())
    except EOFError:
        return 0
