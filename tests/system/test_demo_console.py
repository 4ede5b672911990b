"""The console beside the demonstration: served while it plays, and in nobody's way."""

from __future__ import annotations

import queue
import re
import socket
from pathlib import Path

import httpx
import pytest

from engine.cli.demo_console import SideConsole, beside
from engine.config import ApiSection, ConsoleSection, Settings
from tests.engine.metered import Metered

PATIENCE = 60.0


@pytest.fixture
def metered() -> Metered:
    """Return an engine that does not run: what serves it asks it nothing."""
    return Metered()


def test_the_console_is_served_with_the_token_that_the_line_names(metered: Metered, tmp_path: Path) -> None:
    """The line has the address and the token's file, not the token; at its end nothing is served any more."""
    api, console = ApiSection(port=0), ConsoleSection(enabled=False)
    metered.engine.settings = beside(Settings(api=api, console=console), tmp_path / "demo.db")
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    with SideConsole(metered.engine, said.put):
        line = said.get(timeout=PATIENCE)
        known = re.fullmatch(r"Console: (http://127\.0\.0\.1:\d+) \(the token to sign in with is in (.+)\)", line)
        assert known is not None, line
        assert Path(known[2]) == tmp_path / "api-token"
        assert (tmp_path / "api-token").read_text().strip() not in line
        assert httpx.get(f"{known[1]}/livez").status_code == httpx.codes.OK
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{known[1]}/livez")


def test_a_console_that_cannot_be_served_is_a_line_and_no_more(metered: Metered, tmp_path: Path) -> None:
    """An audit log that does not hold together keeps the console away; whoever waits for the end gets it."""
    (tmp_path / "api-audit.jsonl").write_text("nonsense\n")
    metered.engine.settings = beside(Settings(api=ApiSection(port=0)), tmp_path / "demo.db")
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    with SideConsole(metered.engine, said.put):
        assert "The demonstration has no console: " in said.get(timeout=PATIENCE)


def test_a_port_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    """An engine that runs on this machine keeps its address, and the demonstration takes another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert beside(Settings(api=ApiSection(port=port)), tmp_path / "demo.db").api.port == 0
    assert beside(Settings(api=ApiSection(port=port)), tmp_path / "demo.db").api.port == port
