"""The command line, run as a person would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.order import OrderKind
from engine.domain.units import lamports
from engine.store.filelock import FileLock
from engine.store.sql import SqlStore
from tests.system.reasons import EVERY_REASON

ROOT = Path(__file__).resolve().parents[2]
HEADER = "time,price\n"


def ripcord(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in *cwd*."""
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)


def prices(folder: Path, *values: float, step: int = 60) -> Path:
    """Write a file of prices, *step* seconds apart."""
    file = folder / "prices.csv"
    file.write_text(HEADER + "".join(f"{1_750_000_000 + n * step},{value}\n" for n, value in enumerate(values)))
    return file


def test_the_demo_shows_every_exit_and_agrees_with_the_chain(tmp_path: Path) -> None:
    """The demo exits with 0, has each way out once, and its database adds up to the wallet that it prints."""
    done = ripcord("demo", "--database", "demo.db", "--log-file", "demo.log", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Console: http://127.0.0.1:" in done.stdout
    printed = re.search(r"agree to the lamport: (\d+) transactions, wallet ([\d.]+) SOL", done.stdout)
    assert printed
    store = SqlStore(tmp_path / "demo.db")
    fills = store.fills()
    assert len(fills) == int(printed[1])
    total = lamports("100") + sum(fill.sol - fill.fee - fill.rent for fill in fills)
    assert total == lamports(Decimal(printed[2]))
    exits = [order for order in store.orders() if order.kind is OrderKind.EXIT]
    filled = {order.exit_reason for order in exits if order.status == "filled"}
    assert filled == EVERY_REASON
    (failed,) = [order for order in exits if order.status == "cancelled"]
    (retried,) = [order for order in exits if order.retry_of == failed.id]
    assert (failed.attempt_count, retried.status) == (3, "filled")
    assert [(a.alert_type, a.status) for a in store.alerts()] == [("exit_failed_critical", "resolved")]
    assert {p.status for p in store.positions()} == {"closed"}
    for position in store.positions():
        assert position.sold_tokens == position.entry_amount_tokens
    store.close()
    for line in (tmp_path / "demo.log").read_text().splitlines():
        json.loads(line)
    shown = ripcord("orders", failed.id, "--database", "demo.db", cwd=tmp_path)
    assert shown.returncode == 0
    assert shown.stdout.count("slippage tolerance") >= 3
    sold = ripcord("orders", retried.id, "--database", "demo.db", cwd=tmp_path)
    assert re.search(r"Order marker: 0\.00\d+ SOL of rent parked, brought back by order", sold.stdout)


def test_a_replay_prints_its_exits_and_the_final_pnl(tmp_path: Path) -> None:
    """Bought at 1, first target at 1.3, stopped at 0.7: two exits, and a database that agrees with the chain."""
    file = prices(tmp_path, 1, 1, 1.3, 1.29, 0.7, 0.7)
    done = ripcord("replay", file, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert [e["reason"] for e in outcome["exits"] if e["status"] == "filled"] == ["take_profit_1", "stop_loss"]
    assert outcome["position"]["status"] == "closed"
    assert outcome["ledger"] == {"agrees": True, "differences": []}
    brought = sum(e["brought_lamports"] for e in outcome["exits"])
    assert outcome["position"]["final_pnl_lamports"] == brought - outcome["position"]["entry_amount_lamports"]


def test_a_replay_is_the_same_every_time(tmp_path: Path) -> None:
    """The same file and plan give the same exits, to the lamport and the nanosecond."""
    file = prices(tmp_path, 1, 1.1, 1.3, 1.6, 1.55, 1.2, 0.9)
    runs = [ripcord("replay", file, "--json", cwd=tmp_path).stdout for _ in range(2)]
    assert json.loads(runs[0]) == json.loads(runs[1])
    assert len(json.loads(runs[0])["exits"]) >= 3


def test_a_replay_runs_at_a_multiple_of_real_time(tmp_path: Path) -> None:
    """At 60 times real time a five-minute path takes seconds and ends the same way."""
    file = prices(tmp_path, 1, 1, 1.05, 0.7, 0.7, 0.7)
    done = ripcord("replay", file, "--json", "--speed", "60", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert [e["reason"] for e in outcome["exits"]] == ["stop_loss"]
    assert outcome["position"]["status"] == "closed"


@pytest.mark.parametrize(("ending", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_replay_is_drawn(tmp_path: Path, ending: str, begins: bytes) -> None:
    """--plot writes a picture in the format that its name asks for."""
    file = prices(tmp_path, 1, 1, 1.3, 1.0, 0.7)
    drawn = tmp_path / f"out{ending}"
    done = ripcord("replay", file, "--plot", drawn, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert drawn.read_bytes().startswith(begins)


def test_real_prices_are_replayed(tmp_path: Path, data: Path) -> None:
    """A rug, as it was traded: the stop or the trail gets out, and the books agree."""
    (file,) = (data / "prices/pumpswap_trades").glob("H2HmT*.raw.csv")
    done = ripcord("replay", file, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["position"]["status"] == "closed"


def test_a_random_walk_is_replayed_from_its_seed(tmp_path: Path) -> None:
    """seed:N needs no file and is the same walk every time; a seed that is no number is refused."""
    runs = [ripcord("replay", "seed:7", "--json", cwd=tmp_path) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0]
    assert json.loads(runs[0].stdout) == json.loads(runs[1].stdout)
    assert json.loads(runs[0].stdout)["exits"]
    assert ripcord("replay", "seed:x", cwd=tmp_path).returncode == 2


BAD_FILES = {
    "gap": ("1750000000,1\n1750000060,1\n1750010000,1\n", "line 4"),
    "repeated time": ("1750000000,1\n1750000000,1\n", "line 3"),
    "reversed time": ("1750000060,1\n1750000000,1\n", "line 3"),
    "not a number": ("1750000000,1\n1750000060,nan\n", "line 3"),
    "zero": ("1750000000,0\n", "line 2"),
    "negative": ("1750000000,-1\n", "line 2"),
    "absurd": ("1750000000,1\n1750000060,1e15\n", "line 3"),
    "no rows": ("", "prices.csv"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_price_file_is_named_with_its_line(tmp_path: Path, case: str) -> None:
    """One sentence on standard error that names file and line, exit code 2, and nothing left behind."""
    rows, where = BAD_FILES[case]
    file = tmp_path / "prices.csv"
    file.write_text(HEADER + rows)
    done = ripcord("replay", file, "--plot", tmp_path / "out.png", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert where in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["prices.csv"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--plan", "reckless"], "there is no plan 'reckless'"),
        (["--plan", '{"stop_loss_pct": 120, "max_hold": "soon"}'], "stop_loss_pct is 120"),
        (["--plan", '{"stop_loss_pct": 120, "max_hold": "soon"}'], "max_hold is 'soon'"),
        (["--plan", '{"stop_los": 1}'], "stop_los is not a key"),
        (["--plan", "missing.toml"], "missing.toml cannot be read"),
        (["--spend", "0"], "--spend is '0'"),
        (["--spend", "much"], "--spend is 'much'"),
        (["--speed", "0"], "--speed is '0'"),
        (["--plot", "out.gif"], "must end in .png or .svg"),
        (["--plot", "nowhere/out.png"], "there is no folder nowhere"),
        (["--config", "bad.toml"], "orders.max_concurent is not a setting"),
        (["--config", "bad.toml"], "prices.max_age"),
        (["--config", "missing.toml"], "missing.toml cannot be read"),
        (["--max-gap", "long"], "--max-gap is 'long'"),
        (["--log-level", "loud"], "'loud' is not a log level"),
        (["--decimals", "12"], "--decimals"),
        (["--dumps", "nowhere"], "nowhere"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_bad_option_is_named(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """An option, plan or setting that makes no sense is named, with exit code 2, before anything starts."""
    file = prices(tmp_path, 1, 1)
    (tmp_path / "bad.toml").write_text("[orders]\nmax_concurent = 3\n[prices]\nmax_age = -1\n")
    done = ripcord("replay", file, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing price file, and a missing database, are named."""
    assert "nowhere.csv" in ripcord("replay", "nowhere.csv", cwd=tmp_path).stderr
    missing = ripcord("orders", "--database", "nowhere.db", cwd=tmp_path)
    assert (missing.returncode, "there is no database nowhere.db" in missing.stderr) == (2, True)


def test_the_demo_does_not_pull_the_database_from_under_another(tmp_path: Path) -> None:
    """A second demonstration on the same database is refused, and the first one's stays."""
    (tmp_path / "demo.db").write_bytes(b"SQLite format 3\0")
    lock = FileLock(tmp_path / "demo.db.lock")
    lock.take("a demonstration", of="demo.db")
    done = ripcord("demo", "--database", "demo.db", "--log-file", "demo.log", cwd=tmp_path)
    lock.release()
    assert done.returncode == 1
    assert "is in use by a demonstration" in done.stderr
    assert (tmp_path / "demo.db").exists()


def test_the_demo_replaces_nothing_but_a_database(tmp_path: Path) -> None:
    """A file that is no database is not overwritten."""
    precious = tmp_path / "precious.db"
    precious.write_text("not a database")
    done = ripcord("demo", "--database", "precious.db", cwd=tmp_path)
    assert done.returncode == 2
    assert precious.read_text() == "not a database"
