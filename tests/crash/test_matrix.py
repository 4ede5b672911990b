"""The engine is killed at every point between decision and fill, and what comes of it is read from the chain.

In a process of its own: one that has threads, as a test runner does, cannot be copied.
"""

from __future__ import annotations

import os
import re
import shlex
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
    """Every point, with the faults in turn: no token sold twice, no stop left unsold, the books agree."""
    done = crash("--diagonal", "--seed", "0", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not any(tmp_path.iterdir())


def test_a_fee_is_booked_once_whenever_the_engine_dies(tmp_path: Path) -> None:
    """An attempt that reverts beside the one that sold costs a fee, which belongs to the position as well."""
    done = crash("--runs", "4", "--seed", "0", "--point", "reverted:after", "--faults", "late_landing", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_engine_that_forgets_what_it_sent_is_found_out_each_time(tmp_path: Path) -> None:
    """Without its memory and its marker an engine sells twice; the run says so, and the printed command shows it again.

    The engine dies at the same place both times, and the same tokens are sold twice.
    """
    done = crash("--runs", "1", "--seed", "3", "--point", "send:after", "--faults", "", "--forgetful", folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    (command,) = re.findall("again: python -m tests.crash (.*)", done.stdout)
    replayed = crash(*shlex.split(command), "--forgetful", folder=tmp_path)
    assert told(replayed.stdout) == told(done.stdout) != ""


def told(output: str) -> str:
    """Return what a run says of itself that is no figure of the machine's: where it was killed, and what was sold."""
    kills = re.findall(r"killed at .*", output)
    return "\n".join([*kills, *re.findall("SOLD TWICE: .*", output)])
