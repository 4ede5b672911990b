"""What a scrape is answered with: Prometheus' text format.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""The media type of `exposition`."""


class _WithoutCreated:
    """A registry without the times at which its series began: they double the series, and no query needs them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def exposition(registry: CollectorRegistry) -> bytes:
    """Return every figure of *registry* as UTF-8 text, to be served as `CONTENT_TYPE`."""
    return generate_latest(_WithoutCreated(registry))
