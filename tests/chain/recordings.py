"""Real answers of mainnet and Jupiter, kept beside the project. Tests that need one are skipped without it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_recordings = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded answers are not beside the project")


@cache
def recorded(name: str) -> Any:
    """Return the JSON of the recording *name*, a path below the data directory."""
    return json.loads((DATA / name).read_text())


def transaction(name: str) -> Any:
    """Return the result of the recorded getTransaction answer *name*."""
    answer = recorded(f"tx/{name}.json")
    return answer.get("result", answer)


def named(pattern: str) -> list[str]:
    """Return the recorded transactions whose path below tx matches *pattern*, without the suffix."""
    root = DATA / "tx"
    found = sorted(root.glob(pattern))
    return [str(path.relative_to(root).with_suffix("")) for path in found if path.name != "EXPECTED.json"]
