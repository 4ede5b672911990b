"""The documentation says what is so: links, options, settings, presets, methods and diagrams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from chain.simulated import rpc_methods
from docs import settings
from docs.diagrams import MACHINES, PAGE, page
from engine.cli import app
from engine.config import Settings, load
from engine.domain.plan import PRESETS, ExitPlan
from tests.docs.pages import PAGES, README, ROOT, blocks, prose, quoted, rows

CONFIGURATION = ROOT / "docs" / "configuration.md"


def commands(group: Any, prefix: str = "") -> Iterator[str]:
    """Yield every command of *group* by its whole name, those within a command before it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        yield f"{prefix}{name}"


COMMANDS = tuple(commands(typer.main.get_command(app)))


@cache
def options(command: str) -> frozenset[str]:
    """Return the options that the help of *command* shows."""
    shown = CliRunner().invoke(app, [*command.split(), "--help"]).output
    return frozenset(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", shown, re.MULTILINE))


def anchors(path: Path) -> set[str]:
    """Return the fragments that the headings of *path* can be linked by."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_opens_with_the_two_commands() -> None:
    """Whoever arrives sees how to run it before anything else."""
    opening = README.read_text(encoding="utf-8").splitlines()[:6]
    assert opening[:3] == ["# Ripcord", "", "```sh"]
    assert [line.partition("#")[0].strip() for line in opening[3:5]] == ["make demo", "make test"]


def test_the_diagrams_are_those_of_the_tables() -> None:
    """docs/states.md is what `make docs` writes."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"


def test_every_step_has_a_line_in_its_diagram() -> None:
    """No row of a table is left out, and no state without a meaning."""
    for machine, diagram in zip(MACHINES, blocks(PAGE, "mermaid"), strict=True):
        steps = [f"    {a} --> {b}: {step}" for a, row in machine.table.items() for step, b in row.items()]
        assert [line for line in diagram.splitlines() if line.count(": ")] == steps
        assert set(machine.meanings) == set(machine.table)


@pytest.mark.parametrize("page_", PAGES, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(page_: Path) -> None:
    """Links and images name files of the project, and fragments headings of them."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page_)):
        if target.startswith("http"):
            continue
        file, _, fragment = target.partition("#")
        path = page_.parent / file if file else page_
        assert path.is_file(), f"{page_.name} links to {target}"
        assert not fragment or fragment in anchors(path), f"{page_.name} links to {target}"


@pytest.mark.parametrize("page_", PAGES, ids=lambda path: path.name)
def test_every_command_shown_exists_with_its_options(page_: Path) -> None:
    """`run.py` is shown with commands and options that its help has."""
    text = page_.read_text(encoding="utf-8")
    for line in re.findall(r"run\.py (\w[^`\n]*)", text):
        command = next((each for each in COMMANDS if re.match(rf"{each}\b", line)), None)
        assert command, f"{page_.name}: run.py {line}"
        unknown = set(re.findall(r"(?<!\S)--[a-z-]+", line)) - options(command)
        assert not unknown, f"{page_.name}: run.py {command} has no {unknown}"
    mentioned = {code.split()[0] for code in quoted(prose(page_)) if code.startswith("--")}
    assert mentioned <= set().union(*map(options, COMMANDS)), page_.name


@pytest.mark.parametrize("page_", PAGES, ids=lambda path: path.name)
def test_every_make_target_shown_exists(page_: Path) -> None:
    """`make` is shown with targets of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = re.findall(r"(?:`|^)make ([a-z]+)", page_.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) <= targets


def test_every_path_named_in_backticks_exists() -> None:
    """Modules and folders of the project that the pages name are there."""
    for page_ in PAGES:
        for code in quoted(prose(page_)):
            if re.fullmatch(r"(engine|actors|chain|tests|docs)(/[\w*.]+)*/?", code):
                assert list(ROOT.glob(code.rstrip("/"))), f"{page_.name}: {code}"


def test_the_options_of_replay_are_all_documented() -> None:
    """Each has a row in docs/replay.md, with its default."""
    listed = {quoted(row["option"])[0] for row in rows(ROOT / "docs" / "replay.md") if "option" in row}
    assert listed == options("replay") - {"--help"}


def test_the_list_of_settings_is_that_of_the_code() -> None:
    """docs/configuration.md is what `make docs` writes."""
    assert CONFIGURATION.read_text(encoding="utf-8") == settings.page(), "run make docs"


def test_the_example_settings_are_accepted(tmp_path: Path) -> None:
    """The TOML of docs/configuration.md can be loaded, and changes something."""
    (example,) = blocks(CONFIGURATION, "toml")
    file = tmp_path / "ripcord.toml"
    file.write_text(example, encoding="utf-8")
    assert load(file) != Settings()


def test_the_presets_are_those_of_the_code() -> None:
    """The README's table has their figures."""

    def row(name: str, plan: ExitPlan) -> list[str]:
        levels = ", ".join(f"{level.gain_pct} / {level.sell_pct} %" for level in plan.take_profits)
        trailing, calm, hold = plan.trailing, plan.stagnation, plan.max_hold
        return [
            f"`{name}`",
            f"{plan.stop_loss_pct} %",
            levels,
            f"{trailing.activation_pct} / {trailing.trail_pct} %" if trailing else "none",
            f"{hold // 3_600_000_000_000} h" if hold else "none",
            f"{calm.band_pct} % in {calm.window // 3_600_000_000_000} h" if calm else "none",
        ]

    shown = [list(each.values()) for each in rows(README) if "preset" in each]
    assert shown == [row(name, plan) for name, plan in PRESETS.items()]


def test_the_methods_of_the_node_are_all_documented() -> None:
    """docs/simulation.md lists what is served, and nothing else."""
    listed = {
        name
        for row in rows(ROOT / "docs" / "simulation.md")
        if row.get("served") in ("cluster", "accounts", "transactions")
        for name in quoted(row[""])
    }
    assert listed == set(rpc_methods._METHODS)
