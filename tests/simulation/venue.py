"""A venue that quotes at the market's price and fails as it is told, and the signer beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

from engine.domain.errors import INSUFFICIENT_TOKENS, FailureKind, SwapError
from engine.domain.swap import PreparedSwap, Quote, Side, SignedSwap, SwapRequest
from engine.domain.units import SOL_MINT, BasisPoints, Lamports, Signature
from tests.doubles import FakeMarket
from tests.simulation.chain import RECLAIM, SimulatedChain
from tests.simulation.weather import Weather

MARKER_RENT = Lamports(890_880)


class NativePanic(BaseException):
    """Stands for a panic out of native code, which does not derive from Exception."""


class SimulatedVenue:
    """Quotes and builds; *validity* is for how many blocks what it builds can land."""

    def __init__(self, rng: Random, market: FakeMarket, chain: SimulatedChain, *, validity: int) -> None:
        self.weather = Weather()
        self._rng = rng
        self._market = market
        self._chain = chain
        self._validity = validity

    def quote(self, request: SwapRequest) -> Quote:
        """Return the market's price less an impact of 0.1 %."""
        self._fail()
        out = self._market.out(request) * 999 // 1000
        if out < 100:
            raise SwapError(FailureKind.REFUSED, "no route found for so little", code="NO_ROUTES_FOUND")
        return Quote(
            request=request,
            expected_out=out,
            minimum_out=out * (10_000 - request.slippage) // 10_000,
            venue="simulated",
            payload=None,
        )

    def prepare(
        self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "", priority_fee_cap: Lamports | None = None
    ) -> PreparedSwap:
        """Return a transaction that would succeed now."""
        self._fail()
        self._chain.advance()
        request = quote.request
        if request.side is Side.SELL and self._chain.tokens.get(request.mint, 0) < request.amount:
            raise SwapError(FailureKind.PERMANENT, "the wallet holds too little", code=INSUFFICIENT_TOKENS)
        room = self._rng.random() >= self.weather.no_room_for_marker
        rent = MARKER_RENT if marker_seed and room else Lamports(0)
        if rent and self._chain.markers.get(marker_seed):
            raise SwapError(FailureKind.REFUSED, "the simulation failed: the account exists already", code="0")
        return self._prepared(quote, request.side, priority_fee, marker=marker_seed, rent=rent)

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> PreparedSwap:
        """Return a transaction that brings the lamports of markers back."""
        self._fail()
        self._chain.advance()
        if any(self._chain.markers.get(seed, 0) < lamports for seed, lamports in parked):
            raise SwapError(FailureKind.REFUSED, "the simulation failed: a marker is empty")
        request = SwapRequest(side=Side.BUY, mint=SOL_MINT, amount=0, slippage=BasisPoints(0))
        total = sum(lamports for _, lamports in parked)
        quote = Quote(request=request, expected_out=total, minimum_out=total, venue="reclaim", payload=None)
        return self._prepared(quote, RECLAIM, priority_fee, parked=parked)

    def _prepared(
        self,
        quote: Quote,
        side: str,
        priority_fee: Lamports,
        *,
        marker: str = "",
        rent: Lamports = Lamports(0),
        parked: Sequence[tuple[str, Lamports]] = (),
    ) -> PreparedSwap:
        last_valid = self._chain.height + self._validity
        body = {
            "side": side,
            "mint": quote.request.mint,
            "amount": quote.request.amount,
            "minimum_out": quote.minimum_out,
            "priority_fee": priority_fee,
            "marker": marker,
            "marker_rent": rent,
            "parked": list(parked),
            "last_valid": last_valid,
        }
        return PreparedSwap(
            quote=quote,
            message=json.dumps(body).encode(),
            last_valid_block_height=last_valid,
            priority_fee=priority_fee,
            compute_unit_limit=100_000,
            marker_rent=rent,
        )

    def _fail(self) -> None:
        weather, chance = self.weather, self._rng.random
        if chance() < weather.no_route:
            raise SwapError(FailureKind.REFUSED, "no route found", code="NO_ROUTES_FOUND")
        if chance() < weather.rate_limited:
            raise SwapError(FailureKind.TRANSIENT, "429: too many requests", code="429")
        if chance() < weather.slippage:
            raise SwapError(FailureKind.SLIPPAGE, "slippage tolerance exceeded", code="6001")
        if chance() < weather.permanent:
            raise SwapError(FailureKind.PERMANENT, "the token account is frozen")
        if chance() < weather.panic:
            raise NativePanic("index out of range")


class CountingSigner:
    """Names signatures by counting, over all the processes of a run."""

    address = "wallet"

    def __init__(self) -> None:
        self._count = 0

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Return *swap* under the next name."""
        self._count += 1
        signature = Signature(f"sig-{self._count}")
        raw = json.dumps({**json.loads(swap.message), "signature": signature}).encode()
        return SignedSwap(signature=signature, raw=raw, last_valid_block_height=swap.last_valid_block_height)
