"""What a subscriber costs that never reads: from a tick to the exit that it sets off, with and without one.

Run: python -m benchmarks.silent_subscriber

The engine, its positions and what is measured are those of `benchmarks.tick_latency`.
"""

from __future__ import annotations

import logging
import statistics

import structlog

from benchmarks.tick_latency import MILLISECOND, SAMPLES, bench


def latencies(subscribers: int) -> tuple[list[float], int]:
    """Return the milliseconds of each sample, sorted, and how many live events *subscribers* that never read lost."""
    with bench() as measured:
        subscriptions = [measured.engine.ports.bus.open(">", since=0, size=10) for _ in range(subscribers)]
        figures = sorted(measured.sample(number) / MILLISECOND for number in range(SAMPLES))
        return figures, sum(subscription.dropped for subscription in subscriptions)


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"From a tick to the exit that it sets off, {SAMPLES} samples each, in ms:")
    print(f"{'subscribers that never read':28} {'median':>8} {'99 %':>8} {'live events lost':>18}")
    for subscribers in (0, 1, 10):
        figures, lost = latencies(subscribers)
        late = figures[len(figures) * 99 // 100]
        print(f"{subscribers:<28} {statistics.median(figures):8.2f} {late:8.2f} {lost:18}")


if __name__ == "__main__":
    main()
