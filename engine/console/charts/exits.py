"""The exits of a position on its chart: where they stand, what they are called, how they went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from engine.console.charts.scale import Prices, Times, finite, seconds_of
from engine.console.charts.svg import TOP, number
from engine.console.markup import esc
from engine.wording import price_text, reason_text, tokens_text

_SHORT = {
    "stop_loss": "stop",
    "trailing_stop": "trail",
    "take_profit_1": "TP 1",
    "take_profit_2": "TP 2",
    "take_profit_3": "TP 3",
    "time_limit": "time",
    "stagnation": "flat",
    "manual": "manual",
    "emergency": "EMERGENCY",
}
"""What there is room for beside a mark."""
_NEAR = 0.08
"""Marks that are nearer to each other than this share of the width have their labels spread."""
_APART = 13


class Priced(Protocol):
    """A moment that has a price."""

    @property
    def at(self) -> float:
        """Seconds since the epoch."""

    @property
    def close(self) -> float:
        """The price."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One exit, at the price that it got, or else the price of the moment."""

    at: float
    price: float
    reason: str
    status: str
    order_id: str
    amount: int | None
    """Raw units."""

    @property
    def words(self) -> str:
        """What it is, for a tooltip or a voice."""
        when = f"{datetime.fromtimestamp(self.at, UTC):%H:%M:%S} UTC"
        return f"{reason_text(self.reason)} {reason_text(self.status)} at {price_text(self.price)} SOL, {when}"


def exits_of(exits: Iterable[Mapping[str, Any]], prices: Sequence[Priced]) -> list[Exit]:
    """Return the `exits` of a chart as the API has them, in the order of time.

    One that got no price stands at that of the nearest of *prices*; where there is none it has no place.
    """
    found = []
    for each in exits:
        at, price = seconds_of(each.get("at")), finite(each.get("price"))
        if at is None:
            continue
        if price is None and prices:
            price = min(prices, key=lambda known: abs(known.at - at)).close
        if price is not None:
            amount = str(each.get("amount_tokens") or "")
            found.append(
                Exit(
                    at=at,
                    price=price,
                    reason=str(each.get("reason") or "exit"),
                    status=str(each.get("status") or ""),
                    order_id=str(each.get("order_id") or ""),
                    amount=int(amount) if amount.isascii() and amount.isdigit() else None,
                )
            )
    return sorted(found, key=lambda exit_: exit_.at)


def marked(exits: Sequence[Exit], times: Times, scale: Prices, *, decimals: int | None) -> Iterable[str]:
    """Yield the marks of *exits* with their reasons; those that are near to each other have them spread."""
    for group in _near(exits, times):
        for each, place in zip(group, _above([scale.y(each.price) for each in group]), strict=True):
            yield _mark(each, times, scale, place, decimals=decimals)


def _above(marks: Sequence[float]) -> list[float]:
    """Return where the labels of *marks* stand: each above its own, and none upon another."""
    places = list(marks)
    free = float("inf")
    for index in sorted(range(len(marks)), key=lambda index: -marks[index]):
        free = places[index] = min(marks[index] - 12, free - _APART)
    lift = max(0.0, TOP - 4 - free)
    return [place + lift for place in places]


def _near(exits: Sequence[Exit], times: Times) -> list[list[Exit]]:
    groups: list[list[Exit]] = []
    for each in exits:
        if groups and times.share(each.at) - times.share(groups[-1][-1].at) < _NEAR:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _mark(each: Exit, times: Times, scale: Prices, place: float, *, decimals: int | None) -> str:
    y, share = scale.y(each.price), times.share(each.at)
    tone, shape = _shape(each.status)
    side = "end" if share > 0.9 else "" if share < 0.1 else "mid"  # noqa: PLR2004
    sold = "" if decimals is None or each.amount is None else f", {tokens_text(each.amount, decimals)} tokens"
    name = _SHORT.get(each.reason, reason_text(each.reason))
    return (
        f'<svg x="{times.percent(each.at)}" class="exit {tone}"><title>{esc(each.words + sold)}</title>'
        f'<path class="lead" d="M0,{number(place + 5)}V{number(y)}"/>'
        f'<g transform="translate(0 {number(y)})">{shape}</g>'
        f'<text class="halo {side}" y="{number(place + 3)}">{esc(name)}</text></svg>'
    )


def _shape(status: str) -> tuple[str, str]:
    """Return the colour and the shape that say how an exit of *status* went."""
    if status == "filled":
        return "accent", '<path class="mark" d="M-5.5,-4.5H5.5L0,5.5Z"/>'
    if status in ("failed", "cancelled"):
        return "bad", '<path class="cross" d="M-4,-4L4,4M-4,4L4,-4"/>'
    return "warn", '<circle class="ring" r="4.5"/>'
