"""Guarding one position over a price file."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chain.audit import read_ledger
from chain.simulated.prices.files import read_price_file
from chain.simulated.prices.generated import random_walk
from chain.simulated.prices.path import PricePath
from engine.audit import Audit, audit
from engine.cli.console import output
from engine.cli.plans import plan_named
from engine.cli.summary import print_audit
from engine.clock import ManualClock, SystemClock
from engine.config import load
from engine.domain.entries import SOL_RESERVE
from engine.domain.errors import BadInputError
from engine.domain.order import Order, OrderKind
from engine.domain.plan import ExitPlan, duration
from engine.domain.position import Position, unrealized_pnl
from engine.domain.units import SECOND, Lamports, Nanos, lamports, seconds, sol, whole
from engine.ids import CountedIds
from engine.simulation import Replay, Simulation
from engine.store.sql import SqlStore
from engine.wording import (
    bps_text,
    count_text,
    price_text,
    reason_text,
    sol_text,
    span_text,
    time_text,
    tokens_text,
)

FASTEST = 100
"""Times real time: beyond it a blockhash would expire while its transaction is being made."""
_WALK_BEGINS = Nanos(1_767_225_600 * SECOND)
"""1 January 2026: a walk needs some time to begin at."""
_WALK: Mapping[str, Any] = {
    "start": 0.001,
    "drift": 0.0,
    "volatility": 0.15,
    "step": seconds(5),
    "length": seconds(24 * 3600),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What the command line said, unread."""

    source: str
    plan: str
    speed: str
    spend: str
    depth: str
    decimals: int
    max_gap: str
    as_json: bool
    plot: Path | None
    config: Path | None
    dumps: Path | None

    @property
    def name(self) -> str:
        """What the source is called."""
        return Path(self.source).name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    path: PricePath
    plan: ExitPlan
    position: Position
    orders: list[Order]
    sold: dict[str, tuple[int, int]]
    """Raw tokens and lamports of each filled exit, by order."""
    audit: Audit


def run_replay(options: ReplayOptions) -> int:
    """Replay as *options* say, print what happened, and return the exit code.

    Raises:
        BadInputError: an option or the file makes no sense; nothing was started.
    """
    plan = plan_named(options.plan)
    settings = load(options.config)
    spend = _amount(options.spend, "--spend")
    depth = sol(_amount(options.depth, "--depth"))
    pace = _pace(options.speed)
    if options.plot is not None:
        _check_plot(options.plot)
    path = price_path(options.source, options.max_gap)
    clock = ManualClock(path.points[0].at) if pace is None else SystemClock(speed=pace, start=path.points[0].at)
    with tempfile.TemporaryDirectory(prefix="ripcord-replay-") as folder:
        simulation = Simulation(
            clock=clock,
            settings=settings,
            ids=CountedIds(),
            database=Path(folder) / "replay.db",
            funds=Lamports(spend + 2 * SOL_RESERVE),
            poll_prices=False,
            dumps=options.dumps,
        )
        console = Console(stderr=True)
        with simulation, console.status("replaying ...") if sys.stderr.isatty() else nullcontext():
            first = Decimal(repr(path.points[0].price))
            token = simulation.world.create_token("TOKEN", decimals=options.decimals, price=first, depth_sol=depth)
            position = Replay(simulation, path, token).run(spend, plan, "TOKEN")
            ledger = read_ledger(simulation.world.rpc_url, simulation.wallet.address)
            checked = audit(simulation.store, ledger, funds=simulation.funds)
            outcome = _outcome(path, plan, position, simulation.store, checked)
    if isinstance(clock, SystemClock):
        clock.close()
    _show(outcome, options)
    return 0 if outcome.audit.agrees else 1


def _outcome(path: PricePath, plan: ExitPlan, position: Position, store: SqlStore, checked: Audit) -> _Outcome:
    orders = [order for order in store.orders(position_id=position.id) if order.kind is OrderKind.EXIT]
    fills = {order.id: fill for order in orders for fill in store.fills(order.id) if fill.tokens}
    sold = {str(order_id): (-fill.tokens, fill.sol) for order_id, fill in fills.items()}
    return _Outcome(path=path, plan=plan, position=position, orders=orders, sold=sold, audit=checked)


def _show(outcome: _Outcome, options: ReplayOptions) -> None:
    if options.plot is not None:
        from engine.cli.plot import draw

        draw(outcome.path, outcome.plan, outcome.position, outcome.orders, options.plot, title=options.name)
    if options.as_json:
        sys.stdout.write(json.dumps(_as_json(outcome), indent=2) + "\n")
    else:
        _print(output(), outcome, options)


def _print(console: Console, outcome: _Outcome, options: ReplayOptions) -> None:
    path, position = outcome.path, outcome.position
    left_out = ", ".join(f"{count} {reason}" for reason, count in path.left_out.items())
    console.print(
        f"{options.name}: {count_text(len(path.points), 'price', 'prices')} over {span_text(path.duration)}"
        + (f" (left out: {left_out})" if left_out else ""),
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Bought {tokens_text(position.entry_amount_tokens, position.decimals)} tokens for "
        f"{sol_text(position.entry_amount_sol)} SOL at {price_text(position.entry_price)}, plan {options.plan}.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_table(outcome) if outcome.orders else "No exit was raised.")
    console.print(_verdict(outcome), highlight=False, soft_wrap=True)
    if options.plot is not None:
        console.print(f"Drawn to {options.plot}.", highlight=False, soft_wrap=True)
    print_audit(console, outcome.audit)


def _table(outcome: _Outcome) -> Table:
    table = Table()
    for name in ("after", "time (UTC)", "reason", "outcome"):
        table.add_column(name, no_wrap=True)
    for name in ("sold", "price", "slippage", "attempts", "SOL"):
        table.add_column(name, justify="right", no_wrap=True)
    position = outcome.position
    for order in outcome.orders:
        tokens, brought = outcome.sold.get(order.id, (0, 0))
        share = Decimal(tokens) / Decimal(position.entry_amount_tokens)
        table.add_row(
            span_text(order.created_at - position.opened_at),
            time_text(order.created_at),
            reason_text(order.exit_reason),
            order.status,
            f"{share:.1%}",
            price_text(order.actual_price),
            bps_text(order.slippage_bps),
            str(order.attempt_count),
            sol_text(brought),
        )
    return table


def _verdict(outcome: _Outcome) -> str:
    position = outcome.position
    cost = position.entry_amount_sol
    net = f"net of {sol_text(position.fees)} SOL in fees {sol_text(position.net_pnl, signed=True)} SOL"
    if position.closed:
        share = Decimal(position.realized_pnl) / Decimal(cost)
        held = span_text((position.closed_at or position.updated_at) - position.opened_at)
        return f"Closed after {held}. PnL {sol_text(position.realized_pnl, signed=True)} SOL ({share:+.2%}), {net}."
    rest = whole(position.remaining_tokens, position.decimals)
    paper = unrealized_pnl(position, outcome.path.points[-1].price)
    state = "waits for a person: its exit failed for good" if position.needs_action else "is still open"
    return (
        f"At the end of the file the position {state}, with {rest:,.4f} tokens left. "
        f"Realized {sol_text(position.realized_pnl, signed=True)} SOL, {net}; "
        f"unrealized {sol_text(paper, signed=True)} SOL."
    )


def _as_json(outcome: _Outcome) -> dict[str, Any]:
    position = outcome.position
    return {
        "source": outcome.path.source,
        "prices": len(outcome.path.points),
        "left_out": dict(outcome.path.left_out),
        "plan": _plain(asdict(outcome.plan)),
        "position": {
            "status": position.status.value,
            "needs_action": position.needs_action,
            "entry_price": str(position.entry_price),
            "entry_amount_tokens": position.entry_amount_tokens,
            "entry_amount_lamports": position.entry_amount_sol,
            "sold_tokens": position.sold_tokens,
            "realized_pnl_lamports": position.realized_pnl,
            "fees_lamports": position.fees,
            "net_pnl_lamports": position.net_pnl,
            "final_pnl_lamports": position.final_pnl,
            "opened_at_ns": position.opened_at,
            "closed_at_ns": position.closed_at,
        },
        "exits": [_exit_json(order, outcome) for order in outcome.orders],
        "ledger": {"agrees": outcome.audit.agrees, "differences": list(outcome.audit.differences)},
    }


def _exit_json(order: Order, outcome: _Outcome) -> dict[str, Any]:
    tokens, brought = outcome.sold.get(order.id, (0, 0))
    return {
        "order_id": order.id,
        "reason": order.exit_reason.value if order.exit_reason else None,
        "status": order.status.value,
        "created_at_ns": order.created_at,
        "filled_at_ns": order.filled_at,
        "sold_tokens": tokens,
        "brought_lamports": brought,
        "expected_price": str(order.expected_price) if order.expected_price is not None else None,
        "actual_price": str(order.actual_price) if order.actual_price is not None else None,
        "slippage_bps": float(order.slippage_bps) if order.slippage_bps is not None else None,
        "attempts": order.attempt_count,
        "fees_lamports": order.fees,
        "error": order.last_error or None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Decimal) else value


def price_path(source: str, max_gap: str) -> PricePath:
    """Return the prices of the file, or of the random walk, that *source* names.

    Args:
        source: a file, or seed:N.
        max_gap: the longest silence in a file that is no fault, such as 90s or 1h.

    Raises:
        BadInputError: there is no such file or walk, or the file has a fault.
    """
    if not source.startswith("seed:"):
        return read_price_file(Path(source), max_gap=duration(max_gap, "--max-gap"))
    seed = source.removeprefix("seed:")
    if not (seed.isascii() and seed.isdigit()):
        raise BadInputError(f"{source!r} names no random walk: give seed: and a whole number, such as seed:7")
    return random_walk(seed=int(seed), at=_WALK_BEGINS, **_WALK)


def _amount(text: str, option: str) -> Lamports:
    try:
        amount = lamports(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        amount = Lamports(0)
    if not 0 < amount < lamports(1_000_000_000):
        raise BadInputError(f"{option} is {text!r}, and must be a number of SOL above 0, such as 1 or 0.25")
    return amount


def _pace(text: str) -> float | None:
    """Return how many times faster than real time; None for as fast as it will go."""
    if text == "max":
        return None
    try:
        pace = float(text.removesuffix("x"))
    except ValueError:
        pace = 0.0
    if not 0 < pace <= FASTEST:
        raise BadInputError(f"--speed is {text!r}, and must be max or a number above 0 and up to {FASTEST}")
    return pace


def _check_plot(file: Path) -> None:
    if file.suffix not in (".png", ".svg"):
        raise BadInputError(f"--plot is {file}, and must end in .png or .svg")
    if not file.parent.is_dir():
        raise BadInputError(f"--plot is {file}, and there is no folder {file.parent}")
