"""What a batch of runs came to: a line for each that failed, and a table of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.crash.cells import Cell
from tests.crash.points import POINTS, Point
from tests.crash.run import Verdict

WIDTH = 30


class Report:
    """Adds verdicts up."""

    def __init__(self) -> None:
        self.runs = self.failed = self.sales = self.alerts = self.restarts = 0
        self.kills: Counter[Point] = Counter()
        self.crossings: set[tuple[Point, str]] = set()
        """Where somebody died, and what struck in the same run."""
        self.faults: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Take one more into account."""
        self.runs += 1
        self.failed += bool(verdict.breaches)
        self.sales += verdict.sales
        self.alerts += verdict.alerted
        self.restarts += verdict.lives - 1
        self.kills.update(kill.point for kill in verdict.killed)
        self.faults.update(verdict.faults)
        struck = [name for name, count in verdict.faults.items() if count]
        self.crossings.update((kill.point, name) for kill in verdict.killed for name in struck)

    def unreached(self) -> list[Point]:
        """Return the points at which nobody died."""
        return [point for point in POINTS if not self.kills[point]]

    def table(self, seconds: float) -> str:
        """Return the closing table.

        Args:
            seconds: of the machine, that the batch took.
        """
        figures = {
            "runs": self.runs,
            "kills": self.kills.total(),
            "restarts": self.restarts,
            "crossings of point and fault": len(self.crossings),
            "sales": self.sales,
            "alerts": self.alerts,
            "breaches": self.failed,
            "seconds": f"{seconds:.1f}",
        }
        kills = {str(point): self.kills[point] for point in POINTS}
        sections: dict[str, Mapping[str, object]] = {
            "kills by point": kills,
            "faults by kind": dict(sorted(self.faults.items())),
            "in all": figures,
        }
        return "\n".join(line for title, rows in sections.items() for line in _section(title, rows))


def told(cell: Cell, verdict: Verdict) -> str:
    """Return what is to be said of a run: its seed and plan, what is wrong, and how to make it once more."""
    line = f"seed {cell.seed} ({verdict.plan}): {verdict.seconds:.1f} s"
    if not verdict.breaches:
        return line
    kills = ", ".join(map(str, verdict.killed)) or "nowhere"
    wrong = "\n".join(f"    BREACH {breach}" for breach in verdict.breaches)
    return f"{line}, killed at {kills}\n{wrong}\n    again: {cell.command}\n    left in: {verdict.folder}"


def _section(title: str, figures: Mapping[str, object]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {name:<{WIDTH}}{figure:>8}" for name, figure in figures.items())
