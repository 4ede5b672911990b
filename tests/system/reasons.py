"""What the demonstration shows."""

from __future__ import annotations

EVERY_REASON = {
    "take_profit_1",
    "take_profit_2",
    "trailing_stop",
    "stop_loss",
    "time_limit",
    "stagnation",
    "manual",
    "emergency",
}
"""Every reason to leave that one of its positions has."""
