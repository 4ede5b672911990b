"""The schema, and the fences that hold whatever the program does.

Amounts are text in the database: a raw amount is an unsigned 64-bit number, and SQL's integers are signed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)

UNFINISHED = "status NOT IN ('filled', 'cancelled')"


class Amount(TypeDecorator[int]):
    """A whole number of any size, kept as decimal text."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the digits."""
        return None if value is None else str(int(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Read the digits."""
        return None if value is None else int(value)


metadata = MetaData()

positions = Table(
    "positions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("mint", String(44), nullable=False),
    Column("symbol", String(32), nullable=False),
    Column("decimals", Integer, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("entry_order_id", String(64)),
    Column("entry_amount_tokens", Amount, nullable=False),
    Column("entry_amount_sol", Amount, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("sold_tokens", Amount, nullable=False),
    Column("realized_pnl", Amount, nullable=False),
    Column("fees", Amount, nullable=False),
    Column("levels_taken", Integer, nullable=False),
    Column("peak_price", Float, nullable=False),
    Column("calm_since", BigInteger, nullable=False),
    Column("calm_price", Float, nullable=False),
    Column("last_price", Float, nullable=False),
    Column("last_price_at", BigInteger, nullable=False),
    Column("active_exit", JSON(none_as_null=True)),
    Column("wanted_exit", JSON(none_as_null=True)),
    Column("needs_action", Boolean, nullable=False),
    Column("exit_reason", String(16)),
    Column("last_exit_order_id", String(64)),
    Column("last_exit_price", String(64)),
    Column("last_exit_timestamp", BigInteger),
    Column("closed_at", BigInteger),
    Column("final_pnl", Amount),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("position_id", String(64), nullable=False, index=True),
    Column("mint", String(44), nullable=False),
    Column("symbol", String(32), nullable=False),
    Column("decimals", Integer, nullable=False),
    Column("amount_tokens", Amount, nullable=False),
    Column("amount_sol", Amount, nullable=False),
    Column("exit_reason", String(16)),
    Column("sell_pct", String(32), nullable=False),
    Column("plan", JSON(none_as_null=True)),
    Column("expected_price", String(64)),
    Column("max_slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("attempt_count", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("next_retry_at", BigInteger),
    Column("last_error", String, nullable=False),
    Column("last_error_kind", String(16)),
    Column("fees", Amount, nullable=False),
    Column("tx_signature", String(88)),
    Column("actual_price", String(64)),
    Column("retry_of", String(64)),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("filled_at", BigInteger),
    Index(
        "one_unfinished_exit_per_position",
        "position_id",
        unique=True,
        sqlite_where=text(f"kind = 'exit' AND {UNFINISHED}"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("signature", String(88), primary_key=True),
    Column("order_id", String(64), ForeignKey("orders.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("mint", String(44), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("last_valid_block_height", BigInteger, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("quoted_out", Amount, nullable=False),
    Column("minimum_out", Amount, nullable=False),
    Column("venue", String(32), nullable=False),
    Column("failure", JSON(none_as_null=True)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("order_id", "number", name="one_attempt_per_number"),
)

fills = Table(
    "fills",
    metadata,
    Column("signature", String(88), primary_key=True),
    Column("order_id", String(64), ForeignKey("orders.id"), nullable=False, index=True),
    Column("tokens", Amount, nullable=False),
    Column("sol", Amount, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("rent", BigInteger, nullable=False),
    Column("slot", BigInteger, nullable=False),
    Column("time", BigInteger),
)

history = Table(
    "history",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("order_id", String(64), ForeignKey("orders.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("note", String, nullable=False),
    Column("error", String, nullable=False),
    Column("signature", String(88)),
    Column("slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("next_retry_at", BigInteger),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("alert_type", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("title", String, nullable=False),
    Column("message", String, nullable=False),
    Column("data", JSON, nullable=False),
    Column("requires_action", Boolean, nullable=False),
    Column("dedupe_key", String(128), nullable=False, index=True),
    Column("position_id", String(64)),
    Column("status", String(16), nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
)
