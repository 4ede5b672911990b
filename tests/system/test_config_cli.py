"""`run.py config`, run as a person would: what it prints, and by which exit code it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config.keys import all_keys

ROOT = Path(__file__).resolve().parents[2]
KEY = "c4nAry7f3kQ9zX2mB8vT"


def config(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `run.py config` in *folder*, which is its home as well, with nothing else in the environment."""
    command = [sys.executable, str(ROOT / "run.py"), "config", *arguments]
    environ = {"HOME": str(folder), **environ}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file of settings."""
    text = 'profile = "paper"\n[chain]\nrpc_urls = ["https://host/?k=${KEY}"]\n[orders]\nmax_concurrent = 4\n'
    (tmp_path / "ripcord.toml").write_text(text)
    return tmp_path


def test_show_prints_every_setting_with_its_source_and_no_secret(folder: Path) -> None:
    """A row for each key; the address as it was written."""
    done = config(folder, "show", "-k", "id.json", KEY=KEY, RIPCORD__PRICES__MAX_AGE="4")
    rows = {cells[1]: cells[2:4] for line in done.stdout.splitlines() if len(cells := _cells(line)) > 3}
    assert (done.returncode, done.stderr) == (0, "")
    assert set(rows) >= {key.name for key in all_keys().values()}
    assert rows["profile"] == ["paper", "ripcord.toml:1"]
    assert rows["chain.rpc_urls"] == ['["https://host/?k=${KEY}"]', "ripcord.toml:3"]
    assert rows["orders.max_concurrent"] == ["4", "ripcord.toml:5"]
    assert rows["prices.max_age"] == ["4.0", "RIPCORD__PRICES__MAX_AGE"]
    assert rows["wallet.keypair"] == ["id.json", "--keypair"]
    assert KEY not in done.stdout


def test_show_prints_json_for_programs(folder: Path) -> None:
    """One object: each key with its value, as JSON has it, and its source."""
    done = config(folder, "show", "--output", "json", "--set", "orders.urgent.waits=[1, 2.5]", "-u", "m", KEY=KEY)
    shown = json.loads(done.stdout)
    assert list(shown) == [key.name for key in all_keys().values()]
    assert shown["orders.urgent.waits"] == {"value": [1.0, 2.5], "source": "--set orders.urgent.waits"}
    assert shown["chain.rpc_urls"] == {"value": ["https://api.mainnet-beta.solana.com"], "source": "--url"}
    assert shown["chain.ws_url"] == {"value": None, "source": "--url"}
    assert shown["tokens.close_empty_accounts"] == {"value": False, "source": "default"}
    assert shown["prices.confirm_exit_above_sol"] == {"value": "1", "source": "default"}
    assert KEY not in done.stdout


def test_check_says_that_all_is_well(folder: Path) -> None:
    """Exit code 0, and the profile with where it comes from."""
    done = config(folder, "check", "--profile", "devnet", "-u", "devnet", KEY=KEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The settings are sound: profile devnet (--profile).\n"


@pytest.mark.parametrize("command", ["check", "show"])
def test_faults_end_with_4_and_are_all_named(folder: Path, command: str) -> None:
    """On standard error, a line each, without the secret beside one."""
    done = config(folder, command, "--set", f"jupiter.api_key={KEY}", RIPCORD__PRICES__MAX_AGE="-4")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines() == [
        "ripcord: 3 faults in the settings:",
        "  ripcord.toml:3: chain.rpc_urls.0: needs the environment variable KEY, which is not set",
        "  RIPCORD__PRICES__MAX_AGE: prices.max_age: input should be greater than 0, not -4",
        "  --set jupiter.api_key: jupiter.api_key is not a setting: did you mean jupiter.api_key_env?",
    ]


def test_files_that_are_named_merge_in_order(folder: Path) -> None:
    """The later one wins, and the file of the folder is left aside."""
    for name, text in (("a", "max_concurrent = 5\nreclaim_after = 9"), ("b", "max_concurrent = 6")):
        (folder / f"{name}.toml").write_text(f"[orders]\n{text}\n")
    done = config(folder, "show", "--config", "a.toml", "--config", "b.toml", "--output", "json")
    shown = json.loads(done.stdout)
    assert shown["orders.max_concurrent"] == {"value": 6, "source": "b.toml:2"}
    assert shown["orders.reclaim_after"] == {"value": 9.0, "source": "a.toml:3"}
    assert shown["profile"] == {"value": "demo", "source": "default"}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")]
