"""The databases that a store may be kept in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.sql import SqlStore

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))


@pytest.fixture(params=["sqlite", POSTGRESQL])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of either kind with nothing in it; the one has its tables already."""
    return _database(request, tmp_path, empty=False)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of either kind without tables."""
    return _database(request, tmp_path, empty=True)


def _database(request: pytest.FixtureRequest, folder: Path, *, empty: bool) -> str:
    if request.param == "sqlite":
        return str(folder / "ripcord.db")
    url: str = request.getfixturevalue("postgresql").database(empty=empty)
    return url


@pytest.fixture
def store(where: str) -> Iterator[SqlStore]:
    """A new store in it."""
    store = SqlStore(where)
    yield store
    store.close()
