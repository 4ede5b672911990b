"""Which database a command reads, copies or replaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.domain.errors import BadInputError

if TYPE_CHECKING:
    from engine.config import Settings

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="FILE", help="SQLite file, in place of the settings' database.", show_default=False
    ),
]


def database_of(settings: Settings) -> str:
    """Return path or URL of the database that *settings* name; a URL with its password.

    Raises:
        BadInputError: they name none.
    """
    url, path = settings.store.url, settings.store.path
    if url is None and path is None:
        raise BadInputError("no database is named: set store.path or store.url, or give --database")
    return url.reveal() if url is not None else str(path)


def sqlite_file(where: str, *, instead: str) -> Path:
    """Return the SQLite file that *where* names.

    Raises:
        BadInputError: it is a PostgreSQL database; *instead* is said to do with that.
    """
    from engine.store.backend import file_of
    from engine.store.extract import named

    file = file_of(where)
    if file is None:
        raise BadInputError(f"{named(where)} is a PostgreSQL database, which has its own tools: {instead}")
    return file
