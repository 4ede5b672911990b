"""How orders are served and retried, and what becomes of the accounts that they empty."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from engine.config.section import Bps, Fee, Interval, Seconds, Section, Told
from engine.domain.retry import RetryPolicies, RetryPolicy
from engine.domain.units import BasisPoints, Lamports, seconds


class RetrySection(Section):
    """How one kind of order is retried. Seconds, basis points, lamports."""

    max_attempts: Annotated[int, Field(strict=True, ge=1, le=20), Told(unit="attempts")]
    """Attempts before the order is given up, those included that failed before a signature."""
    waits: Annotated[tuple[Seconds, ...], Field(min_length=1), Told(unit="seconds")]
    """Before attempt 2, 3, ...; the last one stands for all that follow."""
    slippage_bps: Bps
    """Tolerance of the first attempt: how much less than quoted the chain accepts. It doubles after each slippage
    failure."""
    slippage_cap_bps: Bps
    """The most that it doubles to; not below `slippage_bps`."""
    priority_fee: Fee
    """What the first attempt pays above the base fee, in all. It doubles after each failure."""
    priority_fee_cap: Fee
    """The most that it doubles to; not below `priority_fee`."""
    resign_after: Seconds
    """Without a verdict for this long, another attempt is signed beside the first at a higher fee, if both carry the
    order's marker; 0 for never."""

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


class OrdersSection(Section):
    """The router and its retries."""

    max_concurrent: Annotated[int, Field(strict=True, ge=1, le=32), Told(unit="orders")] = 3
    """Orders in flight at a time. The last free slot is kept for stop losses and emergency exits; with 1 there is none
    to keep."""
    urgent: RetrySection = _section(_DEFAULT.urgent)
    """Stop losses and emergency exits."""
    exits: RetrySection = _section(_DEFAULT.exits)
    """All other exits."""
    entries: RetrySection = _section(_DEFAULT.entries)
    """Entries."""
    manual_retry_slippage_bps: Bps = _DEFAULT.manual_retry_slippage
    """The tolerance that a person's retry of a failed exit begins with."""
    reclaim_after: Interval = 30.0
    """How long the rent of a finished order's marker may wait for others to be brought back with it."""

    @field_validator("exits", "urgent", "entries", mode="before")
    @classmethod
    def _over_the_defaults(cls, value: Any, info: ValidationInfo) -> Any:
        """Let a file name the keys that it changes, and no others."""
        if not isinstance(value, dict):
            return value
        default = _section(getattr(_DEFAULT, info.field_name or ""))
        return default.model_dump() | value

    def policies(self) -> RetryPolicies:
        """Return the retry policies that the section describes."""
        return RetryPolicies(
            exits=self.exits.policy(),
            urgent=self.urgent.policy(),
            entries=self.entries.policy(),
            manual_retry_slippage=BasisPoints(self.manual_retry_slippage_bps),
        )


class TokensSection(Section):
    """What becomes of token accounts."""

    close_empty_accounts: Annotated[bool, Field(strict=True)] = False
    """Whether the exit that sells the last token also closes its account, which brings the rent back."""
