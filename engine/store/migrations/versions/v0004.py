"""The prices of guarded tokens, a candle for each minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; of earlier prices nothing is known."""
    op.create_table(
        "candles",
        sa.Column("mint", NAME, primary_key=True),
        sa.Column("at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("open", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("close", sa.Float(), nullable=False),
        # Zero as a real: SQLite compares a real with an integer in the old floating-point registers, which native code
        # that ran on the same thread, such as the embedded cluster's, may have left unusable.
        sa.CheckConstraint(
            "low > 0.0 AND low <= open AND low <= close AND open <= high AND close <= high", "is_a_candle"
        ),
    )
