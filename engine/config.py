"""Settings: the only place where they are read. Every fault of a file is named at once, with its key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from engine.domain.errors import BadInputError
from engine.domain.quality import DEFAULT_RULES, PriceRules
from engine.domain.retry import RetryPolicies, RetryPolicy
from engine.domain.units import SECOND, BasisPoints, Lamports, Nanos, seconds

_DAY = 86_400
MISSED_POLLS = 3
"""So many polls without a price, and the next price source in order is listened to."""
Seconds = Annotated[float, Field(strict=True, ge=0, le=_DAY, allow_inf_nan=False)]
Interval = Annotated[float, Field(strict=True, gt=0, le=_DAY, allow_inf_nan=False)]
Bps = Annotated[int, Field(strict=True, ge=0, le=10_000)]
Fee = Annotated[int, Field(strict=True, ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrySection(_Section):
    """How one kind of order is retried. Seconds, basis points, lamports."""

    max_attempts: Annotated[int, Field(strict=True, ge=1, le=20)]
    waits: Annotated[tuple[Seconds, ...], Field(min_length=1)]
    slippage_bps: Bps
    slippage_cap_bps: Bps
    priority_fee: Fee
    priority_fee_cap: Fee
    resign_after: Seconds
    """Without a verdict for this long, another attempt is signed beside the first; 0 for never."""

    @model_validator(mode="after")
    def _caps_hold(self) -> RetrySection:
        if self.slippage_cap_bps < self.slippage_bps:
            raise ValueError("slippage_cap_bps must not be below slippage_bps")
        if self.priority_fee_cap < self.priority_fee:
            raise ValueError("priority_fee_cap must not be below priority_fee")
        return self

    def policy(self) -> RetryPolicy:
        """Return the policy that the section describes."""
        return RetryPolicy(
            max_attempts=self.max_attempts,
            waits=tuple(seconds(wait) for wait in self.waits),
            slippage=BasisPoints(self.slippage_bps),
            slippage_cap=BasisPoints(self.slippage_cap_bps),
            fee=Lamports(self.priority_fee),
            fee_cap=Lamports(self.priority_fee_cap),
            resign_after=seconds(self.resign_after) if self.resign_after else None,
        )


def _section(policy: RetryPolicy) -> RetrySection:
    return RetrySection(
        max_attempts=policy.max_attempts,
        waits=tuple(wait / 1e9 for wait in policy.waits),
        slippage_bps=policy.slippage,
        slippage_cap_bps=policy.slippage_cap,
        priority_fee=policy.fee,
        priority_fee_cap=policy.fee_cap,
        resign_after=(policy.resign_after or 0) / 1e9,
    )


_DEFAULT = RetryPolicies()


class OrdersSection(_Section):
    """The router and its retries."""

    max_concurrent: Annotated[int, Field(strict=True, ge=1, le=32)] = 3
    """Swaps in flight at a time; one of them is kept for stop losses and emergencies."""
    exits: RetrySection = _section(_DEFAULT.exits)
    urgent: RetrySection = _section(_DEFAULT.urgent)
    entries: RetrySection = _section(_DEFAULT.entries)
    manual_retry_slippage_bps: Bps = _DEFAULT.manual_retry_slippage

    @field_validator("exits", "urgent", "entries", mode="before")
    @classmethod
    def _over_the_defaults(cls, value: Any, info: ValidationInfo) -> Any:
        """Let a file name the keys that it changes, and no others."""
        if not isinstance(value, dict):
            return value
        default = _section(getattr(_DEFAULT, info.field_name or ""))
        return default.model_dump() | value

    reclaim_after: Interval = 30.0
    """How long the rent of a finished order's marker may wait for others to be brought back with it."""

    def policies(self) -> RetryPolicies:
        """Return the retry policies that the section describes."""
        return RetryPolicies(
            exits=self.exits.policy(),
            urgent=self.urgent.policy(),
            entries=self.entries.policy(),
            manual_retry_slippage=BasisPoints(self.manual_retry_slippage_bps),
        )


class PricesSection(_Section):
    """How often prices are asked for, and which of them move a position. Seconds; the deviation is a share."""

    poll_interval: Interval = 1.0
    max_age: Interval = 10.0
    deviation: Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)] = DEFAULT_RULES.deviation
    """A price further than this from the last good one, as a share of it, needs a second look before it counts."""
    second_look: Interval = DEFAULT_RULES.second_look / SECOND
    """How long such a price waits to be confirmed or contradicted; then it counts."""
    frozen_after: Interval = DEFAULT_RULES.frozen_after / SECOND
    """How long a source may repeat the very same price before that is suspicious."""

    @model_validator(mode="after")
    def _second_look_is_in_time(self) -> PricesSection:
        if self.second_look > self.max_age:
            raise ValueError("second_look must not be above max_age: a price would be too old once it counts")
        return self

    def rules(self) -> PriceRules:
        """Return by what prices are compared."""
        return PriceRules(
            deviation=self.deviation,
            second_look=seconds(self.second_look),
            frozen_after=seconds(self.frozen_after),
            silent_after=seconds(self.poll_interval * MISSED_POLLS),
        )


class ChainSection(_Section):
    """How the chain is asked."""

    confirm_interval: Interval = 0.5
    rebroadcast_interval: Interval = 1.0


class JupiterSection(_Section):
    """Which of Jupiter's APIs is used."""

    api: Literal["v2", "v1"] = "v2"


class Settings(_Section):
    """Everything that can be set."""

    orders: OrdersSection = OrdersSection()
    prices: PricesSection = PricesSection()
    chain: ChainSection = ChainSection()
    jupiter: JupiterSection = JupiterSection()

    @property
    def max_price_age(self) -> Nanos:
        """The oldest price that may move a position."""
        return seconds(self.prices.max_age)


def load(path: Path | None) -> Settings:
    """Return the settings in the TOML file at *path*; the defaults where it is None.

    Raises:
        BadInputError: the file cannot be read, is not TOML, or has unknown keys or values out of range: all named.
    """
    if path is None:
        return Settings()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} is not TOML: {error}") from None
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_sentence(fault) for fault in error.errors())
        raise BadInputError(f"{path}: {faults}") from None


def _sentence(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key} is not a setting"
    if fault["type"] == "value_error":
        return f"{key}: {fault['ctx']['error']}"
    return f"{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}, not {fault['input']!r}"
