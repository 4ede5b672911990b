"""The engine as a process: signals, exit codes, and being killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair

from chain.audit import read_ledger
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.audit import audit
from engine.clock import SystemClock
from engine.domain.alert import Alert, Severity
from engine.domain.entries import adopted
from engine.domain.order import OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position, PositionStatus
from engine.domain.swap import TokenInfo
from engine.domain.units import AlertId, Nanos, PositionId, RawAmount, lamports
from engine.store.sql import SqlStore
from tests.notify.server import Webhook, webhook
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
FUNDS = lamports("10")
PATIENCE = 40.0
PLAN = ExitPlan(stop_loss_pct=Decimal(20))


@dataclass
class Trial:
    """A world, a wallet with tokens, and a database with a position that guards them."""

    world: World
    folder: Path
    keypair: Keypair
    token: Token
    position: Position
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: {"prices": {"poll_interval": 0.1}})

    @property
    def database(self) -> Path:
        """The file of the engine."""
        return self.folder / "engine.db"

    def launch(self) -> subprocess.Popen[str]:
        """Start an engine and return once it runs."""
        process = self.start()
        self.wait_for_line(process, "running")
        return process

    def start(self) -> subprocess.Popen[str]:
        """Start an engine; whoever called reads its log."""
        options = {
            "rpc_url": self.world.rpc_url,
            "jupiter_url": self.world.jupiter_url,
            "keypair": str(self.folder / "id.json"),
            "database": str(self.database),
            "settings": self.settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.engine_process", json.dumps(options)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def wait_for_line(self, process: subprocess.Popen[str], event: str) -> None:
        """Read the log of *process* until it says *event*, and keep reading it behind the scenes."""
        assert process.stderr is not None
        for line in process.stderr:
            if f'"event": "{event}"' in line:
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return
        raise AssertionError(f"the engine ended with {process.wait()} before it said {event}")

    def wait(self, condition: Callable[[SqlStore], bool]) -> None:
        """Wait until *condition* holds of the database."""
        with closing(SqlStore(self.database)) as store:
            eventually(lambda: condition(store), lambda: f"{store.orders()}", patience=PATIENCE)

    def stored(self) -> tuple[Position, list[str]]:
        """Return the position and the statuses of its orders."""
        store = SqlStore(self.database)
        try:
            position = store.position(self.position.id)
            assert position is not None
            ledger = read_ledger(self.world.rpc_url, str(self.keypair.pubkey()))
            assert audit(store, ledger, funds=FUNDS).differences == ()
            return position, [order.status for order in store.orders(position_id=position.id)]
        finally:
            store.close()


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """Return a trial in which no engine runs yet."""
    clock, keypair = SystemClock(), Keypair()
    file = tmp_path / "id.json"
    file.write_text(keypair.to_json())
    file.chmod(0o600)
    with World(clock) as world:
        token = world.create_token("BONK", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(1000))
        world.fund(str(keypair.pubkey()), lamports=FUNDS, tokens={token.address: 1_000_000_000})
        info = TokenInfo(mint=token.address, decimals=6, program=str(token.program))
        held = RawAmount(1_000_000_000)
        position = adopted(
            info,
            "BONK",
            held,
            Decimal("0.001"),
            PLAN,
            position_id=PositionId("pos-1"),
            held=held,
            now=Nanos(clock.now()),
        )
        store = SqlStore(tmp_path / "engine.db")
        store.commit(position)
        store.close()
        trial = Trial(world, tmp_path, keypair, token, position)
        yield trial
        for process in trial.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
    clock.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_engine_with_code_0(trial: Trial, number: signal.Signals) -> None:
    """Nothing in flight: the engine stops at once and in order."""
    process = trial.launch()
    process.send_signal(number)
    assert process.wait(15) == 0


def test_a_crossed_stop_is_sold_by_the_process(trial: Trial) -> None:
    """The engine polls prices by itself, sells, and its books agree with the chain."""
    process = trial.launch()
    trial.world.set_price(trial.token.address, Decimal("0.0007"))
    trial.wait(lambda store: not store.positions(open_only=True))
    process.terminate()
    assert process.wait(30) == 0
    position, orders = trial.stored()
    assert position.status is PositionStatus.CLOSED
    assert orders == [OrderStatus.FILLED]


def test_a_signal_while_a_swap_is_in_flight_resolves_it_first(trial: Trial) -> None:
    """The drain waits for the verdict: the position is closed when the process ends with 0, within 30 seconds."""
    process = trial.launch()
    trial.world.set_price(trial.token.address, Decimal("0.0007"))
    trial.wait(lambda store: bool(store.attempts()))
    process.terminate()
    assert process.wait(30) == 0
    assert trial.stored()[0].status is PositionStatus.CLOSED


@pytest.mark.parametrize("moment", ["recorded", "at once"])
def test_a_killed_engine_is_taken_up_by_the_next(trial: Trial, moment: str) -> None:
    """SIGKILL while the stop is being sold: the next engine books or sells it, once."""
    process = trial.launch()
    trial.world.set_price(trial.token.address, Decimal("0.0007"))
    trial.wait(lambda store: bool(store.attempts() if moment == "recorded" else store.orders()))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    again = trial.launch()
    trial.wait(lambda store: not store.positions(open_only=True))
    again.terminate()
    assert again.wait(30) == 0
    position, _ = trial.stored()
    assert position.sold_tokens == position.entry_amount_tokens


def test_a_second_engine_is_refused_while_the_first_lives(trial: Trial) -> None:
    """One engine per wallet: the second says whose the database is and ends, and the first still sells."""
    first = trial.launch()
    with pytest.raises(AssertionError, match="ended with 1"):
        trial.launch()
    trial.world.set_price(trial.token.address, Decimal("0.0007"))
    trial.wait(lambda store: not store.positions(open_only=True))
    first.terminate()
    assert first.wait(30) == 0


def test_an_engine_that_lost_its_wallet_ends_at_once_with_code_1(trial: Trial) -> None:
    """Somebody wrote another holder into the lease: the engine sells nothing more, and ends to say so."""
    process = trial.launch()
    with closing(sqlite3.connect(trial.database)) as database, database:
        database.execute("UPDATE leases SET holder = 'another engine', term = term + 1")
    trial.world.set_price(trial.token.address, Decimal("0.0007"))
    assert process.wait(30) == 1
    position, orders = trial.stored()
    assert position.status is PositionStatus.OPEN
    assert orders == []


# Who is told ----------------------------------------------------------------------------------------------


@pytest.fixture
def hook(trial: Trial) -> Iterator[Webhook]:
    """Return a webhook on loopback that is the one channel of the trial's engine."""
    with webhook() as server:
        channel = {"url": f"json://127.0.0.1:{server.port}/alerts"}
        trial.settings |= {"profile": "devnet", "alerts": {"channels": [channel], "retry_waits": [0.1]}}
        yield server


def store_alert(trial: Trial) -> None:
    """Put an alert into the database that an engine before this one did not get out."""
    store = SqlStore(trial.database)
    now = trial.position.opened_at
    alert = Alert(
        id=AlertId("alert-1"),
        alert_type="test",
        severity=Severity.CRITICAL,
        title="STOP FAILED",
        message="A stop failed",
        dedupe_key="stop",
        raised_at=now,
        updated_at=now,
    )
    store.commit(alert)
    store.close()


def test_the_service_manager_hears_that_the_engine_runs_lives_and_stops(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY once its actors run, WATCHDOG while the supervisor looks, STOPPING at the signal."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        process = trial.launch()
        assert manager.recv(4096).decode().startswith("READY=1\nSTATUS=Guarding the wallet ")
        assert [manager.recv(4096) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        process.terminate()
        while (state := manager.recv(4096)) == b"WATCHDOG=1":
            pass
        assert state == b"STOPPING=1"
        assert process.wait(15) == 0


def test_an_alert_gets_through_a_webhook_that_fails_at_first(trial: Trial, hook: Webhook) -> None:
    """Refused three times, it arrives at the fourth; the engine ends as if nothing had been."""
    store_alert(trial)
    hook.answers.extend([500, 429, 503])
    process = trial.launch()
    hook.wait_for(4)
    assert {request.body["title"] for request in hook.requests[:4]} == {"[CRITICAL] STOP FAILED"}
    process.terminate()
    assert process.wait(30) == 0


def test_an_alert_that_no_channel_took_reaches_standard_error_and_the_exit_code(trial: Trial, hook: Webhook) -> None:
    """Nothing but that is left to tell of it."""
    store_alert(trial)
    hook.answers.extend([500] * 1000)
    process = trial.start()
    hook.wait_for(2)
    process.terminate()
    assert process.stderr is not None
    said = [json.loads(line) for line in process.stderr if line.startswith("{")]
    assert process.wait(30) == 1
    assert [line["alerts"] for line in said if line["event"] == "alerts_undelivered"] == ["STOP FAILED"]


def test_an_engine_that_lost_its_wallet_tells_a_person_although_it_can_store_nothing(
    trial: Trial, hook: Webhook
) -> None:
    """The alert is delivered before the process ends."""
    process = trial.launch()
    with closing(sqlite3.connect(trial.database)) as database, database:
        database.execute("UPDATE leases SET holder = 'another engine', term = term + 1")
    hook.wait_for(1, timeout=PATIENCE)
    assert hook.requests[0].body["title"] == "[CRITICAL] ANOTHER ENGINE HAS THE WALLET - this one stops"
    assert process.wait(30) == 1
