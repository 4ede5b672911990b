"""Groups of closed positions, as the charts of results draw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.console.charts.scale import finite
from engine.domain.units import LAMPORTS_PER_SOL
from engine.wording import count_text


@dataclass(frozen=True, slots=True)
class Result:
    """What some closed positions came to."""

    name: str
    net_sol: float
    """After network fees; a place in a chart, not money."""
    positions: int
    win_rate: float
    """From 0 to 1."""

    @property
    def tone(self) -> str:
        """Class of its colour."""
        return "good" if self.net_sol > 0 else "bad" if self.net_sol < 0 else "muted"

    @property
    def words(self) -> str:
        """What it is, for a tooltip or a voice."""
        return (
            f"{self.name} {self.net_sol:+.4f} SOL net, {count_text(self.positions, 'position', 'positions')}, "
            f"{self.win_rate:.0%} won"
        )


def results_of(groups: Iterable[Mapping[str, Any]]) -> list[Result]:
    """Return the `groups` of `GET /pnl`; those without a result are left out."""
    return [
        Result(
            name=str(each.get("name", "")),
            net_sol=net / LAMPORTS_PER_SOL,
            positions=int(finite(each.get("positions")) or 0),
            win_rate=finite(each.get("win_rate")) or 0.0,
        )
        for each in groups
        if (net := finite(each.get("net"))) is not None
    ]
