"""Kill the engine between decision and fill, many times over, and see that nothing is sold twice or not at all.

python -m tests.crash --runs 1000            the runs of 1000 seeds, from one on that is drawn and printed
python -m tests.crash --runs 1 --seed 812    the run of seed 812 once more
python -m tests.crash --matrix               every point crossed with every fault
python -m tests.crash --diagonal             every point once, with the faults in turn
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import httpx
import uvicorn

from chain.simulated.world import World
from engine.clock import ManualClock
from tests.crash.cells import Cell, again, diagonal, matrix
from tests.crash.faults import FAULTS
from tests.crash.points import POINTS, Point, point_of
from tests.crash.report import Report, told
from tests.crash.run import Runner, Verdict
from tests.crash.timing import Stopwatch

PER_CORE = 3
"""Runs at a time for each core: most of a run is waiting."""
SEEDS = 1_000_000_000
"""From how many the first seed is drawn."""
BATCH = 100
"""A line tells of each so many runs."""
ROUNDS = 4
"""How often a point may be tried until somebody dies at it: when a loaded machine does what is not all ours to say."""


def main() -> int:
    """Do what the command line asks for; return the exit code: 1 where something was not as it must be."""
    given = _arguments()
    report, stopwatch = Report(), Stopwatch()
    folder = Path(tempfile.mkdtemp(prefix="ripcord-crash-"))
    runner = Runner(folder, forgetful=given.forgetful)
    _warm_up()
    systematic = given.matrix or given.diagonal
    _make(_cells(given), runner, report, given)
    missed = _missed(runner, report, given) if systematic else []
    _print(report.table(stopwatch.seconds))
    if missed:
        _print(f"nobody died at {', '.join(map(str, missed))}")
    runner.tidy()
    return 1 if report.failed or missed else 0


def _cells(given: argparse.Namespace) -> list[Cell]:
    if given.matrix:
        return matrix(given.seed)
    if given.diagonal:
        return diagonal(given.seed)
    return [Cell(seed, given.point, given.faults) for seed in range(given.seed, given.seed + given.runs)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="how many seeds to try (100)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(SEEDS), help="the first of them (drawn)")
    parser.add_argument("--jobs", type=int, default=PER_CORE * (os.cpu_count() or 1), help="runs at a time")
    parser.add_argument("--matrix", action="store_true", help="every point, by itself and with every fault")
    parser.add_argument("--diagonal", action="store_true", help="every point, with one of the faults")
    parser.add_argument("--point", type=_point, metavar="POINT", help="where the engine dies, such as send:within")
    parser.add_argument("--faults", type=_faults, metavar="NAME,...", help=f"some of {', '.join(FAULTS)}")
    parser.add_argument("--forgetful", action="store_true", help="a broken engine, to see that it is found out")
    parser.add_argument("--verbose", action="store_true", help="a line for every run")
    return parser.parse_args()


def _point(text: str) -> Point:
    try:
        return point_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := [name for name in names if name not in FAULTS]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}: give some of {', '.join(FAULTS)}")
    return names


def _warm_up() -> None:
    """Have ready what every process to come would make for itself."""
    # An HTTP client reads all certificates that there are, for a tenth of a run, and meets none on loopback.
    ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
    httpx.Client().close()
    # Servers and cluster import, compile and parse what they need when the first of them is made.
    World(ManualClock()).stop()
    uvicorn.Config(None, ws="websockets-sansio").load()  # type: ignore[arg-type]
    gc.freeze()


def _make(cells: Sequence[Cell], runner: Runner, report: Report, given: argparse.Namespace) -> None:
    """Make the runs of *cells*, and add all of them to *report*."""
    for number, (cell, verdict) in enumerate(zip(cells, _verdicts(cells, runner, given.jobs), strict=True), 1):
        report.add(verdict)
        if given.verbose or verdict.breaches:
            _print(told(cell, verdict))
        if number % BATCH == 0 or number == len(cells):
            _print(f"seeds {cells[0].seed} to {cell.seed}: {number} runs, {report.failed} with a breach")


def _missed(runner: Runner, report: Report, given: argparse.Namespace) -> list[Point]:
    """Try the points again at which nobody died, and return those at which nobody would."""
    for attempt in range(1, ROUNDS):
        if points := report.unreached():
            _make(again(given.seed + attempt * len(POINTS), points), runner, report, given)
    return report.unreached()


def _verdicts(cells: Sequence[Cell], runner: Runner, jobs: int) -> Iterator[Verdict]:
    """Yield a verdict for each of *cells*, in their order."""
    make = partial(_verdict, runner)
    if jobs <= 1 or len(cells) <= 1:
        yield from map(make, cells)
        return
    with ProcessPoolExecutor(min(jobs, len(cells)), mp_context=get_context("fork")) as pool:
        yield from pool.map(make, cells)


def _verdict(runner: Runner, cell: Cell) -> Verdict:
    return runner.run(cell.plan)


_print = partial(print, file=sys.stdout, flush=True)

if __name__ == "__main__":
    sys.exit(main())
