"""Another plan for a position that is open: what of its past the new rules go by."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engine.domain.errors import CommandRefusedError
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import Nanos


def replanned(position: Position, plan: ExitPlan, now: Nanos) -> Position:
    """Return *position*, guarded by *plan* from *now* on; an exit that is under way stays as it is.

    Levels that were taken stay taken, however often the plan is changed: those of *plan* whose gain is not above the
    highest one that any plan of the position took. The peak is kept. The time limit counts from the opening, and the
    stagnation window from where it began, unless it shows nothing about the new rule: the plan had none, or one
    that let the price stray further.

    Raises:
        CommandRefusedError: the position is closed.
    """
    if position.closed:
        raise CommandRefusedError(f"position {position.id} is {position.status}: there is nothing left to guard")
    gain = _taken_gain(position)
    changed = replace(
        position,
        plan=plan,
        levels_taken=sum(level.gain_pct <= gain for level in plan.take_profits),
        taken_gain_pct=gain,
        updated_at=now,
    )
    if _calm_enough(position.plan, plan):
        return changed
    return replace(changed, calm_since=now, calm_price=position.last_price)


def _taken_gain(position: Position) -> Decimal:
    """Return the gain, in percent points, of the highest level that was taken by this plan or one before it."""
    taken = position.plan.take_profits[: position.levels_taken]
    return max(position.taken_gain_pct, *(level.gain_pct for level in taken), Decimal(0))


def _calm_enough(old: ExitPlan, new: ExitPlan) -> bool:
    """Return whether a price that kept within the band of *old* kept within that of *new* as well."""
    if new.stagnation is None:
        return True
    return old.stagnation is not None and old.stagnation.band_pct <= new.stagnation.band_pct
