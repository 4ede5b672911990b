"""The first schema: positions, orders and what became of them, alerts, leases, and what the database belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.migrations.fences import amount, append_only, at_most, fixed, keep, one_of, prepare_refusals

revision = "0001"
down_revision = None

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
AMOUNT = sa.Text().with_variant(sa.Numeric(40, 0), "postgresql")
WORDS, WHOLE, NANOS, BIG = sa.Text(), sa.Integer(), sa.BigInteger(), sa.BigInteger()

ORDER_STATUSES = ("pending", "submitted", "confirming", "filled", "failed", "cancelled")
REASONS = (
    *("stop_loss", "take_profit_1", "take_profit_2", "take_profit_3", "trailing_stop"),
    *("time_limit", "stagnation", "manual", "emergency"),
)
FAILURES = ("refused", "slippage", "transient", "expired", "uncertain", "permanent")


def upgrade() -> None:
    """Make the tables, then their fences."""
    _positions()
    _orders()
    _attempts()
    _fills()
    _history()
    _alerts()
    _own()
    prepare_refusals()
    append_only("history")
    fixed("attempts", ("order_id", "number", "raw", "last_valid_block_height"), "a recorded attempt stays what it is")
    keep("attempts", "a recorded attempt is kept")
    fixed("fills", ("order_id",), "a recorded fill stays with its order")
    keep("fills", "a recorded fill is kept")


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("mint", NAME, nullable=False),
        sa.Column("symbol", WORDS, nullable=False),
        sa.Column("decimals", WHOLE, nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("entry_order_id", NAME),
        sa.Column("entry_amount_tokens", AMOUNT, nullable=False),
        sa.Column("entry_amount_sol", AMOUNT, nullable=False),
        sa.Column("opened_at", NANOS, nullable=False),
        sa.Column("updated_at", NANOS, nullable=False),
        sa.Column("sold_tokens", AMOUNT, nullable=False),
        sa.Column("realized_pnl", AMOUNT, nullable=False),
        sa.Column("fees", AMOUNT, nullable=False),
        sa.Column("levels_taken", WHOLE, nullable=False),
        sa.Column("peak_price", sa.Float(), nullable=False),
        sa.Column("calm_since", NANOS, nullable=False),
        sa.Column("calm_price", sa.Float(), nullable=False),
        sa.Column("last_price", sa.Float(), nullable=False),
        sa.Column("last_price_at", NANOS, nullable=False),
        sa.Column("active_exit", sa.JSON()),
        sa.Column("wanted_exit", sa.JSON()),
        sa.Column("needs_action", sa.Boolean(), nullable=False),
        sa.Column("exit_reason", NAME),
        sa.Column("last_exit_order_id", NAME),
        sa.Column("last_exit_price", NAME),
        sa.Column("last_exit_timestamp", NANOS),
        sa.Column("closed_at", NANOS),
        sa.Column("final_pnl", AMOUNT),
        one_of("status", ("open", "exit_pending", "partial_exit", "closed"), "position_status_is_known"),
        one_of("exit_reason", REASONS, "position_exit_reason_is_known"),
        sa.CheckConstraint("levels_taken BETWEEN 0 AND 3", name="levels_taken_are_at_most_three"),
        amount("entry_amount_tokens"),
        amount("entry_amount_sol"),
        amount("sold_tokens"),
        amount("realized_pnl", signed=True),
        amount("final_pnl", signed=True),
        amount("fees"),
        at_most("sold_tokens", "entry_amount_tokens", "sold_at_most_what_was_bought"),
    )
    op.create_index("ix_positions_status", "positions", ["status"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("position_id", NAME, nullable=False),
        sa.Column("mint", NAME, nullable=False),
        sa.Column("symbol", WORDS, nullable=False),
        sa.Column("decimals", WHOLE, nullable=False),
        sa.Column("amount_tokens", AMOUNT, nullable=False),
        sa.Column("amount_sol", AMOUNT, nullable=False),
        sa.Column("exit_reason", NAME),
        sa.Column("sell_pct", NAME, nullable=False),
        sa.Column("plan", sa.JSON()),
        sa.Column("expected_price", NAME),
        sa.Column("max_slippage_bps", WHOLE, nullable=False),
        sa.Column("priority_fee", BIG, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("attempt_count", WHOLE, nullable=False),
        sa.Column("max_attempts", WHOLE, nullable=False),
        sa.Column("next_retry_at", NANOS),
        sa.Column("last_error", WORDS, nullable=False),
        sa.Column("last_error_kind", NAME),
        sa.Column("fees", AMOUNT, nullable=False),
        sa.Column("tx_signature", NAME),
        sa.Column("actual_price", NAME),
        sa.Column("retry_of", NAME),
        sa.Column("marker_seed", NAME, nullable=False),
        sa.Column("marker_rent", BIG, nullable=False),
        sa.Column("reclaimed_by", NAME),
        sa.Column("created_at", NANOS, nullable=False),
        sa.Column("updated_at", NANOS, nullable=False),
        sa.Column("filled_at", NANOS),
        one_of("kind", ("entry", "exit", "reclaim"), "order_kind_is_known"),
        one_of("status", ORDER_STATUSES, "order_status_is_known"),
        one_of("exit_reason", REASONS, "order_exit_reason_is_known"),
        one_of("last_error_kind", FAILURES, "order_last_error_kind_is_known"),
        sa.CheckConstraint("(kind = 'exit') = (exit_reason IS NOT NULL)", name="exits_alone_have_a_reason"),
        sa.CheckConstraint("max_slippage_bps BETWEEN 0 AND 10000", name="order_slippage_is_within_all"),
        sa.CheckConstraint("priority_fee >= 0", name="order_priority_fee_is_paid"),
        amount("amount_tokens"),
        amount("amount_sol"),
        amount("fees"),
    )
    for column in ("position_id", "status", "created_at"):
        op.create_index(f"ix_orders_{column}", "orders", [column])
    unfinished = sa.text("kind = 'exit' AND status NOT IN ('filled', 'cancelled')")
    op.create_index(
        "one_unfinished_exit_per_position",
        "orders",
        ["position_id"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("signature", NAME, primary_key=True),
        sa.Column("order_id", NAME, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("mint", NAME, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("last_valid_block_height", BIG, nullable=False),
        sa.Column("marker_rent", BIG, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("slippage_bps", WHOLE, nullable=False),
        sa.Column("priority_fee", BIG, nullable=False),
        sa.Column("quoted_out", AMOUNT, nullable=False),
        sa.Column("minimum_out", AMOUNT, nullable=False),
        sa.Column("venue", NAME, nullable=False),
        sa.Column("failure", sa.JSON()),
        sa.Column("created_at", NANOS, nullable=False),
        sa.Column("updated_at", NANOS, nullable=False),
        sa.UniqueConstraint("order_id", "number", name="one_attempt_per_number"),
        one_of("status", ("signed", "sent", "landed", "reverted", "expired"), "attempt_status_is_known"),
        amount("quoted_out"),
        amount("minimum_out"),
    )
    op.create_index("ix_attempts_status", "attempts", ["status"])


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("signature", NAME, primary_key=True),
        sa.Column("order_id", NAME, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("tokens", AMOUNT, nullable=False),
        sa.Column("sol", AMOUNT, nullable=False),
        sa.Column("fee", BIG, nullable=False),
        sa.Column("rent", BIG, nullable=False),
        sa.Column("slot", BIG, nullable=False),
        sa.Column("time", NANOS),
        sa.CheckConstraint("fee >= 0", name="fill_fee_is_paid"),
        amount("tokens", signed=True),
        amount("sol", signed=True),
    )
    op.create_index("ix_fills_order_id", "fills", ["order_id"])


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("seq", BIG.with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("order_id", NAME, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("at", NANOS, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("attempt", WHOLE, nullable=False),
        sa.Column("note", WORDS, nullable=False),
        sa.Column("error", WORDS, nullable=False),
        sa.Column("signature", NAME),
        sa.Column("slippage_bps", WHOLE, nullable=False),
        sa.Column("priority_fee", BIG, nullable=False),
        sa.Column("next_retry_at", NANOS),
        one_of("status", ORDER_STATUSES, "history_status_is_known"),
    )
    op.create_index("ix_history_order_id", "history", ["order_id"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("alert_type", NAME, nullable=False),
        sa.Column("severity", NAME, nullable=False),
        sa.Column("title", WORDS, nullable=False),
        sa.Column("message", WORDS, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("requires_action", sa.Boolean(), nullable=False),
        sa.Column("dedupe_key", NAME, nullable=False),
        sa.Column("position_id", NAME),
        sa.Column("status", NAME, nullable=False),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("raised_at", NANOS, nullable=False),
        sa.Column("updated_at", NANOS, nullable=False),
        sa.Column("resolved_at", NANOS),
        one_of("severity", ("warning", "high", "critical"), "alert_severity_is_known"),
        one_of("status", ("active", "acknowledged", "resolved"), "alert_status_is_known"),
    )
    for column in ("dedupe_key", "status"):
        op.create_index(f"ix_alerts_{column}", "alerts", [column])


def _own() -> None:
    op.create_table(
        "leases",
        sa.Column("wallet", NAME, primary_key=True),
        sa.Column("holder", NAME, nullable=False),
        sa.Column("term", BIG, nullable=False),
        sa.Column("acquired_at", NANOS, nullable=False),
        sa.Column("expires_at", NANOS, nullable=False),
        sa.CheckConstraint("term > 0", name="lease_terms_count_from_one"),
    )
    op.create_table(
        "meta",
        sa.Column("key", NAME, primary_key=True),
        sa.Column("value", NAME, nullable=False),
    )
