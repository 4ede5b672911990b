"""Writing a settings file that a person can read, with every setting in it and what it means."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

from engine.cli.config import KeypairOption, UrlOption
from engine.cli.console import output
from engine.config import Given, Profile, resolve
from engine.config.keys import Key, KeyPath, all_keys, all_tables, dotted
from engine.config.loading import FILE
from engine.domain.errors import BadInputError

_WIDTH = 100
_HEAD = """\
Ripcord's settings. What is commented out is at its default; docs/configuration.md has units and ranges.
Nothing in here is secret: write ${NAME} for what an environment variable holds."""
_LIVE = "Real money needs --live on the command line as well."


def init(
    *,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="paper, devnet or mainnet; asked for without it.", show_default=False),
    ] = None,
    url: UrlOption = None,
    keypair: KeypairOption = None,
    file: Annotated[Path, typer.Option("--file", help="Where to write.")] = FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: what is not given stays at its default.")] = False,
) -> None:
    """Write a commented settings file, from what is given and what you answer."""
    if file.exists() and not force:
        raise BadInputError(f"{file} is there already: name another file with --file, or replace it with --force")
    answers = {("profile",): profile, ("chain", "rpc_urls"): url, ("wallet", "keypair"): keypair}
    if not yes:
        answers = {path: _asked(path, given) for path, given in answers.items()}
    chosen: dict[KeyPath, Any] = {path: given for path, given in answers.items() if given}
    chosen.setdefault(("profile",), str(Profile.PAPER))
    if ("chain", "rpc_urls") in chosen:
        chosen["chain", "rpc_urls"] = [chosen["chain", "rpc_urls"]]
    _write(file, written(chosen))
    print_next_steps(file, chosen["profile",])


_QUESTIONS: Mapping[KeyPath, tuple[str, str]] = {
    ("profile",): ("Profile (paper trades nothing, devnet plays, mainnet is real money)", "paper"),
    ("chain", "rpc_urls"): ("Solana node, its address or a name (empty for the public one)", ""),
    ("wallet", "keypair"): ("Key file of the wallet (empty for RIPCORD_WALLET_KEY or Solana's own)", ""),
}


def _asked(path: KeyPath, given: str | None) -> str | None:
    if given is not None:
        return given
    question, default = _QUESTIONS[path]
    answer: str = typer.prompt(question, default=default, show_default=bool(default))
    return answer


def written(chosen: Mapping[KeyPath, Any]) -> str:
    """Return the text of a settings file: every key with its meaning, those that are *chosen* in force."""
    lines = [*(f"# {line}" for line in _HEAD.splitlines()), ""]
    for table in all_tables():
        keys = [key for key in all_keys().values() if key.path[:-1] == table]
        if table and keys:
            lines += [f"[{dotted(table)}]", ""]
        for key in keys:
            lines += _entry(key, chosen)
    return "\n".join(lines)


def _entry(key: Key, chosen: Mapping[KeyPath, Any]) -> Iterator[str]:
    yield from (f"# {line}" for line in wrap(key.meaning, _WIDTH))
    name = key.path[-1]
    if key.path in chosen:
        yield f"{name} = {_toml(chosen[key.path])}"
    elif key.default is None:
        yield f"# {name} ="
    else:
        yield f"# {name} = {_toml(key.default)}"
    yield ""


def _toml(value: Any) -> str:
    """Return *value* as TOML, whose strings, numbers and lists of one line are those of JSON."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value))


def _write(file: Path, text: str) -> None:
    """Write *text* to *file*, whole or not at all, and only where it can be read back.

    Raises:
        ConfigError: what was given makes no sense.
        BadInputError: the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".ripcord-") as folder:
            draft = Path(folder) / file.name
            draft.write_text(text, encoding="utf-8")
            resolve(Given(files=(draft,), environ=os.environ))
            draft.replace(file)
    except OSError as error:
        raise BadInputError(f"{file} cannot be written: {error.strerror}") from None


def print_next_steps(file: Path, profile: str) -> None:
    """Say what to do with the file."""
    named = "" if file == FILE else f" --config {file}"
    live = " --live" if profile == Profile.MAINNET else ""
    console = output()
    console.print(f"{file} is written for the profile {profile}. {_LIVE if live else ''}".rstrip(), highlight=False)
    console.print(f"Next:  run.py doctor{named}   then   run.py run{named}{live}", highlight=False)
