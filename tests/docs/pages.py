"""The pages of the documentation, and what is marked up in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of *page* that are in *language*."""
    return [text for name, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


def prose(page: Path) -> str:
    """Return *page* without its code blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def rows(page: Path) -> list[dict[str, str]]:
    """Return the rows of every table of *page*, by the names of their columns."""
    found: list[dict[str, str]] = []
    header: list[str] = []
    for line in prose(page).splitlines():
        if not line.startswith("|"):
            header = []
        elif not header:
            header = _cells(line)
        elif not set(line) <= set("|-: "):
            found.append(dict(zip(header, _cells(line), strict=True)))
    return found


def quoted(text: str) -> list[str]:
    """Return what *text* has in backticks."""
    return re.findall(r"`([^`]+)`", text)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
