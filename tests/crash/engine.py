"""One engine of a run: the real one, in the foreground of its process, until it dies or nothing is left to do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actors import supervisor
from chain.keys.wallet import Wallet
from engine import logs
from engine.app import Engine
from engine.daemon import Daemon
from engine.domain.position import Position
from engine.domain.units import Nanos
from engine.domain.urgency import ExitReason
from engine.ids import RandomIds
from engine.ports import Store
from engine.store.sql import SqlStore
from engine.wiring import connect
from tests.crash.oracle import asks_for_a_person, unfinished
from tests.crash.plan import POSITION, Kill, Plan
from tests.crash.timing import Epoch
from tests.crash.traps import Trap, trapped
from tests.crash.world import Address

_ENDS = ("order.*.filled", "order.*.cancelled", "position.*.closed", "position.*.needs_action", "alert.>")
"""What may have been the last thing to do."""
STUCK_AFTER = supervisor.STUCK_AFTER
LOOK_INTERVAL = 0.1
"""Seconds of the machine after which is looked again, whatever was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process of the engine."""

    plan: Plan
    kill: Kill | None
    epoch: Epoch
    address: Address
    database: Path
    person: bool = False
    """Whether a person retries the exit that failed for good."""
    forgetful: bool = False


def live(life: Life) -> int:
    """Run an engine until it dies at its point, or drains since nothing is left to do; return its exit code."""
    logs.configure(level="info", json=True)
    # How long a commit takes is the disk's matter: one that keeps it waiting for a second must not look like a hang.
    supervisor.STUCK_AFTER = Nanos(int(STUCK_AFTER * life.epoch.speed))
    clock = life.epoch.clock()
    settings = life.plan.settings
    real = connect(
        settings,
        clock=clock,
        ids=RandomIds(),
        store=SqlStore(life.database),
        signer=Wallet(life.plan.keypair),
        rpc_url=life.address.rpc_url,
        ws_url=life.address.ws_url,
        jupiter_url=life.address.jupiter_url,
    )
    ports = trapped(real, Trap(life.kill), life.address.rpc_url, forgetful=life.forgetful)
    engine = Engine(ports, settings, max_price_age=settings.max_price_age)
    _end_once_settled(engine, life.plan, retry=life.person)
    try:
        return Daemon(engine).run()
    finally:
        ports.close()
        clock.close()


def _end_once_settled(engine: Engine, plan: Plan, *, retry: bool) -> None:
    """Have this process told to end, by a signal, once it runs and nothing is left to do.

    Args:
        engine: has not started yet.
        plan: says which exit is the last one.
        retry: have the exit that failed for good tried again before.
    """
    ports, started, recovered, changed = engine.ports, threading.Event(), threading.Event(), threading.Event()
    ports.bus.subscribe("engine.started", lambda _subject, _data: started.set())
    ports.bus.subscribe("engine.recovered", lambda _subject, _data: recovered.set())
    for pattern in _ENDS:
        ports.bus.subscribe(pattern, lambda _subject, _data: changed.set())

    def look() -> None:
        started.wait()
        recovered.wait()
        position = ports.store.position(POSITION)
        if retry and position is not None and position.needs_action and position.active_exit is not None:
            engine.retry(position.active_exit.order_id, everything=True)
        while any(unsettled(plan, ports.store)):
            changed.wait(LOOK_INTERVAL)
            changed.clear()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, name="settled", daemon=True).start()


def unsettled(plan: Plan, store: Store) -> Iterator[str]:
    """Yield what is left to do, each in a sentence.

    A position is as far as it can come once it is closed, or its last exit failed for good and a person is asked for:
    that an earlier exit failed, such as a take profit before the stop, excuses nothing.
    """
    yield from unfinished(store)
    position = store.position(POSITION)
    if position is None:
        yield "there is no position"
    elif not position.closed and not _waits_for_a_person(position, plan.last_reason, store):
        yield f"NOT SOLD: position {position.id} is {position.status}, and nobody is asked to act on its last exit"


def _waits_for_a_person(position: Position, reason: ExitReason, store: Store) -> bool:
    failed = position.active_exit if position.needs_action else None
    return failed is not None and failed.reason is reason and asks_for_a_person(store, position.id)
