"""The command line in this process, as a shell would call it."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli import app, main
from engine.config import ApiSection
from tests.api.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = typer.main.get_command(app)
"""Built once: each call would take as long to build it as for all the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Terminal(io.StringIO):
    """A terminal at which a person has typed something."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class Shell:
    """Calls commands for one engine; without one, those that need none.

    Args:
        patch: of the test.
        folder: is the working directory and the home.
        desk: is found by its settings.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, desk: Desk | None = None) -> None:
        self._patch = patch
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        patch.delenv("RIPCORD_API_TOKEN", raising=False)
        self.settings = settings_of(desk) if desk is not None else []

    def __call__(self, *arguments: str | Path, typed: str | None = None) -> Done:
        """Run a command; *typed* is what a person types at a terminal, None where there is no terminal."""
        with (
            self._patch.context() as patch,
            redirect_stdout(io.StringIO()) as out,
            redirect_stderr(io.StringIO()) as err,
        ):
            patch.setattr(typer.main, "get_command", lambda _app: _COMMAND)
            patch.setattr(sys, "argv", ["ripcord", *map(str, arguments), *self.settings])
            patch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
            with pytest.raises(SystemExit) as ended:
                main()
        return Done(code=int(ended.value.code or 0), out=out.getvalue(), err=err.getvalue())


def settings_of(desk: Desk) -> list[str]:
    """Return the options that name the engine of *desk*."""
    assert desk.server is not None
    port = ApiSection(port=desk.server.port).port
    return ["--set", f"api.port={port}", "--set", f"store.path={desk.folder / 'engine.db'}"]
