"""Reading a database beside whoever works on it: one moment of it, and nothing changed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from engine.domain.errors import BadInputError
from engine.domain.units import PositionId
from engine.store.extract import extract, reading
from engine.store.sql import SqlStore
from tests.factories import NOW, a_fill, a_position, an_attempt, an_exit
from tests.store.databases import at_revision
from tests.store.process import TTL, WALLET


def test_it_reads_what_exports_are_made_of(where: str, store: SqlStore) -> None:
    """On SQLite and PostgreSQL, while an engine holds the wallet's lease."""
    store.acquire_lease(WALLET, "first", now=NOW, ttl=TTL)
    store.commit(a_position(), an_exit(), an_attempt(), a_fill())
    found = extract(where)
    assert (found.positions, found.orders, found.fills) == ([a_position()], [an_exit()], [a_fill()])
    assert found.wallets == (WALLET,)


def test_it_sees_one_moment_and_holds_nobody_up(where: str, store: SqlStore) -> None:
    """A commit that comes meanwhile is made at once, and is not seen."""
    with reading(where) as connection:
        query = "SELECT count(*) FROM positions"
        assert connection.exec_driver_sql(query).scalar() == 0
        store.commit(a_position())
        assert connection.exec_driver_sql(query).scalar() == 0
    assert len(extract(where).positions) == 1


def test_it_changes_nothing(where: str, store: SqlStore) -> None:
    """Whoever tries is refused by the database itself."""
    store.commit(a_position())
    with pytest.raises(BadInputError, match=r"cannot be read: .*(readonly|read-only)"), reading(where) as connection:
        connection.exec_driver_sql("DELETE FROM positions")
    assert store.position(PositionId("position-1")) == a_position()


def test_it_leaves_no_log_behind(tmp_path: Path) -> None:
    """Of a database that nobody works on it is the only reader."""
    file = tmp_path / "ripcord.db"
    SqlStore(file).close()
    assert extract(file).positions == []
    assert [path.name for path in tmp_path.iterdir()] == ["ripcord.db"]


def test_an_older_database_is_left_as_it_is(tmp_path: Path) -> None:
    """To bring it up to date is for the engine, which may be running in its older version."""
    at_revision(tmp_path / "ripcord.db", "0001")
    with pytest.raises(BadInputError, match="was written by an older Ripcord"):
        extract(tmp_path / "ripcord.db")


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Nor its folder."""
    with pytest.raises(BadInputError, match="there is no database"):
        extract(tmp_path / "no" / "ripcord.db")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """In one sentence."""
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be taken for one\n" * 100)
    with pytest.raises(BadInputError, match=r"notes\.txt cannot be read: file is not a database"):
        extract(file)


@pytest.mark.xdist_group("postgresql")
def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    """As where an engine opens it."""
    with pytest.raises(BadInputError, match="cannot be read: ") as caught:
        extract(f"postgresql://ripcord:hunter2@/ripcord?host={tmp_path}")
    assert "hunter2" not in str(caught.value)


def test_wallets_are_told_the_last_one_first(store: SqlStore, where: str) -> None:
    """A database that was worked on for two of them says so."""
    with closing(SqlStore(where)) as other:
        store.acquire_lease("one", "first", now=NOW, ttl=TTL)
        store.release_lease("one", "first")
        other.acquire_lease("two", "first", now=type(NOW)(NOW + 1), ttl=TTL)
    assert extract(where).wallets == ("two", "one")
