"""What a second process does with a store, until it is killed: python -m tests.store.process DEED DATABASE."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event

from engine.domain.order import AttemptStatus, OrderStatus
from engine.domain.units import Nanos, OrderId, PositionId, RawAmount, Signature
from engine.ports import Record
from engine.store.sql import SqlStore
from tests.factories import NOW, a_fill, a_position, an_attempt, an_event, an_exit

WALLET = "7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2"
TTL = Nanos(1_000)
PIECE = 10
"""Raw tokens that each fill sells."""


def selling(position: str, number: int) -> tuple[Record, ...]:
    """Return all that is written when exit *number* of *position* was filled: the fill, and what follows from it."""
    order = an_exit(
        id=OrderId(f"{position}-{number}"), position_id=PositionId(position), amount_tokens=RawAmount(PIECE)
    )
    filled = replace(order, status=OrderStatus.FILLED, tx_signature=Signature(f"{order.id}-sig1"))
    return (
        a_position(id=PositionId(position), sold_tokens=RawAmount(number * PIECE)),
        filled,
        an_attempt(order, status=AttemptStatus.LANDED),
        a_fill(filled),
        an_event(filled),
    )


def hold(where: str) -> None:
    """Take the wallet's lease and keep it."""
    SqlStore(where).acquire_lease(WALLET, "first", now=NOW, ttl=TTL)
    print("held", flush=True)  # noqa: T201
    sys.stdin.read()


def write(where: str) -> None:
    """Sell piece after piece of one position, and say so once it is committed."""
    store = SqlStore(where)
    for number in count(1):
        store.commit(*selling("position-1", number))
        print(number, flush=True)  # noqa: T201


def crash(where: str) -> None:
    """Sell a piece of one position after the other, and die one step further into the commit each time.

    The steps are the statements, the moment before the commit, and the moment after it, where the last one dies.
    """
    SqlStore(where).close()
    for step in count(1):
        child = os.fork()
        if child == 0:
            _sell_and_die(where, step)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            break
        print(step, flush=True)  # noqa: T201


def _sell_and_die(where: str, step: int) -> None:
    steps = count(1)

    def die_at_the_step(*_: Any) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    store = SqlStore(where)
    event.listen(store._backend.writer, "after_cursor_execute", die_at_the_step)
    event.listen(store._backend.writer, "commit", die_at_the_step)
    store.commit(*selling(f"position-{step}", 1))
    die_at_the_step()
    os._exit(0)


@contextmanager
def running(deed: str, where: str) -> Iterator[subprocess.Popen[str]]:
    """Run *deed* in another process; kill it, as a power failure would, where the test has not done so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.process", deed, where],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    {"hold": hold, "write": write, "crash": crash}[sys.argv[1]](sys.argv[2])
