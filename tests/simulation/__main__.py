"""Tell a run, or look for seeds that fail.

python -m tests.simulation 42              the run of seed 42, event by event
python -m tests.simulation 42 --digest     its hash alone
python -m tests.simulation --runs 10000    seeds 0 to 9999, and which of them failed
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, MutableMapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from os import cpu_count

import structlog

from tests.simulation.trace import Trace
from tests.simulation.world import BreachError, World

CHUNK = 50


def main() -> int:
    """Do what the command line asks for; return the exit code: 1 where a run failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the run, or with --runs the first of them")
    parser.add_argument("--runs", type=int, help="how many seeds to try")
    parser.add_argument("--digest", action="store_true", help="print the hash of the run and nothing else")
    given = parser.parse_args()
    _be_quiet()
    return _search(given.seed, given.runs) if given.runs else _tell(given.seed, digest_only=given.digest)


def _tell(seed: int, *, digest_only: bool) -> int:
    trace, breach = Trace(), None
    try:
        World(seed, trace=trace).run()
    except BreachError as error:
        breach = error
    lines = [] if digest_only else [*trace.lines, *([str(breach)] if breach else [])]
    _print("\n".join([*lines, trace.digest]))
    return 1 if breach else 0


def _search(first: int, runs: int) -> int:
    chunks = [range(start, min(start + CHUNK, first + runs)) for start in range(first, first + runs, CHUNK)]
    failed: list[str] = []
    with ProcessPoolExecutor(max_workers=cpu_count(), initializer=_be_quiet) as pool:
        for done, breaches in enumerate(pool.map(failures, chunks), 1):
            failed += breaches
            for breach in breaches:
                _print(breach)
            if done % 10 == 0:
                _print(f"{min(done * CHUNK, runs)} runs, {len(failed)} failed")
    _print(f"{runs} runs, {len(failed)} failed")
    return 1 if failed else 0


def failures(seeds: range) -> list[str]:
    """Return what did not hold in the runs of *seeds*, a text for each that failed."""
    return [told for told in map(_failure, seeds) if told]


def _failure(seed: int) -> str:
    try:
        World(seed).run()
    except BreachError as error:
        return str(error)
    except Exception as error:
        raise RuntimeError(f"seed {seed} broke the simulation itself") from error
    return ""


def _be_quiet() -> None:
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)


def _drop(_logger: object, _method: str, _event: MutableMapping[str, object]) -> Mapping[str, object]:
    raise structlog.DropEvent


_print = partial(print, file=sys.stdout, flush=True)

if __name__ == "__main__":
    sys.exit(main())
