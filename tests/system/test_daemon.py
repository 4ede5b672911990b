"""The engine as a process: signals, exit codes, and being killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from solders.keypair import Keypair

from chain.audit import read_ledger
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.audit import audit
from engine.clock import SystemClock
from engine.domain.entries import adopted
from engine.domain.order import OrderStatus
from engine.domain.plan import ExitPlan
from engine.domain.position import Position, PositionStatus
from engine.domain.swap import TokenInfo
from engine.domain.units import Nanos, PositionId, RawAmount, lamports
from engine.store.sql import SqlStore

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

    @property
    def database(self) -> Path:
        """The file of the engine."""
        return self.folder / "engine.db"

    def launch(self) -> subprocess.Popen[str]:
        """Start an engine and return once it runs."""
        options = {
            "rpc_url": self.world.rpc_url,
            "jupiter_url": self.world.jupiter_url,
            "keypair": str(self.folder / "id.json"),
            "database": str(self.database),
            "settings": {"prices": {"poll_interval": 0.1}},
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.engine_process", json.dumps(options)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        self.wait_for_line(process, "running")
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
        clock, store, tick = SystemClock(), SqlStore(self.database), threading.Event()
        end = clock.now() + PATIENCE * 1e9
        try:
            while not condition(store):
                assert clock.now() < end, f"waited {PATIENCE} s in vain: {store.orders()}"
                tick.wait(0.05)
        finally:
            store.close()
            clock.close()

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
