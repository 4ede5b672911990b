"""What the network asks now for a place in a block: an estimate, in micro-lamports a compute unit.

An estimate may raise what an order pays, up to the order's cap, and never lowers it. One that cannot be had costs an
exit nothing: the order's own fee stands, and the source is left alone for a while.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from chain.http.circuit import Circuit
from chain.node.rpc import Caller, understood
from chain.transactions.assembly import priority_fee_of
from chain.values import array, whole_number
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import Lamports, Nanos, seconds
from engine.ports import Clock

MAX_ACCOUNTS = 128
"""The most that getRecentPrioritizationFees takes."""
PERCENTILE = 75
KEPT_FOR = seconds(0.4)
"""About a slot; a burst of exits of one mint asks once."""
REST = seconds(10)

log = structlog.get_logger(__name__)


class PriorityFees(Protocol):
    """A source of estimates. Blocks; best given an `chain.node.rpc.RpcClient` of its own with short time-outs."""

    def unit_price(self, accounts: Sequence[str]) -> int:
        """Return the micro-lamports a compute unit that a swap should pay that writes *accounts* (base58).

        Raises:
            ChainUnavailableError: there is no estimate.
        """


class RecentFees:
    """Estimates from what was paid in the last 150 blocks (getRecentPrioritizationFees).

    A node tells for each block the least that got a transaction in that wrote the accounts: a floor, of which a high
    percentile over the blocks is taken (by nearest rank).

    Args:
        rpc: of the node to ask.
        percentile: 1 to 100.

    Raises:
        BadInputError: *percentile* is none.
    """

    def __init__(self, rpc: Caller, *, percentile: int = PERCENTILE) -> None:
        if not 1 <= percentile <= 100:  # noqa: PLR2004 - what a percentile is
            raise BadInputError(f"The priority fee's percentile is {percentile}: give 1 to 100")
        self._rpc = rpc
        self._percentile = percentile

    def unit_price(self, accounts: Sequence[str]) -> int:
        """Return the percentile of the prices that wrote *accounts*; 0 where nobody had to pay."""
        method = "getRecentPrioritizationFees"
        result = self._rpc.call(method, [list(dict.fromkeys(accounts))[:MAX_ACCOUNTS]])
        with understood(method):
            prices = sorted(whole_number(item["prioritizationFee"]) for item in array(result))
        if not prices:
            return 0
        rank = -(-len(prices) * self._percentile // 100)
        return prices[rank - 1]


class HeliusFees:
    """Helius's own estimate (getPriorityFeeEstimate), which also weighs what failed to land.

    Args:
        rpc: of Helius's node.
        level: Min, Low, Medium, High, VeryHigh or UnsafeMax.
    """

    def __init__(self, rpc: Caller, *, level: str = "High") -> None:
        self._rpc = rpc
        self._level = level

    def unit_price(self, accounts: Sequence[str]) -> int:
        """Return the estimate of the level, rounded up."""
        method = "getPriorityFeeEstimate"
        asked = {"accountKeys": list(dict.fromkeys(accounts)), "options": {"priorityLevel": self._level}}
        result = self._rpc.call(method, [asked])
        with understood(method):
            estimate = result["priorityFeeEstimate"]
            return whole_number(math.ceil(estimate) if isinstance(estimate, float) else estimate)


@dataclass(slots=True)
class _Kept:
    price: int = 0
    until: Nanos = Nanos(0)
    asking: threading.Lock = field(default_factory=threading.Lock)


class FeeEstimator:
    """What an attempt pays, by a source of estimates that is asked as little as can be. Safe to share between threads.

    Args:
        source: of the estimates.
        clock: tells when an estimate is old.
        kept_for: how long one is used.
        rest: how long a source that failed is left alone.
    """

    def __init__(self, source: PriorityFees, *, clock: Clock, kept_for: Nanos = KEPT_FOR, rest: Nanos = REST) -> None:
        self._source = source
        self._clock = clock
        self._kept_for = kept_for
        self._circuit = Circuit(clock, rest)
        self._kept: dict[frozenset[str], _Kept] = {}
        self._lock = threading.Lock()

    def fee(self, accounts: Sequence[str], *, compute_unit_limit: int, least: Lamports, most: Lamports) -> Lamports:
        """Return the priority fee, in all, of a swap that writes *accounts*.

        Args:
            accounts: base58.
            compute_unit_limit: what the swap's transaction sets.
            least: the order's own fee, which is paid where there is no estimate.
            most: what an estimate may raise it to.
        """
        if most <= least:
            return least
        price = self._price(accounts)
        return least if price is None else max(least, min(priority_fee_of(price, compute_unit_limit), most))

    def _price(self, accounts: Sequence[str]) -> int | None:
        kept = self._slot(frozenset(accounts))
        # Whoever comes while the source is being asked waits for that answer.
        with kept.asking:
            if kept.until > self._clock.now():
                return kept.price
            if self._circuit.rests_until is not None:
                return None
            try:
                kept.price = self._source.unit_price(accounts)
            except ChainUnavailableError as error:
                self._circuit.failed()
                log.warning("priority_fee_unknown", error=str(error))
                return None
            kept.until = Nanos(self._clock.now() + self._kept_for)
            return kept.price

    def _slot(self, accounts: frozenset[str]) -> _Kept:
        now = self._clock.now()
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept.until <= now and not kept.asking.locked()]:
                del self._kept[key]
            return self._kept.setdefault(accounts, _Kept())
