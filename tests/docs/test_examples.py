"""The examples of the documentation run, and print what is shown."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from engine.domain.plan import parse_plan
from tests.docs.pages import README, ROOT, blocks, quoted, rows

REPLAY = ROOT / "docs" / "replay.md"


def ripcord(folder: Path, *arguments: str) -> str:
    """Run the command line in *folder* and return what it printed."""
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=True).stdout


def names_of(value: Any, prefix: str = "") -> set[str]:
    """Return the keys of a JSON value, those within as `outer.inner`, those of a list's entries as `list[].key`."""
    if isinstance(value, dict) and value:
        return {name for key, inner in value.items() for name in names_of(inner, f"{prefix}.{key}" if prefix else key)}
    if isinstance(value, list):
        return {name for inner in value for name in names_of(inner, f"{prefix}[]")} or {f"{prefix}[]"}
    return {prefix}


def test_the_readme_shows_what_a_replay_prints(tmp_path: Path) -> None:
    """The command and the output of the README belong together, to the last digit."""
    command = blocks(README, "sh")[1].splitlines()[0].split("run.py ")[1]
    printed = ripcord(tmp_path, *command.split())
    assert [line.rstrip() for line in printed.splitlines()] == blocks(README, "text")[1].splitlines()


def test_the_json_of_a_replay_has_the_keys_that_are_documented(tmp_path: Path) -> None:
    """Every key of the answer is in docs/replay.md, and every key there is in the answer."""
    answer = json.loads(ripcord(tmp_path, "replay", "seed:6", "--json"))
    tables = rows(REPLAY)
    start = next(n for n, row in enumerate(tables) if row.get("key") == "`source`")
    listed = {name for row in tables[start:] if "key" in row for name in quoted(row["key"])}
    assert listed == names_of(answer)


def test_the_example_plan_is_accepted() -> None:
    """The TOML of docs/replay.md is a plan with every rule."""
    (example,) = blocks(REPLAY, "toml")
    plan = parse_plan(tomllib.loads(example))
    assert (len(plan.take_profits), plan.trailing is None, plan.stagnation is None) == (2, False, False)


def test_the_test_of_the_simulation_page_passes() -> None:
    """The example of docs/simulation.md does what it says."""
    (example,) = blocks(ROOT / "docs" / "simulation.md", "python")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/simulation.md", "exec"), names)  # noqa: S102 - the page is ours
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()
