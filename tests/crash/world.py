"""The network of a run, in a process of its own: it outlives every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from tests.crash.forks import Forked
from tests.crash.plan import DECIMALS, ENTRY_PRICE, FUNDS, HELD, Plan
from tests.crash.timing import Epoch

CALM, COUNTS = "calm", "counts"
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the network is, and what is traded on it."""

    rpc_url: str
    jupiter_url: str
    token: TokenInfo


class Network:
    """A hold on the process. Not thread-safe."""

    def __init__(self, process: Forked, connection: Connection) -> None:
        self.process = process
        self._connection = connection
        self.address: Address = self._answer()

    def calm(self) -> None:
        """Let every fault rest from now on, and thaw what is frozen."""
        self._connection.send(CALM)
        self._answer()

    def counts(self) -> Mapping[str, int]:
        """Return how often each fault has struck."""
        self._connection.send(COUNTS)
        counts: Mapping[str, int] = self._answer()
        return counts

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
        held = Network(process, ours)
    except BaseException:
        process.kill()
        raise
    try:
        yield held
    finally:
        held.close()


def _serve(plan: Plan, epoch: Epoch, connection: Connection) -> int:
    logs.configure(level="info", json=True)
    clock = epoch.clock()
    faults = FaultPlan(_rules(plan), Random(plan.seed))
    world = World(clock, slot_duration=plan.slot, landing_slots=plan.landing_slots, seed=plan.seed, faults=faults)
    wallet = str(plan.keypair.pubkey())
    token = world.create_token("BONK", decimals=DECIMALS, price=ENTRY_PRICE, depth_sol=Decimal(1_000))
    world.fund(wallet, lamports=FUNDS, tokens={token.address: HELD})
    if plan.frozen:
        world.freeze(wallet, token.address)
    world.start()
    _schedule(plan, world, faults, clock, token.address)
    info = TokenInfo(mint=Mint(token.address), decimals=DECIMALS, program=str(token.program))
    connection.send(Address(world.rpc_url, world.jupiter_url, info))
    try:
        while True:
            if connection.recv() == CALM:
                faults.off()
                if plan.frozen:
                    world.thaw(wallet, token.address)
                connection.send(None)
            else:
                connection.send(faults.counts())
    except EOFError:
        return 0


def _rules(plan: Plan) -> list[Rule]:
    return [replace(trouble.rule, name=name) for name, trouble in plan.faults.items() if trouble is not None]


def _schedule(plan: Plan, world: World, faults: FaultPlan, clock: Clock, mint: str) -> None:
    """Let prices and faults come and go, from now on."""
    now = clock.now()
    for second, price in plan.prices:
        _at(clock, now, second, partial(world.set_price, mint, price))
    for name, trouble in plan.faults.items():
        if trouble is not None and trouble.spell is not None:
            begins, ends = trouble.spell
            faults.off(name)
            _at(clock, now, begins, partial(faults.on, name))
            _at(clock, now, ends, partial(faults.off, name))


def _at(clock: Clock, start: Nanos, second: float, call: Callable[[], None]) -> None:
    if second <= 0:
        call()
    else:
        clock.call_at(Nanos(start + seconds(second)), call)
