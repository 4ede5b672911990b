"""How the realized result came in time: its sum after each exit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from engine.domain.order import Order, OrderKind
from engine.domain.position import Position, cost_of
from engine.domain.swap import Fill
from engine.domain.units import Lamports, Nanos, OrderId, PositionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Realized:
    """What had been made by *at*: lamports, before network fees."""

    at: Nanos
    realized_pnl: Lamports


def realized(positions: Iterable[Position], orders: Iterable[Order], fills: Iterable[Fill]) -> list[Realized]:
    """Return the sum of what *positions* had realized after each of their exits, oldest first.

    A fill adds what it brought less its part of the entry's cost. The last of a position adds what is missing to the
    result that the position has booked, such as the cost of tokens that the wallet did not have.

    Args:
        positions: all that count.
        orders: theirs, at least; of others nothing is taken.
        fills: of those orders, oldest first.
    """
    exits = {order.id: order for order in orders if order.kind is OrderKind.EXIT}
    sold: dict[PositionId, list[tuple[Nanos, Fill]]] = defaultdict(list)
    for fill in fills:
        order = exits.get(OrderId(fill.order_id))
        if order is not None and fill.tokens < 0:
            sold[order.position_id].append((fill.time or order.filled_at or order.updated_at, fill))
    steps = sorted(step for position in positions for step in _steps(position, sold.get(position.id, ())))
    sums = accumulate(made for _, made in steps)
    return [Realized(at=at, realized_pnl=Lamports(made)) for (at, _), made in zip(steps, sums, strict=True)]


def _steps(position: Position, sold: Sequence[tuple[Nanos, Fill]]) -> Iterator[tuple[Nanos, int]]:
    """Yield when *position* realized something, and how much."""
    if not sold:
        if position.realized_pnl:
            yield position.closed_at or position.last_exit_timestamp or position.updated_at, position.realized_pnl
        return
    tokens, made = 0, 0
    for at, fill in sold[:-1]:
        step = fill.sol - cost_of(position, tokens, tokens - fill.tokens)
        tokens, made = tokens - fill.tokens, made + step
        yield at, step
    yield sold[-1][0], position.realized_pnl - made


def thinned(curve: Sequence[Realized], points: int) -> list[Realized]:
    """Return at most *points* (2 or more) of *curve*: its first, and the last of each of equal spans of time."""
    if len(curve) <= points:
        return list(curve)
    begin, span, parts = curve[0].at, curve[-1].at - curve[0].at, points - 1
    last = {min((point.at - begin) * parts // max(span, 1), parts - 1): point for point in curve[1:]}
    return [curve[0], *last.values()]
