"""Looking up orders, and one order's whole history, in a database."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.cli.console import output
from engine.cli.format import bps_text, price_text, reason_text, sol_text, span_text, time_text, tokens_text
from engine.domain.errors import BadInputError
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.units import OrderId
from engine.store.sql import SqlStore


def show_orders(database: Path, order_id: str | None) -> int:
    """Print the orders in *database*, or the history of one; return the exit code.

    Raises:
        BadInputError: there is no such database or order.
    """
    if not database.is_file():
        raise BadInputError(f"there is no database {database}: name one with --database, or run the demo first")
    store = SqlStore(database)
    try:
        if order_id is None:
            _list(output(), store)
        else:
            order = store.order(OrderId(order_id))
            if order is None:
                raise BadInputError(f"{database} has no order {order_id!r}: run without an id to list them")
            _show(output(), store, order)
    finally:
        store.close()
    return 0


def _amount(order: Order) -> str:
    if order.kind is OrderKind.ENTRY:
        return f"{sol_text(order.amount_sol)} SOL"
    return tokens_text(order.amount_tokens, order.decimals)


def _list(console: Console, store: SqlStore) -> None:
    table = Table()
    for name in ("order", "token", "reason", "amount", "status", "attempts", "price", "slippage", "created (UTC)"):
        table.add_column(name, no_wrap=True)
    for order in store.orders():
        table.add_row(
            order.id,
            order.symbol,
            reason_text(order.exit_reason or order.kind),
            _amount(order),
            order.status,
            f"{order.attempt_count}/{order.max_attempts}",
            price_text(order.actual_price),
            bps_text(order.slippage_bps),
            time_text(order.created_at),
        )
    console.print(table)


def _show(console: Console, store: SqlStore, order: Order) -> None:
    console.print(
        f"{order.id}: {order.kind} of {_amount(order)} {order.symbol} for position {order.position_id}, "
        f"{reason_text(order.exit_reason or order.kind)}, {order.status}",
        highlight=False,
        soft_wrap=True,
    )
    history = Table(title="History", title_justify="left")
    for name in ("after", "status", "attempt", "slippage", "priority fee", "next in", "note"):
        history.add_column(name, overflow="fold")
    for event in store.history(order.id):
        history.add_row(
            span_text(event.at - order.created_at),
            event.status,
            str(event.attempt),
            f"{event.slippage_bps} bps",
            f"{sol_text(event.priority_fee)} SOL",
            span_text(event.next_retry_at - event.at) if event.next_retry_at else "",
            event.error or event.note or (event.signature or ""),
        )
    console.print(history)
    _show_attempts(console, store, order)
    _show_marker(console, store, order)
    _show_account_rent(console, store, order)


def _show_attempts(console: Console, store: SqlStore, order: Order) -> None:
    fills = {fill.signature: fill for fill in store.fills(order.id)}
    attempts = Table(title="Attempts", title_justify="left")
    for name in ("", "outcome", "via", "quoted", "at least", "filled", "fee", "signature", "error"):
        attempts.add_column(name, overflow="fold")
    for attempt in store.attempts(order.id):
        fill = fills.get(attempt.signature)
        moved = (fill.tokens if order.kind is OrderKind.ENTRY else fill.sol) if fill and fill.tokens else None
        attempts.add_row(
            str(attempt.number),
            attempt.status,
            attempt.venue,
            _out(order, attempt.quoted_out),
            _out(order, attempt.minimum_out),
            "-" if moved is None else _out(order, moved),
            f"{sol_text(fill.fee)} SOL" if fill else "-",
            attempt.signature,
            attempt.failure.message if attempt.failure else "",
        )
    console.print(attempts)


def _show_marker(console: Console, store: SqlStore, order: Order) -> None:
    """Say what became of the rent that kept the attempts from landing twice; see `chain.transactions.marker`."""
    if order.marker_rent:
        carrier = store.order(order.reclaimed_by) if order.reclaimed_by is not None else None
        back = carrier is not None and carrier.status is OrderStatus.FILLED
        whence = f"brought back by order {order.reclaimed_by}" if back else "to be brought back"
        console.print(f"Order marker: {sol_text(order.marker_rent)} SOL of rent parked, {whence}", highlight=False)
    elif order.kind is OrderKind.RECLAIM:
        total = sum(other.marker_rent for other in store.orders() if other.reclaimed_by == order.id)
        console.print(f"Rent of order markers: {sol_text(total)} SOL", highlight=False)


def _show_account_rent(console: Console, store: SqlStore, order: Order) -> None:
    """Say what the wallet's own token accounts took when they were opened, or gave back when they were closed."""
    rent = sum(fill.rent for fill in store.fills(order.id)) - order.marker_rent
    if rent and order.kind is not OrderKind.RECLAIM:
        what = "paid" if rent > 0 else "brought back"
        console.print(f"Rent of token accounts: {sol_text(abs(rent))} SOL {what}, beside the price", highlight=False)


def _out(order: Order, amount: int) -> str:
    return tokens_text(amount, order.decimals) if order.kind is OrderKind.ENTRY else f"{sol_text(amount)} SOL"
