"""What is written about the metrics is so: the catalogue, the page, and the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.http.client import NoBudgetError
from docs.metrics import PAGE, page
from engine.metrics.catalog import METRICS, NOT_MADE, PREFIX, Kind
from tests.engine.metered import Metered

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "ripcord.json"
SERIES = {name: metric for metric in METRICS for name in metric.series}
OF_PROMETHEUS = {"le", "instance"}


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels that show something."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Return every query of the dashboard, and those of the page's alerts."""
    alerts = re.findall(r"expr: (?:>\n\s+)?(.+)", PAGE.read_text(encoding="utf-8"))
    return [target["expr"] for panel in panels() for target in panel["targets"]] + alerts


def named(query: str) -> set[str]:
    """Return the series that *query* reads."""
    return set(re.findall(rf"\b{PREFIX}\w+", query))


def grouped(query: str) -> Iterator[tuple[set[str], set[str]]]:
    """Yield the labels of each `by (...)` of *query*, with the series that it is of."""
    for labels, rest in re.findall(r"by \(([^)]*)\) \((.*?)(?= or |$)", query):
        (first, *_) = re.findall(rf"\b{PREFIX}\w+", rest)
        yield {label.strip() for label in labels.split(",")}, {first}


def test_the_catalogue_is_what_an_engine_has() -> None:
    """Each metric once, with its kind and meaning, and none besides."""
    scraped = {family.name: family for family in Metered().engine.metrics.registry.collect()}
    expected = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    assert scraped.keys() == expected.keys()
    for name, metric in expected.items():
        assert (scraped[name].type, scraped[name].documentation) == (metric.kind, metric.meaning)


def test_names_follow_the_rules_of_prometheus() -> None:
    """A prefix, counters that end with _total and nothing else that does, and a sentence that says what it is."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(rf"{PREFIX}[a-z][a-z_]*[a-z]", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.meaning.endswith(".")
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)


def test_the_page_is_that_of_the_catalogue() -> None:
    """docs/metrics.md is what `make docs` writes."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"


@pytest.mark.parametrize("query", queries())
def test_a_query_reads_series_that_exist(query: str) -> None:
    """By their whole names, and grouped by labels that they have."""
    assert named(query)
    assert named(query) <= SERIES.keys()
    for labels, series in grouped(query):
        for name in series:
            assert labels - OF_PROMETHEUS <= set(SERIES[name].labels), name
    for name, matchers in re.findall(rf"({PREFIX}\w+)\{{([^}}]*)\}}", query):
        assert set(re.findall(r"(\w+)(?:=|!=|=~)\"", matchers)) - OF_PROMETHEUS <= set(SERIES[name].labels)


@pytest.mark.parametrize("query", queries())
def test_a_counter_is_read_as_a_rate(query: str) -> None:
    """Its value is that since the engine began; only its growth means something."""
    for name in named(query):
        if SERIES[name].kind is not Kind.GAUGE:
            assert re.search(rf"(rate|increase)\({name}", query), query


def test_every_metric_is_on_the_dashboard() -> None:
    """What is measured is shown."""
    shown = {SERIES[name].name for query in queries() for name in named(query)}
    assert shown == {metric.name for metric in METRICS}


def test_the_panels_fill_a_grid_without_overlapping() -> None:
    """Grafana has 24 columns; each panel has an id, a title and queries of its own."""
    cells: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        mine = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & mine, panel["title"]
        assert max(x for x, _ in mine) < 24
        cells |= mine
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references)) > 0
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["title"] for panel in board["panels"])


def test_what_is_written_twice_is_the_same() -> None:
    """The metrics do not import the clients, which say what came of a request."""
    assert NoBudgetError.outcome == NOT_MADE
