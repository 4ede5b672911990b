"""From entries to settings: each value is looked at where it stands, then what wins is put together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.config import keys
from engine.config.settings import Settings
from engine.config.sources import DEFAULT, Entry, Source
from engine.config.urls import HIDDEN, redacted

_LONGEST_SHOWN = 32
_LISTS = {"tuple_type": "input should be a list", "too_short": "input should be a list that is not empty"}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a value may refer to."""

    environ: Mapping[str, str]
    home: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What entries come to."""

    settings: Settings | None
    """None where what wins does not fit together."""
    winners: Mapping[keys.KeyPath, Entry]
    faults: tuple[str, ...]


def sound(entries: Iterable[Entry], world: World) -> tuple[list[Entry], list[Entry], list[str]]:
    """Look at each entry by itself; return those that are sound, with their values read, the others, and all faults."""
    good: list[Entry] = []
    bad: list[Entry] = []
    faults: list[str] = []
    for entry in entries:
        key = keys.all_keys().get(entry.path)
        if key is None:
            found = [_not_a_setting(entry)]
        else:
            try:
                good.append(replace(entry, value=_read(key, entry, world), text=None))
                continue
            except ValidationError as error:
                found = list(_sentences(error, entry.path))
        bad.append(entry)
        faults += [f"{entry.source}: {fault}" for fault in found]
    return good, bad, faults


def fitted(entries: Iterable[Entry], *, spoilt: Iterable[Entry] = ()) -> Checked:
    """Put sound *entries* together, the later ones winning.

    Args:
        entries: what `sound` returned.
        spoilt: what has been refused already; a section that lacks one of them is not judged as a whole.
    """
    winners = {entry.path: entry for entry in entries}
    values: dict[str, Any] = {}
    for path, entry in winners.items():
        table = values
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = entry.value
    settings: Settings | None = None
    faults: list[str] = []
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        tables = {entry.path[:-1] for entry in spoilt}
        for fault in error.errors():
            section = tuple(str(part) for part in fault["loc"])
            if section not in tables:
                faults.append(f"{_said_by(section, winners)}: {_sentence(fault, ())}")
    return Checked(settings=settings, winners=winners, faults=tuple(faults))


def source_of(winners: Mapping[keys.KeyPath, Entry], path: keys.KeyPath) -> Source:
    """Return where the value of the key at *path* comes from."""
    return winners[path].source if path in winners else DEFAULT


def shown(value: Any) -> Any:
    """Return *value* as JSON has it, without what could be a secret."""
    if isinstance(value, list | tuple):
        numbers = len(value) >= _LONGEST_SHOWN and all(isinstance(each, int) for each in value)
        return HIDDEN if numbers else [shown(each) for each in value]
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, str):
        text = str(value)
        if "://" in text:
            return redacted(text)
        return HIDDEN if len(text) >= _LONGEST_SHOWN and not set(text) & set(" /.") else text
    return value if isinstance(value, int | float | bool | None) else str(value)


def _read(key: keys.Key, entry: Entry, world: World) -> Any:
    context = {"environ": world.environ, "home": world.home}
    try:
        return key.adapter.validate_python(entry.value, context=context)
    except ValidationError:
        if entry.text is None or entry.text == entry.value:
            raise
        try:
            return key.adapter.validate_python(entry.text, context=context)
        except ValidationError:
            pass
        raise


def _not_a_setting(entry: Entry) -> str:
    name = keys.dotted(entry.path)
    if entry.path in keys.all_tables():
        return f"{name} is a table of settings, not {_quoted(entry.value)}"
    near = keys.like(entry.path)
    return f"{name} is not a setting" + (f": did you mean {near}?" if near else "")


def _said_by(section: keys.KeyPath, winners: Mapping[keys.KeyPath, Entry]) -> str:
    """Name the sources of everything that is set in *section*."""
    sources = [str(entry.source) for path, entry in winners.items() if path[: len(section)] == section]
    return ", ".join(dict.fromkeys(sources))


def _sentences(error: ValidationError, path: keys.KeyPath) -> Iterator[str]:
    faults = error.errors()
    for fault in faults:
        # A list that lacks an item because the item is wrong is one fault, not two.
        if not any(other["loc"][: len(fault["loc"])] == fault["loc"] for other in faults if other is not fault):
            yield _sentence(fault, path)


def _sentence(fault: Any, path: keys.KeyPath) -> str:
    key = ".".join(map(str, (*path, *fault["loc"])))
    if fault["type"] == "value_error":
        return f"{key}: {fault['ctx']['error']}"
    said = _LISTS.get(fault["type"], fault["msg"])
    return f"{key}: {said[:1].lower()}{said[1:]}, not {_quoted(fault['input'])}"


def _quoted(value: Any) -> str:
    safe = shown(value)
    return repr(value) if safe == value else json.dumps(safe, ensure_ascii=False)
