"""`run.py alerts`, run as a person would: what it sends, prints, and by which exit code it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.alert import Alert, AlertStatus, Severity
from engine.domain.units import AlertId, Nanos
from engine.store.sql import open_store
from tests.cli.servers import free_port
from tests.notify.server import Webhook, webhook

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "c4nAry7f3kQ9zX2mB8vT"
NOW = Nanos(1_750_000_000_000_000_000)
ALERT = Alert(
    id=AlertId("alert-1"),
    alert_type="test",
    severity=Severity.CRITICAL,
    title="STOP FAILED",
    message="A stop failed",
    data={"order_id": "exit-1"},
    dedupe_key="stop",
    raised_at=NOW,
    updated_at=NOW,
)


def alerts(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `run.py alerts` in *folder*, which is its home as well, where no engine runs."""
    command = [sys.executable, str(ROOT / "run.py"), "alerts", *arguments]
    environ = {"HOME": str(folder), "RIPCORD__API__PORT": str(free_port()), **environ}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def cells(text: str) -> list[list[str]]:
    """Return the rows of the tables in *text*."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Return a webhook on loopback."""
    with webhook() as server:
        yield server


def settle(folder: Path, port: int) -> None:
    """Write settings with two channels to the webhook on *port*."""
    (folder / "ripcord.toml").write_text(f"""
    profile = "paper"
    [[alerts.channels]]
    name = "phone"
    url = "json://127.0.0.1:{port}/${{TOKEN}}"
    min_severity = "critical"
    [[alerts.channels]]
    name = "desk"
    url_env = "DESK"
    """)


def test_a_test_alert_goes_to_each_channel_and_ends_with_0(tmp_path: Path, hook: Webhook) -> None:
    """A row for each; nothing on standard error, and no token anywhere."""
    settle(tmp_path, hook.port)
    done = alerts(tmp_path, "test", TOKEN=TOKEN, DESK=f"json://127.0.0.1:{hook.port}/desk")
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout) == [["phone", "delivered"], ["desk", "delivered"]]
    assert [request.path for request in hook.requests] == [f"/{TOKEN}", "/desk"]
    assert {request.body["title"] for request in hook.requests} == {"[CRITICAL] TEST - nothing is wrong"}
    assert TOKEN not in done.stdout


def test_a_channel_that_does_not_take_it_is_named_and_ends_with_1(tmp_path: Path, hook: Webhook) -> None:
    """The others are tried all the same."""
    settle(tmp_path, hook.port)
    hook.answers.append(500)
    done = alerts(tmp_path, "test", "--output", "json", TOKEN=TOKEN, DESK=f"json://127.0.0.1:{hook.port}/desk")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"channels": {"phone": "the service answered 500", "desk": None}}
    assert done.stderr == "ripcord: 1 of 2 channels did not take the test alert\n"


def test_without_a_channel_there_is_nothing_to_test(tmp_path: Path) -> None:
    """Bad input, in a sentence that says what to add."""
    done = alerts(tmp_path, "test")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ripcord: no alert channel is set: add [[alerts.channels]] to ripcord.toml")


def test_an_address_that_no_service_has_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    """Exit code 4, the channel by its name, and the address not at all."""
    done = alerts(tmp_path, "test", "--set", f'alerts.channels=[{{url = "nothing://{TOKEN}"}}]')
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("ripcord: the alert channel nothing-1 has an address")
    assert TOKEN not in done.stderr


def test_the_alerts_of_the_database_are_listed(tmp_path: Path) -> None:
    """Those that stand, or with --all every one, as a table or as JSON."""
    store = open_store(str(tmp_path / "own.db"), profile="demo", genesis=None)
    store.commit(ALERT, replace(ALERT, id=AlertId("alert-2"), dedupe_key="x", status=AlertStatus.RESOLVED))
    store.close()
    done = alerts(tmp_path, "list", "--database", "own.db")
    assert (done.returncode, done.stderr) == (0, "")
    row = ["alert-1", "critical", "active", "1", "2025-06-15 15:06:40", "STOP FAILED", "A stop failed"]
    assert cells(done.stdout) == [row]
    listed = json.loads(alerts(tmp_path, "list", "--all", "--output", "json", "--database", "own.db").stdout)["alerts"]
    assert {(each["id"], each["status"], each["data"]["order_id"]) for each in listed} == {
        ("alert-1", "active", "exit-1"),
        ("alert-2", "resolved", "exit-1"),
    }
    assert alerts(tmp_path, "list").returncode == 3
