"""`run.py devnet`, run as a person would, against a node that says that it is devnet."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest

from chain.simulated.node import Node
from chain.simulated.server import LoopbackServer
from chain.simulated.trading_bank import TradingBank
from engine.clock import SystemClock
from engine.config import Given, Profile, resolve
from engine.devnet import devnet_genesis
from engine.domain.units import seconds

ROOT = Path(__file__).resolve().parents[2]
SERVED_LINES = 13
MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"


def command(*arguments: str) -> list[str]:
    """Return the command line of `run.py devnet`."""
    return [sys.executable, str(ROOT / "run.py"), "devnet", *arguments]


def devnet(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `run.py devnet` with *home* as the home folder and nothing else in the environment."""
    return subprocess.run(
        command(*arguments), cwd=home, env={"HOME": str(home)}, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture
def bank() -> Iterator[TradingBank]:
    """Return a cluster that calls itself devnet."""
    clock = SystemClock()
    bank = TradingBank(clock, slot_duration=seconds("0.05"))
    bank.genesis.hash = devnet_genesis()
    yield bank
    bank.close()
    clock.close()


@pytest.fixture
def url(bank: TradingBank) -> Iterator[str]:
    """Return the address of its node."""
    with LoopbackServer(Node(bank).app) as server:
        yield server.url


def test_setup_prints_links_and_serve_serves_what_was_set_up(url: str, tmp_path: Path) -> None:
    """A link for each piece; run again, all is there; served, the API has the tokens' prices until SIGTERM."""
    done = devnet(tmp_path, "setup", "--tokens", "2", "-u", url)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / ".local" / "share" / "ripcord" / "devnet"
    state = json.loads((folder / "market.json").read_text())
    for address in (state["wallet"], state["maker"], state["program"], *(t["mint"] for t in state["tokens"])):
        assert f"https://explorer.solana.com/address/{address}?cluster=devnet" in done.stdout
    again = devnet(tmp_path, "setup", "--tokens", "2", "-u", url)
    assert again.returncode == 0, again.stderr
    assert {line.split()[0] for line in again.stdout.splitlines()} == {"there"}
    with subprocess.Popen(
        command("serve", "--prices", "none", "-u", url),
        env={"HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = "".join(islice(process.stdout, SERVED_LINES))
            (tmp_path / "devnet.toml").write_text(printed)
            told = tomllib.loads(printed)
            assert told["jupiter"]["program"] == state["program"]
            assert told["wallet"]["keypair"] == str(folder / "wallet.json")
            mints = [token["mint"] for token in state["tokens"]]
            prices = httpx.get(f"{told['jupiter']['urls'][0]}/price/v3", params={"ids": ",".join(mints)}).json()
            assert set(prices) == set(mints)
            settings = resolve(Given(files=(tmp_path / "devnet.toml",), environ={}, home=tmp_path)).settings
            assert (settings.profile, settings.jupiter.program) == (Profile.DEVNET, state["program"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def test_an_engine_runs_on_what_was_set_up(url: str, tmp_path: Path) -> None:
    """`run --profile devnet` serves the market by itself, for the wallet that the setup has made, until SIGTERM."""
    assert devnet(tmp_path, "setup", "--tokens", "1", "-u", url).returncode == 0
    state = json.loads((tmp_path / ".local" / "share" / "ripcord" / "devnet" / "market.json").read_text())
    dead = "http://127.0.0.1:9"
    (tmp_path / "ripcord.toml").write_text(
        f'profile = "devnet"\njupiter.urls = ["{dead}"]\n[chain]\nrpc_urls = ["{url}"]\nws_url = "ws{url[4:]}"\n'
    )
    looked = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "doctor"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"wallet {state['wallet']}" in looked.stdout
    assert f"{state['program']} is on the cluster" in looked.stdout
    with subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "run", "--set", "api.port=0", "--set", "console.enabled=false"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if line.startswith("Ripcord"))
            assert f"wallet {state['wallet']}" in said
            next(line for line in process.stderr if '"event": "running"' in line)
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def test_mainnet_is_refused_in_a_sentence(bank: TradingBank, url: str, tmp_path: Path) -> None:
    """Exit code 2, and no folder."""
    bank.genesis.hash = MAINNET
    done = devnet(tmp_path, "setup", "-u", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ripcord: The node is of mainnet, where no test market is set up" in done.stderr
    assert not (tmp_path / ".local").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("setup", "--sol", "lots"), "--sol is 'lots', and must be a number of SOL from 1 to 100"),
        (("setup", "--sol", "0.5"), "--sol is '0.5', and must be a number of SOL from 1 to 100"),
        (("serve", "--prices", "none"), "No market was set up in"),
        (("serve", "--prices", "seed:x"), "'seed:x' names no random walk"),
    ],
)
def test_bad_input_is_one_sentence(url: str, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and nothing is made."""
    done = devnet(tmp_path, *arguments, "-u", url)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / ".local").exists()
