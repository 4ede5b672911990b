"""Where prices come from, and which of them move a position."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.config.section import Interval, Section, Share, Sol, Told
from engine.config.urls import HttpUrl, Url
from engine.domain.confirmation import ConfirmationRules
from engine.domain.quality import DEFAULT_RULES, PriceRules
from engine.domain.units import SECOND, lamports, seconds
from engine.domain.voices import REST

MISSED_POLLS = 3
"""So many polls without a price, and the next price source in order is listened to."""
PriceSourceName = Literal["jupiter", "dexscreener", "pools"]


class PricesSection(Section):
    """How often prices are asked for, and which of them move a position. Seconds, but for shares and days."""

    poll_interval: Interval = 1.0
    """From the beginning of one request for prices to that of the next."""
    max_age: Interval = 10.0
    """An older price moves no position, and a guarded token without a price for longer raises an alert."""
    deviation: Annotated[Share, Told(unit="share of the other price")] = DEFAULT_RULES.deviation
    """A price further than this from the last good one, or from what another source just said, needs a second look
    before it moves a position."""
    second_look: Interval = DEFAULT_RULES.second_look / SECOND
    """How long such a price waits to be confirmed or contradicted; not above `max_age`. The source is asked again at
    once; what nobody contradicts in this time counts."""
    frozen_after: Interval = DEFAULT_RULES.frozen_after / SECOND
    """A source that repeats the very same price for longer is rejected while another source moves, and raises an alert
    where it is alone."""
    sources: Annotated[tuple[PriceSourceName, ...], Field(min_length=1)] = ("pools", "jupiter", "dexscreener")
    """Which sources are asked; the first in order is listened to while it speaks."""
    dexscreener_url: HttpUrl = Url("https://api.dexscreener.com")
    """Where DexScreener's API is."""
    quorum: Annotated[int, Field(strict=True, ge=1), Told(unit="sources")] = 1
    """So many sources must speak before a price moves a position; not more than there are `sources`."""
    rest_after_failure: Interval = REST / SECOND
    """How long a source that failed is left alone while another one answers."""
    history: Annotated[float, Field(strict=True, gt=0, le=3650, allow_inf_nan=False), Told(unit="days")] = 30.0
    """How long the price history of a position is kept after it was closed."""
    confirm_exit_above_sol: Sol = Decimal(1)
    """An exit worth more than this is confirmed by a quote for its whole size before it is sent; 0 for every exit."""

    @model_validator(mode="after")
    def _second_look_is_in_time(self) -> PricesSection:
        if self.second_look > self.max_age:
            raise ValueError("second_look must not be above max_age: a price would be too old once it counts")
        return self

    @model_validator(mode="after")
    def _sources_suffice(self) -> PricesSection:
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("sources names one twice")
        if self.quorum > len(self.sources):
            raise ValueError(f"quorum must not be above {len(self.sources)}, the number of sources")
        return self

    def rules(self) -> PriceRules:
        """Return by what prices are compared."""
        return PriceRules(
            deviation=self.deviation,
            second_look=seconds(self.second_look),
            frozen_after=seconds(self.frozen_after),
            silent_after=seconds(self.poll_interval * MISSED_POLLS),
        )

    def confirmation(self) -> ConfirmationRules:
        """Return which exits the market must confirm."""
        return ConfirmationRules(above=lamports(self.confirm_exit_above_sol), stop_waits=seconds(self.second_look))
