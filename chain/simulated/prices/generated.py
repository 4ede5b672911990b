"""Price paths without a file: a seeded random walk, and one drawn through way-points."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from chain.simulated.prices.checks import GREATEST_PRICE, LEAST_PRICE
from chain.simulated.prices.path import PricePath, PricePoint
from engine.domain.errors import BadInputError
from engine.domain.units import SECOND, Nanos, seconds

_HOUR_SECONDS = 3600
_START = Nanos(0)
_STEEPEST = 700.0
"""A logarithm whose exponential is still a float, and far beyond any price."""


def random_walk(
    *,
    seed: int,
    start: float,
    drift: float,
    volatility: float,
    step: Nanos,
    length: Nanos,
    at: Nanos = _START,
) -> PricePath:
    """Return a geometric Brownian motion: ``ln S`` moves by ``(drift - volatility^2 / 2) t + volatility W(t)``.

    Args:
        seed: the same one gives the same path.
        start: the first price.
        drift: growth of the expected price per hour, as a logarithm.
        volatility: standard deviation of the logarithm after an hour.
        step: between two points.
        length: from the first point to the last, or a part of a step more.
        at: when the path begins.

    Raises:
        BadInputError: a figure makes no sense, or the path leaves 1e-15 to 1e9.
    """
    if step <= 0 or length < 0:
        raise BadInputError(f"A path of {length} ns in steps of {step} ns has no points: make both positive.")
    if not (math.isfinite(drift) and math.isfinite(volatility) and volatility >= 0):
        raise BadInputError(f"A walk needs finite drift and volatility, not {drift} and {volatility}.")
    noise = random.Random(seed)
    hours = step / SECOND / _HOUR_SECONDS
    mean, deviation = (drift - volatility**2 / 2) * hours, volatility * math.sqrt(hours)
    logarithms = itertools.accumulate((noise.gauss(mean, deviation) for _ in range(length // step)), initial=0.0)
    points = tuple(
        PricePoint(Nanos(at + index * step), _checked(start * math.exp(min(move, _STEEPEST))))
        for index, move in enumerate(logarithms)
    )
    return PricePath(source=f"random walk, seed {seed}", points=points)


def scripted(waypoints: Sequence[tuple[float, float]], *, step: Nanos = SECOND, at: Nanos = _START) -> PricePath:
    """Return the path that runs straight from one way-point to the next.

    Args:
        waypoints: pairs of seconds since *at* and price, each later than the one before.
        step: between two points on the way; every way-point is a point as well.
        at: when the path begins.

    Raises:
        BadInputError: there is no way-point, one is not later than the one before, or a price is none.
    """
    if not waypoints or step <= 0:
        raise BadInputError(
            f"A scripted path of {len(waypoints)} way-points in steps of {step} ns has no points: "
            "give at least one way-point and a positive step."
        )
    corners = [PricePoint(Nanos(at + seconds(when)), _checked(price)) for when, price in waypoints]
    points = [corners[0]]
    for (when, _), (before, after) in zip(waypoints[1:], itertools.pairwise(corners), strict=True):
        if after.at <= before.at:
            raise BadInputError(f"The way-point at {when} s is not later than the one before it: sort them.")
        slope = (after.price - before.price) / (after.at - before.at)
        between = range(before.at + step, after.at, step)
        points += [PricePoint(Nanos(when), before.price + slope * (when - before.at)) for when in between]
        points.append(after)
    return PricePath(source="script", points=tuple(points))


def _checked(price: float) -> float:
    if not LEAST_PRICE <= price <= GREATEST_PRICE:
        raise BadInputError(
            f"The path reaches a price of {price:g}, outside of {LEAST_PRICE:g} to {GREATEST_PRICE:g}: "
            "choose milder figures."
        )
    return price
