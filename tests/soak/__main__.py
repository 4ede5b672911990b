"""Let one engine work for a long time, with a share of all requests disturbed, and see that nothing breaks or grows.

python -m tests.soak --minutes 10             with 1 % of each fault; Ctrl-C ends it early, with its report
python -m tests.soak --minutes 10 --rate 0    with a network that works

The exit code is 1 where something did not hold, or memory grows faster than the bound in docs/promises.md.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType

import structlog

from chain.keys.wallet import Wallet
from engine import logs
from engine.domain.units import lamports
from engine.store.sql import SqlStore
from tests.crash.timing import Epoch, Stopwatch
from tests.soak.report import Report
from tests.soak.soak import Soak
from tests.soak.stage import Scene, stage
from tests.soak.weather import RATE

FUNDS = lamports("1000")


def main() -> int:
    """Do what the command line asks for; return the exit code."""
    given = _arguments()
    folder, ending = Path(tempfile.mkdtemp(prefix="ripcord-soak-")), _ended_by_a_signal()
    _print(
        f"seed {given.seed}, {given.minutes:g} minutes, {given.rate:.1%} of each fault; logs and database in {folder}"
    )
    report = _soaked(given, folder, ending)
    _print(report.text())
    failed = bool(report.breaches or report.leaks)
    if not failed:
        shutil.rmtree(folder)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of the machine (10)")
    parser.add_argument("--rate", type=float, default=RATE, help="share of the requests that meet each fault (0.01)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of dice and addresses (drawn)")
    return parser.parse_args()


def _soaked(given: argparse.Namespace, folder: Path, ending: threading.Event) -> Report:
    epoch, wallet, report = Epoch.begin(speed=1.0), Wallet.generate(), Report()
    scene = Scene(wallet=wallet.address, funds=FUNDS, rate=given.rate, seed=given.seed)
    with stage(scene, epoch, log=folder / "network.log") as network, (folder / "engine.log").open("w") as log:
        logs.configure(level="warning", json=True)
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
        stopwatch = Stopwatch()
        clock, store = epoch.clock(), SqlStore(folder / "engine.db")
        soak = Soak(network, clock, store, wallet, funds=FUNDS, rng=Random(given.seed), report=report)
        try:
            soak.run(given.minutes * 60, ending)
        except Exception as error:  # noqa: BLE001
            report.breaches.append(f"the soak itself failed: {error!r}")
        report.seconds = stopwatch.seconds
    return report


def _ended_by_a_signal() -> threading.Event:
    """Return what the first Ctrl-C sets; the second one ends the process."""
    ending = threading.Event()

    def end(number: int, _frame: FrameType | None) -> None:
        ending.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, end)
    return ending


_print = partial(print, file=sys.stdout, flush=True)

if __name__ == "__main__":
    sys.exit(main())
