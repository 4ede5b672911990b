"""`run.py init` writes a settings file that can be read, by a person and by the engine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import typer.testing

from engine.cli import app
from engine.cli.init import written
from engine.config import Given, Settings, load, resolve
from engine.domain.errors import BadInputError, ConfigError

RUNNER = typer.testing.CliRunner()


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with nothing of the machine's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("RIPCORD")]:
        monkeypatch.delenv(name)


def test_every_default_stands_in_the_file_as_it_is(tmp_path: Path) -> None:
    """With every comment sign before a value taken away, the file says what no file says."""
    file = tmp_path / "all.toml"
    file.write_text(re.sub(r"(?m)^# (\w+ = )", r"\1", written({})))
    assert load(file) == Settings()
    assert len(file.read_text().splitlines()) > 100


def test_what_is_given_is_in_force(tmp_path: Path) -> None:
    """Options become settings, and nothing is asked."""
    done = RUNNER.invoke(app, ["init", "--profile", "devnet", "-u", "https://rpc.example/x", "-k", "id.json", "--yes"])
    assert done.exit_code == 0
    loaded = resolve(Given(folder=tmp_path, environ={}, home=tmp_path))
    assert (loaded.settings.profile, loaded.settings.wallet.keypair) == ("devnet", "id.json")
    assert [str(url) for url in loaded.settings.chain.rpc_urls] == ["https://rpc.example/x"]
    assert "run.py doctor" in done.stdout


def test_what_is_not_given_is_asked_for(tmp_path: Path) -> None:
    """Three questions; an empty answer leaves the default, which is to trade nothing."""
    done = RUNNER.invoke(app, ["init"], input="\n\n\n")
    assert done.exit_code == 0
    assert done.stdout.count(":") >= 3
    assert resolve(Given(folder=tmp_path, environ={}, home=tmp_path)).settings.profile == "paper"


def test_mainnet_is_said_to_be_real_money() -> None:
    """The file for mainnet comes with the word of what is still needed."""
    done = RUNNER.invoke(app, ["init", "--profile", "mainnet", "--yes"])
    assert "--live" in done.stdout


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Only --force replaces it."""
    (tmp_path / "ripcord.toml").write_text("# mine\n")
    assert isinstance(RUNNER.invoke(app, ["init", "--yes"]).exception, BadInputError)
    assert (tmp_path / "ripcord.toml").read_text() == "# mine\n"
    assert RUNNER.invoke(app, ["init", "--yes", "--force"]).exit_code == 0
    assert 'profile = "paper"' in (tmp_path / "ripcord.toml").read_text()


def test_nonsense_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """A profile that there is not is named, and no file or folder is left behind."""
    done = RUNNER.invoke(app, ["init", "--profile", "casino", "--yes"])
    assert isinstance(done.exception, ConfigError)
    assert "casino" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
