"""Kill the engine between decision and fill, many times over, and see that nothing is sold twice or not at all.

python -m tests.crash --runs 1000            the runs of seeds 0 to 999
python -m tests.crash --runs 1 --seed 812    the run of seed 812 once more
python -m tests.crash --matrix               every point at least once, crossed with faults
"""

from __future__ import annotations

import argparse
import gc
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import httpx

from tests.crash.faults import FAULTS
from tests.crash.plan import Plan, drawn, needed
from tests.crash.points import POINTS, Point, point_of
from tests.crash.report import Report, failure
from tests.crash.run import Runner, Verdict
from tests.crash.timing import Stopwatch

PER_CORE = 2
"""Runs at a time for each core: half of a run is waiting."""
CROSSED = ("lost_acknowledgement", "dropped_send", "slippage")
"""The faults that a matrix crosses every point with, where none are given."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A run to make: a seed, and what is not to be drawn from it."""

    seed: int
    point: Point | None = None
    faults: tuple[str, ...] | None = None

    @property
    def plan(self) -> Plan:
        """The run's plan."""
        return drawn(self.seed, point=self.point, faults=self.faults)


def main() -> int:
    """Do what the command line asks for; return the exit code: 1 where something was not as it must be."""
    given = _arguments()
    cells = _matrix(given.seed, given.faults) if given.matrix else _runs(given)
    report, stopwatch = Report(), Stopwatch()
    folder = Path(tempfile.mkdtemp(prefix="ripcord-crash-"))
    for cell, verdict in zip(cells, _verdicts(cells, folder, given), strict=True):
        report.add(verdict)
        if given.verbose:
            _print(f"seed {verdict.plan.seed} ({verdict.plan}): {verdict.seconds:.1f} s")
        if verdict.breaches:
            _print(failure(verdict, single=cell.point is not None))
    _print(report.table(stopwatch.seconds))
    unreached = report.unreached() if given.matrix else []
    if unreached:
        _print(f"nobody died at {', '.join(map(str, unreached))}")
    _tidy(folder)
    return 1 if report.failed or unreached else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="how many seeds to try (100)")
    parser.add_argument("--seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=PER_CORE * (os.cpu_count() or 1), help="runs at a time")
    parser.add_argument("--matrix", action="store_true", help="every point once without faults and once with each")
    parser.add_argument("--point", type=point_of, metavar="POINT", help="where the engine dies, such as send:within")
    parser.add_argument("--faults", type=_faults, metavar="NAME,...", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--forgetful", action="store_true", help="a broken engine, to see that it is found out")
    parser.add_argument("--verbose", action="store_true", help="a line for every run")
    return parser.parse_args()


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := [name for name in names if name not in FAULTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: give some of {', '.join(FAULTS)}")
    return names


def _runs(given: argparse.Namespace) -> list[Cell]:
    return [Cell(seed, given.point, given.faults) for seed in range(given.seed, given.seed + given.runs)]


def _matrix(seed: int, faults: Sequence[str] | None) -> list[Cell]:
    """Return a cell for every point, without faults but for those that lead there, and with each of *faults*."""
    crossings: list[tuple[str, ...]] = [(), *((name,) for name in faults or CROSSED)]
    cells: list[Cell] = []
    for point in POINTS:
        needs = needed(point)[:1]
        for crossing in dict.fromkeys((*needs, *(name for name in each if name not in needs)) for each in crossings):
            cells.append(Cell(seed + len(cells), point, crossing))
    return cells


def _verdicts(cells: Sequence[Cell], folder: Path, given: argparse.Namespace) -> Iterator[Verdict]:
    """Yield a verdict for each of *cells*, in their order."""
    runner = Runner(folder, forgetful=given.forgetful)
    _warm_up()
    make: Callable[[Cell], Verdict] = partial(_verdict, runner)
    with ExitStack() as stack:
        if given.jobs <= 1 or len(cells) == 1:
            yield from map(make, cells)
        else:
            context = get_context("fork")
            pool = stack.enter_context(ProcessPoolExecutor(min(given.jobs, len(cells)), mp_context=context))
            yield from pool.map(make, cells)


def _warm_up() -> None:
    """Have ready what every process to come would make for itself."""
    # An HTTP client reads all certificates that there are, for a tenth of a run, and meets none on loopback.
    ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
    httpx.Client().close()
    gc.freeze()


def _verdict(runner: Runner, cell: Cell) -> Verdict:
    return runner.run(cell.plan)


def _tidy(folder: Path) -> None:
    """Remove *folder* where nothing is left in it that somebody should look at."""
    (folder / "schema.db").unlink()
    for lock in folder.glob("schema.db*"):
        lock.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


_print = partial(print, file=sys.stdout, flush=True)

if __name__ == "__main__":
    sys.exit(main())
