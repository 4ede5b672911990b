"""Exit plans: when a position is to be left, and how much of it.

Percentages are percent points: 20 is 20 %.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.domain.errors import BadInputError
from engine.domain.units import Nanos, seconds

HUNDRED = Decimal(100)
MAX_LEVELS = 3
MAX_GAIN = Decimal(1_000_000)
"""Ten thousand times the entry: a target beyond it is a slip of the keyboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfit:
    """Sell *sell_pct* of what remains once the price is *gain_pct* above entry."""

    gain_pct: Decimal
    sell_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailingStop:
    """Once the price was *activation_pct* above entry, sell all when it is *trail_pct* below its peak."""

    activation_pct: Decimal
    trail_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stagnation:
    """Sell all when the price stayed within *band_pct* of its start for the whole *window*."""

    band_pct: Decimal
    window: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlan:
    """The rules of one position. Constructing one that makes no sense raises, naming every fault.

    Raises:
        BadInputError: a percentage is out of range, levels do not rise, or a rule could never fire.
    """

    stop_loss_pct: Decimal
    take_profits: tuple[TakeProfit, ...] = ()
    trailing: TrailingStop | None = None
    max_hold: Nanos | None = None
    stagnation: Stagnation | None = None

    def __post_init__(self) -> None:
        faults = [*_faults(self.stop_loss_pct, self.take_profits, self.trailing, self.max_hold, self.stagnation)]
        if faults:
            raise BadInputError(_NO_SENSE + "; ".join(faults))


_NO_SENSE = "the exit plan makes no sense: "


def _faults(
    stop: Decimal | None,
    levels: Sequence[TakeProfit | None],
    trailing: TrailingStop | None,
    max_hold: Nanos | None,
    stagnation: Stagnation | None,
) -> Iterator[str]:
    """Yield a sentence for each fault of what could be read of a plan; None stands for what could not."""
    if stop is not None and not _within(stop, HUNDRED):
        yield f"stop_loss_pct is {stop}, and must lie between 0 and 100, both excluded"
    yield from _level_faults(levels)
    if trailing:
        yield from _trailing_faults(trailing, levels)
    if max_hold is not None and max_hold <= 0:
        yield "max_hold must be longer than nothing"
    if stagnation:
        yield from _stagnation_faults(stagnation, max_hold)


def _within(value: Decimal, limit: Decimal, *, limit_included: bool = False) -> bool:
    """Return whether *value* is a number above 0 and below *limit*."""
    return value.is_finite() and (0 < value < limit or (limit_included and value == limit))


def _level_faults(levels: Sequence[TakeProfit | None]) -> Iterator[str]:
    if len(levels) > MAX_LEVELS:
        yield f"there are {len(levels)} take profits, and at most {MAX_LEVELS} are kept"
    numbered = [(number, level) for number, level in enumerate(levels, 1) if level is not None]
    for number, level in numbered:
        if not _within(level.gain_pct, MAX_GAIN, limit_included=True):
            yield f"take profit {number}: gain_pct is {level.gain_pct}, and must lie above 0 and up to {MAX_GAIN}"
        if not _within(level.sell_pct, HUNDRED, limit_included=True):
            yield f"take profit {number}: sell_pct is {level.sell_pct}, and must lie above 0 and up to 100"
    for (_, lower), (number, higher) in itertools.pairwise(numbered):
        if higher.gain_pct.is_finite() and lower.gain_pct.is_finite() and higher.gain_pct <= lower.gain_pct:
            yield (
                f"take profit {number}: gain_pct {higher.gain_pct} does not rise above "
                f"the level before it ({lower.gain_pct})"
            )
        if lower.sell_pct == HUNDRED:
            yield f"take profit {number} could never fire: the level before it sells 100 %"


def _trailing_faults(trailing: TrailingStop, levels: Sequence[TakeProfit | None]) -> Iterator[str]:
    activation = trailing.activation_pct
    if not _within(trailing.trail_pct, HUNDRED):
        yield f"trailing: trail_pct is {trailing.trail_pct}, and must lie between 0 and 100, both excluded"
    if activation != 0 and not _within(activation, MAX_GAIN, limit_included=True):
        yield f"trailing: activation_pct is {activation}, and must lie from 0 to {MAX_GAIN}"
        return
    for number, level in enumerate(levels, 1):
        if level is None or not level.gain_pct.is_finite() or level.sell_pct != HUNDRED:
            continue
        if level.gain_pct <= activation:
            yield (
                f"the trailing stop could never fire: take profit {number} sells 100 % at +{level.gain_pct} %, "
                f"before it activates at +{activation} %"
            )


def _stagnation_faults(stagnation: Stagnation, max_hold: Nanos | None) -> Iterator[str]:
    if not _within(stagnation.band_pct, HUNDRED):
        yield f"stagnation: band_pct is {stagnation.band_pct}, and must lie between 0 and 100, both excluded"
    if stagnation.window <= 0:
        yield "stagnation: window must be longer than nothing"
    if max_hold is not None and stagnation.window >= max_hold > 0:
        yield "stagnation could never fire: its window is not shorter than max_hold"


def _levels(*pairs: tuple[int, int]) -> tuple[TakeProfit, ...]:
    return tuple(TakeProfit(gain_pct=Decimal(gain), sell_pct=Decimal(sell)) for gain, sell in pairs)


PRESETS: Mapping[str, ExitPlan] = {
    "conservative": ExitPlan(
        stop_loss_pct=Decimal(10),
        take_profits=_levels((15, 50), (30, 100)),
        trailing=TrailingStop(activation_pct=Decimal(10), trail_pct=Decimal(8)),
        max_hold=seconds(24 * 3600),
        stagnation=Stagnation(band_pct=Decimal(2), window=seconds(6 * 3600)),
    ),
    "balanced": ExitPlan(
        stop_loss_pct=Decimal(20),
        take_profits=_levels((25, 33), (50, 50), (100, 50)),
        trailing=TrailingStop(activation_pct=Decimal(30), trail_pct=Decimal(15)),
        max_hold=seconds(72 * 3600),
        stagnation=Stagnation(band_pct=Decimal(5), window=seconds(24 * 3600)),
    ),
    "moonbag": ExitPlan(
        stop_loss_pct=Decimal(35),
        take_profits=_levels((100, 50), (300, 25)),
        trailing=TrailingStop(activation_pct=Decimal(150), trail_pct=Decimal(40)),
    ),
}
"""Plans by name, to begin with."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?\Z")
_UNIT_SECONDS = {"s": 1, None: 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 3650 * 86400
"""Ten years, in seconds."""
_KEYS = {"stop_loss_pct", "take_profits", "trailing", "max_hold", "stagnation"}


def duration(text: str, what: str) -> Nanos:
    """Return the span that *text* names: seconds, or a number with s, m, h or d.

    Raises:
        BadInputError: it names none; *what* is what was given.
    """
    match = _DURATION.match(text.strip())
    if not match:
        raise BadInputError(f"{what} is {text!r}, and must be a duration such as 90s, 15m, 24h or 3d")
    span = Decimal(match[1]) * _UNIT_SECONDS[match[2]]
    if span > _LONGEST:
        raise BadInputError(f"{what} is {text!r}, and must not be longer than 3650d")
    return seconds(span)


class _Reader:
    """Reads a plan from parsed JSON or TOML and collects every fault on the way."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def table(self, value: Any, where: str, keys: set[str]) -> Mapping[str, Any] | None:
        if not isinstance(value, Mapping):
            what = where.removesuffix(": ") or "the plan"
            self.faults.append(f"{what} must be a table of {', '.join(sorted(keys))}")
            return None
        self.faults += [f"{where}{key} is not a key of a plan" for key in value if key not in keys]
        return value

    def percent(self, table: Mapping[str, Any], key: str, where: str = "") -> Decimal | None:
        value = table.get(key)
        if isinstance(value, bool | None):
            self.faults.append(f"{where}{key} is missing" if value is None else f"{where}{key} must be a number")
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            self.faults.append(f"{where}{key} is {value!r}, and must be a number of percent points")
            return None
        return number

    def duration(self, table: Mapping[str, Any], key: str, where: str = "") -> Nanos | None:
        try:
            return duration(str(table.get(key, "")), f"{where}{key}")
        except BadInputError as error:
            self.faults.append(str(error))
            return None

    def levels(self, value: Any) -> tuple[TakeProfit | None, ...]:
        """Return a level for each entry, None for one that cannot be read, so that each keeps its number."""
        if not isinstance(value, list):
            self.faults.append("take_profits must be a list of tables with gain_pct and sell_pct")
            return ()
        return tuple(self._level(entry, f"take profit {number}: ") for number, entry in enumerate(value, 1))

    def _level(self, value: Any, where: str) -> TakeProfit | None:
        table = self.table(value, where, {"gain_pct", "sell_pct"})
        if table is None:
            return None
        gain, sell = self.percent(table, "gain_pct", where), self.percent(table, "sell_pct", where)
        return TakeProfit(gain_pct=gain, sell_pct=sell) if gain is not None and sell is not None else None

    def trailing(self, value: Any) -> TrailingStop | None:
        where = "trailing: "
        table = self.table(value, where, {"activation_pct", "trail_pct"})
        if table is None:
            return None
        activation, trail = self.percent(table, "activation_pct", where), self.percent(table, "trail_pct", where)
        if activation is None or trail is None:
            return None
        return TrailingStop(activation_pct=activation, trail_pct=trail)

    def stagnation(self, value: Any) -> Stagnation | None:
        where = "stagnation: "
        table = self.table(value, where, {"band_pct", "window"})
        if table is None:
            return None
        band, window = self.percent(table, "band_pct", where), self.duration(table, "window", where)
        return Stagnation(band_pct=band, window=window) if band is not None and window is not None else None


def parse_plan(value: Any) -> ExitPlan:
    """Return the plan that *value*, parsed JSON or TOML, describes in full.

    Durations are numbers of seconds or texts such as ``"90s"``, ``"15m"``, ``"24h"``, ``"3d"``.

    Raises:
        BadInputError: naming every unknown key and every value that is out of place or range.
    """
    reader = _Reader()
    table = reader.table(value, "", _KEYS)
    if table is None:
        raise BadInputError(_NO_SENSE + "; ".join(reader.faults))
    stop = reader.percent(table, "stop_loss_pct")
    levels = reader.levels(table["take_profits"]) if "take_profits" in table else ()
    trailing = reader.trailing(table["trailing"]) if "trailing" in table else None
    max_hold = reader.duration(table, "max_hold") if "max_hold" in table else None
    stagnation = reader.stagnation(table["stagnation"]) if "stagnation" in table else None
    faults = [*reader.faults, *_faults(stop, levels, trailing, max_hold, stagnation)]
    if faults or stop is None:
        raise BadInputError(_NO_SENSE + "; ".join(faults))
    return ExitPlan(
        stop_loss_pct=stop,
        take_profits=tuple(level for level in levels if level is not None),
        trailing=trailing,
        max_hold=max_hold,
        stagnation=stagnation,
    )
