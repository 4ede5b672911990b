"""Putting a copy back: only what belongs there, only where nobody works, and the old or the new one at every step."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import BadInputError
from engine.domain.position import PositionStatus
from engine.domain.units import PositionId
from engine.ports import LeaseError
from engine.store.backup import back_up, contents
from engine.store.restore import restoring
from engine.store.sql import SqlStore, open_store
from tests.docs.pages import ROOT
from tests.factories import NOW, a_position
from tests.store.databases import at_revision, differences, guarded, sales, traded
from tests.store.process import TTL, WALLET, running

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
DEVNET = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
STRANGER = "HdkGat6m1JKifyyrbGyGkLVvDMxSTEkX8xeiV9wyezVY"
ASIDE = "ripcord.db.before-restore-20250615T150640Z"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database that an engine worked on for the wallet, and a copy of it from before its last sale."""
    folder = tmp_path_factory.mktemp("made")
    database = traded(folder / "ripcord.db", pieces=2, profile="mainnet", genesis=MAINNET)
    with closing(SqlStore(database)) as store:
        store.acquire_lease(WALLET, "first", now=NOW, ttl=TTL)
    back_up(database, folder / "copy.db", overwrite=False)
    with closing(SqlStore(database)) as store:
        position = guarded()
        *_, third = (records for _, records in zip(range(3), sales(position), strict=False))
        store.commit(*third)
    return database, folder / "copy.db"


@pytest.fixture
def database(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """The database."""
    return Path(shutil.copy(made[0], tmp_path))


@pytest.fixture
def copy(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """The copy of it."""
    return Path(shutil.copy(made[1], tmp_path))


def restore(file: Path, database: Path) -> Path | None:
    """Put *file* in the place of *database*, for the wallet on mainnet."""
    with restoring(file, database, profile="mainnet", genesis=MAINNET, wallet=WALLET) as restoration:
        return restoration.swap(NOW)


def with_its_log(database: Path, target: Path) -> None:
    """Make *target* what *database* would be, had its engine committed one position more and been killed."""
    with closing(SqlStore(database)) as store:
        store.commit(a_position(id=PositionId("logged"), entry_order_id=None))
        for ending in ("", "-wal"):
            shutil.copy(f"{database}{ending}", f"{target}{ending}")
    assert target.with_name(f"{target.name}-wal").stat().st_size


def sold(database: Path) -> int:
    """Return how many sales *database* has, all of which fit together."""
    assert differences(database) == ()
    with closing(SqlStore(database)) as store:
        return len(store.fills())


def test_a_copy_takes_the_place_of_the_database(database: Path, copy: Path) -> None:
    """The old one is whole under a name with the time in it, the copy stays, and nothing else is left."""
    assert (sold(database), sold(copy)) == (3, 2)
    aside = restore(copy, database)
    assert aside == database.with_name(ASIDE)
    assert (sold(database), sold(copy), sold(aside)) == (2, 2, 3)
    assert sorted(path.name for path in database.parent.iterdir()) == [
        "copy.db",
        "ripcord.db",
        ASIDE,
        "ripcord.db.lock",
    ]
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_what_was_restored_is_an_engines_to_work_on(database: Path, copy: Path) -> None:
    """It belongs to the same, its wallet's lease is to be had, and events are numbered on from where it was."""
    restore(copy, database)
    newest = contents(copy).newest_event
    with closing(open_store(database, profile="mainnet", genesis=MAINNET)) as store:
        store.acquire_lease(WALLET, "second", now=NOW, ttl=TTL)
        store.commit(a_position(id=PositionId("new")))
        assert [event.seq for event in store.events(newest)] == [newest + 1]


def test_a_copy_is_put_where_there_is_no_database(copy: Path, tmp_path: Path) -> None:
    """As on a new machine; its folder is made."""
    target = tmp_path / "new" / "ripcord.db"
    assert restore(copy, target) is None
    assert sold(target) == 2


def test_commits_that_are_still_in_the_log_are_kept(database: Path, copy: Path, tmp_path: Path) -> None:
    """An engine that was killed left them there: the old database is whole without it, and the new one has none."""
    killed = tmp_path / "killed" / "ripcord.db"
    killed.parent.mkdir()
    with_its_log(database, killed)
    aside = restore(copy, killed)
    assert aside is not None
    with closing(SqlStore(aside)) as store:
        assert PositionId("logged") in {position.id for position in store.positions()}
    assert sold(aside) == 3
    assert sold(killed) == 2
    assert not list(killed.parent.glob("*-wal"))


def test_a_damaged_database_is_moved_aside_as_it_is(database: Path, copy: Path) -> None:
    """With its log: it is the reason to put a copy back, and may still be of use to somebody."""
    wreck = b"not a database, but long enough to be taken for one\n" * 100
    database.write_bytes(wreck)
    database.with_name("ripcord.db-wal").write_bytes(b"log")
    aside = restore(copy, database)
    assert aside is not None
    assert aside.read_bytes() == wreck
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"log"
    assert sold(database) == 2


def test_a_log_without_its_database_is_moved_aside(database: Path, copy: Path) -> None:
    """It would be played into the copy."""
    killed = database.with_name("killed.db")
    with_its_log(database, killed)
    killed.unlink()
    aside = restore(copy, killed)
    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").stat().st_size
    assert not killed.with_name("killed.db-wal").exists()
    assert sold(killed) == 2


def test_an_older_copy_is_brought_up_to_date(tmp_path: Path) -> None:
    """Before it takes the place; the file itself stays as it is."""
    older = tmp_path / "older.db"
    at_revision(older, "0001")
    before = older.read_bytes()
    restore(older, tmp_path / "ripcord.db")
    open_store(tmp_path / "ripcord.db", profile="mainnet", genesis=MAINNET).close()
    with closing(sqlite3.connect(tmp_path / "ripcord.db")) as connection:
        assert connection.execute("SELECT version_num FROM schema_version").fetchall() != [("0001",)]
    assert older.read_bytes() == before


def test_it_is_said_which_positions_differ(database: Path, copy: Path) -> None:
    """Those opened since are guarded by nobody, and those left since come back."""
    with closing(SqlStore(database)) as store:
        (position,) = store.positions()
        store.commit(a_position(id=PositionId("since")))
        store.commit(replace(position, status=PositionStatus.CLOSED))
    with restoring(copy, database, profile=None, genesis=None, wallet=None) as restoration:
        assert restoration.missing == {"since"}
        assert restoration.reopened == {"position-1"}


def test_an_owner_is_kept(database: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever restores may be another user than the engine, which must still be able to write."""
    owners = []
    monkeypatch.setattr(os, "chown", lambda _, user, group: owners.append((user, group)))
    restore(copy, database)
    assert owners == [(database.stat().st_uid, database.stat().st_gid)]


# Refusals --------------------------------------------------------------------------------------------------


def _text(copy: Path) -> None:
    copy.write_text("not a database, but long enough to be taken for one\n" * 100)


def _torn(copy: Path) -> None:
    whole = copy.read_bytes()
    copy.write_bytes(whole[: 8 * 4096] + b"\xa5" * (len(whole) - 8 * 4096))


def _empty(copy: Path) -> None:
    copy.write_bytes(b"")


def _gone(copy: Path) -> None:
    copy.unlink()


def _statement(statement: str) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(statement)
            connection.commit()

    return change


BAD = {
    "is no database of Ripcord: name another file": _text,
    r"copy\.db is damaged": _torn,
    "is no database of Ripcord: it is empty": _empty,
    "there is no file": _gone,
    "was written by a newer Ripcord": _statement("UPDATE schema_version SET version_num = '9999'"),
    "is no database of this Ripcord": _statement("DROP TABLE schema_version"),
    "copy.db belongs to devnet .*and not to mainnet": _statement(
        "UPDATE meta SET value = 'devnet' WHERE key = 'profile'"
    ),
    f"copy.db belongs to mainnet .genesis {DEVNET}.*and not to": _statement(
        f"UPDATE meta SET value = '{DEVNET}' WHERE key = 'genesis'"  # noqa: S608
    ),
    f"copy.db belongs to wallet {STRANGER}, and not to {WALLET}": _statement(
        f"UPDATE leases SET wallet = '{STRANGER}'"  # noqa: S608
    ),
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_does_not_belong_there_is_refused(database: Path, copy: Path, sentence: str) -> None:
    """One sentence, and the database is what it was, under its own name."""
    BAD[sentence](copy)
    before = database.read_bytes()
    with pytest.raises(BadInputError, match=sentence):
        restore(copy, database)
    assert database.read_bytes() == before
    assert {path.name for path in database.parent.iterdir()} <= {"copy.db", "ripcord.db", "ripcord.db.lock"}


def test_a_database_is_not_its_own_copy(database: Path) -> None:
    """Whatever its path is written like."""
    link = database.with_name("link.db")
    link.symlink_to(database)
    with pytest.raises(BadInputError, match="is the database itself"):
        restore(link, database)
    assert sold(database) == 3


def test_it_waits_for_no_engine(database: Path, copy: Path) -> None:
    """It is refused with the engine's name while that works, and works once it ended."""
    with running("hold", str(database)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LeaseError, match=r"in use by first for \w+ \(process \d+\): stop that engine"):
            restore(copy, database)
    assert sold(database) == 3
    restore(copy, database)
    assert sold(database) == 2


def test_no_engine_starts_while_a_copy_is_made_ready(database: Path, copy: Path) -> None:
    """Between the question and its answer, too."""
    with (
        restoring(copy, database, profile=None, genesis=None, wallet=WALLET),
        closing(SqlStore(database)) as store,
        pytest.raises(LeaseError, match="in use by a restore"),
    ):
        store.acquire_lease(WALLET, "first", now=NOW, ttl=TTL)


def test_a_database_that_another_program_has_open_is_not_replaced(database: Path, copy: Path) -> None:
    """Its log would be played into the copy."""
    with closing(SqlStore(database)) as reader:
        assert reader.fills()
        with pytest.raises(BadInputError, match="is open in another program: close that one first"):
            restore(copy, database)
    assert sold(database) == 3


def test_a_name_that_is_taken_is_not_taken_again(database: Path, copy: Path) -> None:
    """What was moved aside before stays what it is."""
    database.with_name(ASIDE).write_text("an older one")
    with pytest.raises(BadInputError, match="is there already: try again in a second"):
        restore(copy, database)
    assert database.with_name(ASIDE).read_text() == "an older one"
    assert sold(database) == 3


# Crashes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
def test_whoever_dies_on_the_way_leaves_the_old_database_or_the_new_one(
    database: Path, copy: Path, tmp_path: Path, killed: bool
) -> None:
    """At every step, each of them whole, also where its engine was killed; and then the same restore succeeds."""
    original = tmp_path / "steps" / "ripcord.db"
    original.parent.mkdir()
    (with_its_log if killed else shutil.copy)(database, original)
    command = [sys.executable, "-m", "tests.store.restoring", str(copy), str(original)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    folders = sorted((path for path in original.parent.iterdir() if path.is_dir()), key=lambda path: int(path.name))
    assert len(folders) > 5
    found = []
    for folder in folders:
        target = folder / "ripcord.db"
        found.append(sold(target))
        aside = next(folder.glob("ripcord.db.before-restore-*Z"), target)
        assert sold(aside) == 3
        restore(copy, target)
        assert sold(target) == 2
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (3, 2)
