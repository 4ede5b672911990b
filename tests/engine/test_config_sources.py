"""Where settings come from: the later source wins, and every fault of every source is named at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from engine.config import Given, Loaded, load, resolve
from engine.domain.errors import BadInputError, ConfigError
from tests.engine.config_given import given, written

CONCURRENT = ("orders", "max_concurrent")
IN_ORDER = ("default", "first file", "second file", "environment", "--set")
"""The sources of a setting, from the weakest to the strongest; each sets its own place in this list, plus 10."""


def with_sources(folder: Path, names: set[str]) -> Given:
    """Return what a command is given where each source of *names* sets `orders.max_concurrent`."""
    files = tuple(
        written(folder / f"{name}.toml", f"[orders]\nmax_concurrent = {10 + IN_ORDER.index(name)}\n")
        for name in ("first file", "second file")
        if name in names
    )
    environ = {"RIPCORD__ORDERS__MAX_CONCURRENT": "13"} if "environment" in names else {}
    return given(folder, environ, files=files, sets=("orders.max_concurrent=14",) if "--set" in names else ())


def refused(what: Given) -> list[str]:
    """Return the faults that are named, one by one."""
    with pytest.raises(ConfigError) as error:
        resolve(what)
    lines = str(error.value).splitlines()
    return lines if len(lines) == 1 else [line.removeprefix("  ") for line in lines[1:]]


def source(loaded: Loaded, *path: str) -> str:
    """Return where a setting comes from, as it is named."""
    return str(loaded.source(path))


@pytest.mark.parametrize(
    ("names", "value", "where"),
    [
        ([], 3, "default"),
        (["first file"], 11, "first file.toml:2"),
        (["first file", "second file"], 12, "second file.toml:2"),
        (["first file", "environment"], 13, "RIPCORD__ORDERS__MAX_CONCURRENT"),
        (["first file", "second file", "environment", "--set"], 14, "--set orders.max_concurrent"),
    ],
)
def test_the_later_source_wins(tmp_path: Path, names: list[str], value: int, where: str) -> None:
    """Defaults, files in order, environment, command line; the winner is named."""
    loaded = resolve(with_sources(tmp_path, set(names)))
    assert loaded.settings.orders.max_concurrent == value
    assert source(loaded, *CONCURRENT).endswith(where)


@drawn(st.sets(st.sampled_from(IN_ORDER[1:])))
def test_whatever_sources_there_are_the_strongest_decides(names: set[str]) -> None:
    """For any subset of the sources the value is that of the last in order, and the others change nothing."""
    with tempfile.TemporaryDirectory() as folder:
        loaded = resolve(with_sources(Path(folder), names))
    strongest = max((IN_ORDER.index(name) for name in names), default=None)
    assert loaded.settings.orders.max_concurrent == (3 if strongest is None else 10 + strongest)
    rest = loaded.settings.orders.model_copy(update={"max_concurrent": 3})
    assert rest == load(None).orders


def test_files_merge_key_by_key(tmp_path: Path) -> None:
    """A later file that names one key of a table leaves the others of an earlier one."""
    first = written(tmp_path / "a.toml", "[orders.exits]\nmax_attempts = 6\nwaits = [1]\n[prices]\nmax_age = 5\n")
    second = written(tmp_path / "b.toml", "[orders]\nexits = { max_attempts = 7 }\n")
    settings = resolve(given(tmp_path, files=(first, second))).settings
    assert (settings.orders.exits.max_attempts, settings.orders.exits.waits, settings.prices.max_age) == (7, (1,), 5)


def test_the_file_of_the_folder_is_read_unless_others_are_named(tmp_path: Path) -> None:
    """`ripcord.toml` is found by itself; a command that names its files means those alone."""
    written(tmp_path / "ripcord.toml", "[prices]\nmax_age = 5\n")
    other = written(tmp_path / "other.toml", "[prices]\nquorum = 2\n")
    assert resolve(given(tmp_path)).settings.prices.max_age == 5
    named = resolve(given(tmp_path, files=(other,))).settings.prices
    assert (named.max_age, named.quorum) == (10, 2)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("paper", ("profile",), "paper"),
        ('"paper"', ("profile",), "paper"),
        ("2026", ("store", "path"), Path("2026")),
        ("true", ("tokens", "close_empty_accounts"), True),
        ("[0, 1.5]", ("orders", "urgent", "waits"), (0, 1.5)),
        ("5_000", ("orders", "exits", "priority_fee"), 5000),
        ("1\nsecond = 2", ("store", "path"), Path("1\nsecond = 2")),
    ],
)
def test_what_is_typed_is_a_toml_value_or_a_bare_word(
    tmp_path: Path, text: str, path: tuple[str, ...], value: Any
) -> None:
    """In a variable and after --set alike; a number where a word is wanted is the word."""
    variable = {"RIPCORD__" + "__".join(path).upper(): text}
    for what in (given(tmp_path, variable), given(tmp_path, sets=(f"{'.'.join(path)}={text}",))):
        found: Any = resolve(what).settings
        for name in path:
            found = getattr(found, name)
        assert found == value


def test_a_table_may_be_typed_at_once(tmp_path: Path) -> None:
    """An inline table sets each of its keys, and nothing else of the section."""
    exits = resolve(given(tmp_path, sets=("orders.exits={max_attempts = 6, waits = [2]}",))).settings.orders.exits
    assert (exits.max_attempts, exits.waits, exits.slippage_bps) == (6, (2,), 150)


def test_every_fault_of_every_source_is_named_with_its_place(tmp_path: Path) -> None:
    """File and line, variable or option; unknown keys say what they were probably meant to be."""
    file = written(tmp_path / "ripcord.toml", "[orders]\n\nmax_concurrent = 0\n[price]\nmax_age = 3\n[jupiter]\n")
    missing = tmp_path / "missing.toml"
    broken = written(tmp_path / "broken.toml", "[orders")
    environ = {"RIPCORD__STORE__COLOUR": "4", "RIPCORD__CHAIN__RPC_URLS": "[5]", "RIPCORD__": "1"}
    sets = ("jupiter.api=v3", "nonsense", "prices=3")
    faults = refused(given(tmp_path, environ, files=(file, missing, broken), sets=sets, profile="live", url="no where"))
    rest = "an address such as https://host, or one of mainnet-beta, testnet, devnet, localhost"
    assert sorted(faults) == sorted(
        [
            f"{file}:3: orders.max_concurrent: input should be greater than or equal to 1, not 0",
            f"{file}:5: price.max_age is not a setting: did you mean prices.max_age?",
            f"{missing} cannot be read: No such file or directory",
            next(fault for fault in faults if fault.startswith(f"{broken} is not TOML: ")),
            "RIPCORD__ names no setting: write RIPCORD__SECTION__KEY",
            f"RIPCORD__CHAIN__RPC_URLS: chain.rpc_urls.0: should be {rest}",
            "RIPCORD__STORE__COLOUR: store.colour is not a setting",
            "--set jupiter.api: jupiter.api: input should be 'v2' or 'v1', not 'v3'",
            "--set: give section.key=value, such as --set orders.max_concurrent=4",
            "--set prices: prices is a table of settings, not 3",
            f"--url: chain.rpc_urls.0: should be {rest}",
            "--profile: profile: input should be 'demo', 'paper', 'devnet' or 'mainnet', not 'live'",
        ]
    )


def test_a_value_that_another_source_overrides_is_looked_at_all_the_same(tmp_path: Path) -> None:
    """Who takes the option away tomorrow should not find a broken file then."""
    file = written(tmp_path / "ripcord.toml", "[orders]\nmax_concurrent = 99\n")
    (fault,) = refused(given(tmp_path, sets=("orders.max_concurrent=4",)))
    assert fault.startswith(f"{file}:2: orders.max_concurrent: ")


def test_what_does_not_fit_together_names_all_that_said_it(tmp_path: Path) -> None:
    """A cap from a file below a start from the command line: both are named, beside the other faults."""
    file = written(tmp_path / "ripcord.toml", "[orders.urgent]\nslippage_cap_bps = 400\n[prices]\nquorum = 0\n")
    assert refused(given(tmp_path, sets=("orders.urgent.slippage_bps=500",))) == [
        f"{file}:4: prices.quorum: input should be greater than or equal to 1, not 0",
        f"{file}:2, --set orders.urgent.slippage_bps: orders.urgent: slippage_cap_bps must not be below slippage_bps",
    ]


def test_a_section_that_lacks_a_refused_value_is_not_judged_as_a_whole(tmp_path: Path) -> None:
    """A cap that is out of range is one fault, and not a second one against the default cap."""
    sets = ("orders.urgent.slippage_bps=2000", "orders.urgent.slippage_cap_bps=20000")
    (fault,) = refused(given(tmp_path, sets=sets))
    assert fault.startswith("--set orders.urgent.slippage_cap_bps: orders.urgent.slippage_cap_bps: input should be ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[prices]\nsources = ['pools', 'pools']", "prices: sources names one twice"),
        ("[prices]\nsources = ['pools']\nquorum = 2", "prices: quorum must not be above 1, the number of sources"),
        ("[prices]\nsources = []", "prices.sources: input should be a list that is not empty, not []"),
        ("[prices]\nsources = 'pools'", "prices.sources: input should be a list, not 'pools'"),
        ("[prices]\nconfirm_exit_above_sol = true", "prices.confirm_exit_above_sol: should be an amount of SOL"),
        ("[chain.priority_fee]\npercentile = 101", "chain.priority_fee.percentile: input should be less than or equal"),
        ("[jupiter]\nprogram = 'JUP6'", "jupiter.program: 'JUP6' is no address: give 32 bytes in base58"),
        ("[jupiter]\nplan = 'pro'", "jupiter.plan: pro needs a key: set JUPITER_API_KEY, or api_key_file"),
        ("[jupiter]\nurls = ['ftp://host']", "jupiter.urls.0: should be an address such as https://host"),
        ("[chain]\nws_url = 'https://host'", "chain.ws_url: should be an address such as wss://host"),
        ("[store]\npath = 'a'\nurl = 'postgresql://h/d'", "store: path and url are both set: name one database"),
        ("[store]\nurl = 'mysql://h/d'", "store.url: should be postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("[tokens]\nclose_empty_accounts = 1", "tokens.close_empty_accounts: input should be a valid boolean, not 1"),
    ],
)
def test_a_section_refuses_what_makes_no_sense(tmp_path: Path, text: str, fault: str) -> None:
    """Each of these is one sentence that names the key."""
    written(tmp_path / "ripcord.toml", text)
    (found,) = refused(given(tmp_path))
    assert f": {fault}" in found


def test_sol_is_read_to_the_last_digit(tmp_path: Path) -> None:
    """A TOML fraction becomes the decimal that was written."""
    settings = resolve(given(tmp_path, sets=("prices.confirm_exit_above_sol=0.1",))).settings
    assert str(settings.prices.confirm_exit_above_sol) == "0.1"


def test_each_profile_has_its_own_database(tmp_path: Path) -> None:
    """Below XDG_DATA_HOME where that is an absolute path, else below the home folder; a setting goes before both."""
    names = {resolve(given(tmp_path, profile=name)).settings.store.path for name in ("demo", "paper", "devnet")}
    assert names == {
        tmp_path / "home" / ".local" / "share" / "ripcord" / f"ripcord-{name}.db"
        for name in ("demo", "paper", "devnet")
    }
    at = resolve(given(tmp_path, {"XDG_DATA_HOME": "/data"}, profile="mainnet")).settings.store
    assert at.path == Path("/data/ripcord/ripcord-mainnet.db")
    relative = resolve(given(tmp_path, {"XDG_DATA_HOME": "data"})).settings.store
    assert relative.path == tmp_path / "home" / ".local" / "share" / "ripcord" / "ripcord-demo.db"
    assert resolve(given(tmp_path, sets=("store.path=~/own.db",))).settings.store.path == tmp_path / "home" / "own.db"
    assert resolve(given(tmp_path, sets=("store.url=postgresql:///own",))).settings.store.path is None


def test_a_file_by_itself_hears_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands that take one file take it alone, and its faults are bad input."""
    monkeypatch.setenv("RIPCORD__ORDERS__MAX_CONCURRENT", "9")
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "ripcord.toml", "[orders]\nmax_concurrent = 8\n")
    assert load(None).orders.max_concurrent == 3
    with pytest.raises(BadInputError) as error:
        load(written(tmp_path / "bad.toml", "colour = 1"))
    assert not isinstance(error.value, ConfigError)


def test_what_a_command_is_given_by_default_is_the_process(tmp_path: Path) -> None:
    """The environment and the home folder of whoever runs it."""
    assert Given().environ is os.environ
    assert Given().home == Path("~").expanduser()
