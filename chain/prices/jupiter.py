"""Prices from Jupiter's Price API v3.

It gives US dollars per whole token, last traded. SOL is asked for in every request, so that both prices of the
quotient come from one answer. Specification: openapi-spec/price/v3 of github.com/jup-ag/docs.

An answer has no time; its entries name the block of the trade that each price is from. So a price is dated:

- The newest block of an answer is as far as Jupiter has read the chain; SOL trades in nearly every one. An answer that
  has come no further than an earlier one is as old as that one: Jupiter repeats itself.
- A token that nobody trades keeps its last price, rightly: no trade, no other price. But a pool that was emptied trades
  no more either. So a price from more than `STALE_AFTER` before its answer is dated by its own block, and the feed
  takes it for what it is. A younger one is as good as its answer.
- Where the blocks are not told, a price counts as seen when the request was sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from chain.http.client import HttpClient, HttpError
from chain.http.gate import Rank
from chain.jupiter.errors import JupiterError, RateLimitedError, answered, of_transport
from chain.node.slot_time import LONGEST_SLOT, SlotTime
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import SOL_MINT, Mint, Nanos, seconds
from engine.messages.prices import Tick
from engine.ports import Clock

MAX_IDS = 50
"""Mints that one request may name, SOL among them."""
STALE_AFTER = seconds(60)
"""How long before the newest block of its answer a price may be from, to count as fresh as the answer."""

log = structlog.get_logger(__name__)


class JupiterPrices:
    """The `PriceSource` port over Jupiter's price API. Blocks.

    Args:
        http: to the host that has ``/price/v3``; see `chain.jupiter.build.jupiter_http`.
        clock: tells when a price was observed.
        stale_after: the oldest trade, before the newest block of the answer, whose price counts as the answer's own.
    """

    name = "jupiter"

    def __init__(self, http: HttpClient, clock: Clock, *, stale_after: Nanos = STALE_AFTER) -> None:
        self._http = http
        self._clock = clock
        self._stale_after = stale_after
        self._blocks = SlotTime()

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the price in SOL per whole token of each of *mints* that Jupiter prices.

        A mint without a price, or with one that is none, is not in the result. A tick is as old as the module says,
        and never younger than the request, so that a slow answer makes it no fresher.

        Raises:
            PriceUnavailableError: Jupiter did not answer, gave no price of SOL, or nonsense for every mint.
        """
        ticks: list[Tick] = []
        refused: list[Mint] = []
        for batch in _batches(mints):
            asked_at = self._clock.now()
            answer = self._ask(batch)
            sol_usd = _usd(answer.get(SOL_MINT))
            if sol_usd is None:
                raise PriceUnavailableError("Jupiter's price API gave no usable price of SOL")
            newest = max((block for entry in answer.values() if (block := _block(entry)) is not None), default=None)
            answered_at = asked_at if newest is None else self._blocks.of(newest, asked_at)
            for mint in batch:
                if mint in answer:
                    observed_at = self._dated(_block(answer[mint]), newest, answered_at)
                    tick = self._tick(mint, _usd(answer[mint]), sol_usd, observed_at)
                    ticks.extend([tick] if tick else [])
                    refused.extend([] if tick else [mint])
        if refused:
            log.warning("price_nonsense", source=self.name, mints=refused)
            if not ticks:
                raise PriceUnavailableError(f"Jupiter's price API gave nonsense for {', '.join(refused)}")
        return ticks

    def _dated(self, block: int | None, newest: int | None, answered_at: Nanos) -> Nanos:
        """Return when a price of *block* was true, in an answer that is as old as its *newest* block."""
        behind = 0 if block is None or newest is None else (newest - block) * LONGEST_SLOT
        return Nanos(answered_at - behind) if behind > self._stale_after else answered_at

    def _tick(self, mint: Mint, usd: Decimal | None, sol_usd: Decimal, at: Nanos) -> Tick | None:
        try:
            price = 0.0 if usd is None else float(usd / sol_usd)
        except ArithmeticError:
            return None
        if not (math.isfinite(price) and price > 0):
            return None
        return Tick(mint=mint, price=price, source=self.name, observed_at=at)

    def _ask(self, mints: Sequence[Mint]) -> dict[str, Any]:
        ids = ",".join(dict.fromkeys([SOL_MINT, *mints]))
        try:
            return answered(self._http.get("/price/v3", {"ids": ids}, exact_numbers=True, rank=Rank.POLL))
        except HttpError as error:
            raise _unavailable(of_transport(error)) from error
        except JupiterError as error:
            raise _unavailable(error) from error


def _batches(mints: Sequence[Mint]) -> Iterator[Sequence[Mint]]:
    step = MAX_IDS - 1
    for start in range(0, len(mints), step):
        yield mints[start : start + step]


def _unavailable(error: JupiterError) -> PriceUnavailableError:
    retry_at = error.reset_at if isinstance(error, RateLimitedError) else None
    return PriceUnavailableError(f"Jupiter's price API: {error}", retry_at=retry_at)


def _usd(entry: Mapping[str, Any] | None) -> Decimal | None:
    """Return the price of an entry ``{"usdPrice": number, ...}`` as it was written, or None where it is none."""
    match entry:
        case {"usdPrice": Decimal() | int() as price} if not isinstance(price, bool) and price > 0:
            return Decimal(price)
        case _:
            return None


def _block(entry: object) -> int | None:
    """Return the slot of the trade that an entry's price is from; None where it is not told."""
    match entry:
        case {"blockId": int() as block} if not isinstance(block, bool) and block >= 0:
            return block
        case _:
            return None
