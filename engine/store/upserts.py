"""INSERT ... ON CONFLICT, which both databases spell alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(table: Table, connection: Connection) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT into *table* that can say what is to happen on a conflict, as *connection* understands it."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
