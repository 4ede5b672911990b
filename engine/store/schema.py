"""The version of a database's schema: known, made, brought up to date, or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from engine.domain.errors import BadInputError
from engine.store import tables

VERSION_TABLE = "schema_version"
MIGRATIONS = Path(__file__).parent / "migrations"

_alembic = threading.Lock()
"""Alembic keeps what it works on in its modules: one migration at a time in a process."""


def revisions(migrations: Path = MIGRATIONS) -> list[str]:
    """Return the revisions in folder *migrations*, oldest first; the program reads and writes the last."""
    return sorted(path.stem.removeprefix("v") for path in (migrations / "versions").glob("v[0-9]*.py"))


def up_to_date(connection: Connection, where: str, migrations: Path = MIGRATIONS) -> bool:
    """Return whether the database has the newest schema.

    Raises:
        BadInputError: it has one that this program does not know, or its tables are of no version.
    """
    known, version = revisions(migrations), version_of(connection, where)
    if version is not None and version not in known:
        raise BadInputError(
            f"{where} was written by a newer Ripcord (its schema is {version}, and this one knows up to {known[-1]}): "
            "update Ripcord, or name another database"
        )
    return version == known[-1]


def version_of(connection: Connection, where: str) -> str | None:
    """Return the database's revision; None where it has no tables yet.

    Raises:
        BadInputError: there are tables, and they are not Ripcord's, or older than its first revision.
    """
    present = set(inspect(connection).get_table_names())
    if VERSION_TABLE in present:
        version: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
        return version
    if present & set(tables.metadata.tables) or (present and connection.dialect.name == "sqlite"):
        raise BadInputError(
            f"{where} is no database of this Ripcord (it has tables, and none says of which version): "
            "move it away, or name another database"
        )
    return None


def upgrade(
    connection: Connection, where: str, *, refuse_beside_an_engine: Callable[[], None], migrations: Path = MIGRATIONS
) -> None:
    """Run the revisions that are missing, within the transaction of *connection*.

    Args:
        connection: in a transaction that keeps other writers out.
        where: what a sentence calls the database.
        refuse_beside_an_engine: raises where one runs on the database; called before a schema in use is changed.
        migrations: the folder of the revisions.

    Raises:
        BadInputError: see `up_to_date`, and what *refuse_beside_an_engine* raises.
    """
    if up_to_date(connection, where, migrations):
        return
    if version_of(connection, where) is not None:
        refuse_beside_an_engine()
    # Here, because a database is made or changed once and opened often, and the import takes its time.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic's options are read like an INI file's, where % begins a reference.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _alembic:
        command.upgrade(config, "head")
