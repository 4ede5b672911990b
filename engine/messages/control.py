"""What a person, or the program around the actors, tells them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.order import Order
from engine.domain.plan import ExitPlan
from engine.domain.urgency import Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPosition:
    """To a position: sell *percent* (10 to 100) of what remains. Answered with the order, or the one it waits for."""

    percent: Decimal = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyExit:
    """To a position: sell everything before anything else. Answered with the order, or the one it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryExit:
    """To a position: try the exit *failed* again, at its amount or for *everything*. Answered with the new order."""

    failed: Order
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePosition:
    """To a position: give up the exit that failed for good and guard on. Answered with the position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """To a position: go by *plan* from now on. Answered with the position, after it looked at its last price again."""

    plan: ExitPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """To any actor: answered with a plain view of what it holds."""

    urgency: Urgency = Urgency.CONTROL


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """To the router: begin nothing new; it publishes `engine.drained` once no swap is in flight."""

    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """To the confirmer, from a router that starts: look at once at all that is watched, however long it takes.

    Answered by `Reconciled` when the chain could be read.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """To the router: what the chain knows of the unresolved attempts was told; new ones may be made."""

    urgency: Urgency = Urgency.VERDICT
