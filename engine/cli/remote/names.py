"""Which position or order a person means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.cli.remote.problems import UnknownError
from engine.domain.errors import BadInputError

if TYPE_CHECKING:
    from engine.cli.records import Source

_MOST = 1000


def path_of(kind: str, name: str, *more: str) -> str:
    """Return the path of what *name* names, whatever characters that has."""
    return "/".join(("", kind, quote(name, safe=""), *more))


def position_named(engine: Source, name: str) -> Mapping[str, Any]:
    """Return the answer to `GET /positions/{id}` of the position *name*: its id, or the symbol of one open position.

    Raises:
        BadInputError: there is none, or the symbol is that of several.
    """
    try:
        detail: Mapping[str, Any] = engine.get(path_of("positions", name))
    except UnknownError as error:
        unknown = error
    else:
        return detail
    there = engine.get("/positions", open="true", limit=_MOST)["positions"]
    found = [each["id"] for each in there if each["symbol"] == name and each["status"] != "closed"]
    if len(found) > 1:
        raise BadInputError(f"{name} is the symbol of {len(found)} open positions: name one of {', '.join(found)}")
    if not found:
        raise BadInputError(f"{unknown}: run.py positions list shows their ids") from None
    named: Mapping[str, Any] = engine.get(path_of("positions", found[0]))
    return named
