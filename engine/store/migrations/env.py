"""What alembic runs: the revisions that are missing, on the connection and in the transaction that it was given."""

from __future__ import annotations

from alembic import context

from engine.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
