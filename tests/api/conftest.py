"""A desk with one open position."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.desk import Desk, running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a running engine with an open position, `position-1`, and its API."""
    with running(tmp_path, lambda desk: desk.add()) as desk:
        yield desk
