"""`wallet encrypt` and `wallet address`, run as a person would."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path

import pytest
from solders.keypair import Keypair
from typer.testing import CliRunner

from chain.keys.secret import Secret
from chain.keys.sources import VARIABLE, open_wallet
from engine.cli import app, main

KEYPAIR = Keypair.from_seed(bytes(range(32)))
ADDRESS = str(KEYPAIR.pubkey())
PHRASE = "correct horse"


class Shell:
    """Runs commands in one folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._capfd = capfd
        monkeypatch.chdir(folder)
        (folder / "id.json").write_text(KEYPAIR.to_json())
        (folder / "id.json").chmod(0o600)

    def run(self, *arguments: str, line: str | None = PHRASE) -> tuple[int, str, str]:
        """Run `ripcord` with *arguments*, and *line* on a descriptor; return code, output and errors."""
        reading, writing = os.pipe()
        os.write(writing, f"{line}\n".encode())
        os.close(writing)
        fd = [] if line is None else ["--passphrase-fd", str(reading)]
        self._patch.setattr(sys, "argv", ["ripcord", "wallet", *arguments, *fd])
        with pytest.raises(SystemExit) as ended:
            main()
        os.close(reading)
        shown = self._capfd.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """Return a shell in a folder with a keypair file."""
    return Shell(tmp_path, monkeypatch, capfd)


def test_encrypting_prints_the_address_and_says_what_becomes_of_the_plain_file(shell: Shell) -> None:
    """Data on standard output, advice on standard error; the plain file is left to the person."""
    code, out, err = shell.run("encrypt", "id.json", "--out", "wallet.json")
    assert (code, out) == (0, f"{ADDRESS}\n")
    assert "id.json still holds the key in plain: keep a copy of it offline, then delete it here" in err
    assert (shell.folder / "id.json").read_text() == KEYPAIR.to_json()
    assert stat.S_IMODE((shell.folder / "wallet.json").stat().st_mode) == 0o600
    phrase = Secret(bytearray(PHRASE.encode()))
    assert open_wallet(shell.folder / "wallet.json", environ={}, passphrase=lambda: phrase).address == ADDRESS


def test_the_address_of_either_file_is_printed_without_a_passphrase(shell: Shell) -> None:
    """It is no secret."""
    shell.run("encrypt", "id.json", "--out", "wallet.json")
    assert shell.run("address", "id.json", line=None) == (0, f"{ADDRESS}\n", "")
    assert shell.run("address", "wallet.json", line=None) == (0, f"{ADDRESS}\n", "")


def test_a_key_in_the_environment_is_encrypted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name env, as base58; the advice names no file."""
    monkeypatch.setenv(VARIABLE, str(KEYPAIR))
    code, out, err = shell.run("encrypt", "env", "--out", "wallet.json")
    assert (code, out) == (0, f"{ADDRESS}\n")
    assert "The key is still where it came from" in err


@pytest.mark.parametrize(
    ("arguments", "line", "sentence"),
    [
        (("encrypt", "none.json", "--out", "w.json"), PHRASE, "none.json cannot be read"),
        (("encrypt", "id.json", "--out", "id.json"), PHRASE, "id.json is there already"),
        (("encrypt", "id.json", "--out", "id.json", "--overwrite"), PHRASE, "is the keypair file itself"),
        (("encrypt", "id.json", "--out", "w.json"), "short", "The passphrase is too short"),
        (("encrypt", "id.json", "--out", "w.json"), "", "gave no passphrase"),
        (("encrypt", "id.json"), PHRASE, "--out"),
        (("encrypt", "env", "--out", "w.json"), PHRASE, "RIPCORD_WALLET_KEY is not set"),
        (("address", "none.json"), None, "none.json cannot be read"),
        (("address",), None, "FILE"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    shell: Shell, arguments: tuple[str, ...], line: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, nothing on standard output, nothing written."""
    monkeypatch.delenv(VARIABLE, raising=False)
    code, out, err = shell.run(*arguments, line=line)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err
    assert [entry.name for entry in shell.folder.iterdir()] == ["id.json"]


def test_an_interrupted_prompt_ends_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C at the passphrase: nothing is written and nothing shown."""

    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(getpass, "getpass", interrupted)
    code, out, err = shell.run("encrypt", "id.json", "--out", "wallet.json", line=None)
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert not (shell.folder / "wallet.json").exists()


@pytest.mark.parametrize("command", ["encrypt", "address"])
def test_no_option_takes_a_passphrase_or_a_key(command: str) -> None:
    """What is typed on a command line is in the shell's history and in the list of processes."""
    shown = CliRunner().invoke(app, ["wallet", command, "--help"]).output
    options = {word for word in shown.split() if word.startswith("--")}
    assert options <= {"--out", "--passphrase-fd", "--overwrite", "--help"}


def test_a_passphrase_in_the_environment_is_not_looked_at(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable stands in for the prompt."""
    for name in ("RIPCORD_PASSPHRASE", "PASSPHRASE", "RIPCORD_WALLET_PASSPHRASE", "PASSPHRASE_FD"):
        monkeypatch.setenv(name, PHRASE)
    prompts: list[str] = []

    def typed(prompt: str) -> str:
        prompts.append(prompt)
        return "something else"

    monkeypatch.setattr(getpass, "getpass", typed)
    assert shell.run("encrypt", "id.json", "--out", "wallet.json", line=None)[0] == 0
    assert len(prompts) == 2
