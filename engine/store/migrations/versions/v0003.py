"""Whether positions are opened, and what levels a position took by the plans before its present one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make table and column; entries were not paused, and no plan had another before it."""
    op.create_table(
        "entry_switches",
        sa.Column("wallet", NAME, primary_key=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.add_column("positions", sa.Column("taken_gain_pct", NAME, nullable=False, server_default="0"))
