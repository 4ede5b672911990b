"""Data out, by the commands: an engine's figures agree with the chain, and its copy starts another one."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from solders.keypair import Keypair

from chain.audit import read_ledger
from engine.app import Engine
from engine.cli import main
from engine.config import Profile, Settings
from engine.domain.position import PositionStatus
from engine.domain.units import PositionId, sol
from engine.store.sql import SqlStore, open_store
from engine.wiring import connect
from tests.factories import NOW, a_position
from tests.store.databases import differences, traded
from tests.store.process import TTL, WALLET
from tests.system.test_engine import FUNDS, Live, running

Ripcord = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ripcord(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ripcord:
    """Run a command; return its exit code and what it wrote on standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ripcord", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run


def test_an_export_beside_the_engine_adds_up_to_the_chain_and_its_copy_starts_another_one(
    tmp_path: Path, ripcord: Ripcord
) -> None:
    """Fees, rent, failed attempts and gains, to the lamport; then the copy of the live database sells the rest."""
    copy, restored = tmp_path / "copy.db", tmp_path / "restored.db"
    with running(tmp_path, Settings()) as live:
        token = live.token()
        position = live.open(token)
        live.world.market(token.address).drift_after_quote(-200)
        live.price(token, "0.00126", settle=40)
        live.agrees()
        assert ripcord("backup", "--database", tmp_path / "engine.db", "--out", copy)[0] == 0
        code, printed, _ = ripcord("export", "fills", "--database", tmp_path / "engine.db")
        assert code == 0
        rows = list(csv.DictReader(io.StringIO(printed, newline="")))
        assert {row["kind"] for row in rows} == {"buy", "fee", "sell", "rent"}
        ledger = read_ledger(live.world.rpc_url, live.simulation.wallet.address)
        assert {row["signature"] for row in rows} == set(ledger.entries) - unpaid(ledger.entries)
        assert sol(FUNDS) + sum(Decimal(row["wallet_change"]) for row in rows) == sol(ledger.lamports)
        gained = sum(Decimal(row["realized_gain"] or 0) for row in rows)
        assert gained == sol(live.position(position.id).realized_pnl) != 0
        assert {row["wallet"] for row in rows} == {live.simulation.wallet.address}
        assert ripcord("restore", copy, "--database", restored, "--yes")[0] == 0
        live.engine.stop(timeout=0.0)
        with taken_over(live, restored):
            assert live.position(position.id).status is PositionStatus.PARTIAL_EXIT
            live.price(token, "0.0007", settle=10)
            assert live.position(position.id).closed
            live.agrees()


def unpaid(entries: object) -> set[str]:
    """Return the signatures of transactions that the wallet did not pay for, such as its first funds."""
    assert isinstance(entries, dict)
    return {signature for signature, entry in entries.items() if not entry.fee}


@contextmanager
def taken_over(live: Live, database: Path) -> Iterator[None]:
    """Have another engine on *database* guard the wallet, once the first one has ended."""
    simulation = live.simulation
    store = open_store(database, profile="demo")
    ports = connect(
        Settings(),
        clock=simulation.clock,
        ids=simulation._ids,
        store=store,
        signer=simulation.wallet,
        rpc_url=live.world.rpc_url,
        jupiter_url=live.world.jupiter_url,
        poll_prices=False,
    )
    engine = Engine(ports, Settings(), max_price_age=None, check_interval=None)
    first, simulation.engine, live.engine, live.store = simulation.engine, engine, engine, store
    try:
        engine.start()
        live.time.rest()
        yield
    finally:
        engine.stop(timeout=0.0)
        ports.close()
        simulation.engine = first


def test_every_kind_is_exported_in_both_forms(tmp_path: Path, ripcord: Ripcord) -> None:
    """Every kind in both forms, to a file of the owner's alone or on standard output, the same each time."""
    traded(tmp_path / "ripcord.db")
    for what in ("fills", "orders", "positions"):
        arguments = ("export", what, "--database", "ripcord.db")
        code, printed, _ = ripcord(*arguments)
        assert (code, ripcord(*arguments)[1]) == (0, printed)
        assert printed.endswith("\r\n")
        assert len(json.loads(ripcord(*arguments, "--output", "json")[1])) == len(printed.splitlines()) - 1 > 0
        code, nothing, told = ripcord(*arguments, "--out", f"{what}.csv")
        assert (code, nothing) == (0, "")
        assert told.endswith(f" {what}\n")
        assert (tmp_path / f"{what}.csv").read_bytes().decode() == printed
        assert stat.S_IMODE((tmp_path / f"{what}.csv").stat().st_mode) == 0o600


def test_an_export_of_other_days_is_empty(tmp_path: Path, ripcord: Ripcord) -> None:
    """The first and the last day are in it."""
    traded(tmp_path / "ripcord.db")
    arguments = ("export", "fills", "--database", "ripcord.db", "--format", "json")
    assert len(json.loads(ripcord(*arguments, "--from", "2025-06-15", "--to", "2025-06-15")[1])) == 3
    assert json.loads(ripcord(*arguments, "--from", "2025-06-16")[1]) == []


REFUSED = {
    "export fills --database no.db": "there is no database no.db: name another one",
    "export fills --database ripcord.db --from 2025-02-01 --to 2025-01-01": "--to 2025-01-01 is before --from",
    "export fills --database ripcord.db --from yesterday": "'yesterday' does not match",
    "export dreams --database ripcord.db": "'dreams' is not one of",
    "export fills --database ripcord.db --out taken.csv": "taken.csv is there already",
    "export fills --database ripcord.db --out ripcord.db --force": "ripcord.db is a part of the database itself",
    "export fills --database mysql://root:hunter2@host/db": "Ripcord keeps no store in mysql",
    "backup --database no.db": "there is no database no.db",
    "backup --database ripcord.db --out taken.csv": "taken.csv is there already",
    "backup --database postgresql://ripcord:hunter2@host/db": "which has its own tools: copy it with pg_dump",
    "restore copy.db --database postgresql://ripcord:hunter2@host/db": "put a copy of it back with pg_restore",
    "restore copy.db --database ripcord.db": "there is no terminal to ask on: give --yes to put copy.db",
    "restore no.db --database ripcord.db --yes": "there is no file no.db",
    "restore taken.csv --database ripcord.db --yes": "taken.csv is no database of Ripcord",
    "restore ripcord.db --database ripcord.db --yes": "is the database itself",
    "restore paper.db --database ripcord.db --yes": "paper.db belongs to paper, and not to demo",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_makes_no_sense_is_refused(tmp_path: Path, ripcord: Ripcord, line: str) -> None:
    """Exit code 2, the reason without a secret on standard error, nothing on standard output, and no file changed."""
    SqlStore(tmp_path / "ripcord.db").close()
    SqlStore(tmp_path / "copy.db").close()
    open_store(tmp_path / "paper.db", profile="paper").close()
    (tmp_path / "taken.csv").write_text("taken\n" * 200)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, printed, told = ripcord(*line.split())
    assert (code, printed) == (2, "")
    assert REFUSED[line] in told
    assert "hunter2" not in told
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert after == before


def test_an_engine_that_runs_keeps_its_database(tmp_path: Path, ripcord: Ripcord) -> None:
    """Exit code 1, with who it is."""
    traded(tmp_path / "ripcord.db")
    ripcord("backup", "--database", "ripcord.db", "--out", "copy.db")
    with closing(SqlStore(tmp_path / "ripcord.db")) as store:
        store.acquire_lease(WALLET, "the engine", now=NOW, ttl=TTL)
        code, printed, told = ripcord("restore", "copy.db", "--database", "ripcord.db", "--yes")
    assert (code, printed) == (1, "")
    assert f"in use by the engine for {WALLET}" in told


def test_a_copy_says_where_it_is_and_how_far_it_goes(tmp_path: Path, ripcord: Ripcord) -> None:
    """Beside the database, with the time in its name; path, size and newest event are printed."""
    traded(tmp_path / "ripcord.db")
    code, printed, _ = ripcord("backup", "--database", "ripcord.db")
    (copy,) = tmp_path.glob("ripcord-*Z.db")
    assert code == 0
    assert printed.startswith(f"{copy.name}: {copy.stat().st_size:,} bytes, 1 open position, events up to number ")
    assert differences(copy) == ()


@pytest.mark.parametrize(("answer", "ends"), [("y", (0, 3)), ("n", (1, 5)), ("", (1, 5))])
def test_a_person_is_asked_before_anything_is_replaced(
    tmp_path: Path, ripcord: Ripcord, monkeypatch: pytest.MonkeyPatch, answer: str, ends: tuple[int, int]
) -> None:
    """With what the next start will do, and which positions nobody would guard."""
    traded(tmp_path / "copy.db")
    traded(tmp_path / "ripcord.db", pieces=5)
    with closing(SqlStore(tmp_path / "ripcord.db")) as store:
        store.commit(a_position(id=PositionId("since"), entry_order_id=None))
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    found = ripcord("restore", "copy.db", "--database", "ripcord.db")
    for sentence in (
        "asks the chain what became of 0 attempts",
        "nothing guards them (since): guard their tokens anew",
        "audit log and token are left as they are",
        "put copy.db in the place of ripcord.db.",
    ):
        assert sentence in found[2]
    with closing(SqlStore(tmp_path / "ripcord.db")) as store:
        assert (found[0], len(store.fills())) == ends
    assert ("is what was there before" in found[1]) == (answer == "y")


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self) -> bool:
        return True


def test_a_copy_of_another_wallet_is_refused(tmp_path: Path, ripcord: Ripcord) -> None:
    """The wallet is that of the settings; no passphrase is asked for."""
    keypair = Keypair()
    (tmp_path / "id.json").write_text(keypair.to_json())
    (tmp_path / "id.json").chmod(0o600)
    for name, wallet in (("theirs.db", WALLET), ("ours.db", str(keypair.pubkey()))):
        with closing(open_store(tmp_path / name, profile="paper", genesis=Profile.PAPER.genesis_hash)) as store:
            store.acquire_lease(wallet, "an engine", now=NOW, ttl=TTL)
    options = ("--profile", "paper", "--keypair", "id.json", "--database", "ripcord.db", "--yes")
    code, _, told = ripcord("restore", "theirs.db", *options)
    assert (code, f"theirs.db belongs to wallet {WALLET}, and not to {keypair.pubkey()}" in told) == (2, True)
    assert ripcord("restore", "ours.db", *options)[0] == 0
