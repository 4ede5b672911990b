"""What the commands print: human units in tables, the API's own objects as JSON, raw figures as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine.cli import main
from engine.cli.console import output
from engine.cli.render import Column, csv_of, table_of, value_of
from engine.config import Settings
from engine.doctor import Finding, Verdict
from tests.api.desk import V1, Desk, running
from tests.cli.conftest import furnish
from tests.cli.shell import Shell

QUESTIONS: dict[str, tuple[str, str, str]] = {
    "positions list": ("/positions?limit=100", "+20.00 %", "position-1,BONK"),
    "positions show position-1": ("/positions/position-1", "take profit 1", "position-1,BONK"),
    "orders": ("/orders?limit=100", "stop loss", "exit-9,exit,position-3"),
    "orders exit-9": ("/orders/exit-9", "80.000000 SOL", "exit-9,exit,position-3"),
    "alerts list": ("", "No source has a price", "alert-1,prices_stale,high"),
    "queue": ("/queue", "0 of 3 slots in use", "place,order.urgency"),
    "pnl --by reason": ("/pnl?by=reason", "-20.000025 after 0.000025 in fees", "stop_loss,1,0,0.0,-20000000000,25000"),
    "engine status": ("/engine", "2025-06-15 15:06:40", "demo,wallet"),
}
"""By command: the API's question, what the table has in it, and what the CSV has."""


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return an engine that is only looked at."""
    with running(tmp_path_factory.mktemp("reading"), furnish) as desk:
        yield desk


@pytest.fixture
def look(reading: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the command line for it."""
    return Shell(monkeypatch, tmp_path, reading)


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_table_has_human_units(look: Shell, command: str) -> None:
    """Data on standard output, nothing on standard error, and no line is cut off."""
    done = look(*command.split())
    assert (done.code, done.err) == (0, "")
    assert QUESTIONS[command][1] in done.out
    assert "…" not in done.out


@pytest.mark.parametrize("command", QUESTIONS)
def test_json_is_what_the_api_says(look: Shell, reading: Desk, command: str) -> None:
    """The same document, on one line."""
    done = look(*command.split(), "--output", "json")
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    question = QUESTIONS[command][0]
    if question:
        assert done.json == reading.client.get(V1 + question).json()
    else:
        assert done.json == {"total": 1, "alerts": reading.get(f"{V1}/alerts")["alerts"]}


@pytest.mark.parametrize("command", QUESTIONS)
def test_csv_has_a_header_and_raw_figures(look: Shell, command: str) -> None:
    """As many cells in each line as in the first; no unit, no thousands, nothing rounded."""
    done = look(*command.split(), "--output", "csv")
    assert (done.code, done.err) == (0, "")
    header, *lines = csv.reader(io.StringIO(done.out))
    assert len(set(header)) == len(header)
    assert all(len(line) == len(header) for line in lines)
    assert any(line.startswith(QUESTIONS[command][2]) for line in done.out.splitlines())
    assert "SOL" not in done.out


@pytest.mark.parametrize("command", ["positions list", "orders", "queue", "alerts list", "pnl"])
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_live_table_needs_a_terminal(look: Shell, command: str, form: str) -> None:
    """In a pipe, and for a program, --watch is refused in one sentence."""
    done = look(*command.split(), "--watch", "--output", form)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "--watch draws a table on a terminal" in done.err


def test_positions_are_filtered_and_ordered_by_the_engine(look: Shell) -> None:
    """Each option reaches the API by the name that it has there."""

    def listed(*options: str) -> list[str]:
        return [each["id"] for each in look("positions", "list", "--output", "json", *options).json["positions"]]

    assert listed("--open") == ["position-2", "position-1"]
    assert listed("--closed") == ["position-3"]
    assert listed("--sort", "symbol") == ["position-1", "position-3", "position-2"]
    assert listed("--sort", "symbol", "--descending") == ["position-2", "position-3", "position-1"]
    assert listed("--needs-action") == []
    assert listed("--mint", "So11111111111111111111111111111111111111112") == []


def test_orders_are_filtered_by_the_engine(look: Shell) -> None:
    """By status, kind, reason, position and age."""

    def listed(*options: str) -> list[str]:
        return [each["id"] for each in look("orders", "--output", "json", *options).json["orders"]]

    for chosen, other in (
        (("--status", "filled"), ("--status", "pending")),
        (("--kind", "exit"), ("--kind", "entry")),
        (("--reason", "stop_loss"), ("--reason", "manual")),
        (("--position", "position-3"), ("--position", "BONK")),
        (("--since", "9999d"), ("--since", "24h")),
    ):
        assert (listed(*chosen), listed(*other)) == (["exit-9"], [])


def test_what_is_not_shown_is_said(look: Shell) -> None:
    """A page that is not all says so, on standard error."""
    done = look("positions", "list", "--limit", "1", "--output", "csv")
    assert (done.code, len(done.out.splitlines())) == (0, 2)
    assert done.err == "1 of 3 are shown: --limit shows more\n"


def test_an_order_has_its_link_at_an_explorer(look: Shell, reading: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine names one: one for each attempt."""
    monkeypatch.setattr(Settings, "explorer", property(lambda _: "https://explorer.example/tx/{signature}"))
    assert "Attempt 1: https://explorer.example/tx/exit-9-sig1" in look("orders", "exit-9").out


def test_an_order_has_what_became_of_its_rents(look: Shell) -> None:
    """Of its marker and of the wallet's own accounts, as the engine knows it."""
    shown = look("orders", "exit-9").out
    assert "Order marker: 0.001000 SOL of rent parked, to be brought back" in shown
    assert "Rent of token accounts: 0.000500 SOL paid, beside the price" in shown


def test_what_a_token_calls_itself_cannot_draw_on_the_terminal() -> None:
    """Control characters and markup of a symbol are shown as text, or not at all."""
    column = Column(title="token", field="symbol", shown=lambda value, _row: str(value))
    shown = io.StringIO()
    Console(file=shown, force_terminal=False).print(table_of([column], [{"symbol": "\x1b[31m[red]A[/red]\x07"}]))
    assert "[red]A[/red]" in shown.getvalue()
    assert not set(shown.getvalue()) & {"\x1b", "\x07"}


def test_what_an_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output is ASCII, a price with a subscript and a symbol in Japanese are shown all the same."""
    raw = io.BytesIO()
    with monkeypatch.context() as ascii_only:
        ascii_only.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
        ascii_only.setattr("engine.cli.app", lambda **_: output().print("0.0₆1286 \N{HIRAGANA LETTER A}"))
        with pytest.raises(SystemExit, match="0"):
            main()
        assert raw.getvalue() == b"0.0\\u20861286 \\u3042\n"


def test_csv_writes_each_kind_of_value_plainly() -> None:
    """Digits stay digits, nothing is empty, true is true, and a comma is quoted."""
    row = {"a": "100", "b": None, "c": True, "d": {"e": "x,y"}, "f": 0.5}
    columns = [Column(title="", field=field, shown=lambda *_: "") for field in ("a", "b", "c", "d.e", "f", "g.h")]
    assert csv_of(columns, [row]) == 'a,b,c,d.e,f,g.h\n100,,true,"x,y",0.5,\n'
    assert value_of(row, "a.b") is None


def test_the_settings_are_printed_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each key, and JSON by key."""
    shell = Shell(monkeypatch, tmp_path)
    listed = list(csv.DictReader(io.StringIO(shell("config", "show", "--output", "csv").out)))
    found = shell("config", "show", "--output", "json").json
    assert {row["key"]: row["source"] for row in listed} == {key: each["source"] for key, each in found.items()}
    assert "orders.max_concurrent" in shell("config", "show").out


def test_findings_are_printed_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As lines for a person, a JSON object a line, and CSV; one that fails ends with 1."""
    bad = Finding(name="disk", verdict=Verdict.FAIL, found="full", advice="make room")
    monkeypatch.setattr("engine.doctor.examine", lambda *_, **__: iter([bad]))
    shell = Shell(monkeypatch, tmp_path)
    asked = [shell("doctor", "--profile", "paper", "--output", form) for form in ("table", "json", "csv")]
    assert [done.code for done in asked] == [1, 1, 1]
    assert asked[0].out.split() == ["fail", "disk", "full", "make", "room"]
    assert asked[1].json == {"name": "disk", "verdict": "fail", "found": "full", "advice": "make room"}
    assert asked[2].out == "verdict,name,found,advice\nfail,disk,full,make room\n"
