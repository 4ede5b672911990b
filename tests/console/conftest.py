"""A desk whose console is served, shared by the tests of a module: it takes seconds to make."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.desk import Desk, running

_PATIENCE = 60.0


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a running engine with an open position, `position-1`, its API and its console."""
    folder: Path = tmp_path_factory.mktemp("console")
    with running(folder, lambda desk: desk.add(), console=True) as desk:
        tick = threading.Event()
        for _ in range(int(_PATIENCE / 0.05)):
            if desk.client.get("/").status_code == 200:
                break
            tick.wait(0.05)
        yield desk
