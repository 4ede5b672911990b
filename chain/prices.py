"""Prices from Jupiter's Price API v3.

It gives US dollars per whole token, last traded. SOL is asked for in every request, so that both prices of the
quotient come from one answer. Specification: openapi-spec/price/v3 of github.com/jup-ag/docs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from chain.http import HttpClient, HttpError
from chain.jupiter_errors import answered
from engine.domain.errors import PriceUnavailableError, SwapError
from engine.domain.units import SOL_MINT, Mint, Nanos
from engine.messages.prices import Tick
from engine.ports import Clock

MAX_IDS = 50
"""Mints that one request may name, SOL among them."""

log = structlog.get_logger(__name__)


class JupiterPrices:
    """The `PriceSource` port over Jupiter's price API. Blocks.

    Args:
        http: to the host that has ``/price/v3``; see `chain.jupiter.jupiter_http`.
        clock: tells when a price was observed.
    """

    name = "jupiter"

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the price in SOL per whole token of each of *mints* that Jupiter prices.

        A mint without a price, or with one that is none, is not in the result. A tick counts as observed when the
        request was sent, so that a slow answer makes it no younger.

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
            for mint in batch:
                if mint in answer:
                    tick = self._tick(mint, _usd(answer[mint]), sol_usd, asked_at)
                    ticks.extend([tick] if tick else [])
                    refused.extend([] if tick else [mint])
        if refused:
            log.warning("price_nonsense", source=self.name, mints=refused)
            if not ticks:
                raise PriceUnavailableError(f"Jupiter's price API gave nonsense for {', '.join(refused)}")
        return ticks

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
            return answered(self._http.get("/price/v3", {"ids": ids}, exact_numbers=True))
        except (HttpError, SwapError) as error:
            raise PriceUnavailableError(f"Jupiter's price API: {error}") from error


def _batches(mints: Sequence[Mint]) -> Iterator[Sequence[Mint]]:
    step = MAX_IDS - 1
    for start in range(0, len(mints), step):
        yield mints[start : start + step]


def _usd(entry: Mapping[str, Any] | None) -> Decimal | None:
    """Return the price of an entry ``{"usdPrice": number, ...}`` as it was written, or None where it is none."""
    match entry:
        case {"usdPrice": Decimal() | int() as price} if not isinstance(price, bool) and price > 0:
            return Decimal(price)
        case _:
            return None
