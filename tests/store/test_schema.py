"""The schema's revisions: one line, all the way from the first, and nothing lost on the way."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from engine.domain.candles import Candle
from engine.domain.entries import EntrySwitch
from engine.domain.errors import BadInputError
from engine.store import schema, tables
from engine.store.backend import backend_of
from engine.store.rows import TABLES, to_row
from engine.store.sql import SqlStore
from tests.factories import MINT, NOW, a_fill, a_position, an_alert, an_attempt, an_event, an_exit
from tests.store.process import TTL, WALLET

RECORDS = (
    a_position(),
    an_exit(),
    an_attempt(),
    a_fill(),
    an_event(),
    an_alert(),
    EntrySwitch(wallet=WALLET, paused=True, updated_at=NOW),
)
CANDLE = Candle(mint=MINT, at=NOW, open=2.0, high=4.0, low=1.0, close=3.0)
HEAD = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"


def upgrade() -> None:
"""
GOOD = (
    HEAD
    + """
    op.add_column("positions", sa.Column("venue", sa.Text(), nullable=False, server_default="jupiter"))
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))
"""
)
BAD = (
    GOOD
    + """
    op.drop_table("no_such_table")
"""
)


@pytest.fixture
def store(bare: str) -> Iterator[SqlStore]:
    """A store in a database of its own: its schema may be changed."""
    store = SqlStore(bare)
    yield store
    store.close()


def next_revision(folder: Path, source: str) -> Path:
    """Return a copy of the program's migrations with one revision more."""
    migrations = folder / "50% more"
    shutil.copytree(schema.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    before = schema.revisions()[-1]
    number = f"{int(before) + 1:04}"
    (migrations / "versions" / f"v{number}.py").write_text(source.format(number=number, before=before))
    return migrations


def upgrade(store: SqlStore, migrations: Path) -> None:
    """Bring the database of *store* up to what *migrations* lead to, as a newer Ripcord would."""
    backend = store._backend
    with backend.begin_migration() as connection:
        schema.upgrade(
            connection,
            backend.where,
            refuse_beside_an_engine=lambda: backend.refuse_beside_an_engine(connection),
            migrations=migrations,
        )


def rows(store: SqlStore) -> dict[str, list[dict[str, Any]]]:
    """Return all that the database holds in the tables of today, in their columns of today."""
    with store._backend.reader.connect() as connection:
        return {
            name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for name, table in tables.metadata.tables.items()
        }


def version(store: SqlStore) -> str | None:
    """Return the database's revision."""
    with store._backend.reader.connect() as connection:
        return schema.version_of(connection, "it")


def test_the_revisions_are_one_line_in_the_order_of_their_names() -> None:
    """What the program reads from the names of the files is what alembic makes of their contents."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    line = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert line[::-1] == schema.revisions()


def test_the_revisions_lead_to_the_tables_that_the_program_uses(store: SqlStore) -> None:
    """Column by column, with types, keys and indexes."""
    with store._backend.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_a_table_has_the_fields_of_its_record(kind: type[Any]) -> None:
    """And none beside them but the number that keeps history in order."""
    assert {column.name for column in TABLES[kind].columns} - {"seq"} == {field.name for field in fields(kind)}


def test_an_older_database_is_brought_up_to_date_with_all_that_it_holds(store: SqlStore, tmp_path: Path) -> None:
    """Every row of every table, leases and what it belongs to as well, and what is new has its default."""
    store.belong(profile="demo", genesis="5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d")
    store.acquire_lease(WALLET, "first", now=a_position().opened_at, ttl=TTL)
    store.release_lease(WALLET, "first")
    store.commit(*RECORDS)
    store.keep_candles([CANDLE])
    before = rows(store)
    assert all(before.values())
    upgrade(store, next_revision(tmp_path, GOOD))
    assert rows(store) == before
    with store._backend.reader.connect() as connection:
        assert connection.execute(text("SELECT venue FROM positions")).scalars().all() == ["jupiter"]


def test_a_position_from_before_plans_could_be_changed_has_no_earlier_plan(bare: str, tmp_path: Path) -> None:
    """It comes back as it was, none of its levels taken by another plan, and entries are not paused."""
    migrations = tmp_path / "older"
    shutil.copytree(schema.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    for number in schema.revisions()[2:]:
        (migrations / "versions" / f"v{number}.py").unlink()
    backend = backend_of(bare)
    with backend.begin_migration() as connection:
        schema.upgrade(connection, backend.where, refuse_beside_an_engine=lambda: None, migrations=migrations)
        columns = {name: value for name, value in to_row(a_position()).items() if name != "taken_gain_pct"}
        connection.execute(tables.positions.insert().values(columns))
    backend.close()
    store = SqlStore(bare)
    assert store.positions() == [a_position()]
    assert store.entry_switch(WALLET) is None
    store.close()


def test_a_newer_database_is_refused(store: SqlStore, bare: str, tmp_path: Path) -> None:
    """In a sentence, and without touching it: this program does not know what it must not break."""
    migrations = next_revision(tmp_path, GOOD)
    upgrade(store, migrations)
    newest = schema.revisions(migrations)[-1]
    with pytest.raises(BadInputError, match=f"newer Ripcord .*{newest}.*update Ripcord"):
        SqlStore(bare)
    assert version(store) == newest


def test_a_revision_that_fails_changes_nothing(store: SqlStore, bare: str, tmp_path: Path) -> None:
    """Tables, columns and the version are what they were, and the program that made them goes on."""
    store.commit(*RECORDS)
    before = rows(store)
    with pytest.raises(Exception, match="no_such_table"):
        upgrade(store, next_revision(tmp_path, BAD))
    store.close()
    again = SqlStore(bare)
    assert (version(again), rows(again)) == (schema.revisions()[-1], before)
    with again._backend.reader.connect() as connection, pytest.raises(Exception, match="notes"):
        connection.execute(text("SELECT * FROM notes"))
    again.close()


def test_an_engine_at_work_keeps_its_schema(store: SqlStore, bare: str, tmp_path: Path) -> None:
    """A newer Ripcord beside it is refused; once it is stopped, the newer one goes on."""
    store.acquire_lease(WALLET, "first", now=a_position().opened_at, ttl=TTL)
    other, migrations = SqlStore(bare), next_revision(tmp_path, GOOD)
    with pytest.raises(BadInputError, match=r"must be brought up to date, but .* is in use"):
        upgrade(other, migrations)
    store.release_lease(WALLET, "first")
    upgrade(other, migrations)
    assert version(other) == schema.revisions(migrations)[-1]
    other.close()


def test_many_may_open_a_new_database_at_once(bare: str) -> None:
    """One makes the tables, the others wait for them."""
    start, failures = threading.Barrier(4), list[BaseException]()

    def open_and_close() -> None:
        start.wait(timeout=10)
        try:
            SqlStore(bare).close()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []


def test_tables_of_no_version_are_refused(store: SqlStore, bare: str) -> None:
    """They are an old program's, or another's: nobody knows what they hold."""
    with store._backend.writer.begin() as connection:
        connection.execute(text(f"DROP TABLE {schema.VERSION_TABLE}"))
    with pytest.raises(BadInputError, match="none says of which version"):
        SqlStore(bare)
