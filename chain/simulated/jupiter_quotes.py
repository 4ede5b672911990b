"""The quotes that were given, so that a swap carries out what was quoted and nothing else."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any

from chain.simulated import jupiter_errors as errors
from chain.simulated.market import Offer

_REMEMBERED = 10_000

_REQUIRED = (
    "inputMint",
    "outputMint",
    "inAmount",
    "outAmount",
    "otherAmountThreshold",
    "swapMode",
    "slippageBps",
    "priceImpactPct",
    "routePlan",
)
"""The specification's required fields; without one the body does not even deserialize."""

_UNCOMPARED = "timeTaken"
"""A float, which some clients write differently from how they read it."""


class QuoteBook:
    """The newest ten thousand quotes. Safe to use from any thread."""

    def __init__(self) -> None:
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._fields: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def remember(self, quote: dict[str, Any], offer: Offer) -> None:
        """Take up that *quote* was answered and stands for *offer*."""
        with self._lock:
            self._fields = frozenset(quote)
            self._offers[_key(quote)] = offer
            if len(self._offers) > _REMEMBERED:
                self._offers.popitem(last=False)

    def offer(self, quote: dict[str, Any]) -> Offer:
        """Return the offer that *quote* stands for.

        Raises:
            JupiterError: it lacks fields, or differs from every quote that was answered.
        """
        for name in _REQUIRED:
            if name not in quote:
                raise errors.undeserializable(f"quoteResponse: missing field `{name}`")
        offer = self._offers.get(_key(quote))
        if offer is not None and self._fields <= quote.keys():
            return offer
        if missing := sorted(self._fields - quote.keys()):
            raise errors.quote_lacks_fields(missing)
        raise errors.foreign_quote()


def _key(quote: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in quote.items() if name != _UNCOMPARED}, sort_keys=True)
