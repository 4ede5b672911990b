"""The columns that the API's objects are printed in, each with its unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text

from engine.cli.figures import (
    NONE,
    age,
    amount,
    attempts,
    bps,
    gain,
    left,
    out,
    percent,
    plain,
    price,
    setting,
    share,
    sol,
    status,
    time,
    why,
    word,
)
from engine.cli.render import Column, Row


def column(
    title: str, field: str, shown: Callable[[Any, Row], str | Text] | None = None, *, right: bool = False
) -> Column:
    """Return a column that shows its value as it is, or as *shown* says."""
    return Column(title=title, field=field, shown=shown or plain, right=right)


POSITIONS = (
    column("position", "id"),
    column("token", "symbol"),
    column("", "mint"),
    column("status", "status", status),
    column("", "exit_reason"),
    column("left", "remaining_tokens", left, right=True),
    column("", "entry_amount_tokens"),
    column("", "sold_tokens"),
    column("", "decimals"),
    column("", "entry_amount_sol"),
    column("", "entry_price"),
    column("price", "price", price, right=True),
    column("change", "change_pct", percent, right=True),
    column("stop", "stop_price", price, right=True),
    column("to stop", "stop_distance_pct", percent, right=True),
    column("unrealized", "unrealized_pnl", gain, right=True),
    column("realized", "realized_pnl", gain, right=True),
    column("", "fees"),
    column("", "net_pnl"),
    column("", "final_pnl"),
    column("", "needs_action"),
    column("", "opened_at"),
    column("", "closed_at"),
)
LEVELS = (
    column("level", "level"),
    column("price", "price", price, right=True),
    column("sells %", "sell_pct", right=True),
    column("taken", "taken"),
)
ORDERS = (
    column("order", "id"),
    column("", "kind"),
    column("", "position_id"),
    column("token", "symbol"),
    column("", "mint"),
    column("reason", "exit_reason", why),
    column("amount", "amount_tokens", amount, right=True),
    column("", "amount_sol"),
    column("", "decimals"),
    column("status", "status", status),
    column("attempts", "attempt_count", attempts, right=True),
    column("", "max_attempts"),
    column("price", "actual_price", price, right=True),
    column("", "expected_price"),
    column("slippage", "slippage_bps", bps, right=True),
    column("", "fees"),
    column("", "tx_signature"),
    column("", "last_error"),
    column("created (UTC)", "created_at", time),
    column("", "filled_at"),
)
HISTORY = (
    column("after", "after", age, right=True),
    column("status", "status", status),
    column("attempt", "attempt", right=True),
    column("slippage", "slippage_bps", lambda value, _row: f"{value} bps", right=True),
    column("priority fee SOL", "priority_fee", sol, right=True),
    column("next in", "next_in", age, right=True),
    column("note", "said"),
)
ATTEMPTS = (
    column("attempt", "number", right=True),
    column("outcome", "status"),
    column("via", "venue"),
    column("quoted", "quoted_out", out, right=True),
    column("at least", "minimum_out", out, right=True),
    column("filled", "filled", out, right=True),
    column("fee SOL", "fee", sol, right=True),
    column("signature", "signature"),
    column("error", "failure.message"),
)
ALERTS = (
    column("alert", "id"),
    column("", "alert_type"),
    column("severity", "severity", status),
    column("status", "status"),
    column("times", "count", right=True),
    column("raised (UTC)", "raised_at", time),
    column("", "position_id"),
    column("title", "title"),
    column("message", "message"),
)
QUEUE = (
    column("place", "place", word),
    column("rank", "order.urgency", right=True),
    column("order", "order.id"),
    column("token", "order.symbol"),
    column("reason", "order.exit_reason", lambda value, row: why(value, row["order"])),
    column("amount", "order.amount_tokens", lambda value, row: amount(value, row["order"]), right=True),
    column("attempts", "order.attempt_count", lambda value, row: attempts(value, row["order"]), right=True),
    column("since", "age_s", age, right=True),
    column("last error", "order.last_error"),
)
RESULTS = (
    column("name", "name", word),
    column("closed", "positions", right=True),
    column("won", "wins", right=True),
    column("win rate", "win_rate", share, right=True),
    column("gross SOL", "gross", gain, right=True),
    column("fees SOL", "fees", sol, right=True),
    column("net SOL", "net", gain, right=True),
    column("", "symbol"),
)
CHANNELS = (
    column("channel", "channel"),
    column("outcome", "error", lambda value, _row: value or "delivered"),
)
ENGINE = (
    column("profile", "profile"),
    column("wallet", "wallet"),
    column("version", "version"),
    column("started (UTC)", "started_at", time),
    column("draining", "draining"),
    column("entries paused", "entries_paused"),
    column("open positions", "open_positions"),
    column("need action", "need_action"),
    column("queued", "queue_depth"),
    column("in flight", "in_flight"),
    column("newest price", "newest_price_age_s", lambda value, row: f"{age(value, row)} ago" if value else NONE),
    column("alerts", "unresolved_alerts"),
    column("critical alerts", "critical_alerts"),
    column("without a price", "blind", lambda value, _row: ", ".join(value) or "none"),
    column("restarts", "restarts"),
    column("gave up", "gave_up"),
    column("", "explorer"),
)
FINDINGS = (column("", "verdict"), column("", "name"), column("", "found"), column("", "advice"))
SETTINGS = (
    column("key", "key"),
    column("value", "value", lambda value, _row: setting(value)),
    column("source", "source"),
)
