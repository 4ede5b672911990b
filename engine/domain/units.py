"""Units of money, amount and time. The unit is in the type; money is never a float."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

Lamports = NewType("Lamports", int)
"""SOL in its smallest unit; 1 SOL = 10^9 lamports. Signed where it is a difference."""

RawAmount = NewType("RawAmount", int)
"""Tokens in the mint's base units: whole tokens times 10^decimals."""

BasisPoints = NewType("BasisPoints", int)
"""Hundredths of a percent."""

Nanos = NewType("Nanos", int)
"""Nanoseconds: since the Unix epoch for a moment, signed for a span."""

Mint = NewType("Mint", str)
"""Base58 address of a token's mint."""

Signature = NewType("Signature", str)
"""Base58 signature of a transaction: its name on chain."""

PositionId = NewType("PositionId", str)
OrderId = NewType("OrderId", str)
AlertId = NewType("AlertId", str)

LAMPORTS_PER_SOL = 1_000_000_000
SECOND = Nanos(1_000_000_000)
SOL_MINT = Mint("So11111111111111111111111111111111111111112")
"""Wrapped SOL: the mint that Jupiter names for SOL."""


def seconds(value: float | Decimal | str) -> Nanos:
    """Return *value* seconds in nanoseconds, to the nearest nanosecond."""
    return Nanos(round(Decimal(str(value)) * SECOND))


def sol(lamports: int) -> Decimal:
    """Return *lamports* in SOL, exactly."""
    return Decimal(lamports) / LAMPORTS_PER_SOL


def lamports(value: Decimal | str | int) -> Lamports:
    """Return *value* SOL in lamports.

    Raises:
        ValueError: *value* is finer than a lamport.
    """
    exact = Decimal(value) * LAMPORTS_PER_SOL
    if exact != int(exact):
        raise ValueError(f"{value} SOL is finer than a lamport (0.000000001 SOL)")
    return Lamports(int(exact))


def whole(raw: int, decimals: int) -> Decimal:
    """Return *raw* base units in whole tokens, exactly."""
    return Decimal(raw).scaleb(-decimals)


def price_of(value: int, tokens: int, decimals: int) -> Decimal:
    """Return the price in SOL per whole token of *tokens* raw units that cost or brought *value* lamports.

    Raises:
        ZeroDivisionError: *tokens* is zero.
    """
    if tokens == 0:
        raise ZeroDivisionError("a price needs tokens: none moved")
    return sol(value) / whole(tokens, decimals)
