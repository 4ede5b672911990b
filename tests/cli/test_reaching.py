"""How a command finds its engine, and what it says where it finds none: one sentence, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.cli.codes import ExitCode, NoEngineError, UnansweredError, code_of
from engine.cli.remote.place import place_named, place_of
from engine.cli.remote.problems import error_of
from engine.config import ApiSection, Settings, StoreSection
from engine.domain.errors import BadInputError, CommandRefusedError, ConfigError
from tests.api.desk import Desk, running
from tests.cli.certificates import self_signed
from tests.cli.servers import bad_line, free_port, silent, stranger
from tests.cli.shell import ROOT, Shell
from tests.factories import MINT

TOKEN = "t" * 43


def refused(shell: Shell, *arguments: str | Path) -> tuple[int, str]:
    """Return code and sentence of a command that must print one sentence, no data and no secret."""
    done = shell(*arguments)
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert TOKEN not in done.err
    return done.code, done.err


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the command line where no engine runs; the token is in the environment."""
    shell = Shell(monkeypatch, tmp_path)
    monkeypatch.setenv("RIPCORD_API_TOKEN", TOKEN)
    return shell


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 4),
        (BadInputError("x"), 2),
        (CommandRefusedError("x"), 1),
        (NoEngineError("x"), 3),
        (UnansweredError("x"), 5),
    ],
)
def test_each_error_has_its_exit_code(error: Any, code: int) -> None:
    """In one place, by the kind of the error."""
    assert code_of(error) == code


def test_each_refusal_of_the_api_has_its_exit_code() -> None:
    """By the status of HTTP, as docs/api.md lists them."""
    place = place_named("https://engine.example", None, None)
    codes = {
        status: int(code_of(error_of(status, "said", place)))
        for status in (400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503, 504)
    }
    groups = {4: {401, 403, 429}, 2: {400, 404, 405, 413, 422}, 1: {408, 409, 500, 503}, 5: {504}}
    assert codes == {status: code for code, statuses in groups.items() for status in statuses}
    assert all("said" in str(error_of(status, "said", place)) for status in codes)


def test_where_nothing_listens_the_engine_does_not_run(alone: Shell) -> None:
    """Exit code 3, the address, and what to do; as by its settings so by its address."""
    port = free_port()
    code, said = refused(alone, "orders", "--set", f"api.port={port}")
    assert code == ExitCode.NOT_RUNNING
    assert f"no engine answers at http://127.0.0.1:{port}" in said
    assert "run.py run" in said
    code, said = refused(alone, "exit", "position-1", "--yes", "--api", f"http://127.0.0.1:{port}")
    assert (code, "see that the address is right" in said) == (3, True)


@pytest.mark.parametrize("command", [("guard", MINT), ("alerts", "test")])
def test_what_needs_no_engine_does_not_do_without_one_that_was_named(alone: Shell, command: tuple[str, ...]) -> None:
    """With --api it is that engine or none: the settings' own database is another one's."""
    assert refused(alone, *command, "--api", f"http://127.0.0.1:{free_port()}")[0] == 3


def test_without_a_token_there_is_no_engine_or_no_way_in(ripcord: Shell, desk: Desk, alone: Shell) -> None:
    """The token's file is missing: 3 where no engine runs either, 4 where one does."""
    assert refused(alone, "orders", "--set", f"api.port={free_port()}")[0] == 3
    (desk.folder / "api-token").unlink()
    code, said = refused(ripcord, "orders")
    assert (code, str(desk.folder / "api-token") in said) == (4, True)


def test_an_engine_of_another_profile_is_not_the_one_that_is_meant(ripcord: Shell, desk: Desk) -> None:
    """Two profiles may share port and token: what is said to the one is never done by the other."""
    assert ripcord("emergency", "--all", "--yes", "--profile", "demo").code == 0
    desk.rest()
    before = desk.orders()
    code, said = refused(ripcord, "emergency", "--all", "--yes", "--profile", "paper")
    assert (code, "no engine of the profile paper runs" in said, "that one is of demo" in said) == (3, True, True)
    assert desk.orders() == before


def test_a_token_that_others_can_read_is_not_used(ripcord: Shell, desk: Desk) -> None:
    """It may be everybody's by now."""
    (desk.folder / "api-token").chmod(0o644)
    code, said = refused(ripcord, "orders")
    assert (code, "chmod 600" in said) == (4, True)


def test_a_wrong_token_is_a_fault_of_the_settings(ripcord: Shell, desk: Desk) -> None:
    """Exit code 4, by the place of the token and never by the token."""
    (desk.folder / "api-token").write_text(TOKEN)
    code, said = refused(ripcord, "orders")
    assert (code, f"the token in {desk.folder / 'api-token'} is not that of" in said) == (4, True)


def test_an_engine_elsewhere_is_named_by_its_address(
    ripcord: Shell, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token in the environment, or in a file; that of the settings is not sent there."""
    assert desk.server is not None
    shell = Shell(monkeypatch, tmp_path)
    code, said = refused(shell, "orders", "--api", desk.server.url)
    assert (code, "set RIPCORD_API_TOKEN" in said) == (4, True)
    monkeypatch.setenv("RIPCORD_API_TOKEN", desk.token)
    assert shell("orders", "--api", desk.server.url).code == 0
    monkeypatch.delenv("RIPCORD_API_TOKEN")
    assert shell("orders", "--api", desk.server.url, "--token-file", desk.folder / "api-token").code == 0
    assert refused(shell, "orders", "--token-file", desk.folder / "api-token")[0] == 2


@pytest.mark.parametrize(
    "url", ["http://engine.example", "engine.example:8787", "ftp://x", "https://me:pw@x", "http://", "http://[::1"]
)
def test_an_address_that_would_give_the_token_away_is_refused(alone: Shell, url: str) -> None:
    """Plain HTTP reaches this machine alone; what is no address is named."""
    code, said = refused(alone, "orders", "--api", url)
    assert (code, "--api" in said) == (2, True)


def test_settings_say_where_the_api_is(tmp_path: Path) -> None:
    """Its address, by loopback where it listens everywhere; the token beside the database or where they say."""
    files = {name: tmp_path / name for name in ("cert", "key", "token")}
    for file in files.values():
        file.touch()
    tls = {"tls_cert": files["cert"], "tls_key": files["key"]}
    store = StoreSection(path=tmp_path / "engine.db")

    def place(**section: Any) -> tuple[str, str]:
        found = place_of(Settings(api=ApiSection(**section), store=store))
        return found.url, found.token_from

    beside = str(tmp_path / "api-token")
    assert place() == ("http://127.0.0.1:8787", beside)
    assert place(host="::1", port=1) == ("http://[::1]:1", beside)
    assert place(host="0.0.0.0", **tls) == ("https://127.0.0.1:8787", beside)  # noqa: S104
    assert place(host="::", token_file=files["token"], **tls) == ("https://[::1]:8787", str(files["token"]))
    for section in ({"enabled": False}, {"port": 0}):
        with pytest.raises(ConfigError, match=next(iter(section))):
            place(**section)


def test_a_server_that_hangs_is_a_time_out(alone: Shell) -> None:
    """Exit code 5; a command is told that it may be done, and by which key the same again does it once."""
    with silent() as port:
        url = f"http://127.0.0.1:{port}"
        assert refused(alone, "orders", "--api", url, "--timeout", "0.2")[0] == 5
        code, said = refused(alone, "retry", "exit-1", "--api", url, "--timeout", "0.2", "--key", "mine")
    assert code == 5
    assert all(part in said for part in ("0.2 s", "may still be done", "--key mine"))


@pytest.mark.parametrize("status", [200, 404])
def test_another_server_at_the_address_is_told_from_an_engine(alone: Shell, status: int) -> None:
    """A page is no answer, and its 404 says nothing of an order."""
    with stranger(status) as port:
        code, said = refused(alone, "orders", "--api", f"http://127.0.0.1:{port}")
    assert (code, "not as an engine does" in said) == (1, True)


def test_a_command_whose_connection_breaks_is_done_once(desk: Desk, alone: Shell, tmp_path: Path) -> None:
    """It is sent again with its key, and gets the answer of the first time."""
    assert desk.server is not None
    with bad_line(desk.server.url) as line:
        line.drop = 2
        token = ("--api", f"http://127.0.0.1:{line.port}", "--token-file", desk.folder / "api-token")
        done = alone("emergency", "position-1", "--yes", "--output", "json", *token)
        assert (done.code, done.json["order"]["id"]) == (0, "exit-1")
        assert (len(line.keys), len(set(line.keys))) == (3, 1)
        assert sum(order.position_id == "position-1" for order in desk.orders()) == 1
        line.drop = 9
        code, said = refused(alone, "emergency", "position-2", "--yes", *token)
        assert (code, "may still be done" in said) == (5, True)
        assert sum(order.position_id == "position-2" for order in desk.orders()) == 1
    assert len(set(line.keys)) == 2


def test_a_command_that_is_repeated_with_its_key_is_done_once(ripcord: Shell, desk: Desk) -> None:
    """Without a key of its own each command has a new one."""
    first = ripcord("exit", "position-1", "--percent", "50", "--yes", "--key", "sell-half", "--output", "json")
    again = ripcord("exit", "position-1", "--percent", "50", "--yes", "--key", "sell-half", "--output", "json")
    assert (first.code, again.code, again.json) == (0, 0, first.json)
    assert ripcord("exit", "position-1", "--percent", "50", "--yes").code == 1
    keys = [line["key"] for line in desk.audit if line["event"] == "begun"]
    assert (len(keys), keys[0]) == (2, "sell-half")


def test_a_certificate_of_its_own_is_trusted_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the settings, or of --ca-file; any other server is told nothing."""
    cert, key = self_signed(tmp_path / "own")
    other, _ = self_signed(tmp_path / "other")
    (tmp_path / "engine").mkdir()
    with running(tmp_path / "engine", section=ApiSection(port=0, tls_cert=cert, tls_key=key)) as desk:
        assert desk.server is not None
        shell = Shell(monkeypatch, tmp_path, desk)
        tls = ("--set", f"api.tls_cert={cert}", "--set", f"api.tls_key={key}")
        assert shell("orders", *tls).code == 0
        away = Shell(monkeypatch, tmp_path)
        named = ("--api", desk.server.url, "--token-file", desk.folder / "api-token")
        assert away("orders", *named, "--ca-file", cert).code == 0
        for trusted in ((), ("--ca-file", other)):
            code, said = refused(away, "orders", *named, *trusted)
            assert (code, "is not trusted" in said) == (4, True)


def test_a_process_ends_with_these_codes(tmp_path: Path) -> None:
    """As a shell sees it: 3 where nothing listens, 2 for bad input, 0 for help, and no traceback."""
    environ = {**os.environ, "HOME": str(tmp_path)}

    def code(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, str(ROOT / "run.py"), *arguments]
        done = subprocess.run(
            command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    assert code("orders", "--set", f"api.port={free_port()}") == (3, "")
    assert code("orders", "--status", "nonsense") == (2, "")


def test_to_look_for_an_engine_loads_no_server() -> None:
    """A command would take twice as long for what it does not use."""
    code = (
        "import sys; from engine.config import Settings; from engine.cli.remote.place import place_of; "
        "place_of(Settings()); sys.exit('fastapi' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
