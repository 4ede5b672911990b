"""One engine per wallet: between processes, after a kill, and against an engine that was given up for dead."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.domain.errors import BadInputError
from engine.domain.units import Nanos
from engine.ports import LeaseError
from engine.store.sql import SqlStore
from tests.factories import NOW, a_position, an_exit
from tests.store.process import TTL, WALLET, running
from tests.store.server import PostgresqlServer

OVER = Nanos(NOW + TTL)


def acquire(store: SqlStore, holder: str, *, now: Nanos = NOW) -> None:
    """Acquire the lease of the wallet."""
    store.acquire_lease(WALLET, holder, now=now, ttl=TTL)


def is_free(store: SqlStore, *, now: Nanos) -> bool:
    """Return whether the lease could be acquired."""
    try:
        acquire(store, "second", now=now)
    except LeaseError:
        return False
    return True


def test_a_second_process_is_refused_while_the_first_lives(where: str, store: SqlStore) -> None:
    """At once, and whatever the clock says of the first one's lease."""
    with running("hold", where) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        for now in (NOW, OVER, Nanos(NOW * 2)):
            with pytest.raises(LeaseError, match="stop that engine"):
                acquire(store, "second", now=now)


def test_a_killed_engine_leaves_its_file_free_at_once(tmp_path: Path) -> None:
    """Its lease need not be over: the system knows that its process is gone."""
    where = str(tmp_path / "ripcord.db")
    store = SqlStore(where)
    with running("hold", where) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LeaseError, match=rf"in use by first for \w+ \(process {process.pid}\)"):
            acquire(store, "second")
        process.kill()
        process.wait()
        acquire(store, "second")
    store.close()


@pytest.mark.xdist_group("postgresql")
def test_a_killed_engine_leaves_its_wallet_free_when_its_lease_is_over(postgresql: PostgresqlServer) -> None:
    """The server cannot tell a dead engine from one that it lost sight of: until then the wallet stays its own."""
    where = postgresql.database()
    store = SqlStore(where)
    with running("hold", where) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        # The server needs a moment to see that the session has ended.
        assert any(is_free(store, now=OVER) for _ in itertools.repeat(None))
    store.close()


def test_two_stores_of_one_process_are_two_engines(where: str, store: SqlStore) -> None:
    """A store that is closed gives way, and a lease that is over does not do so by itself."""
    acquire(store, "first")
    other = SqlStore(where)
    for now in (NOW, OVER):
        with pytest.raises(LeaseError):
            acquire(other, "second", now=now)
    store.close()
    assert any(is_free(other, now=OVER) for _ in itertools.repeat(None))
    other.close()


def test_an_engine_may_come_back_under_its_name(where: str, store: SqlStore) -> None:
    """After a crash it does not wait for its own lease to be over."""
    acquire(store, "first")
    store.close()
    again = SqlStore(where)
    acquire(again, "first")
    again.renew_lease(WALLET, "first", now=NOW, ttl=TTL)
    again.close()


def test_a_refused_engine_holds_nothing(where: str, store: SqlStore) -> None:
    """It leaves the way free for the holder, who may lose and take back its lock at any time."""
    acquire(store, "first")
    other = SqlStore(where)
    with pytest.raises(LeaseError):
        acquire(other, "second")
    store.release_lease(WALLET, "first")
    acquire(store, "first")
    other.close()


def test_whoever_lost_its_lease_can_neither_commit_nor_renew(store: SqlStore) -> None:
    """An engine that was given up for dead, and was not, can record nothing more, and so send nothing more."""
    acquire(store, "first")
    store.commit(a_position())
    with store._backend.writer.begin() as connection:
        connection.execute(text("UPDATE leases SET holder = 'second', term = term + 1"))
    with pytest.raises(LeaseError, match="held by second"):
        store.commit(an_exit())
    with pytest.raises(LeaseError, match="held by second"):
        store.renew_lease(WALLET, "first", now=NOW, ttl=TTL)
    assert store.orders() == []


def test_a_later_term_under_the_same_name_is_another_engine(store: SqlStore) -> None:
    """The name is the operator's choice, and two engines may have been given one."""
    acquire(store, "first")
    with store._backend.writer.begin() as connection:
        connection.execute(text("UPDATE leases SET term = term + 1"))
    with pytest.raises(LeaseError):
        store.commit(an_exit())


@pytest.mark.xdist_group("postgresql")
def test_an_engine_whose_session_was_lost_takes_its_lock_back(postgresql: PostgresqlServer) -> None:
    """A restarted server ends every session; the holder renews, and the lock stands again."""
    where = postgresql.database()
    store, other = SqlStore(where), SqlStore(where)
    acquire(store, "first")
    postgresql.end_sessions(where)
    with pytest.raises(LeaseError, match="held by first until 2025-06-15"):
        acquire(other, "second")
    store.renew_lease(WALLET, "first", now=NOW, ttl=TTL)
    with pytest.raises(LeaseError, match="another engine's"):
        acquire(other, "second", now=OVER)
    store.close()
    other.close()


@pytest.mark.xdist_group("postgresql")
def test_an_engine_that_was_lost_sight_of_is_shut_out_by_the_next(postgresql: PostgresqlServer) -> None:
    """Its session gone and its lease over, another takes the wallet: from then on the first writes nothing."""
    where = postgresql.database()
    store, other = SqlStore(where), SqlStore(where)
    acquire(store, "first")
    postgresql.end_sessions(where)
    acquire(other, "second", now=OVER)
    with pytest.raises(LeaseError, match="held by second"):
        store.commit(an_exit())
    with pytest.raises(LeaseError, match="another engine's"):
        store.renew_lease(WALLET, "first", now=OVER, ttl=TTL)
    other.commit(an_exit())
    store.close()
    other.close()


def test_nothing_of_a_schema_changes_under_a_running_engine(where: str, store: SqlStore) -> None:
    """A newer Ripcord that would bring the tables up to date waits until the engine is stopped."""
    acquire(store, "first")
    other = SqlStore(where)
    assert not may_migrate(other)
    store.close()
    # The server needs a moment to see that the session has ended.
    assert any(may_migrate(other) for _ in itertools.repeat(None))
    assert may_migrate(other)
    other.close()


def may_migrate(store: SqlStore) -> bool:
    """Return whether a migration could begin, which ends at once."""
    try:
        with store._backend.begin_migration() as connection:
            store._backend.refuse_beside_an_engine(connection)
    except BadInputError:
        return False
    return True


def test_the_lock_file_names_its_holder(tmp_path: Path) -> None:
    """And nobody once the lock was given back."""
    store = SqlStore(tmp_path / "ripcord.db")
    acquire(store, "first")
    assert (tmp_path / "ripcord.db.lock").read_text() == f"first for {WALLET} (process {os.getpid()})\n"
    store.release_lease(WALLET, "first")
    assert (tmp_path / "ripcord.db.lock").read_text() == ""
    store.close()
