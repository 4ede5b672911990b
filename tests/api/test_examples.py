"""The examples of docs/api.md run against a served API, and its tables list what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.api.desk import Desk
from tests.docs.pages import ROOT, blocks, quoted, rows

PAGE = ROOT / "docs" / "api.md"


def run(desk: Desk, *command: str) -> str:
    """Run *command* as the page says, and return what it printed."""
    assert desk.server is not None
    environ = {**os.environ, "FOLDER": str(desk.folder), "URL": desk.server.url}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_example_in_python_sells_and_hears_of_it(desk: Desk) -> None:
    """It lists the position, sells it, and is told of the order."""
    (example,) = blocks(PAGE, "python")
    listed, ordered, heard = run(desk, sys.executable, "-c", example).splitlines()
    assert listed == "position-1 BONK 1000000000"
    assert ordered == "exit-1 emergency"
    assert heard == "order.exit-1.pending"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_example_for_curl_lists_and_sells(desk: Desk) -> None:
    """Both requests are answered."""
    (example,) = blocks(PAGE, "sh")
    printed = run(desk, "bash", "-euc", example)
    assert '"id":"position-1"' in printed
    assert '"exit_reason": "manual"' in printed
    assert len(desk.orders()) == 1


def test_the_page_lists_every_operation(desk: Desk) -> None:
    """Each has a row, and each row is one."""
    table = [quoted(next(iter(row.values())))[0] for row in rows(PAGE) if {"command", "question"} & set(row)]
    document = desk.get("/openapi.json")["paths"]
    there = {f"{method.upper()} {path}" for path, item in document.items() for method in item}
    assert {re.sub(r"\{\w+_id\}", "{id}", name) for name in there} - {"GET /api/v1/events"} == set(table)
