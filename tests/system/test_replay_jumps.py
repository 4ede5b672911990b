"""Jumps in a replayed file: what persists fires, what does not moves nothing, and the last row is not lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.test_cli import prices, ripcord

PLAN = '{"stop_loss_pct": 20}'


def exits(folder: Path, *path: float, step: int, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the exits of a replay of *path*, whose prices are *step* seconds apart."""
    done = ripcord("replay", prices(folder, *path, step=step), "--plan", PLAN, "--json", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["ledger"]["agrees"]
    found: list[dict[str, Any]] = outcome["exits"]
    return found


def test_an_outlier_that_the_next_row_contradicts_moves_nothing(tmp_path: Path) -> None:
    """A row of nonsense, a second before the next one."""
    assert exits(tmp_path, *[1.0] * 10, 0.2, 1.0, 1.0, 5.0, 1.0, step=1) == []


def test_a_crash_fires_on_the_row_that_confirms_it(tmp_path: Path) -> None:
    """A second after the first row that says so."""
    (order,) = exits(tmp_path, *[1.0] * 10, 0.3, 0.3, 0.3, step=1)
    assert (order["reason"], order["created_at_ns"]) == ("stop_loss", (1_750_000_000 + 11) * 10**9)


@pytest.mark.parametrize("options", [(), ("--speed", "60")], ids=["on a manual clock", "at a pace"])
def test_a_crash_in_the_last_row_is_not_lost(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Nothing comes after it that could contradict it: it counts, and the position is sold."""
    (order,) = exits(tmp_path, *[1.0] * 5, 0.3, step=60, options=options)
    assert (order["reason"], order["status"]) == ("stop_loss", "filled")
