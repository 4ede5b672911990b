"""Secrets: addresses are shown without theirs, files that hold one are private, and no sentence repeats one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from engine.cli.config import rows
from engine.config import Url, live_allowed, redacted, resolve
from engine.domain.errors import BadInputError, ConfigError
from tests.engine.config_given import given, solana_says, written

CANARY = "c4nAry7f3kQ9zX2mB8vT"
HEX = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.mainnet-beta.solana.com", "https://api.mainnet-beta.solana.com"),
        ("http://localhost:8899", "http://localhost:8899"),
        ("http://[::1]:8899/", "http://[::1]:8899/"),
        ("https://mainnet.helius-rpc.com/?api-key=abc", "https://mainnet.helius-rpc.com/?api-key=***"),
        ("https://host/?abc", "https://host/?***"),
        ("https://host/?a=1&b=2&=3", "https://host/?a=***&b=***&=***"),
        (f"https://host/?{HEX}=1", "https://host/?***"),
        (f"https://x.solana-mainnet.quiknode.pro/{HEX}/", "https://x.solana-mainnet.quiknode.pro/***/"),
        (f"https://solana-mainnet.g.alchemy.com/v2/{CANARY}", "https://solana-mainnet.g.alchemy.com/v2/***"),
        ("https://jupiter-swap-api.quiknode.pro/swap/v1", "https://jupiter-swap-api.quiknode.pro/swap/v1"),
        (f"https://{HEX}.rpc.example.com/a", "https://***.rpc.example.com/a"),
        ("https://me:pw@host:9/a", "https://***@host:9/a"),
        ("https://:@host", "https://***@host"),
        ("postgresql://u:pw@host/ripcord", "postgresql://***@host/ripcord"),
        ("https://u:p/w@host/a", "https://***"),
        ("https://u:12?w@host/a", "https://***"),
        ("https://u:pw/a", "https://***"),
        ("https://host/a#secret", "https://host/a#***"),
        ("https://[bad", "***"),
        ("just words", "***"),
        ("https://${HOST}/a/${KEY}?k=${KEY}&l=x${KEY}", "https://${HOST}/a/${KEY}?k=${KEY}&l=***"),
        ("${WHOLE_URL}", "${WHOLE_URL}"),
    ],
)
def test_an_address_is_shown_without_what_could_be_a_key(url: str, shown: str) -> None:
    """User, password, values of the query, and parts of path and host that look like a key."""
    assert redacted(url) == shown


PLACES: list[Callable[[str], str]] = [
    lambda secret: f"https://host/{secret}",
    lambda secret: f"https://host/v2/{secret}/rpc?a=b",
    lambda secret: f"https://host/?api-key={secret}",
    lambda secret: f"https://host/?{secret}",
    lambda secret: f"https://user:{secret}@host/",
    lambda secret: f"https://{secret}@host/",
    lambda secret: f"https://{secret}.host.com/",
    lambda secret: f"https://host/#{secret}",
]


@drawn(st.text("0123456789abcdef", min_size=24, max_size=64), st.sampled_from(PLACES))
def test_no_hexadecimal_key_is_ever_shown(key: str, place: Callable[[str], str]) -> None:
    """Wherever in an address it stands."""
    secret = f"7{key}"
    assert secret not in redacted(place(secret))


def test_an_address_gives_its_key_to_nobody_but_who_asks_for_it() -> None:
    """Neither printing nor formatting shows what the environment filled in."""
    url = Url("https://host/?k=${KEY}", environ={"KEY": CANARY})
    assert url.reveal() == f"https://host/?k={CANARY}"
    assert {str(url), f"{url}", url._shown} == {"https://host/?k=${KEY}"}
    assert CANARY not in repr(url)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("https://host/${MISSING}", "needs the environment variable MISSING, which is not set"),
        ("https://host/${EMPTY}", "needs the environment variable EMPTY, which is not set"),
        ("https://host/${}", "holds a ${ that names no environment variable: write ${NAME}"),
        ("https://host/${A-B}", "holds a ${ that names no environment variable: write ${NAME}"),
    ],
)
def test_an_address_that_cannot_be_filled_in_is_refused(text: str, fault: str) -> None:
    """The variable is named."""
    with pytest.raises(ValueError, match=fault.replace("$", r"\$").replace("{", r"\{")):
        Url(text, environ={"EMPTY": ""})


def test_what_the_environment_fills_in_must_be_part_of_an_address(tmp_path: Path) -> None:
    """A key with a line break makes no address, and is not repeated."""
    written(tmp_path / "ripcord.toml", "[chain]\nrpc_urls = ['https://host/${KEY}']\n")
    with pytest.raises(ConfigError, match=r"rpc_urls\.0: should be an address") as error:
        resolve(given(tmp_path, {"KEY": f"{CANARY}\n"}))
    assert CANARY not in str(error.value)


# The API key ----------------------------------------------------------------------------------------------


def secret_in(path: Path, text: str = CANARY, mode: int = 0o600) -> Path:
    """Write a secret file."""
    written(path, text).chmod(mode)
    return path


def test_the_key_comes_from_the_variable_or_the_file_that_is_named(tmp_path: Path) -> None:
    """The file goes before the variable; without either Jupiter is asked without a key, at the rate of that."""
    file = secret_in(tmp_path / "key", f"{CANARY}\n")
    named = resolve(given(tmp_path, {"JUPITER_API_KEY": "other"}, sets=(f"jupiter.api_key_file={file}",))).jupiter_key
    assert named is not None
    assert named.get_secret_value() == CANARY
    variable = resolve(given(tmp_path, {"MINE": "k"}, sets=("jupiter.api_key_env=MINE",))).jupiter_key
    assert variable is not None
    assert variable.get_secret_value() == "k"
    assert resolve(given(tmp_path)).jupiter_key is None


def test_the_rate_follows_the_plan(tmp_path: Path) -> None:
    """A plan has its rate, which a number replaces; without a plan it is that of who has a key or has none."""
    jupiter = resolve(given(tmp_path)).settings.jupiter
    assert (jupiter.rate(keyed=False), jupiter.rate(keyed=True)) == (30, 60)
    rates = [
        resolve(given(tmp_path, {"JUPITER_API_KEY": "k"}, sets=(f"jupiter.plan={plan}",))).settings.jupiter.rate(
            keyed=True
        )
        for plan in ("free", "developer", "launch", "pro")
    ]
    assert rates == [60, 600, 3000, 9000]
    sets = ("jupiter.requests_per_minute=12", "jupiter.plan=keyless")
    assert resolve(given(tmp_path, sets=sets)).settings.jupiter.rate(keyed=False) == 12


@pytest.mark.parametrize(
    ("text", "mode", "fault"),
    [
        (CANARY, 0o640, "can be read by other users (mode 0640): run chmod 600 "),
        (CANARY, 0o604, "can be read by other users (mode 0604): run chmod 600 "),
        ("", 0o600, "holds no secret"),
        (f"key = {CANARY}", 0o600, "holds no secret"),
        (f"{CANARY}\n{CANARY}", 0o600, "holds no secret"),
        (CANARY * 300, 0o600, "holds no secret"),
        ("schlüssel", 0o600, "holds no secret"),
        (None, 0, "cannot be read: No such file"),
    ],
)
def test_a_secret_file_that_will_not_do_is_refused(tmp_path: Path, text: str | None, mode: int, fault: str) -> None:
    """Open to others, absent, or with anything but the key in it: the file is named, its content is not."""
    file = tmp_path / "key"
    if text is not None:
        secret_in(file, text, mode)
    with pytest.raises(ConfigError) as error:
        resolve(given(tmp_path, sets=(f"jupiter.api_key_file={file}",)))
    assert str(error.value).startswith("--set jupiter.api_key_file: jupiter.api_key_file: ")
    assert fault in str(error.value)
    assert str(file) in str(error.value)
    assert CANARY not in str(error.value)


def test_a_variable_that_was_named_must_be_set(tmp_path: Path) -> None:
    """A slip in its name would otherwise go on without a key."""
    with pytest.raises(ConfigError, match="the environment variable MINE is not set"):
        resolve(given(tmp_path, sets=("jupiter.api_key_env=MINE",)))


# Nothing shows a secret -----------------------------------------------------------------------------------

BASE58 = "5KQwrPbwdL6PhXujxW37FSSQZ1JiwsST4cqQzDeyXtP7KQwrPbwdL6PhXujxW37FSSQZ1JiwsST4cqQzDeyXtP7z"
MISPLACED = [
    f"jupiter.api_key={CANARY}",
    f"jupiter.api_key_env={CANARY}",
    f"jupiter.api_key_env={HEX}",
    f"wallet.keypair={BASE58}",
    f"wallet.keypair={json.dumps(list(range(64)))}",
    f"wallet={BASE58}",
    f"wallet.private_key={BASE58}",
    f"chain.rpc_urls=https://host/?k={CANARY}",
    f'chain.rpc_urls=["ftp://host/{CANARY}"]',
    f'chain.rpc_urls=["{CANARY}"]',
    f'chain.ws_url="https://host/{CANARY}"',
    f"store.url=mysql://me:{CANARY}@host/db",
    f"orders.max_concurrent={HEX}",
    CANARY,
]


@pytest.mark.parametrize("text", MISPLACED)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    """Whatever is wrong with where it stands, the sentence does not hold it."""
    with pytest.raises(ConfigError) as error:
        resolve(given(tmp_path, sets=(text,)))
    for secret in (CANARY, HEX, BASE58, "62, 63"):
        assert secret not in str(error.value)


def test_neither_settings_nor_what_is_shown_of_them_holds_a_secret(tmp_path: Path) -> None:
    """Printed, as a dictionary, as JSON, and as `config show` has it: not one of the secrets that were given."""
    solana_says(tmp_path, f"websocket_url: wss://host/{CANARY}\n")
    file = written(
        tmp_path / "ripcord.toml",
        f"""
        profile = "paper"
        [chain]
        rpc_urls = ["https://host/?k=${{KEY}}", "https://me:{CANARY}@host/{CANARY}?k={CANARY}"]
        ws_url = "wss://host/{CANARY}"
        send_urls = ["https://host/{CANARY}"]
        [jupiter]
        urls = ["https://${{SUB}}.host.com/{CANARY}"]
        [store]
        url = "postgresql://me:${{KEY}}@host/db"
        """,
    )
    environ = {"KEY": CANARY, "SUB": CANARY, "JUPITER_API_KEY": CANARY, "RIPCORD_WALLET_KEY": CANARY}
    what = given(tmp_path, environ, files=(file,), sets=("chain.max_lag_slots=5",))
    loaded = resolve(what)
    assert loaded.settings.chain.rpc_urls[0].reveal() == f"https://host/?k={CANARY}"
    shown = [
        *map(repr, (loaded, loaded.settings, what, loaded.settings.chain)),
        *map(str, (loaded, loaded.settings, what)),
        str(loaded.settings.model_dump()),
        loaded.settings.model_dump_json(),
        json.dumps(list(rows(loaded))),
    ]
    assert [text for text in shown if CANARY in text] == []


# The two switches -----------------------------------------------------------------------------------------


def of(folder: Path, file: str | None, **options: object) -> bool:
    """Return whether real money may be traded, with *file* as the profile of the file."""
    live = bool(options.pop("live", False))
    environ = {"RIPCORD__PROFILE": str(options.pop("environment"))} if "environment" in options else {}
    if file:
        written(folder / "ripcord.toml", f'profile = "{file}"\n')
    return live_allowed(resolve(given(folder, environ, **options)), live=live)


@pytest.mark.parametrize("more", [{}, {"profile": "mainnet"}, {"environment": "mainnet"}])
def test_mainnet_in_a_file_and_live_on_the_command_line_trade(tmp_path: Path, more: dict[str, str]) -> None:
    """Both switches are on; that other sources say the same takes nothing away."""
    assert of(tmp_path, "mainnet", live=True, **more) is True


@pytest.mark.parametrize("profile", ["demo", "paper", "devnet"])
def test_every_other_profile_trades_no_real_money(tmp_path: Path, profile: str) -> None:
    """Without --live they run; with it they are refused, in one sentence that names the profile and its source."""
    assert of(tmp_path, profile) is False
    assert of(tmp_path, "mainnet", profile=profile) is False
    with pytest.raises(ConfigError) as error:
        of(tmp_path, profile, live=True)
    assert str(error.value) == (
        f"--live is for the profile mainnet, and the profile is {profile} ({tmp_path / 'ripcord.toml'}:1): leave it out"
    )


@pytest.mark.parametrize(
    ("file", "options", "missing"),
    [
        ("mainnet", {}, ["--live on the command line"]),
        (None, {"profile": "mainnet", "live": True}, ['profile = "mainnet" in a settings file']),
        (None, {"environment": "mainnet", "live": True}, ['profile = "mainnet" in a settings file']),
        ("paper", {"profile": "mainnet", "live": True}, ['profile = "mainnet" in a settings file']),
        (None, {"profile": "mainnet"}, ['profile = "mainnet" in a settings file', "--live on the command line"]),
    ],
)
def test_one_switch_does_not_trade(
    tmp_path: Path, file: str | None, options: dict[str, object], missing: list[str]
) -> None:
    """What is missing is said in one sentence, and what is not missing is not."""
    with pytest.raises(ConfigError) as error:
        of(tmp_path, file, **options)
    message = str(error.value)
    assert [
        each for each in ('profile = "mainnet" in a settings file', "--live on the command line") if each in message
    ]
    assert all(each in message for each in missing)
    assert message.count(" and ") == len(missing)


def test_the_last_file_says_whether_it_is_mainnet(tmp_path: Path) -> None:
    """A file that was overruled by another one does not count."""
    first = written(tmp_path / "a.toml", 'profile = "mainnet"')
    second = written(tmp_path / "b.toml", 'profile = "paper"')
    loaded = resolve(given(tmp_path, files=(first, second), profile="mainnet"))
    with pytest.raises(ConfigError, match="in a settings file"):
        live_allowed(loaded, live=True)


def test_a_secret_file_may_not_be_a_folder(tmp_path: Path) -> None:
    """One sentence, too."""
    with pytest.raises(BadInputError, match="cannot be read: Is a directory"):
        resolve(given(tmp_path, sets=(f"jupiter.api_key_file={tmp_path}",)))
