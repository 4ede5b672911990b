"""The commands for a real cluster, as processes, over servers that speak a real cluster's protocols."""

from __future__ import annotations

import json
import os
import signal
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
from engine.config import Profile
from engine.domain.position import PositionStatus
from engine.domain.units import lamports
from engine.store.sql import SqlStore
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
FUNDS = lamports("10")
HELD = 1_000_000_000
PATIENCE = 40.0
WELL = ("key", "node", "websocket", "swap program", "jupiter", "clock", "disk", "database", "notifier", "reserve")


@dataclass
class Site:
    """A cluster, a wallet with tokens and a settings file, in a folder of their own."""

    world: World
    folder: Path
    keypair: Keypair
    token: Token
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def wallet(self) -> str:
        """The wallet's address."""
        return str(self.keypair.pubkey())

    def configure(self, profile: Profile, **chain: str) -> None:
        """Write the settings of *profile* for this cluster."""
        own = {} if profile is Profile.MAINNET else {"genesis_hash": self.world.bank.genesis.hash}
        settings = {"ws_url": self.world.ws_url, **own, **chain}
        lines = [
            f'profile = "{profile}"',
            f'store.path = "{self.database}"',
            f'wallet.keypair = "{self.folder / "id.json"}"',
            f'jupiter.urls = ["{self.world.jupiter_url}"]',
            "jupiter.requests_per_minute = 9000",
            'prices.sources = ["jupiter"]',
            "prices.poll_interval = 0.1",
            "[chain]",
            f'rpc_urls = ["{self.world.rpc_url}"]',
            *(f'{key} = "{value}"' for key, value in settings.items()),
        ]
        (self.folder / "ripcord.toml").write_text("\n".join(lines))

    @property
    def database(self) -> Path:
        """The profile's books."""
        return self.folder / "books.db"

    def ripcord(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, ROOT / "run.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """An environment with nothing of the machine's settings."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RIPCORD", "JUPITER"))}
        return ours | {"HOME": str(self.folder), "PYTHONPATH": str(ROOT), "RIPCORD__API__PORT": "0"}

    def launch(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the engine and return once it runs."""
        process = subprocess.Popen(
            [sys.executable, ROOT / "run.py", "run", *arguments],
            cwd=self.folder,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if '"event": "running"' in line:
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return process
        raise AssertionError(f"the engine ended with {process.wait()}: {''.join(said)}")

    def store(self) -> SqlStore:
        """Open the books."""
        return SqlStore(self.database)

    def wait(self, condition: Callable[[SqlStore], bool]) -> None:
        """Wait until *condition* holds of the books."""
        with closing(self.store()) as store:
            eventually(lambda: condition(store), lambda: f"{store.orders()}", patience=PATIENCE)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site on which nothing runs yet."""
    clock, keypair = SystemClock(), Keypair()
    file = tmp_path / "id.json"
    file.write_text(keypair.to_json())
    file.chmod(0o600)
    with World(clock) as world:
        token = world.create_token("BONK", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(1000))
        world.fund(str(keypair.pubkey()), lamports=FUNDS, tokens={token.address: HELD})
        site = Site(world, tmp_path, keypair, token)
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
    clock.close()


def on_mainnet(site: Site) -> None:
    """Let the cluster say that it is mainnet."""
    site.world.bank.genesis.hash = str(Profile.MAINNET.genesis_hash)
    site.configure(Profile.MAINNET)


def test_a_wallet_is_guarded_from_its_settings_to_the_sale(site: Site) -> None:
    """Doctor, guard, run: the stop is sold by the process, the books agree with the chain, and SIGTERM ends with 0."""
    on_mainnet(site)
    looked = site.ripcord("doctor", "--output", "json")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert [json.loads(line)["name"] for line in looked.stdout.splitlines()] == list(WELL)
    assert site.ripcord("guard", site.token.address, "--symbol", "BONK").returncode == 0
    process = site.launch("--live")
    refused = site.ripcord("guard", site.token.address)
    assert refused.returncode == 1
    assert "is in use by" in refused.stderr
    site.world.set_price(site.token.address, Decimal("0.0005"))
    site.wait(lambda store: not store.positions(open_only=True))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with closing(site.store()) as store:
        (position,) = store.positions()
        assert position.status is PositionStatus.CLOSED
        assert position.entry_price == Decimal("0.001")
        assert audit(store, read_ledger(site.world.rpc_url, site.wallet), funds=FUNDS).differences == ()


def test_paper_sells_on_paper(site: Site) -> None:
    """The stop is sold in the books, at what the node's simulation says, and the wallet keeps every token."""
    site.configure(Profile.PAPER)
    assert site.ripcord("guard", site.token.address).returncode == 0
    process = site.launch()
    site.world.set_price(site.token.address, Decimal("0.0005"))
    site.wait(lambda store: not store.positions(open_only=True))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with closing(site.store()) as store:
        (position,) = store.positions()
        assert position.sold_tokens == HELD
        assert position.realized_pnl < 0
    ledger = read_ledger(site.world.rpc_url, site.wallet)
    assert ledger.lamports == FUNDS
    assert not [entry for entry in ledger.entries.values() if entry.fee]


def test_mainnet_needs_two_switches(site: Site) -> None:
    """Without --live nothing starts, and nothing is written."""
    on_mainnet(site)
    done = site.ripcord("run")
    assert done.returncode == 4
    assert "--live" in done.stderr
    assert not site.database.exists()


def test_a_node_of_another_cluster_is_refused(site: Site) -> None:
    """The embedded cluster is not mainnet: the sentence names the node, and nothing was signed or stored."""
    site.configure(Profile.MAINNET)
    for command in (("run", "--live"), ("guard", site.token.address)):
        done = site.ripcord(*command)
        assert done.returncode == 2
        assert "genesis hash" in done.stderr
        assert "Traceback" not in done.stderr
    assert not site.database.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--amount", "1001"), "the wallet holds 1000."),
        (("--amount", "much"), "--amount is 'much'"),
        (("--entry-price", "-1"), "--entry-price is '-1'"),
        (("--plan", "reckless"), "there is no plan 'reckless'"),
        (("--amount", "0.0000001"), "more decimals than the token"),
    ],
)
def test_a_guard_that_makes_no_sense_is_refused(site: Site, arguments: tuple[str, ...], sentence: str) -> None:
    """What is wrong is named, with exit code 2, and nothing is guarded."""
    site.configure(Profile.PAPER)
    done = site.ripcord("guard", site.token.address, *arguments)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    if site.database.exists():
        with closing(site.store()) as store:
            assert store.positions() == []


def test_what_is_guarded_already_is_not_guarded_twice(site: Site) -> None:
    """Of 1,000 tokens 600 are guarded: 400 are left, and no more can be named."""
    site.configure(Profile.PAPER)
    assert site.ripcord("guard", site.token.address, "--amount", "600").returncode == 0
    assert "holds 400." in site.ripcord("guard", site.token.address, "--amount", "401").stderr
    assert site.ripcord("guard", site.token.address).returncode == 0
    with closing(site.store()) as store:
        assert sorted(p.entry_amount_tokens for p in store.positions()) == [400_000_000, 600_000_000]


def test_many_are_imported_or_none(site: Site) -> None:
    """Every fault of a file is named with its line; a file without any takes everything under guard at once."""
    site.configure(Profile.PAPER)
    other = site.world.create_token("WIF", decimals=9, price=Decimal("0.01"), depth_sol=Decimal(1000))
    site.world.fund(site.wallet, tokens={other.address: 5_000_000_000})
    file = site.folder / "positions.csv"
    file.write_text(f"mint,amount,plan\n{site.token.address},1e9,\n{other.address},,reckless\n,1,\n")
    done = site.ripcord("positions", "import", str(file))
    assert done.returncode == 2
    assert [f"line {number}" in done.stderr for number in (3, 4)] == [True, True]
    file.write_text(f"mint,amount,plan\n{site.token.address},1e9,\n{other.address},,conservative\n")
    done = site.ripcord("positions", "import", str(file))
    assert (done.returncode, "line 2" in done.stderr) == (2, True)
    file.write_text(f"mint,amount,plan,entry_price\n{site.token.address},1e3,,0.002\n{other.address},,conservative,\n")
    done = site.ripcord("positions", "import", str(file))
    assert done.returncode == 0, done.stderr
    with closing(site.store()) as store:
        assert {str(p.entry_price.normalize()) for p in store.positions()} == {"0.002", "0.01"}


def test_the_doctor_names_what_is_wrong(site: Site) -> None:
    """A dead node, an empty wallet file and a program that is none are found, each with what to do, and fail."""
    site.configure(Profile.PAPER)
    done = site.ripcord("doctor", "--set", f"jupiter.program={site.wallet}", "-k", "nowhere.json")
    assert done.returncode == 1
    assert "nowhere.json" in done.stdout
    assert "is no program of this cluster" in done.stdout
    done = site.ripcord("doctor", "-u", "http://127.0.0.1:9", "--output", "json")
    found = {each["name"]: each["verdict"] for each in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, found["node"], found["disk"]) == (1, "fail", "ok")


def test_the_doctor_finds_a_key_in_the_environment_and_the_channels(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is read once for all that is looked at, and who is told of alerts is named without the address."""
    site.configure(Profile.PAPER)
    monkeypatch.setattr(Site, "environment", site.environment | {"WALLET": site.keypair.to_json()})
    channel = 'alerts.channels=[{url = "json://127.0.0.1:9/canary-address-123456789"}]'
    done = site.ripcord("doctor", "-k", "env:WALLET", "--set", channel, "--output", "json")
    found = {each["name"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert {name: found[name]["verdict"] for name in ("key", "notifier", "reserve")} == dict.fromkeys(
        ("key", "notifier", "reserve"), "ok"
    )
    assert site.wallet in found["key"]["found"]
    assert "canary" not in done.stdout + done.stderr
