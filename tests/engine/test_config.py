"""Settings: the defaults, and that every fault of a file is named at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import Settings, load
from engine.domain.errors import BadInputError
from engine.domain.retry import RetryPolicies
from engine.domain.units import Lamports, seconds

URGENT = {
    "max_attempts": 7,
    "waits": [0, 0.5, 1],
    "slippage_bps": 200,
    "slippage_cap_bps": 2000,
    "priority_fee": 50_000,
    "priority_fee_cap": 9_000_000,
    "resign_after": 1.5,
}


def toml(tables: dict[str, dict[str, Any]]) -> str:
    """Return *tables* as TOML."""
    lines = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the settings are."""
    return tmp_path / "ripcord.toml"


def loaded(path: Path, text: str) -> Settings:
    """Return the settings that *text* says."""
    path.write_text(text, encoding="utf-8")
    return load(path)


def faults_of(path: Path, text: str) -> str:
    """Return what is said against *text*."""
    with pytest.raises(BadInputError) as error:
        loaded(path, text)
    return str(error.value)


def test_without_a_file_everything_has_its_default() -> None:
    """The retry policies of the settings are those of the domain."""
    settings = load(None)
    assert settings.orders.policies() == RetryPolicies()
    assert settings.orders.max_concurrent == 3
    assert settings.max_price_age == seconds(10)


def test_an_empty_file_says_nothing_else(path: Path) -> None:
    """What is not set has its default."""
    assert loaded(path, "") == load(None)


def test_what_is_set_is_set_and_the_rest_stays(path: Path) -> None:
    """A file need not be complete: each section, and each key of one, stands for itself."""
    settings = loaded(
        path, toml({"orders": {"max_concurrent": 5}, "orders.urgent": URGENT, "prices": {"max_age": 2.5}})
    )
    policies = settings.orders.policies()
    assert settings.orders.max_concurrent == 5
    assert settings.max_price_age == seconds(2.5)
    assert policies.urgent.waits == (seconds(0), seconds(0.5), seconds(1))
    assert (policies.urgent.max_attempts, policies.urgent.slippage_cap) == (7, 2000)
    assert (policies.urgent.fee_cap, policies.urgent.resign_after) == (Lamports(9_000_000), seconds(1.5))
    assert policies.exits == RetryPolicies().exits


def test_one_key_of_a_retry_policy_can_be_set_alone(path: Path) -> None:
    """Whoever wants more attempts need not write down waits, tolerances and fees."""
    policies = loaded(path, toml({"orders.exits": {"max_attempts": 6}})).orders.policies()
    assert policies.exits.max_attempts == 6
    assert policies.exits.waits == RetryPolicies().exits.waits
    assert policies.urgent == RetryPolicies().urgent


def test_settings_cannot_be_changed_while_the_engine_runs() -> None:
    """They are read once."""
    with pytest.raises(ValueError, match="frozen"):
        load(None).orders.max_concurrent = 1


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("orders", "max_concurrent", 0),
        ("orders", "max_concurrent", 33),
        ("orders", "max_concurrent", "many"),
        ("orders", "max_concurrent", 2.5),
        ("orders", "max_concurrent", True),
        ("orders", "manual_retry_slippage_bps", -1),
        ("orders", "manual_retry_slippage_bps", 10_001),
        ("prices", "poll_interval", 0),
        ("prices", "poll_interval", True),
        ("prices", "max_age", -1),
        ("prices", "max_age", "soon"),
        ("chain", "confirm_interval", 0),
        ("chain", "rebroadcast_interval", []),
        ("jupiter", "api", "v3"),
    ],
)
def test_a_value_out_of_place_is_named_with_file_key_and_value(path: Path, table: str, key: str, value: Any) -> None:
    """Out of range or of the wrong type: the message says where, which, and what stood there."""
    message = faults_of(path, toml({table: {key: value}}))
    assert message.startswith(f"{path}:2: {table}.{key}: ")
    assert message.endswith(f"not {value!r}")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("max_attempts", 0, "orders.urgent.max_attempts"),
        ("max_attempts", 21, "orders.urgent.max_attempts"),
        ("waits", [], "orders.urgent.waits"),
        ("waits", [1, -1], "orders.urgent.waits.1"),
        ("waits", 5, "orders.urgent.waits"),
        ("waits", [1e300], "orders.urgent.waits.0"),
        ("slippage_bps", -1, "orders.urgent.slippage_bps"),
        ("slippage_cap_bps", 10_001, "orders.urgent.slippage_cap_bps"),
        ("slippage_cap_bps", 100, "slippage_cap_bps must not be below slippage_bps"),
        ("priority_fee", -1, "orders.urgent.priority_fee"),
        ("priority_fee_cap", 1, "priority_fee_cap must not be below priority_fee"),
        ("priority_fee_cap", 0.5, "orders.urgent.priority_fee_cap"),
    ],
)
def test_a_retry_policy_that_cannot_be_is_refused(path: Path, key: str, value: Any, named: str) -> None:
    """Each key has its range, and a cap lies above what it caps."""
    assert named in faults_of(path, toml({"orders.urgent": URGENT | {key: value}}))


def test_what_does_not_fit_together_is_one_sentence(path: Path) -> None:
    """A cap below its start is said in words, without repeating the whole section."""
    message = faults_of(path, toml({"orders.urgent": URGENT | {"slippage_cap_bps": 100}}))
    named = ", ".join(f"{path}:{line}" for line in range(2, 9))
    assert message == f"{named}: orders.urgent: slippage_cap_bps must not be below slippage_bps"


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_what_is_no_number_of_seconds_is_refused(path: Path, number: str) -> None:
    """TOML knows nan and inf; a clock does not."""
    assert "prices.max_age" in faults_of(path, f"[prices]\nmax_age = {number}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("colour = 'red'", "1: colour is not a setting"),
        ("[order]\n", "1: order is not a setting: did you mean orders?"),
        (
            "[orders]\nmax_concurent = 3",
            "2: orders.max_concurent is not a setting: did you mean orders.max_concurrent?",
        ),
        ("jupiter.api_key = 'x'", "1: jupiter.api_key is not a setting: did you mean jupiter.api_key_env?"),
        ("[prices.max_age]\nx = 1", "2: prices.max_age.x is not a setting: did you mean prices.max_age?"),
        ("orders = 3", "1: orders is a table of settings, not 3"),
    ],
)
def test_a_key_that_is_none_is_refused(path: Path, text: str, fault: str) -> None:
    """A slip of the keyboard does not leave the default in place unnoticed; what it was to be is named."""
    assert faults_of(path, text) == f"{path}:{fault}"


def test_all_faults_of_a_file_are_named_at_once(path: Path) -> None:
    """Unknown keys, wrong types and values out of range, of all sections."""
    message = faults_of(
        path,
        toml(
            {
                "orders": {"max_concurrent": 0, "colour": "red"},
                "orders.urgent": URGENT | {"waits": ["soon"]},
                "prices": {"max_age": -1},
                "jupiter": {"api": "v9"},
            }
        ),
    )
    assert message.splitlines()[0] == "5 faults in the settings:"
    for key in ("orders.max_concurrent", "orders.colour", "orders.urgent.waits.0", "prices.max_age", "jupiter.api"):
        assert key in message


@pytest.mark.parametrize("content", [b"orders = ", b"[orders", b"a = 1\na = 2", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_said_to_be_none(path: Path, content: bytes) -> None:
    """The message names the file and what the parser tripped over."""
    path.write_bytes(content)
    with pytest.raises(BadInputError) as error:
        load(path)
    assert str(error.value).startswith(f"{path} is not TOML: ")


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    """The message names the file and says why it cannot be read."""
    with pytest.raises(BadInputError) as error:
        load(path)
    assert str(error.value) == f"{path} cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in place of the file is one sentence, too."""
    with pytest.raises(BadInputError, match="cannot be read"):
        load(tmp_path)
