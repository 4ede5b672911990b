"""The list of all keys, read from the sections themselves."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.fields import FieldInfo

from engine.config.section import Section
from engine.config.settings import Settings

KeyPath = tuple[str, ...]
"""The names that lead to a setting, such as ("orders", "urgent", "waits")."""
_NEAR, _NEAR_ELSEWHERE = 0.7, 0.8


@dataclass(frozen=True, kw_only=True)
class Key:
    """One setting."""

    path: KeyPath
    info: FieldInfo = field(repr=False)
    default: Any
    section: type[Section]
    """The section that it stands in."""

    @property
    def name(self) -> str:
        """The dotted name, as messages and tables show it."""
        return dotted(self.path)

    @property
    def meaning(self) -> str:
        """What it sets, in a sentence or two."""
        return " ".join((self.info.description or "").split())

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What a value is checked by, without the rest of its section."""
        annotation: Any = self.info.annotation
        for constraint in self.info.metadata:
            annotation = Annotated[annotation, constraint]
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))


def dotted(path: KeyPath) -> str:
    """Return *path* as one name."""
    return ".".join(path)


@cache
def all_keys() -> Mapping[KeyPath, Key]:
    """Return every setting by its path, in the order of the sections."""
    return MappingProxyType({key.path: key for key in _keys_of(Settings(), ())})


@cache
def all_tables() -> Mapping[KeyPath, Section]:
    """Return every section by its path, with its defaults."""
    return MappingProxyType(dict(_tables_of(Settings(), ())))


def like(path: KeyPath) -> str | None:
    """Return the dotted name of the key or table that *path* was probably meant to be."""
    known = [each for each in (*all_keys(), *all_tables()) if each]
    beside = {each[-1]: dotted(each) for each in known if each[:-1] == path[:-1]}
    if near := difflib.get_close_matches(path[-1], beside, n=1, cutoff=_NEAR):
        return beside[near[0]]
    elsewhere = difflib.get_close_matches(dotted(path), [dotted(each) for each in known], n=1, cutoff=_NEAR_ELSEWHERE)
    return elsewhere[0] if elsewhere else None


def value_of(settings: Settings, path: KeyPath) -> Any:
    """Return what *settings* have for the key at *path*."""
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    return value


def _keys_of(section: Section, prefix: KeyPath) -> Iterator[Key]:
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _keys_of(value, (*prefix, name))
        else:
            yield Key(path=(*prefix, name), info=info, default=value, section=type(section))


def _tables_of(section: Section, prefix: KeyPath) -> Iterator[tuple[KeyPath, Section]]:
    yield prefix, section
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _tables_of(value, (*prefix, name))
