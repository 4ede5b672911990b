"""A copy of a database that is being written: one moment of it, whole, checked, and for nobody else's eyes."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.domain.errors import BadInputError
from engine.store import backup
from engine.store.backup import back_up, contents
from engine.store.sql import SqlStore
from tests.factories import an_attempt, an_exit
from tests.store.databases import at_revision, differences, guarded, missing_update, sales, traded
from tests.waiting import meanwhile


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with sales in it, to be copied."""
    return traded(tmp_path_factory.mktemp("made") / "ripcord.db")


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    """A database with sales in it."""
    return Path(shutil.copy(made, tmp_path))


@contextmanager
def selling(database: Path) -> Iterator[threading.Semaphore]:
    """Commit sale after sale in a thread of its own; each raises the semaphore."""
    store, position = SqlStore(database), guarded()
    store.commit(position)
    committed, each = threading.Semaphore(0), sales(position)

    def sell() -> None:
        store.commit(*next(each))
        committed.release()

    with closing(store), meanwhile(sell):
        yield committed


def test_a_copy_of_a_database_that_is_written_hard_is_one_moment_of_it(tmp_path: Path) -> None:
    """Every fill has its position's update and its event; the writer goes on meanwhile."""
    database, copies = tmp_path / "ripcord.db", []
    with selling(database) as committed:
        for number in range(5):
            for _ in range(10):
                assert committed.acquire(timeout=30)
            copies.append(tmp_path / f"copy-{number}.db")
            back_up(database, copies[-1], overwrite=False)
    newest = [contents(copy).newest_event for copy in (*copies, database)]
    assert newest == sorted(set(newest))
    assert [differences(copy) for copy in copies] == [()] * 5


def test_a_position_without_its_fill_would_be_found(database: Path) -> None:
    """The test above can fail."""
    assert differences(database) == ()
    missing_update(database)
    assert differences(database) != ()


def test_a_copy_is_its_owners_alone_and_nothing_is_left_beside_it(database: Path, tmp_path: Path) -> None:
    """Mode 0600, one file without a log, and no draft."""
    held = back_up(database, tmp_path / "copy.db", overwrite=False)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "ripcord.db"]
    assert held == contents(database) == contents(tmp_path / "copy.db")
    assert held.open_positions == {"position-1"}
    assert held.newest_event > 0


def test_what_a_copy_says_of_unfinished_attempts(database: Path) -> None:
    """Those that are signed or sent, and no other."""
    store = SqlStore(database)
    store.commit(an_exit(), an_attempt())
    store.close()
    assert contents(database).unresolved_attempts == 1


def test_a_file_that_is_there_is_replaced_on_request_only(database: Path, tmp_path: Path) -> None:
    """Without that it stays as it is."""
    copy = tmp_path / "copy.db"
    copy.write_text("something else")
    with pytest.raises(BadInputError, match=r"copy.db is there already: .* or give --force"):
        back_up(database, copy, overwrite=False)
    assert copy.read_text() == "something else"
    back_up(database, copy, overwrite=True)
    assert differences(copy) == ()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal", ".lock"])
def test_a_database_is_never_its_own_copy(database: Path, tmp_path: Path, ending: str) -> None:
    """Nor is what SQLite keeps beside it, on request neither, and whatever the path is written like."""
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(BadInputError, match="is a part of the database itself"):
        back_up(database, tmp_path / "link" / f"ripcord.db{ending}", overwrite=True)
    assert differences(database) == ()


def test_a_database_of_an_older_version_is_copied_as_it_is(tmp_path: Path) -> None:
    """To have a copy before an update is what copies are for; the first version had no events."""
    database = tmp_path / "ripcord.db"
    at_revision(database, "0001")
    held = back_up(database, tmp_path / "copy.db", overwrite=False)
    assert (held.newest_event, held.newest_event_at) == (0, None)
    connection = sqlite3.connect(tmp_path / "copy.db")
    assert connection.execute("SELECT version_num FROM schema_version").fetchall() == [("0001",)]
    connection.close()


def _text(path: Path) -> None:
    path.write_text("not a database, but long enough to be taken for one\n" * 100)


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.close()


def _newer(path: Path) -> None:
    _change(path, "UPDATE schema_version SET version_num = '9999'")


def _torn(path: Path) -> None:
    page = 4096
    whole = path.read_bytes()
    path.write_bytes(whole[: 8 * page] + b"\xa5" * (len(whole) - 8 * page))


def _gap(path: Path) -> None:
    _change(path, "DROP TRIGGER events_stays", "DELETE FROM events WHERE seq = 2")


def _orphan(path: Path) -> None:
    _change(path, "DELETE FROM orders WHERE id = 'position-1-2'")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


BAD = {
    "is no database of Ripcord: name another file|cannot be read: file is not a database": _text,
    "is no database of this Ripcord": _foreign,
    "was written by a newer Ripcord": _newer,
    "is damaged|cannot be read: database disk image is malformed": _torn,
    "is damaged: it holds .* events, the newest has number": _gap,
    r"is damaged \(no parent of": _orphan,
    "is no database of Ripcord: it is empty": _empty,
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_is_no_sound_database_is_not_copied(database: Path, tmp_path: Path, sentence: str) -> None:
    """One sentence, and no file."""
    BAD[sentence](database)
    before = database.read_bytes()
    with pytest.raises(BadInputError, match=sentence):
        back_up(database, tmp_path / "copy.db", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ripcord.db"]
    assert database.read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Nor is its folder."""
    with pytest.raises(BadInputError, match="there is no database"):
        back_up(tmp_path / "no" / "ripcord.db", tmp_path / "copy.db", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(database: Path, tmp_path: Path) -> None:
    """The copy has nowhere to go."""
    with pytest.raises(BadInputError, match=r"copy.db cannot be written: No such file"):
        back_up(database, tmp_path / "no" / "copy.db", overwrite=False)


def test_a_copy_that_lost_events_is_not_kept(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever took them: the copy must come at least as far as the database had."""
    older = traded(tmp_path / "older.db", pieces=1)
    monkeypatch.setattr(backup, "copy_into", lambda _, draft: draft.write_bytes(older.read_bytes()))
    with pytest.raises(BadInputError, match="nothing was written"):
        back_up(database, tmp_path / "copy.db", overwrite=False)
    assert not (tmp_path / "copy.db").exists()
