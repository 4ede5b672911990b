"""The settings of alerts: three ways to name a channel's address, which nothing shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.alerting import channels, dead_mans_switch
from engine.cli.config import rows
from engine.config import AlertsSection, Settings, redacted, resolve
from engine.domain.alert import Severity
from engine.domain.errors import ConfigError
from tests.engine.config_given import given, written

CANARY = "c4nAry7f3kQ9zX2mB8vT"
URL = f"json://me:{CANARY}@127.0.0.1/{CANARY}"


def secret_in(path: Path, text: str = URL, mode: int = 0o600) -> Path:
    """Write a secret file."""
    written(path, text).chmod(mode)
    return path


def section(folder: Path, text: str, environ: dict[str, str] | None = None) -> AlertsSection:
    """Return what the settings file *text* says of alerts."""
    written(folder / "ripcord.toml", text)
    return resolve(given(folder, environ)).settings.alerts


def test_an_address_is_named_by_a_variable_a_file_or_itself(tmp_path: Path) -> None:
    """Each comes to the same address; names are given or made, severities as said."""
    file = secret_in(tmp_path / "address", f"{URL}\n")
    text = f"""
    [[alerts.channels]]
    url_env = "PHONE"
    [[alerts.channels]]
    name = "desk"
    url_file = "{file}"
    min_severity = "critical"
    [[alerts.channels]]
    url = "json://me:${{PASSWORD}}@127.0.0.1/${{PASSWORD}}"
    min_severity = "high"
    """
    alerts = section(tmp_path, text, {"PHONE": URL, "PASSWORD": CANARY})
    assert {name: channel.address.reveal() for name, channel in alerts.named().items()} == dict.fromkeys(
        ("json-1", "desk", "json-3"), URL
    )
    assert [(each.name, each.min_severity) for each in channels(alerts)] == [
        ("json-1", Severity.WARNING),
        ("desk", Severity.CRITICAL),
        ("json-3", Severity.HIGH),
    ]


def test_channels_may_stand_in_the_environment_and_on_the_command_line(tmp_path: Path) -> None:
    """As TOML."""
    environ = {"RIPCORD__ALERTS__CHANNELS": '[{url_env = "PHONE"}]', "PHONE": URL}
    assert list(resolve(given(tmp_path, environ)).settings.alerts.named()) == ["json-1"]
    sets = ('alerts.channels=[{url = "ntfys://host/topic", name = "n"}]',)
    assert list(resolve(given(tmp_path, sets=sets)).settings.alerts.named()) == ["n"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "alerts.channels.0: name exactly one of url, url_env and url_file"),
        ('{url = "json://h", url_env = "PHONE"}', "alerts.channels.0: name exactly one of url, url_env and url_file"),
        (f'{{url = "{CANARY}"}}', "alerts.channels.0.url: should be an Apprise address such as tgram://TOKEN/CHAT"),
        ('{url = "json://h/${MISSING}"}', "alerts.channels.0.url: needs the environment variable MISSING"),
        ('{url_env = "MISSING"}', "alerts.channels.0.url_env: needs the environment variable MISSING"),
        ('{url_env = "WORD"}', "alerts.channels.0.url_env: should be an Apprise address"),
        (f'{{url_env = "{URL}"}}', "alerts.channels.0.url_env: should be the name of an environment variable"),
        ('{url_file = "/nowhere"}', "alerts.channels.0.url_file: the secret file /nowhere cannot be read"),
        (f'{{url_file = "{URL}"}}', "alerts.channels.0.url_file: should be the path of a file"),
        ('{url = "json://h", min_severity = "low"}', "alerts.channels.0.min_severity: input should be"),
        ('{url = "json://h", name = "Two words"}', "alerts.channels.0.name: string should match"),
        (f'{{url = "json://h", token = "{URL}"}}', "alerts.channels.0.token: extra inputs are not permitted"),
        ('{url = "json://h", name = "a"}, {url = "json://h", name = "a"}', "alerts: channels names one twice"),
    ],
)
def test_a_channel_with_a_fault_is_refused_in_a_sentence(tmp_path: Path, text: str, fault: str) -> None:
    """It names the key and repeats no secret."""
    with pytest.raises(ConfigError) as error:
        section(tmp_path, f"[alerts]\nchannels = [{text}]\n", {"PHONE": URL, "WORD": CANARY})
    assert fault in str(error.value)
    assert CANARY not in str(error.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Its content is not repeated."""
    file = secret_in(tmp_path / "address", mode=0o644)
    with pytest.raises(ConfigError, match="can be read by other users") as error:
        section(tmp_path, f'[[alerts.channels]]\nurl_file = "{file}"\n')
    assert CANARY not in str(error.value)


def test_nothing_that_is_shown_of_the_settings_holds_an_address(tmp_path: Path) -> None:
    """Printed, as JSON, and as `config show` has it."""
    text = f"""
    [alerts]
    heartbeat_url = "https://hc.example.org/{CANARY}"
    channels = [{{url = "{URL}"}}, {{url_env = "PHONE"}}, {{url_file = "{secret_in(tmp_path / "a")}"}}]
    """
    written(tmp_path / "ripcord.toml", text)
    loaded = resolve(given(tmp_path, {"PHONE": URL}))
    assert loaded.settings.alerts.channels[2].address.reveal() == URL
    shown = [
        repr(loaded),
        str(loaded.settings),
        str(loaded.settings.model_dump()),
        loaded.settings.model_dump_json(),
        json.dumps(list(rows(loaded))),
        repr(channels(loaded.settings.alerts)),
        repr(dead_mans_switch(loaded.settings.alerts)),
    ]
    assert [each for each in shown if CANARY in each] == []


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:AAbbCC/42",
        "discord://123456789012345678/word",
        "slack://word/word/word",
        "ntfy://topic",
        "mailto://me:password@gmail.com",
    ],
)
def test_of_an_address_of_a_service_only_the_kind_is_shown(url: str) -> None:
    """Even a short word in it can be the secret."""
    assert redacted(url) == f"{url.partition('://')[0]}://***"


def test_an_address_that_no_service_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """By the name of the channel."""
    alerts = section(tmp_path, f'[[alerts.channels]]\nurl = "nothing://{CANARY}"\n')
    with pytest.raises(ConfigError, match="the alert channel nothing-1 has an address that no service") as error:
        channels(alerts)
    assert CANARY not in str(error.value)


def test_without_settings_nothing_is_sent() -> None:
    """No channel, no switch, and the waits that the documentation names."""
    alerts = Settings().alerts
    assert not channels(alerts)
    assert dead_mans_switch(alerts) is None
    assert list(alerts.repeat_waits) == [300, 900, 3600]
    assert list(alerts.retry_waits) == [2, 10, 30, 120, 300]
