"""The counters and histograms that are written as things happen."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from engine.metrics.catalog import Metric


class Instruments:
    """Writes to *registry*. Safe to use from any thread; no call waits for more than another one's microsecond.

    Args:
        registry: of one engine.
        counters: what is counted.
        histograms: what is measured.
    """

    def __init__(
        self, registry: CollectorRegistry, *, counters: tuple[Metric, ...], histograms: tuple[Metric, ...]
    ) -> None:
        self._counters = {m: Counter(m.name, m.meaning, m.labels, registry=registry) for m in counters}
        self._histograms = {
            m: Histogram(m.name, m.meaning, m.labels, buckets=m.buckets, registry=registry) for m in histograms
        }

    def count(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Add *by*, which is not negative, to *metric* with the values *labels* of its labels, in their order."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Take one measurement, in the unit that the name of *metric* ends with."""
        self._histograms[metric].labels(*labels).observe(value)
