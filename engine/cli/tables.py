"""The live view of the demonstration: positions, orders, alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.cli.figures import STYLES
from engine.domain.alert import Alert, Severity
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.position import Position, unrealized_pnl
from engine.domain.units import Mint
from engine.messages.prices import Tick
from engine.ports import Store
from engine.wording import percent_text, price_text, reason_text, sol_text, span_text

_LAST_ORDERS = 10


class Story(Protocol):
    """What the demonstration tells of a token."""

    @property
    def symbol(self) -> str:
        """The token."""

    @property
    def story(self) -> str:
        """What is to happen to it."""


def live_view(
    store: Store, prices: Mapping[Mint, Tick], stories: Sequence[Story], *, elapsed: float, now: int
) -> RenderableType:
    """Return the picture of this moment, from what the store holds."""
    orders = [order for order in store.orders() if order.kind is OrderKind.EXIT]
    told = {story.symbol: story.story for story in stories}
    return Group(
        Text(f"Ripcord demonstration   {elapsed:5.1f} s", style="bold"),
        _positions(store.positions(), prices, told),
        _orders(orders[-_LAST_ORDERS:], now),
        *(_alert(alert) for alert in store.alerts(unresolved_only=True)),
    )


def _styled(status: str) -> Text:
    return Text(status.replace("_", " "), style=STYLES.get(status, ""))


def _gain(lamports: int) -> Text:
    return Text(sol_text(lamports, signed=True, places=4), style="green" if lamports >= 0 else "red")


def _positions(positions: Sequence[Position], prices: Mapping[Mint, Tick], stories: Mapping[str, str]) -> Table:
    table = Table(title="Positions", title_justify="left", expand=True)
    for name in ("token", "status", "what is to happen"):
        table.add_column(name, overflow="fold", ratio=1 if name == "what is to happen" else None)
    for name in ("left", "change", "realized", "unrealized"):
        table.add_column(name, justify="right", no_wrap=True)
    for position in positions:
        tick = prices.get(position.mint)
        price = tick.price if tick else position.last_price
        left = Decimal(position.remaining_tokens) / Decimal(position.entry_amount_tokens)
        status = Text("needs action", style="bold red") if position.needs_action else _styled(position.status)
        table.add_row(
            position.symbol,
            status,
            stories.get(position.symbol, ""),
            f"{left:.0%}",
            percent_text(Decimal(repr(price)) / position.entry_price - 1),
            _gain(position.realized_pnl),
            Text("-", style="dim") if position.closed else _gain(unrealized_pnl(position, price)),
        )
    return table


def _orders(orders: Sequence[Order], now: int) -> Table:
    table = Table(title="Exits, newest last", title_justify="left", expand=True)
    for name in ("token", "reason", "status", "attempt"):
        table.add_column(name, no_wrap=True)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("last error", overflow="ellipsis", no_wrap=True, ratio=1)
    for order in orders:
        waiting = order.status is OrderStatus.PENDING and order.next_retry_at is not None
        status = Text(f"again in {span_text(max(0, (order.next_retry_at or 0) - now))}", style="yellow")
        table.add_row(
            order.symbol,
            reason_text(order.exit_reason),
            status if waiting else _styled(order.status),
            f"{order.attempt_count}/{order.max_attempts}",
            price_text(order.actual_price),
            Text(order.last_error, style="dim"),
        )
    return table


def _alert(alert: Alert) -> Panel:
    style = "bold red" if alert.severity is Severity.CRITICAL else "yellow"
    return Panel(Text(alert.message), title=alert.title, border_style=style, title_align="left")
