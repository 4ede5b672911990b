"""What a soak measures, and that it can be ended."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import chain.simulated.faults
from chain.simulated.faults.call import Misbehaviour
from tests.soak.gauges import Sample, slope
from tests.soak.report import BOUND, LONG_ENOUGH, Report
from tests.soak.weather import rules

ROOT = Path(__file__).resolve().parents[2]


def test_the_slope_of_a_line_is_its_own() -> None:
    """Two units a second are 7200 an hour, and nothing is left over."""
    found = slope([(second, 5.0 + 2.0 * second) for second in range(10)])
    assert found is not None
    assert found.per_hour == pytest.approx(7200)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_what_only_goes_up_and_down_has_a_slope_within_its_error() -> None:
    """Noise is told as such."""
    found = slope([(second, float(second % 2)) for second in range(101)])
    assert found is not None
    assert abs(found.per_hour) < 2 * found.error


def test_two_points_have_no_slope_that_could_be_trusted() -> None:
    """Least squares need one more."""
    assert slope([(0.0, 1.0), (1.0, 2.0)]) is None


def a_report(*, seconds: float, megabytes_per_hour: float) -> Report:
    """Return the report of a soak whose memory grows evenly."""
    samples = [
        Sample(at=float(at), rss=100 + megabytes_per_hour * at / 3600, threads=9, descriptors=20.0)
        for at in range(int(seconds))
    ]
    return Report(seconds=seconds, samples=samples)


def test_memory_that_grows_beyond_the_bound_is_a_leak() -> None:
    """Once it was looked at for long enough; below the bound it is none."""
    long = 2 * LONG_ENOUGH
    assert "MB/h" in a_report(seconds=long, megabytes_per_hour=BOUND + 5).leaks
    assert a_report(seconds=long, megabytes_per_hour=BOUND - 5).leaks == ""
    assert a_report(seconds=LONG_ENOUGH, megabytes_per_hour=BOUND + 5).leaks == ""


def test_what_happens_while_it_warms_up_is_no_leak() -> None:
    """Caches fill and pools open in the first third."""
    report = a_report(seconds=3 * LONG_ENOUGH, megabytes_per_hour=0)
    report.samples[: int(LONG_ENOUGH)] = [
        Sample(at=float(at), rss=20 + at / 3, threads=1, descriptors=3.0) for at in range(int(LONG_ENOUGH))
    ]
    assert report.leaks == ""


def kinds_of_faults() -> Iterator[type[Misbehaviour]]:
    """Yield every fault that the stand-ins can be told."""
    for module in pkgutil.iter_modules(chain.simulated.faults.__path__):
        members = vars(importlib.import_module(f"chain.simulated.faults.{module.name}")).values()
        yield from (
            member
            for member in members
            if isinstance(member, type) and issubclass(member, Misbehaviour) and not _is_a_base(member)
        )


def _is_a_base(kind: type[Misbehaviour]) -> bool:
    return inspect.isabstract(kind) or kind is Misbehaviour


def test_a_soak_has_every_kind_of_fault() -> None:
    """One that is added to the stand-ins is added here."""
    assert {type(rule.fault) for rule in rules(0.01)} >= set(kinds_of_faults())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the network of a soak is a copy of its process")
def test_a_soak_that_is_interrupted_tells_how_far_it_came(tmp_path: Path) -> None:
    """Ctrl-C ends it with what is under way, and its report."""
    soak = subprocess.Popen(
        [sys.executable, "-m", "tests.soak", "--minutes", "5"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert soak.stdout is not None
    with soak:
        assert soak.stdout.readline().startswith("seed ")
        soak.send_signal(signal.SIGINT)
        told, _ = soak.communicate(timeout=100)
    assert "invariant breaches                                       0" in told
    assert soak.returncode == 0
    assert not any(tmp_path.iterdir())
