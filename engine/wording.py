"""How figures are written for a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.domain.units import SECOND, sol, whole

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ZEROS_SHOWN = 4
"""More zeros than these after the point are counted in a subscript."""


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


def price_text(price: Decimal | float | str | None, digits: int = 4) -> str:
    """Return a price to *digits* significant digits, never with an exponent: 0.00002345, 0.0₈1234, 1,234,568.

    A price of many zeros counts them in a subscript, as the token exchanges do. Whole digits are not rounded away.
    What is no finite number is a dash.
    """
    if price is None:
        return "-"
    try:
        value = Decimal(str(price))
    except InvalidOperation:
        return "-"
    if not value.is_finite():
        return "-"
    if value == 0:
        return "0"
    return zeros_counted(f"{value:,.{max(0, digits - 1 - value.adjusted())}f}")


def zeros_after_point(text: str) -> int:
    """Return how many zeros follow the point of a decimal number below one; 0 of any other."""
    head, _, fraction = text.partition(".")
    return len(fraction) - len(fraction.lstrip("0")) if head in ("0", "-0") and fraction.strip("0") else 0


def zeros_counted(text: str, zeros: int | None = None) -> str:
    """Return a decimal number with the *zeros* after its point counted, where they are more than four: 0.0₅1.

    Without *zeros* all of them are; with fewer than it has, the rest are written out.
    """
    count = min(zeros_after_point(text), len(text) if zeros is None else zeros)
    if count <= _ZEROS_SHOWN:
        return text
    head, _, fraction = text.partition(".")
    return f"{head}.0{str(count).translate(_SUBSCRIPTS)}{fraction[count:]}"


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


def rent_facts(timeline: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what became of the rent that an order's marker and the wallet's own token accounts took.

    Args:
        timeline: of the order, as the API has it.
    """
    order, found = timeline["order"], list[tuple[str, str]]()
    parked, collected = int(order["marker_rent"]), int(timeline["markers_rent"])
    if parked:
        back = f"brought back by order {order['reclaimed_by']}" if timeline["marker_returned"] else "to be brought back"
        found.append(("Order marker", f"{sol_text(parked)} SOL of rent parked, {back}"))
    if order["kind"] == "reclaim":
        found.append(("Rent of order markers", f"{sol_text(collected)} SOL"))
    elif rent := sum(int(fill["rent"]) for fill in timeline["fills"]) - parked:
        what = "paid" if rent > 0 else "brought back"
        found.append(("Rent of token accounts", f"{sol_text(abs(rent))} SOL {what}, beside the price"))
    return found


def moment(text: str) -> datetime:
    """Return the moment that RFC 3339 *text* names, in UTC and to the microsecond.

    Raises:
        ValueError: it names none.
    """
    return datetime.fromisoformat(text).astimezone(UTC)
