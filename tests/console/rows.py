"""Positions and the engine as the API answers them; a test names only what it is about."""

from __future__ import annotations

from typing import Any

from tests.console.samples import an_order, at
from tests.factories import MINT


def a_row(**changes: Any) -> dict[str, Any]:
    """Return an open position, as `GET /positions` lists it."""
    row = {
        "id": "position-1",
        "mint": str(MINT),
        "symbol": "BONK",
        "decimals": 6,
        "plan": {"stop_loss_pct": "20", "take_profits": [{"gain_pct": "25", "sell_pct": "33"}]},
        "status": "open",
        "entry_amount_tokens": "1000000000",
        "entry_amount_sol": "100000000000",
        "entry_price": "0.1",
        "sold_tokens": "0",
        "remaining_tokens": "1000000000",
        "realized_pnl": "0",
        "fees": "5000",
        "active_exit": None,
        "needs_action": False,
        "exit_reason": None,
        "last_exit_price": None,
        "opened_at": at(0),
        "closed_at": None,
        "price": 0.11,
        "price_age_s": 0.4,
        "change_pct": 10.0,
        "unrealized_pnl": "10000000000",
        "stop_price": 0.08,
        "stop_kind": "stop_loss",
        "stop_distance_pct": 27.27,
        "next_target_price": 0.125,
        "next_target_distance_pct": 13.63,
    }
    return row | changes


def an_exit(**changes: Any) -> dict[str, Any]:
    """Return the exit that a position waits for, as its row has it."""
    active = {
        "order_id": "exit-1",
        "reason": "stop_loss",
        "amount": "1000000000",
        "sell_pct": "100",
        "status": "pending",
        "attempt": 1,
        "max_attempts": 3,
        "next_retry_at": None,
        "last_error": "",
    }
    return active | changes


def a_detail(**changes: Any) -> dict[str, Any]:
    """Return a position with its orders and levels, as `GET /positions/{id}` has it."""
    levels = {
        "entry": 0.1,
        "stop": 0.08,
        "trailing_stop": None,
        "targets": [{"price": 0.125, "sell_pct": "33", "taken": False}],
    }
    return {"position": a_row(**changes), "orders": [an_order()], "levels": levels}


def a_state(**changes: Any) -> dict[str, Any]:
    """Return how the engine does, as `GET /engine` has it."""
    state = {
        "profile": "demo",
        "wallet": "Gi2bFWaDmJY7bwTGdw6cxE4VPw4hU85BSCZ3c72CznrB",
        "draining": False,
        "entries_paused": False,
        "open_positions": 2,
        "gave_up": False,
        "blind": [],
        "newest_price_age_s": 0.4,
        "price_interval_s": 0.5,
        "queue_depth": 3,
        "in_flight": 1,
        "unresolved_alerts": 0,
        "critical_alerts": 0,
    }
    return state | changes
