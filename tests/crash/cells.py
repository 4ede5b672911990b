"""Which runs to make: those of a row of seeds, or points crossed with faults."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

from tests.crash.faults import FAULTS, FOR_GOOD
from tests.crash.plan import Plan, drawn, needed
from tests.crash.points import POINTS, Point

CROSSED = tuple(name for name in FAULTS if name not in FOR_GOOD)
"""The faults that an exit can outlive."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A run to make: its seed, and what is not to be drawn from it."""

    seed: int
    point: Point | None = None
    """Where the engine dies."""
    faults: tuple[str, ...] | None = None

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return drawn(self.seed, point=self.point, faults=self.faults)

    @property
    def command(self) -> str:
        """What makes the run once more."""
        words = ["python", "-m", "tests.crash", "--runs", "1", "--seed", str(self.seed)]
        if self.point is not None:
            words += ["--point", str(self.point)]
        if self.faults is not None:
            words += ["--faults", ",".join(self.faults)]
        return shlex.join(words)


def matrix(seed: int) -> list[Cell]:
    """Return a cell for every point by itself, and for every point crossed with every fault, seeds from *seed* on."""
    crossings = [(point, fault) for point in POINTS for fault in (None, *CROSSED)]
    return [_cell(number, point, fault) for number, (point, fault) in enumerate(crossings, seed)]


def diagonal(seed: int) -> list[Cell]:
    """Return a cell for every point, with the faults in turn, so that each of both comes up at least once."""
    return [_cell(number, point, fault) for number, (point, fault) in enumerate(zip(POINTS, cycle(CROSSED)), seed)]


def again(seed: int, points: Iterable[Point]) -> list[Cell]:
    """Return a cell for each of *points*, without a fault but for one that leads there."""
    return [_cell(number, point, None) for number, point in enumerate(points, seed)]


def _cell(seed: int, point: Point, fault: str | None) -> Cell:
    leading = needed(point)[:1]
    return Cell(seed, point, tuple(dict.fromkeys((*leading, fault) if fault else leading)))
