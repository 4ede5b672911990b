"""What an engine takes of the machine, and whether it takes more and more."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

HOUR = 3600.0
_MEGABYTE = 1_000_000
_STATM, _DESCRIPTORS = Path("/proc/self/statm"), Path("/proc/self/fd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at this process."""

    at: float
    """Seconds of the machine since the soak began."""
    rss: float
    """Megabytes of memory that are resident; not a number where the system does not tell (it does on Linux)."""
    threads: int
    descriptors: float
    """Open files and sockets; not a number where the system does not tell."""


def sample(at: float) -> Sample:
    """Return what this process takes now."""
    rss = descriptors = math.nan
    if _STATM.exists():
        rss = int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
        descriptors = len(list(_DESCRIPTORS.iterdir()))
    return Sample(at=at, rss=rss, threads=threading.active_count(), descriptors=descriptors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How a figure grows."""

    per_hour: float
    error: float
    """Standard error of that, for deviations that do not depend on each other."""


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Return the slope of *points*, (seconds, figure), by least squares; None for fewer than three."""
    if len(points) <= 2:
        return None
    centre, level = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - centre) ** 2 for x, _ in points)
    rise = sum((x - centre) * (y - level) for x, y in points) / spread
    left = sum((y - level - rise * (x - centre)) ** 2 for x, y in points)
    return Slope(per_hour=rise * HOUR, error=math.sqrt(left / (len(points) - 2) / spread) * HOUR)
