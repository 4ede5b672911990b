"""The engine is killed at every point between decision and fill, and what comes of it is read from the chain.

In a process of its own: one that has threads, as a test runner does, cannot be copied.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 280

pytestmark = [
    pytest.mark.xdist_group("crash"),
    pytest.mark.timeout(PATIENCE + 20),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the engine is killed in copies of a process"),
]


def crash(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what `python -m tests.crash` with *arguments* came to; what it leaves behind is in *folder*."""
    return subprocess.run(
        [sys.executable, "-m", "tests.crash", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_an_engine_killed_at_any_point_sells_once_and_books_what_the_chain_says(tmp_path: Path) -> None:
    """Every point by itself and with a fault: no token sold twice, no stop left unsold, the books agree."""
    done = crash("--matrix", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not any(tmp_path.iterdir())


def test_a_fee_is_booked_once_whenever_the_engine_dies(tmp_path: Path) -> None:
    """An attempt that reverts beside the one that sold costs a fee, which belongs to the position as well."""
    done = crash("--runs", "4", "--point", "reverted:after", "--faults", "late_landing", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_engine_that_forgets_what_it_sent_is_found_out(tmp_path: Path) -> None:
    """Without its memory and its marker an engine sells twice, and the run says so."""
    done = crash("--runs", "2", "--point", "send:after", "--faults", "", "--forgetful", folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BREACH SOLD TWICE" in done.stdout
    assert "again: python -m tests.crash --runs 1 --seed 0 --point send:after --faults ''" in done.stdout
