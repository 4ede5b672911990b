"""How figures are written for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from engine.domain.units import SECOND, sol, whole


def count_text(count: int, one: str, many: str) -> str:
    """Return *count* with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def sol_text(lamports: int, *, signed: bool = False, places: int = 6) -> str:
    """Return *lamports* in SOL, rounded to *places*."""
    return f"{sol(lamports):{'+' if signed else ''}.{places}f}"


def exact_sol(lamports: int) -> str:
    """Return *lamports* in SOL to the last lamport."""
    return f"{sol(lamports):.9f}"


def tokens_text(raw: int, decimals: int) -> str:
    """Return *raw* units in whole tokens, with no more digits than are worth reading."""
    value = whole(raw, decimals)
    return f"{value:,.0f}" if value == value.to_integral() else f"{value:,.{min(decimals, 4)}f}"


def price_text(price: Decimal | float | None) -> str:
    """Return a price with six significant digits."""
    return "-" if price is None else f"{float(price):.6g}"


def percent_text(change: Decimal | float) -> str:
    """Return a share as signed percent."""
    return f"{float(change) * 100:+.2f} %"


def bps_text(bps: Decimal | None) -> str:
    """Return basis points, signed."""
    return "-" if bps is None else f"{bps:+.0f} bps"


def span_text(nanos: int) -> str:
    """Return a span of time: 12.3 s, 4 m 05 s, 3 h 20 m, 2 d 4 h."""
    total = nanos / SECOND
    if total < 60:  # noqa: PLR2004
        return f"{total:.1f} s"
    minutes, secs = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} m" if hours else f"{minutes} m {secs:02d} s"


def time_text(nanos: int) -> str:
    """Return a moment in UTC."""
    return datetime.fromtimestamp(nanos / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def reason_text(reason: str | None) -> str:
    """Return a reason as a person would say it."""
    return "-" if reason is None else str(reason).replace("_", " ")
