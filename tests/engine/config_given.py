"""What a command is given in the tests of the settings: a home and a folder of its own, and no environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config import Given

SOLANA = Path(".config") / "solana" / "cli" / "config.yml"


def given(folder: Path, environ: Mapping[str, str] | None = None, **options: Any) -> Given:
    """Return what a command in *folder* is given, whose home is *folder*/home."""
    return Given(folder=folder, home=folder / "home", environ=environ or {}, **options)


def written(path: Path, text: str) -> Path:
    """Write *text* to *path* and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def solana_says(folder: Path, text: str) -> Path:
    """Write Solana's own file for a command in *folder*."""
    return written(folder / "home" / SOLANA, text)
