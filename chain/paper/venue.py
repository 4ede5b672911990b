"""Swapping on paper: the `SwapVenue` port over the real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from chain.failures import asking, raised
from chain.jupiter.errors import JupiterError
from chain.jupiter.venue import JupiterVenue
from chain.paper.ledger import PaperChain, of_stand_in
from chain.paper.takers import Takers
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import PreparedSwap, Quote, Side, SwapFailure, SwapRequest
from engine.domain.units import Lamports

BASE_FEE = Lamports(5_000)
"""Lamports a signature, on every cluster."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A quote of Jupiter's, and for whom."""

    taker: str
    quote: Quote


class PaperVenue:
    """The `SwapVenue` port of a wallet that may hold its money on paper alone. Safe to share between threads.

    Quotes and transactions are those of Jupiter for an account that could do the swap on chain; see `Takers`. What the
    wallet does not hold on chain and paper together cannot be swapped, whoever stands in.

    No attempt carries the order's marker: none would ever be created. So an order waits for the verdict of one attempt
    before it makes the next, and verdicts come at once.

    Args:
        venue_of: makes Jupiter's venue for a taker, given its base58 address.
        takers: finds them.
        chain: the wallet's, on paper.
        wallet: base58 address.
    """

    def __init__(
        self, venue_of: Callable[[str], JupiterVenue], *, takers: Takers, chain: PaperChain, wallet: str
    ) -> None:
        self._venue_of = venue_of
        self._takers = takers
        self._chain = chain
        self._wallet = wallet
        self._venues: dict[str, JupiterVenue] = {}
        self._lock = threading.Lock()

    def quote(self, request: SwapRequest) -> Quote:
        """Return what Jupiter would pay for *request* now.

        Raises:
            SwapError: there is no quote, the wallet does not hold what is to be swapped, or nobody can stand in.
        """
        with asking():
            if request.side is Side.SELL:
                self._check(self._chain.shortage(mint=request.mint, tokens=request.amount))
            else:
                self._check(self._chain.shortage(lamports=request.amount + BASE_FEE))
            taker = self._takers.of(request)
        with self._standing_in(taker):
            quote = self._venue(taker).quote(request)
        return replace(quote, payload=_Taken(taker, quote))

    def prepare(
        self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "", priority_fee_cap: Lamports | None = None
    ) -> PreparedSwap:
        """Return the unsigned transaction of *quote*, as `JupiterVenue.prepare` does, without a marker.

        Raises:
            SwapError: there is none, or it would fail, or the wallet cannot pay for it.
        """
        del marker_seed
        taken = quote.payload
        if not isinstance(taken, _Taken):
            raise SwapError(FailureKind.REFUSED, "the quote is not one of this venue: quote again")
        spent = quote.request.amount if quote.request.side is Side.BUY else 0
        with asking():
            self._check(self._chain.shortage(lamports=spent + BASE_FEE + priority_fee))
        with self._standing_in(taken.taker):
            return self._venue(taken.taker).prepare(
                taken.quote, priority_fee=priority_fee, priority_fee_cap=priority_fee_cap
            )

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> PreparedSwap:
        """Refuse: no attempt of this venue has a marker, so none of *parked* is on chain.

        Raises:
            SwapError: permanent, always.
        """
        del parked, priority_fee
        raise SwapError(FailureKind.PERMANENT, "on paper no order has a marker: there is no rent to bring back")

    def _venue(self, taker: str) -> JupiterVenue:
        with self._lock:
            if taker not in self._venues:
                self._venues[taker] = self._venue_of(taker)
            return self._venues[taker]

    @contextmanager
    def _standing_in(self, taker: str) -> Iterator[None]:
        try:
            yield
        except SwapError as error:
            if taker == self._wallet or isinstance(error, JupiterError):
                raise
            failure = SwapFailure(kind=error.kind, message=str(error), code=error.code)
            raise raised(of_stand_in(failure, taker)) from error

    @staticmethod
    def _check(shortage: SwapFailure | None) -> None:
        if shortage is not None:
            raise raised(shortage)
