"""A thousand runs, each of its own faults, prices and order of events: what must hold, holds in all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.domain.urgency import ExitReason
from tests.simulation.__main__ import failures
from tests.simulation.trace import Trace
from tests.simulation.weather import WORST, faults
from tests.simulation.world import BreachError, World

SEEDS = 400
CHUNK = 50
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_goes_wrong_everything_that_must_hold_holds(first: int) -> None:
    """Faults, deaths and crashes at random moments: nothing is sold twice, forgotten or stuck, and the books fit."""
    assert "\n".join(failures(range(first, first + CHUNK))) == ""


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_the_same_run_again(seed: int) -> None:
    """Every message, every commit and every fault is the same, in the same order, at the same time."""
    first, second = Trace(), Trace()
    World(seed, trace=first).run()
    World(seed, trace=second).run()
    assert first.lines == second.lines
    assert first.digest == second.digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_gives_the_same_run_again(hash_seed: str) -> None:
    """What Python draws at its start, such as the order of sets, decides nothing: the printed command replays."""
    trace = Trace()
    World(7, trace=trace).run()
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "7", "--digest"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == trace.digest


def test_a_trace_that_is_kept_changes_nothing() -> None:
    """A run that fails without a trace fails with one: it takes no part in the run."""
    watched, alone = World(11, trace=Trace()).run(), World(11).run()
    assert watched.now == alone.now
    assert watched.store.fills() == alone.store.fills()


def test_the_faults_and_the_exits_do_happen() -> None:
    """The runs are no walk in the park: among a hundred there is every kind of fault, exit and fate."""
    worlds = [World(seed).run() for seed in range(100)]
    assert set.union(*(set(faults(world.drawn)) for world in worlds)) == set(WORST)
    reasons = {order.exit_reason for world in worlds for order in world.store.orders()}
    assert reasons == {None, *ExitReason}
    assert {attempt.status for world in worlds for attempt in world.store.attempts()} == {
        "landed",
        "reverted",
        "expired",
    }
    assert sum(len(world.crossings.answered) for world in worlds) > 50
    assert sum(alert.requires_action for world in worlds for alert in world.store.alerts()) > 20


def test_a_marker_that_excludes_nothing_is_found_out() -> None:
    """On a chain where two attempts of an order can both succeed, orders are carried out twice, and that is seen."""
    with pytest.raises(BreachError, match=r"was carried out by sig-\d+ and again by sig-\d+\n"):
        _run_all(range(100))


def _run_all(seeds: range) -> None:
    for seed in seeds:
        World(seed, exclusive=False).run()
