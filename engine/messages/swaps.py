"""One attempt to swap: between the router, an executor and the confirmer."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.order import Attempt, Order
from engine.domain.swap import Fill, SwapFailure
from engine.domain.units import OrderId, Signature
from engine.domain.urgency import Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteSwap:
    """To an executor: make one attempt at *order*, which is SUBMITTED."""

    order: Order
    beside_others: bool = False
    """An earlier attempt may still land: this one is to be made only with the order's marker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapSent:
    """To the router: the attempt is recorded and was handed to the network; it may land."""

    executor: str
    attempt: Attempt
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapNotSent:
    """To the router: the attempt failed before anything could reach the chain."""

    executor: str
    order_id: OrderId
    failure: SwapFailure
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorReady:
    """To the router: *executor* has started and holds nothing; what it was given before is lost to it."""

    executor: str
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAttempt:
    """To the confirmer: find out what becomes of *attempt*."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSeen:
    """To the confirmer: a node says that something became of *signature*; it is asked at once what."""

    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLanded:
    """To the router: the attempt carried out its order; *fill* is what the chain says was moved."""

    attempt: Attempt
    fill: Fill
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReverted:
    """To the router: the attempt landed and failed; *fill* is the fee that it cost."""

    attempt: Attempt
    failure: SwapFailure
    fill: Fill
    urgency: Urgency = Urgency.VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptExpired:
    """To the router: the attempt is proven dead."""

    attempt: Attempt
    failure: SwapFailure
    urgency: Urgency = Urgency.VERDICT
