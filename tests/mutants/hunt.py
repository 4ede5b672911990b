"""Plant a bug in a copy of the tree and see whether the tests that should catch it do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.planted import Mutant

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("engine", "actors", "chain", "tests", "pyproject.toml")
LIMIT = 300
"""Seconds that one selection of tests may take; one that hangs has noticed the bug."""

_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; all others say that the tests could not be run."""


class NotPlantedError(Exception):
    """A bug that no longer applies to the code, or tests that cannot be run."""


def planted(mutant: Mutant, root: Path = ROOT) -> str:
    """Return the text of the mutant's file with the bug in it.

    Raises:
        NotPlantedError: the text that it replaces is not there exactly once, or what comes of it is no Python.
    """
    text = (root / mutant.file).read_text()
    if (times := text.count(mutant.find)) != 1:
        raise NotPlantedError(f"{mutant.name}: the text to replace is in {mutant.file} {times} times, not once")
    changed = text.replace(mutant.find, mutant.replace)
    try:
        compile(changed, mutant.file, "exec")
    except SyntaxError as error:
        raise NotPlantedError(f"{mutant.name}: {mutant.file} would not compile: {error}") from error
    return changed


@contextmanager
def copy_of_tree() -> Iterator[Path]:
    """Yield a temporary folder with the code and its tests."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        yield copy


def survives(mutant: Mutant) -> list[str]:
    """Return the selections of tests that did not notice the bug: none where it was caught by all.

    Raises:
        NotPlantedError: it does not apply any more, or a selection cannot be run.
    """
    changed = planted(mutant)
    with copy_of_tree() as copy:
        (copy / mutant.file).write_text(changed)
        return [selection for selection in mutant.tests if _passes(selection, copy)]


def failing(selections: Sequence[str]) -> list[str]:
    """Return those of *selections* that fail without any bug: they would seem to catch everything."""
    with copy_of_tree() as copy:
        return [selection for selection in selections if not _passes(selection, copy)]


def _passes(selection: str, copy: Path) -> bool:
    options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, selection],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (_PASSED, _FAILED):
        raise NotPlantedError(f"{selection} could not be run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == _PASSED
