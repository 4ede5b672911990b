"""Showing and checking the settings, and the options by which every command that needs them takes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.columns import SETTINGS
from engine.cli.render import Answer, Form, FormOption
from engine.cli.render import show as rendered

if TYPE_CHECKING:
    from engine.config import Loaded

FilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--config", help="TOML file with settings; repeat it and the later one wins. [default: ./ripcord.toml if there]"
    ),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as orders.max_concurrent=4.")
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", "-u", help="Solana node: an address, or mainnet-beta, testnet, devnet, localhost.", show_default=False
    ),
]
KeypairOption = Annotated[
    str | None,
    typer.Option("--keypair", "-k", help="Key file of the wallet, or env for the key in RIPCORD_WALLET_KEY."),
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="demo, paper, devnet or mainnet.")]


commands = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@commands.command("show")
def show(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Print every setting with the place that it comes from, and no secret."""
    loaded = resolved(files, sets, url=url, keypair=keypair, profile=profile)
    found = [{"key": key, "value": value, "source": source} for key, value, source in rows(loaded)]
    document = {each["key"]: {"value": each["value"], "source": each["source"]} for each in found}
    rendered(Answer(document=document, columns=SETTINGS, rows=found, title="Settings"), form)


@commands.command("check")
def check(
    *,
    files: FilesOption = None,
    sets: SetOption = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    profile: ProfileOption = None,
) -> None:
    """Look for faults in the settings: exit code 0 if there are none, 4 if there are."""
    loaded = resolved(files, sets, url=url, keypair=keypair, profile=profile)
    typer.echo(f"The settings are sound: profile {loaded.settings.profile} ({loaded.source(('profile',))}).")


def resolved(
    files: list[Path] | None,
    sets: list[str] | None,
    *,
    url: str | None = None,
    keypair: str | None = None,
    profile: str | None = None,
) -> Loaded:
    """Return the settings that a command's options, the environment and the files come to.

    Raises:
        ConfigError: there are faults; all are named.
    """
    from engine.config import Given, resolve

    return resolve(Given(files=tuple(files or ()), sets=tuple(sets or ()), url=url, keypair=keypair, profile=profile))


def rows(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    """Yield each key with its value as JSON has it, without secrets, and its source."""
    from engine.config.keys import all_keys, value_of

    for path, key in all_keys().items():
        yield key.name, _plain(value_of(loaded.settings, path)), str(loaded.source(path))


def _plain(value: Any) -> Any:
    """Return *value* as JSON has it; an address and a path print themselves, the one without its secrets."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if value is None or type(value) in (bool, int, float) else str(value)
