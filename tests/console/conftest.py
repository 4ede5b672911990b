"""A desk whose console is served, shared by the tests of a module: it takes seconds to make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.desk import Desk, running
from tests.waiting import eventually


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a running engine with an open position, `position-1`, its API and its console."""
    folder: Path = tmp_path_factory.mktemp("console")
    with running(folder, lambda desk: desk.add(), console=True) as desk:
        eventually(lambda: desk.client.get("/").status_code == 200, "the console is served", patience=60.0)
        yield desk
