"""Opening a database: what it must be, and the sentence for everything that it must not be."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from engine.domain.errors import BadInputError
from engine.store import sqlite
from engine.store.sql import SqlStore, open_store
from tests.factories import a_fill, an_attempt, an_event, an_exit
from tests.store.server import PostgresqlServer

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
DEVNET = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
ORDERS = 60


# What it belongs to ----------------------------------------------------------------------------------------


def test_a_database_belongs_to_the_profile_and_cluster_that_it_was_first_opened_with(where: str) -> None:
    """With these it opens again, and without naming any."""
    open_store(where, profile="devnet", genesis=DEVNET).close()
    open_store(where, profile="devnet", genesis=DEVNET).close()
    open_store(where, profile="devnet").close()
    open_store(where).close()


@pytest.mark.parametrize(
    ("profile", "genesis"),
    [("mainnet", MAINNET), ("mainnet", DEVNET), ("devnet", MAINNET), ("demo", None), (None, MAINNET)],
)
def test_a_database_is_refused_to_any_other(where: str, profile: str | None, genesis: str | None) -> None:
    """The sentence names both, and nothing about the database changes."""
    open_store(where, profile="devnet", genesis=DEVNET).close()
    with pytest.raises(BadInputError, match=rf"belongs to devnet \(genesis {DEVNET}\), and not to .*another database"):
        open_store(where, profile=profile, genesis=genesis)
    open_store(where, profile="devnet", genesis=DEVNET).close()


def test_what_was_not_known_at_first_is_added(where: str) -> None:
    """A profile alone, then its cluster: from then on both hold."""
    open_store(where, profile="paper").close()
    open_store(where, profile="paper", genesis=MAINNET).close()
    with pytest.raises(BadInputError, match="belongs to paper"):
        open_store(where, profile="paper", genesis=DEVNET)


def test_a_refusal_leaves_no_trace(where: str) -> None:
    """What was written down on the way to it is taken back."""
    open_store(where, profile="paper").close()
    with pytest.raises(BadInputError, match="belongs to paper, and not to mainnet"):
        open_store(where, profile="mainnet", genesis=MAINNET)
    open_store(where, profile="paper", genesis=DEVNET).close()


# SQLite ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with records in it, to be copied."""
    path = tmp_path_factory.mktemp("filled") / "ripcord.db"
    store = SqlStore(path)
    orders = [an_exit(id=f"exit-{number}", position_id=f"position-{number}") for number in range(ORDERS)]
    attempts, fills = [an_attempt(order) for order in orders], [a_fill(order) for order in orders]
    store.commit(*orders, *attempts, *fills, *(an_event(order, note="x" * 200) for order in orders))
    store.close()
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A database file with records in it."""
    return Path(shutil.copy(filled, tmp_path))


def refusal(where: Path | str) -> str:
    """Return the sentence with which the database is refused."""
    with pytest.raises(BadInputError) as caught:
        SqlStore(where)
    return str(caught.value)


def test_a_path_a_text_and_a_url_name_the_same_file(path: Path) -> None:
    """Whichever a caller has."""
    for where in (path, str(path), f"sqlite:///{path}"):
        store = open_store(where)
        assert len(store.orders()) == ORDERS
        store.close()


def test_a_damaged_file_is_refused_with_what_to_do(path: Path) -> None:
    """Before anything trusts it, wherever in the file the damage is."""
    whole = path.read_bytes()
    page = 4096
    found = set()
    for number in range(1, len(whole) // page, len(whole) // page // 8):
        path.write_bytes(whole[: number * page] + b"\xa5" * page + whole[(number + 1) * page :])
        sentence = refusal(path)
        assert sentence.startswith(f"{path} is damaged (")
        assert "put your newest copy in its place" in sentence
        found.add(sentence)
    assert found
    path.write_bytes(whole)
    SqlStore(path).close()


def test_a_file_that_was_cut_off_is_refused(path: Path) -> None:
    """As after a full disk, or a copy that was broken off."""
    path.write_bytes(path.read_bytes()[:40_000])
    assert "is damaged (" in refusal(path)


def test_an_index_that_lost_a_row_is_damage(path: Path) -> None:
    """The fences are indexes: one that does not know a row lets its double in."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE', '') WHERE name LIKE 'one_unfinished%'")
    connection.execute(
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'ix_alerts_status') "
        "WHERE name = 'one_unfinished_exit_per_position'"
    )
    connection.commit()
    connection.close()
    assert "is damaged (" in refusal(path)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """Whatever was named by mistake stays as it is."""
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one\n" * 100)
    assert refusal(text) == f"{text} is not a database of Ripcord: name another file"
    assert text.read_text().startswith("not a database")
    assert refusal(tmp_path).startswith(f"{tmp_path} cannot be opened and written (")
    assert refusal(text / "ripcord.db").startswith(f"the folder of {text / 'ripcord.db'} cannot be made: ")


def test_a_file_that_cannot_be_written_is_refused(path: Path) -> None:
    """At the start, and not at the first commit."""
    path.chmod(0o400)
    if os.access(path, os.W_OK):
        pytest.skip("whoever runs the tests may write everything")
    assert refusal(path).startswith(f"{path} cannot be opened and written (attempt to write a readonly database)")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """Its tables are not added to."""
    path = tmp_path / "contacts.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.close()
    assert "is no database of this Ripcord" in refusal(path)


def test_a_file_that_another_program_has_locked_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some patience, which is not what this is about."""
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("busy_timeout=1", *sqlite._PRAGMAS[1:]))
    other = sqlite3.connect(path)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    assert refusal(path) == f"{path} is locked by another program: close that one first, or name another file"
    other.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("busy_timeout", 5_000),
    ],
)
def test_every_connection_is_durable_and_keeps_the_fences(path: Path, pragma: str, value: object) -> None:
    """Write-ahead log, a sync at every commit (FULL is 2), to the platter on macOS, and patience with a reader."""
    store = SqlStore(path)
    store._backend.reader.dispose()
    with store._backend.reader.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    store.close()


def test_somebody_may_read_while_a_commit_is_made(path: Path) -> None:
    """To look at the orders of a running engine neither waits for it nor holds it up."""
    store, reader = SqlStore(path), SqlStore(path)
    with store._backend.writer.begin():
        assert len(reader.orders()) == ORDERS
    with reader._backend.reader.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM orders").fetchone()
        store.commit(an_exit(id="another", position_id="another"))
    assert len(reader.orders()) == ORDERS + 1
    store.close()
    reader.close()


# PostgreSQL ------------------------------------------------------------------------------------------------

pytest_postgresql = pytest.mark.xdist_group("postgresql")


@pytest_postgresql
def test_a_server_that_does_not_answer_is_refused_without_its_password(tmp_path: Path) -> None:
    """The sentence names the URL, and *** for what nobody should read."""
    sentence = refusal(f"postgresql://ripcord:hunter2@/ripcord?host={tmp_path}&password=hunter2&sslpassword=hunter2")
    assert sentence.startswith(f"postgresql://ripcord:***@/ripcord?host={str(tmp_path).replace('/', '%2F')} cannot")
    assert "hunter2" not in sentence


@pytest_postgresql
@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_commits_is_refused(postgresql: PostgresqlServer, setting: str) -> None:
    """What it acknowledges must be there after its power failed."""
    where = postgresql.database()
    postgresql.set(setting, "off")
    try:
        assert f"({setting} is off): set fsync = on" in refusal(where)
    finally:
        postgresql.set(setting, "on")
    SqlStore(where).close()


@pytest_postgresql
def test_a_commit_is_synchronous_whatever_the_server_is_set_to(postgresql: PostgresqlServer) -> None:
    """The server of these tests has it off; the session says otherwise."""
    where = postgresql.database()
    assert postgresql.execute("SHOW synchronous_commit") == [("off",)]
    store = SqlStore(where)
    with store._backend.writer.begin() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


@pytest_postgresql
def test_a_database_may_have_tables_of_others(postgresql: PostgresqlServer) -> None:
    """On a server that is shared, as long as they have other names."""
    where = postgresql.database(empty=True)
    postgresql.execute("CREATE TABLE contacts (name TEXT)", "without_schema")
    SqlStore(where).close()


@pytest_postgresql
def test_a_store_outlives_a_restart_of_its_server(postgresql: PostgresqlServer) -> None:
    """The connection that was lost is made anew by the next commit."""
    where = postgresql.database()
    store = SqlStore(where)
    store.commit(an_exit())
    postgresql.end_sessions(where)
    store.commit(an_event())
    assert store.history(an_exit().id) == [an_event()]
    store.close()


@pytest.mark.parametrize(
    "where",
    ["mysql://root:hunter2@host/db", "sqlite://", "http://x?password=hunter2", "postgresql://a:hunter2@h:port/"],
)
def test_what_is_no_database_url_is_refused(where: str) -> None:
    """With the forms that there are, and without what may be a password."""
    sentence = refusal(where)
    assert "the path of a SQLite file, or postgresql://USER:PASSWORD@HOST/DATABASE" in sentence
    assert "hunter2" not in sentence


def test_postgresql_without_its_driver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it: it comes with an extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refusal("postgresql://host/db") == "PostgreSQL needs its driver: pip install 'ripcord[postgres]'"
