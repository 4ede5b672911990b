"""Where settings come from: TOML files, the environment, the command line. Each is read on its own, faults and all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.config import keys

ENVIRONMENT_PREFIX = "RIPCORD__"
_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?")
_ASSIGNMENT = re.compile(r"""\s*([\w."'-][\w."' -]*?)\s*=""")


class Kind(StrEnum):
    """What kind of place a setting comes from; the later ones win."""

    DEFAULT = "default"
    SOLANA = "solana"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Source:
    """The place that a setting comes from."""

    kind: Kind
    where: str
    """As a sentence names it: file and line, variable, or option."""

    def __str__(self) -> str:
        return self.where


DEFAULT = Source(Kind.DEFAULT, "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting as one source has it."""

    path: keys.KeyPath
    value: Any = field(repr=False)
    source: Source
    text: str | None = field(default=None, repr=False)
    """What was typed, where the value was read from a word: it counts where the value does not fit."""


@dataclass(frozen=True, slots=True)
class Layer:
    """All that one source says, and what is wrong with it before any key is looked at."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = ()


def toml_file(path: Path) -> Layer:
    """Return what the TOML file at *path* sets."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        return Layer(faults=(f"{path} cannot be read: {error.strerror}",))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Layer(faults=(f"{path} is not TOML: {error}",))
    lines = _lines(text)
    return Layer(
        tuple(
            Entry(path=key, value=value, source=Source(Kind.FILE, f"{path}{_at(key, lines)}"))
            for key, value in _leaves(values)
        )
    )


def environment(environ: Mapping[str, str]) -> Layer:
    """Return what the variables RIPCORD__SECTION__KEY of *environ* set."""
    entries: list[Entry] = []
    faults: list[str] = []
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        path = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        if all(path):
            entries += _typed(path, environ[name], Source(Kind.ENVIRONMENT, name))
        else:
            faults.append(f"{name} names no setting: write RIPCORD__SECTION__KEY")
    return Layer(tuple(entries), tuple(faults))


def options(
    sets: tuple[str, ...] = (), *, url: str | None = None, keypair: str | None = None, profile: str | None = None
) -> Layer:
    """Return what the command line sets.

    Args:
        sets: each section.key=value, the value in TOML or as a bare word.
        url: the node, by address or by the name of its cluster; a websocket that was set for another is dropped.
        keypair: path of the key file.
        profile: demo, paper, devnet or mainnet.
    """
    entries: list[Entry] = []
    faults: list[str] = []
    for each in sets:
        name, equals, text = each.partition("=")
        path = tuple(name.strip().split("."))
        if equals and all(path):
            entries += _typed(path, text.strip(), Source(Kind.OPTION, f"--set {keys.dotted(path)}"))
        else:
            # What was given is not repeated: it may be a value.
            faults.append("--set: give section.key=value, such as --set orders.max_concurrent=4")
    by_url = Source(Kind.OPTION, "--url")
    named = (
        (("chain", "rpc_urls"), (url,), by_url, url),
        (("chain", "ws_url"), None, by_url, url),
        (("wallet", "keypair"), keypair, Source(Kind.OPTION, "--keypair"), keypair),
        (("profile",), profile, Source(Kind.OPTION, "--profile"), profile),
    )
    entries += [
        Entry(path=path, value=value, source=source) for path, value, source, given in named if given is not None
    ]
    return Layer(tuple(entries), tuple(faults))


def _typed(path: keys.KeyPath, text: str, source: Source) -> Iterator[Entry]:
    """Yield what a person typed: a TOML value, or a bare word."""
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        values = {}
    value = values["value"] if values.keys() == {"value"} else text
    if isinstance(value, dict):
        for inner, each in _leaves(value, path):
            yield Entry(path=inner, value=each, source=source)
    else:
        yield Entry(path=path, value=value, source=source, text=text)


def _leaves(table: Mapping[str, Any], prefix: keys.KeyPath = ()) -> Iterator[tuple[keys.KeyPath, Any]]:
    """Yield every value of *table* that is no table itself, and the empty tables that are no section."""
    if not table and prefix not in keys.all_tables():
        yield prefix, table
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def _lines(text: str) -> dict[keys.KeyPath, int]:
    """Return where each key and table of a TOML file begins. A good guess: it only points a reader to the place."""
    found: dict[keys.KeyPath, int] = {}
    table: keys.KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _names(header[1])
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_names(assignment[1])), number)
    return found


def _names(text: str) -> keys.KeyPath:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _at(path: keys.KeyPath, lines: Mapping[keys.KeyPath, int]) -> str:
    known = next((path[:length] for length in range(len(path), 0, -1) if path[:length] in lines), None)
    return f":{lines[known]}" if known else ""
