"""What a run comes to: every exit, every position, and whether the books agree with the chain."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.audit import Audit
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.position import Position
from engine.ports import Store
from engine.wording import bps_text, count_text, exact_sol, price_text, reason_text, sol_text, span_text, tokens_text


def print_summary(console: Console, store: Store, outcome: Audit, *, elapsed: int) -> None:
    """Print every exit, every position and the audit."""
    exits = [order for order in store.orders() if order.kind is OrderKind.EXIT]
    console.print(_exits(store, exits))
    console.print(_positions(store.positions()))
    alerts = store.alerts()
    for alert in alerts:
        console.print(f"{alert.severity.upper()} {alert.title} [{alert.status}]", markup=False, highlight=False)
        console.print(f"  {alert.message}", markup=False, highlight=False, soft_wrap=True)
    _print_reclaims(console, store)
    print_audit(console, outcome)
    console.print(f"Took {span_text(elapsed)}.", highlight=False)


def _print_reclaims(console: Console, store: Store) -> None:
    """Say what became of the rent that the orders' markers held."""
    reclaims = [order for order in store.orders() if order.kind is OrderKind.RECLAIM]
    emptied = [marked for order in reclaims for marked in store.markers(order.id) if order.status is OrderStatus.FILLED]
    parked = store.markers()
    back, left = (sum(order.marker_rent for order in orders) for orders in (emptied, parked))
    console.print(
        f"Order markers: {sol_text(back)} SOL of rent brought back from {len(emptied)} for "
        f"{sol_text(sum(order.fees for order in reclaims))} SOL in fees; {sol_text(left)} SOL still parked.",
        highlight=False,
    )


def _exits(store: Store, orders: list[Order]) -> Table:
    table = Table(title="Exits", title_justify="left")
    for name in ("token", "reason", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("sold", "price", "slippage", "attempts", "SOL", "fees"):
        table.add_column(name, justify="right", no_wrap=True)
    for order in orders:
        fill = next((fill for fill in store.fills(order.id) if fill.tokens), None)
        filled = order.status is OrderStatus.FILLED
        table.add_row(
            order.symbol,
            reason_text(order.exit_reason) + (" (retry)" if order.retry_of else ""),
            Text(order.status, style="green" if filled else "red"),
            tokens_text(-fill.tokens, order.decimals) if fill else "-",
            price_text(order.actual_price),
            bps_text(order.slippage_bps),
            str(order.attempt_count),
            sol_text(fill.sol) if fill else "-",
            sol_text(order.fees),
        )
    return table


def _positions(positions: list[Position]) -> Table:
    table = Table(title="Positions", title_justify="left")
    for name in ("token", "status", "left by"):
        table.add_column(name, no_wrap=True)
    for name in ("held", "paid SOL", "PnL gross", "fees", "PnL net"):
        table.add_column(name, justify="right", no_wrap=True)
    for position in positions:
        held = (position.closed_at or position.updated_at) - position.opened_at
        table.add_row(
            position.symbol,
            position.status.replace("_", " "),
            reason_text(position.exit_reason),
            span_text(held),
            sol_text(position.entry_amount_sol),
            _gain(position.realized_pnl),
            sol_text(position.fees),
            _gain(position.net_pnl),
        )
    table.add_section()
    gross, fees = sum(p.realized_pnl for p in positions), sum(p.fees for p in positions)
    paid = sum(p.entry_amount_sol for p in positions)
    table.add_row("all", "", "", "", sol_text(paid), _gain(gross), sol_text(fees), _gain(gross - fees))
    return table


def _gain(lamports: int) -> Text:
    return Text(sol_text(lamports, signed=True), style="green" if lamports >= 0 else "red")


def print_audit(console: Console, outcome: Audit) -> None:
    """Print whether the database and the chain agree."""
    if outcome.agrees:
        line = (
            f"Database and chain agree to the lamport: "
            f"{count_text(outcome.transactions, 'transaction', 'transactions')}, "
            f"wallet {exact_sol(outcome.lamports)} SOL."
        )
        console.print(Text(line, style="bold green"), soft_wrap=True)
    else:
        console.print(Text("Database and chain DISAGREE:", style="bold red"))
        for difference in outcome.differences:
            console.print(f"  {difference}", markup=False, soft_wrap=True)
