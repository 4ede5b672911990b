"""How prices are written for a person."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.wording import moment, price_text


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (0.00002345, "0.00002345"),
        ("0.0000000012345", "0.0₈1234"),
        (Decimal("0.0001"), "0.0001000"),
        (0.5, "0.5000"),
        (1.2345678, "1.235"),
        (1234567.8, "1,234,568"),
        (0, "0"),
        (-0.00000123, "-0.0₅1230"),
        (None, "-"),
        (float("nan"), "-"),
        ("Infinity", "-"),
        ("none", "-"),
    ],
)
def test_a_price_is_written_without_an_exponent(price: Decimal | float | str | None, text: str) -> None:
    """Four significant digits at least, many zeros counted, thousands apart; what is no price is a dash."""
    assert price_text(price) == text


def test_a_moment_is_read_to_the_microsecond_in_utc() -> None:
    """The API gives nanoseconds; other offsets are understood."""
    assert moment("2026-05-28T20:00:00.123456789Z").isoformat() == "2026-05-28T20:00:00.123456+00:00"
    assert moment("2026-05-28T22:00:00+02:00").hour == 20
