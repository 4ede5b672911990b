"""The tables as the program reads and writes them.

The database itself is made by the revisions in `engine.store.migrations`, which also put up the fences that are no
matter of reading and writing: checks and triggers. A change here needs a new revision there; a test compares the two.
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
    Numeric,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

UNFINISHED = "status NOT IN ('filled', 'cancelled')"


class Amount(TypeDecorator[int]):
    """A whole number of any size: a raw amount has 64 bits without a sign, and SQL's integers have 63.

    A NUMERIC on PostgreSQL; on SQLite, which has none, its decimal digits as text.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that holds it."""
        return dialect.type_descriptor(Numeric(40, 0) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Write the number."""
        return value if value is None or dialect.name == "postgresql" else str(int(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Read the number."""
        return None if value is None else int(value)


class Words(TypeDecorator[str]):
    """Text from anywhere. PostgreSQL cannot hold a NUL character: there it is written as ESC 0, and ESC as ESC [."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write the text."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\x1b", "\x1b[").replace("\0", "\x1b0")

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Read the text."""
        if value is None or dialect.name != "postgresql":
            return None if value is None else str(value)
        return str(value).replace("\x1b0", "\0").replace("\x1b[", "\x1b")


Name = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""An identifier or a word of the program's own; in byte order on both, whatever the server's language."""

metadata = MetaData()

positions = Table(
    "positions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("mint", Name, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("decimals", Integer, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("status", Name, nullable=False, index=True),
    Column("entry_order_id", Name),
    Column("entry_amount_tokens", Amount, nullable=False),
    Column("entry_amount_sol", Amount, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("sold_tokens", Amount, nullable=False),
    Column("realized_pnl", Amount, nullable=False),
    Column("fees", Amount, nullable=False),
    Column("levels_taken", Integer, nullable=False),
    Column("taken_gain_pct", Name, nullable=False),
    Column("peak_price", Float, nullable=False),
    Column("calm_since", BigInteger, nullable=False),
    Column("calm_price", Float, nullable=False),
    Column("last_price", Float, nullable=False),
    Column("last_price_at", BigInteger, nullable=False),
    Column("active_exit", JSON(none_as_null=True)),
    Column("wanted_exit", JSON(none_as_null=True)),
    Column("needs_action", Boolean, nullable=False),
    Column("exit_reason", Name),
    Column("last_exit_order_id", Name),
    Column("last_exit_price", Name),
    Column("last_exit_timestamp", BigInteger),
    Column("closed_at", BigInteger),
    Column("final_pnl", Amount),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("position_id", Name, nullable=False, index=True),
    Column("mint", Name, nullable=False),
    Column("symbol", Words, nullable=False),
    Column("decimals", Integer, nullable=False),
    Column("amount_tokens", Amount, nullable=False),
    Column("amount_sol", Amount, nullable=False),
    Column("exit_reason", Name),
    Column("sell_pct", Name, nullable=False),
    Column("plan", JSON(none_as_null=True)),
    Column("expected_price", Name),
    Column("max_slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("status", Name, nullable=False, index=True),
    Column("attempt_count", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("next_retry_at", BigInteger),
    Column("last_error", Words, nullable=False),
    Column("last_error_kind", Name),
    Column("fees", Amount, nullable=False),
    Column("tx_signature", Name),
    Column("actual_price", Name),
    Column("retry_of", Name),
    Column("marker_seed", Name, nullable=False),
    Column("marker_rent", BigInteger, nullable=False),
    Column("reclaimed_by", Name),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("filled_at", BigInteger),
    Index(
        "one_unfinished_exit_per_position",
        "position_id",
        unique=True,
        sqlite_where=text(f"kind = 'exit' AND {UNFINISHED}"),
        postgresql_where=text(f"kind = 'exit' AND {UNFINISHED}"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("signature", Name, primary_key=True),
    Column("order_id", Name, ForeignKey("orders.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("mint", Name, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("last_valid_block_height", BigInteger, nullable=False),
    Column("marker_rent", BigInteger, nullable=False),
    Column("status", Name, nullable=False, index=True),
    Column("slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("quoted_out", Amount, nullable=False),
    Column("minimum_out", Amount, nullable=False),
    Column("venue", Name, nullable=False),
    Column("failure", JSON(none_as_null=True)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("order_id", "number", name="one_attempt_per_number"),
)

fills = Table(
    "fills",
    metadata,
    Column("signature", Name, primary_key=True),
    Column("order_id", Name, ForeignKey("orders.id"), nullable=False, index=True),
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
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("order_id", Name, ForeignKey("orders.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("status", Name, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("note", Words, nullable=False),
    Column("error", Words, nullable=False),
    Column("signature", Name),
    Column("slippage_bps", Integer, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("next_retry_at", BigInteger),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Name, primary_key=True),
    Column("alert_type", Name, nullable=False),
    Column("severity", Name, nullable=False),
    Column("title", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("data", JSON, nullable=False),
    Column("requires_action", Boolean, nullable=False),
    Column("dedupe_key", Name, nullable=False, index=True),
    Column("position_id", Name),
    Column("status", Name, nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("subject", Name, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("data", JSON, nullable=False),
)

candles = Table(
    "candles",
    metadata,
    Column("mint", Name, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("open", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("close", Float, nullable=False),
)

event_counter = Table(
    "event_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)

entry_switches = Table(
    "entry_switches",
    metadata,
    Column("wallet", Name, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("wallet", Name, primary_key=True),
    Column("holder", Name, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("acquired_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Name, primary_key=True),
    Column("value", Name, nullable=False),
)
