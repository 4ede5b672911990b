"""What a soak came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.ports import Store
from tests.soak.gauges import Sample, Slope, slope

WARM_UP = 1 / 3
"""The share of a soak that the slopes leave out: caches fill, pools open, the first positions begin."""
LONG_ENOUGH = 240.0
"""Seconds after the warm-up from which on the slope of memory is judged: before, it is noise."""
BOUND = 60.0
"""Megabytes of memory per hour that an engine may grow at the most."""
_WIDTH = 42


@dataclass(slots=True, kw_only=True)
class Report:
    """Figures of a soak, so far."""

    seconds: float = 0.0
    """Of the machine."""
    orders: Mapping[str, int] = field(default_factory=dict)
    ways: Counter[str] = field(default_factory=Counter)
    faults: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    """What the engine told of itself."""
    transactions: int = 0
    samples: list[Sample] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)

    def take(self, store: Store) -> None:
        """Count the orders and alerts in *store*."""
        self.orders = _sorted(f"{order.kind} {order.status}" for order in store.orders())
        self.alerts = _sorted(alert.alert_type for alert in store.alerts())

    @property
    def warm(self) -> Sequence[Sample]:
        """The samples after the warm-up."""
        return [sample for sample in self.samples if sample.at >= self.samples[-1].at * WARM_UP]

    @property
    def leaks(self) -> str:
        """What is wrong with the memory, in a sentence; empty where nothing is, or the soak was too short to say."""
        warm = self.warm
        growth = slope([(sample.at, sample.rss) for sample in warm])
        if growth is None or warm[-1].at - warm[0].at < LONG_ENOUGH:
            return ""
        # What is not clearly above the bound may be the noise of the allocator.
        if growth.per_hour - 2 * growth.error <= BOUND:
            return ""
        return f"memory grows by {growth.per_hour:.0f} MB/h, and {BOUND:.0f} are the most"

    def text(self) -> str:
        """Return the report, a figure a line."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _section("orders", self.orders)
        yield from _section("ways out", dict(sorted(self.ways.items())))
        yield from _section("faults survived", dict(sorted(self.faults.items())))
        yield from _section("alerts", self.alerts)
        yield from _section("commands given again", dict(sorted(self.refused.items())))
        yield from _section("told by the engine", dict(sorted(self.events.items())))
        warm = self.warm if self.samples else []
        figures: dict[str, object] = {
            "seconds": f"{self.seconds:.0f}",
            "orders": sum(self.orders.values()),
            "transactions": self.transactions,
            "faults survived": sum(self.faults.values()),
            "memory, MB": f"{self.samples[-1].rss:.1f}" if self.samples else "-",
            "memory slope, MB/h": _told(slope([(sample.at, sample.rss) for sample in warm])),
            "threads slope, 1/h": _told(slope([(sample.at, sample.threads) for sample in warm])),
            "descriptors slope, 1/h": _told(slope([(sample.at, sample.descriptors) for sample in warm])),
            "invariant breaches": len(self.breaches),
        }
        yield from _section("in all", figures)
        yield from (f"BREACH {breach}" for breach in self.breaches)
        if self.leaks:
            yield f"LEAK {self.leaks}"


def _sorted(names: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _told(slope: Slope | None) -> str:
    return "-" if slope is None else f"{slope.per_hour:+.1f} ± {slope.error:.1f}"


def _section(title: str, figures: Mapping[str, object]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {name:<{_WIDTH}}{figure:>16}" for name, figure in figures.items())
