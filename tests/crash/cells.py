"""Which runs to make: those of a row of seeds, or a matrix of points and faults."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

from tests.crash.faults import FAULTS, FOR_GOOD
from tests.crash.plan import Plan, drawn, needed
from tests.crash.points import POINTS, Point


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
    """Return two cells for every point, with seeds from *seed* on; each fault crosses some of the points."""
    crossing = cycle(name for name in FAULTS if name not in FOR_GOOD)
    cells: list[Cell] = []
    for point in POINTS:
        leading = needed(point)[:1]
        crossed = tuple(dict.fromkeys((*leading, next(crossing))))
        cells += [Cell(seed + len(cells), point, leading), Cell(seed + len(cells) + 1, point, crossed)]
    return cells


def again(seed: int, points: Iterable[Point]) -> list[Cell]:
    """Return a cell for each of *points*, without a fault but for one that leads there."""
    return [Cell(number, point, needed(point)[:1]) for number, point in enumerate(points, seed)]
