"""Where events are published: what may be set, and which secrets are named and never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.config import rows
from engine.config import NatsSection, Settings, load, resolve
from engine.domain.errors import ConfigError
from tests.engine.config_given import given, written
from tests.engine.test_config_alerts import CANARY


def secret_in(path: Path) -> Path:
    """Write a secret file."""
    written(path, CANARY).chmod(0o600)
    return path


def section(folder: Path, text: str, environ: dict[str, str] | None = None) -> NatsSection:
    """Return what *text* sets under [nats]."""
    written(folder / "ripcord.toml", f"[nats]\n{text}\n")
    return resolve(given(folder, environ or {})).settings.nats


def test_nothing_is_published_unless_a_server_is_named() -> None:
    """The other settings have defaults."""
    nats = Settings().nats
    assert nats.url is None
    assert (nats.prefix, nats.stream, nats.max_age, nats.max_bytes) == ("ripcord", "RIPCORD", 30 * 86_400, 0)


def test_secrets_are_named_in_every_way(tmp_path: Path) -> None:
    """In a variable or in a file that its owner alone can read."""
    url = 'url = "tls://nats.example.org:4222"\n'
    file = secret_in(tmp_path / "secret")
    nats = section(tmp_path, f'{url}user = "desk"\npassword_env = "WORD"', {"WORD": CANARY})
    assert nats.user == "desk"
    assert nats.password is not None
    assert nats.password.get_secret_value() == CANARY
    for text in (f'user = "desk"\npassword_file = "{file}"', 'token_env = "WORD"', f'token_file = "{file}"'):
        nats = section(tmp_path, url + text, {"WORD": CANARY})
        secret = nats.password or nats.token
        assert secret is not None
        assert CANARY in secret.get_secret_value()


def test_nothing_that_is_shown_of_the_settings_holds_a_secret(tmp_path: Path) -> None:
    """Printed, as JSON, and as `config show` has it."""
    text = '[nats]\nurl = "nats://127.0.0.1:4222"\ntoken_env = "WORD"'
    written(tmp_path / "ripcord.toml", text)
    loaded = resolve(given(tmp_path, {"WORD": CANARY}))
    settings = loaded.settings
    shown = [repr(loaded), str(settings), settings.model_dump_json(), json.dumps(list(rows(loaded)))]
    assert [each for each in shown if CANARY in each] == []
    assert "nats://127.0.0.1:4222" in shown[-1]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('url = "http://h"', "nats.url: should be an address such as nats://host:4222 or tls://host:4222"),
        (f'url = "nats://desk:{CANARY}@h:4222"', "nats.url: should have no user, password or token in it"),
        ('user = "desk"', "nats: user and its password belong together"),
        ('password_env = "WORD"', "nats: user and its password belong together"),
        ('user = "a"\npassword_env = "WORD"\ntoken_env = "WORD"', "nats: sign in one way"),
        ('token_env = "WORD"\ncredentials_file = "a.creds"', "nats: sign in one way"),
        ('token_env = "MISSING"', "nats.token_env: needs the environment variable MISSING, which is not set"),
        (f'token_env = "{CANARY}-x"', "nats.token_env: should be the name of an environment variable"),
        ('token_file = "/nowhere"', "nats.token_file: the secret file /nowhere cannot be read"),
        ('prefix = "a..b"', "nats.prefix: string should match"),
        ('prefix = "a.>"', "nats.prefix: string should match"),
        ('stream = "a.b"', "nats.stream: string should match"),
        ("max_age = 60.0", "nats.max_age: input should be greater than or equal to 3600"),
        ("max_bytes = -1", "nats.max_bytes: input should be greater than or equal to 0"),
    ],
)
def test_a_fault_is_refused_in_a_sentence(tmp_path: Path, text: str, fault: str) -> None:
    """It names the key and repeats no secret."""
    with pytest.raises(ConfigError) as error:
        section(tmp_path, text, {"WORD": CANARY})
    assert fault in str(error.value)
    assert CANARY not in str(error.value)


@pytest.mark.parametrize("pair", ["password", "token"])
def test_one_secret_is_named_once(tmp_path: Path, pair: str) -> None:
    """In a variable or in a file, not in both."""
    user = 'user = "desk"\n' if pair == "password" else ""
    text = f'{user}{pair}_env = "WORD"\n{pair}_file = "{secret_in(tmp_path / "a")}"'
    with pytest.raises(ConfigError, match=f"{pair}_env and {pair}_file are both set: name one"):
        section(tmp_path, text, {"WORD": CANARY})


def test_a_file_alone_sets_what_it_says(tmp_path: Path) -> None:
    """As the demo reads its one file."""
    file = tmp_path / "a.toml"
    file.write_text('[nats]\nurl = "nats://127.0.0.1:4222"\nprefix = "desk.one"\n', encoding="utf-8")
    assert load(file).nats.prefix == "desk.one"
