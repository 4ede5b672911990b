"""What a batch of runs came to: a line for each that failed, and a table of all."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.crash.plan import Plan
from tests.crash.points import POINTS, Point
from tests.crash.run import Verdict

WIDTH = 30


class Report:
    """Adds verdicts up."""

    def __init__(self) -> None:
        self.runs = self.failed = self.sales = self.alerts = self.restarts = 0
        self.kills: Counter[Point] = Counter()
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
            "sales": self.sales,
            "alerts": self.alerts,
            "breaches": self.failed,
            "seconds": f"{seconds:.1f}",
        }
        kills = {str(point): self.kills[point] for point in POINTS}
        return "\n".join(
            [
                *_section("kills by point", kills),
                *_section("faults by kind", dict(sorted(self.faults.items()))),
                *_section("in all", figures),
            ]
        )


def failure(verdict: Verdict, *, single: bool) -> str:
    """Return the line of a run that failed, with the command that makes it again.

    Args:
        verdict: what came of it.
        single: point and faults were given, and not drawn from the seed.
    """
    kills = ", ".join(map(str, verdict.killed)) or "none"
    return (
        f"seed {verdict.plan.seed} ({verdict.plan}; killed at {kills}): {'; '.join(verdict.breaches)}\n"
        f"    again: {again(verdict.plan, single=single)}    left in {verdict.folder}"
    )


def again(plan: Plan, *, single: bool) -> str:
    """Return the command that makes the run of *plan* again."""
    command = ["python", "-m", "tests.crash", "--runs", "1", "--seed", str(plan.seed)]
    if single:
        command += ["--point", str(plan.kills[0].point), "--faults", ",".join(plan.faults)]
    return shlex.join(command)


def _section(title: str, figures: Mapping[str, object]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {name:<{WIDTH}}{figure:>8}" for name, figure in figures.items())
