"""Profit and loss, added up by day, token or reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from engine.api.curve import Realized
from engine.api.schemas import View
from engine.choices import By
from engine.domain.position import Position, unrealized_pnl
from engine.domain.units import SECOND, Mint
from engine.events.fields import Integer, Time
from engine.messages.prices import Tick


class ResultGroup(View):
    """Closed positions that have something in common."""

    name: str
    symbol: str | None
    """Of the token, where they are put together by it."""
    positions: int
    wins: int
    win_rate: float
    """Share of the positions that made a profit after fees."""
    gross: Integer
    fees: Integer
    net: Integer


class CurvePoint(View):
    """What had been made by then, in lamports, before network fees."""

    at: Time
    realized_pnl: Integer


class Results(View):
    """What was made and lost, in lamports: gross before network fees, net after them."""

    realized_gross: Integer
    fees: Integer
    realized_net: Integer
    unrealized: Integer
    """What selling the open ones at the newest prices would add, without impact."""
    open_positions: int
    closed: ResultGroup
    groups: list[ResultGroup]
    curve: list[CurvePoint]
    """What was realized in all after each exit, oldest first."""


def results(
    positions: Iterable[Position], prices: Mapping[Mint, Tick], by: By, *, curve: Iterable[Realized] = ()
) -> Results:
    """Return the results of *positions*; a token without a price in *prices* counts at its last one."""
    positions = list(positions)
    still = [position for position in positions if not position.closed]
    closed = [position for position in positions if position.closed]
    groups: dict[str, list[Position]] = {}
    for position in closed:
        groups.setdefault(_NAMES[by](position), []).append(position)
    gross, fees = sum(each.realized_pnl for each in positions), sum(each.fees for each in positions)
    return Results.model_validate(
        {
            "realized_gross": gross,
            "fees": fees,
            "realized_net": gross - fees,
            "unrealized": sum(unrealized_pnl(each, _price(each, prices)) for each in still),
            "open_positions": len(still),
            "closed": _group("all", closed),
            "groups": [
                _group(name, groups[name], groups[name][-1].symbol if by is By.TOKEN else None)
                for name in sorted(groups)
            ],
            "curve": [CurvePoint.model_validate(point) for point in curve],
        }
    )


def _price(position: Position, prices: Mapping[Mint, Tick]) -> float:
    tick = prices.get(position.mint)
    return tick.price if tick is not None else position.last_price


def _group(name: str, positions: list[Position], symbol: str | None = None) -> ResultGroup:
    wins = sum(position.net_pnl > 0 for position in positions)
    return ResultGroup.model_validate(
        {
            "name": name,
            "symbol": symbol,
            "positions": len(positions),
            "wins": wins,
            "win_rate": wins / len(positions) if positions else 0.0,
            "gross": sum(position.realized_pnl for position in positions),
            "fees": sum(position.fees for position in positions),
            "net": sum(position.net_pnl for position in positions),
        }
    )


def _day(position: Position) -> str:
    return datetime.fromtimestamp((position.closed_at or 0) // SECOND, UTC).strftime("%Y-%m-%d")


_NAMES: Mapping[By, Callable[[Position], str]] = {
    By.DAY: _day,
    By.TOKEN: lambda position: position.mint,
    By.REASON: lambda position: str(position.exit_reason or "none"),
}
