"""docs/cli.md and --help say what there is; completion is there, and help comes at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from engine.cli import app
from engine.cli.codes import TOLD, ExitCode
from tests.cli.shell import ROOT, Shell
from tests.docs.pages import quoted, rows
from tests.docs.test_docs import commands

PAGE = ROOT / "docs" / "cli.md"
HEAVY = (
    "alembic",
    "apprise",
    "fastapi",
    "httpx",
    "matplotlib",
    "pykka",
    "solders",
    "sqlalchemy",
    "structlog",
    "uvicorn",
)
"""What a command that needs it imports by itself."""


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process."""
    command = [sys.executable, *arguments]
    merged = {**os.environ, **environ}
    return subprocess.run(command, cwd=ROOT, env=merged, capture_output=True, text=True, timeout=60, check=False)


def test_every_command_has_an_example_on_the_page() -> None:
    """Each in one row of a table, and each row with a command that there is."""
    shown = [quoted(row["command"])[0].removeprefix("run.py ") for row in rows(PAGE) if "command" in row]
    group = typer.main.get_command(app)
    there = sorted(commands(group), key=len, reverse=True)
    found = [next((name for name in there if re.match(rf"{name}\b", line)), line) for line in shown]
    groups = {name for name in there if any(other.startswith(f"{name} ") for other in there)}
    assert set(found) == set(there) - groups


def test_the_exit_codes_are_on_the_page_and_in_the_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that there are, and no other."""
    listed = [int(row["code"]) for row in rows(PAGE) if "code" in row]
    assert listed == [int(code) for code in ExitCode]
    shown = " ".join(Shell(monkeypatch, tmp_path)("--help").out.split())
    assert TOLD in shown
    assert [int(number) for number in re.findall(r"(?:: |, )(\d+) ", TOLD)] == listed


def test_a_command_names_its_options_for_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ones everywhere, those of the settings among them."""
    for command in ("orders", "exit", "positions list", "engine drain", "guard", "alerts ack"):
        shown = Shell(monkeypatch, tmp_path)(*command.split(), "--help").out
        for option in ("--config", "--set", "--profile", "--api", "--token-file", "--ca-file", "--timeout", "--output"):
            assert option in shown, f"{command} {option}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_completion_prints_its_script_and_completes(tmp_path: Path) -> None:
    """For the shell that asks; what it calls then answers with commands and options."""
    ripcord = tmp_path / "ripcord"
    ripcord.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom engine.cli import main\nmain()\n"
    )
    ripcord.chmod(0o755)
    shell = ["bash", "-c", f'"{ripcord}" --show-completion bash; exit $?']
    script = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "complete -o default -F _ripcord_completion ripcord" in script
    asked = {"_RIPCORD_COMPLETE": "complete_bash", "COMP_WORDS": "ripcord em", "COMP_CWORD": "1"}
    assert run(str(ripcord), **asked).stdout.split() == ["emergency"]
    asked = {"_RIPCORD_COMPLETE": "complete_bash", "COMP_WORDS": "ripcord orders --status fi", "COMP_CWORD": "3"}
    assert run(str(ripcord), **asked).stdout.split() == ["filled"]


def test_help_imports_nothing_heavy() -> None:
    """So it comes at once: measured in CPU time, which other work on the machine does not stretch."""
    code = (
        "import sys, time\n"
        "sys.argv = ['ripcord', '--help']\n"
        "from engine.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], time.process_time())\n"
    )
    *_, last = run("-c", code).stdout.splitlines()
    heavy, _, spent = last.rpartition(" ")
    assert heavy == "[]"
    print(f"ripcord --help took {float(spent):.2f} s of CPU")  # noqa: T201 - it is what is measured
    assert float(spent) < 1.0
