"""Plant each known bug and say whether the suite catches it.

    python -m tests.mutants              all of them
    python -m tests.mutants "9 decimals" those whose name contains the text

The exit code is 1 where one survives, or no longer applies to the code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import cpu_count

from tests.mutants.hunt import NotPlantedError, failing, survives
from tests.mutants.planted import MUTANTS, Mutant

_print = partial(print, file=sys.stdout, flush=True)


def main() -> int:
    """Do what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Plant bugs, and see them caught.")
    parser.add_argument("name", nargs="?", default="", help="part of a bug's name; all of them where left out")
    wanted = parser.parse_args().name
    chosen = [mutant for mutant in MUTANTS if wanted in mutant.name]
    if not chosen:
        _print(f"no planted bug is called {wanted!r}: see tests/mutants/planted.py")
        return 1
    if broken := failing(sorted({selection for mutant in chosen for selection in mutant.tests})):
        _print("these tests fail without any bug, and would seem to catch everything: " + ", ".join(broken))
        return 1
    return _hunt(chosen)


def _hunt(chosen: Sequence[Mutant]) -> int:
    with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
        verdicts = []
        for mutant, verdict in zip(chosen, pool.map(_verdict, chosen), strict=True):
            _print(f"{mutant.name:50} {mutant.file:32} {verdict or 'caught by ' + _short(mutant.tests)}")
            verdicts.append(verdict)
    left = len([verdict for verdict in verdicts if verdict])
    _print(f"{len(chosen)} bugs planted, {len(chosen) - left} caught")
    return 1 if left else 0


def _verdict(mutant: Mutant) -> str:
    """Return why the bug is not caught; nothing where it is."""
    try:
        missed = survives(mutant)
    except NotPlantedError as error:
        return f"NOT PLANTED: {error}"
    return f"SURVIVED {_short(missed)}" if missed else ""


def _short(selections: Sequence[str]) -> str:
    return ", ".join(selection.partition("::")[0].rpartition("/")[2].removesuffix(".py") for selection in selections)


if __name__ == "__main__":
    sys.exit(main())
