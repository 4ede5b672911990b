"""Records that are right by default; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.domain.alert import Alert, Severity
from engine.domain.order import Attempt, Order, OrderEvent, OrderKind, event_of, sent, submitted
from engine.domain.plan import ExitPlan, Stagnation, TakeProfit, TrailingStop
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import (
    AlertId,
    BasisPoints,
    Lamports,
    Mint,
    Nanos,
    OrderId,
    PositionId,
    RawAmount,
    Signature,
    lamports,
)
from engine.domain.urgency import ExitReason
from engine.messages.prices import Tick

NOW = Nanos(1_750_000_000_000_000_000)
MINT = Mint("DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263")
POSITION = PositionId("position-1")
LEVELS = (("25", "33"), ("50", "50"), ("100", "50"))


def a_plan(
    *,
    stop_loss: str = "20",
    take_profits: Sequence[tuple[str, str]] = LEVELS,
    trailing: tuple[str, str] | None = None,
    max_hold: Nanos | None = None,
    stagnation: tuple[str, Nanos] | None = None,
) -> ExitPlan:
    """Return a plan; percent points as text, *take_profits* as (gain, sell), *trailing* as (activation, trail)."""
    return ExitPlan(
        stop_loss_pct=Decimal(stop_loss),
        take_profits=tuple(
            TakeProfit(gain_pct=Decimal(gain), sell_pct=Decimal(sell_pct)) for gain, sell_pct in take_profits
        ),
        trailing=trailing and TrailingStop(activation_pct=Decimal(trailing[0]), trail_pct=Decimal(trailing[1])),
        max_hold=max_hold,
        stagnation=stagnation and Stagnation(band_pct=Decimal(stagnation[0]), window=stagnation[1]),
    )


def a_position(*, price: str = "0.1", tokens: str = "1000", decimals: int = 6, **changes: Any) -> Position:
    """Return an OPEN position of *tokens* whole tokens, bought at *price* SOL each."""
    raw = RawAmount(int(Decimal(tokens).scaleb(decimals)))
    position = Position(
        id=POSITION,
        mint=MINT,
        symbol="BONK",
        decimals=decimals,
        plan=a_plan(),
        entry_order_id=OrderId("entry-1"),
        entry_amount_tokens=raw,
        entry_amount_sol=lamports(Decimal(price) * Decimal(tokens)),
        opened_at=NOW,
        updated_at=NOW,
        peak_price=float(price),
        calm_since=NOW,
        calm_price=float(price),
        last_price=float(price),
        last_price_at=NOW,
    )
    return replace(position, **changes)


def an_entry(**changes: Any) -> Order:
    """Return a PENDING order to buy for 100 SOL."""
    order = Order(
        id=OrderId("entry-1"),
        kind=OrderKind.ENTRY,
        position_id=POSITION,
        mint=MINT,
        symbol="BONK",
        decimals=6,
        amount_sol=lamports(100),
        plan=a_plan(),
        max_slippage_bps=BasisPoints(100),
        priority_fee=Lamports(20_000),
        max_attempts=3,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(order, **changes)


def an_exit(**changes: Any) -> Order:
    """Return a PENDING stop loss over 1000 tokens of 6 decimals."""
    order = Order(
        id=OrderId("exit-1"),
        kind=OrderKind.EXIT,
        position_id=POSITION,
        mint=MINT,
        symbol="BONK",
        decimals=6,
        amount_tokens=RawAmount(1_000_000_000),
        exit_reason=ExitReason.STOP_LOSS,
        expected_price=Decimal("0.08"),
        max_slippage_bps=BasisPoints(150),
        priority_fee=Lamports(20_000),
        max_attempts=3,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(order, **changes)


def in_flight(order: Order) -> Order:
    """Return *order* one attempt further, CONFIRMING."""
    order = submitted(order, NOW)
    return sent(order, Signature(f"{order.id}-sig{order.attempt_count}"), NOW)


def an_attempt(order: Order | None = None, **changes: Any) -> Attempt:
    """Return the first attempt of *order*, SIGNED."""
    order = order or an_exit()
    attempt = Attempt(
        signature=Signature(f"{order.id}-sig1"),
        order_id=order.id,
        number=1,
        mint=order.mint,
        raw=b"\x01signed",
        last_valid_block_height=150,
        slippage_bps=order.max_slippage_bps,
        priority_fee=order.priority_fee,
        quoted_out=80_000_000_000,
        minimum_out=78_800_000_000,
        venue="v2",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(attempt, **changes)


def a_fill(order: Order | None = None, **changes: Any) -> Fill:
    """Return the fill that sells all that *order*, an exit, wants to sell, for 80 SOL."""
    order = order or an_exit()
    fill = Fill(
        signature=order.tx_signature or Signature(f"{order.id}-sig1"),
        order_id=order.id,
        tokens=-order.amount_tokens,
        sol=lamports(80),
        fee=Lamports(25_000),
        rent=0,
        slot=1,
    )
    return replace(fill, **changes)


def an_event(order: Order | None = None, **changes: Any) -> OrderEvent:
    """Return the line of history that *order* writes as it stands."""
    return replace(event_of(order or an_exit()), **changes)


def an_alert(**changes: Any) -> Alert:
    """Return an ACTIVE alert that nobody has to act on."""
    alert = Alert(
        id=AlertId("alert-1"),
        alert_type="prices_stale",
        severity=Severity.HIGH,
        title="No prices",
        message="No source has a price of BONK.",
        data={"token": MINT},
        dedupe_key="prices_stale_BONK",
        raised_at=NOW,
        updated_at=NOW,
    )
    return replace(alert, **changes)


def a_tick(price: float = 0.1, **changes: Any) -> Tick:
    """Return a tick of *price* SOL."""
    return replace(Tick(mint=MINT, price=price, source="test", observed_at=NOW), **changes)
