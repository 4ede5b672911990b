"""A chain whose ledger is honest and whose nodes are not: late, behind, forked, or not there at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.domain.errors import BadInputError, ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import Fill, Side, SignatureStatus, SwapFailure, SwapRequest, TokenInfo
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, Mint, Nanos, RawAmount, Signature
from tests.doubles import FakeMarket
from tests.simulation.weather import FINALITY, Weather

BLOCK = Nanos(400_000_000)
BASE_FEE = Lamports(5_000)
RECENT = 150
"""Blocks for which a node knows a signature without searching its history."""
RECLAIM = "reclaim"
"""Side of a transaction that only brings the rent of markers back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One transaction on chain."""

    height: int
    body: dict[str, Any]
    failure: SwapFailure | None
    fill: Fill


class SimulatedChain:
    """Executes what it is sent, at most once per signature, and remembers the truth.

    Args:
        rng: decides every fate.
        market: prices and decimals.
        now: the time, in nanoseconds; blocks are counted from the first call.
        exclusive: whether an order's marker lets only one of its attempts succeed. Without it, two live attempts
            of one order can both sell.
        watch: told of every transaction as it is executed, and before that of every one that is handed in.
    """

    def __init__(self, rng: Random, market: FakeMarket, now: Callable[[], Nanos], *, exclusive: bool = True) -> None:
        self.weather = Weather()
        self.landed: dict[Signature, Landed] = {}
        self.markers: dict[str, int] = {}
        """Lamports by seed."""
        self.tokens: dict[Mint, int] = {}
        self.lamports = 1_000 * LAMPORTS_PER_SOL
        self.unreachable_until = Nanos(0)
        self.on_send: Callable[[Signature, bytes, int], None] = lambda *_: None
        self.on_landed: Callable[[Landed], None] = lambda _: None
        self._rng = rng
        self._market = market
        self._now = now
        self._genesis = now()
        self._exclusive = exclusive
        self._on_its_way: dict[Signature, tuple[int, dict[str, Any]]] = {}
        self._forks: dict[Signature, int] = {}
        """Blocks that held a signature and were then dropped."""

    # The truth ----------------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        """The newest block's height."""
        return int(self._now() - self._genesis) // BLOCK + 1

    @property
    def busy(self) -> bool:
        """Whether something that was sent may still land."""
        return bool(self._on_its_way)

    def may_land(self, signature: Signature) -> bool:
        """Return whether *signature* is on its way to a block that takes it."""
        height, body = self._on_its_way.get(signature, (0, {"last_valid": -1}))
        return bool(height <= body["last_valid"])

    def advance(self) -> None:
        """Execute what is due by now, in the order of heights."""
        due = sorted((height, sig) for sig, (height, _) in self._on_its_way.items() if height <= self.height)
        for height, signature in due:
            body = self._on_its_way.pop(signature)[1]
            if height <= body["last_valid"]:
                self._execute(signature, body, height)

    def _execute(self, signature: Signature, body: dict[str, Any], height: int) -> None:
        failure = self._fault_of(body)
        tokens, sol, rent = (0, 0, 0) if failure else self._moved(body)
        fee = Lamports(BASE_FEE + body["priority_fee"])
        mint = Mint(body["mint"])
        self.tokens[mint] = self.tokens.get(mint, 0) + tokens
        self.lamports += sol - rent - fee
        fill = Fill(signature=signature, tokens=tokens, sol=sol, fee=fee, rent=rent, slot=height)
        self.landed[signature] = Landed(height=height, body=body, failure=failure, fill=fill)
        self.on_landed(self.landed[signature])

    def _fault_of(self, body: dict[str, Any]) -> SwapFailure | None:
        if body["side"] == RECLAIM:
            missing = any(self.markers.get(seed, 0) < parked for seed, parked in body["parked"])
            return SwapFailure(kind=FailureKind.REFUSED, message="a marker is empty") if missing else None
        if body["marker_rent"] and self._exclusive and self.markers.get(body["marker"]):
            return SwapFailure(kind=FailureKind.REFUSED, message="the account exists already", code="0")
        if self._rng.random() < self.weather.failing_program:
            return SwapFailure(kind=FailureKind.REFUSED, message="the pool is paused", code="6666")
        if self._out(body) < body["minimum_out"]:
            return SwapFailure(kind=FailureKind.SLIPPAGE, message="slippage tolerance exceeded", code="6001")
        held = self.tokens.get(Mint(body["mint"]), 0) if body["side"] == Side.SELL else self.lamports
        if held < body["amount"]:
            return SwapFailure(kind=FailureKind.PERMANENT, message="insufficient funds")
        return None

    def _moved(self, body: dict[str, Any]) -> tuple[int, int, int]:
        """Return tokens, lamports and rent that a successful *body* moves, and keep its markers."""
        if body["side"] == RECLAIM:
            return 0, 0, -sum(self.markers.pop(seed) for seed, _ in body["parked"])
        if body["marker_rent"]:
            self.markers[body["marker"]] = body["marker_rent"]
        out = self._out(body)
        tokens, sol = (-body["amount"], out) if body["side"] == Side.SELL else (out, -body["amount"])
        return tokens, sol, body["marker_rent"]

    def _out(self, body: dict[str, Any]) -> int:
        request = SwapRequest(
            side=Side(body["side"]), mint=Mint(body["mint"]), amount=body["amount"], slippage=BasisPoints(0)
        )
        return self._market.out(request)

    # What a node says ---------------------------------------------------------------------------------------

    def send(self, raw: bytes) -> None:
        """Take a transaction, or lose it; acknowledge it, or not."""
        self.advance()
        body = json.loads(raw)
        signature = Signature(body["signature"])
        self.on_send(signature, raw, body["last_valid"])
        if self._out_of_reach():
            raise SwapError(FailureKind.TRANSIENT, "the node was not reached")
        if self._rng.random() >= self.weather.dropped_send:
            self._accept(signature, body)
        if self._rng.random() < self.weather.lost_acknowledgement:
            raise SwapError(FailureKind.TRANSIENT, "no answer in time")

    def _accept(self, signature: Signature, body: dict[str, Any]) -> None:
        if signature in self.landed or signature in self._on_its_way:
            return
        last_valid, height = body["last_valid"], self.height
        delay = self._rng.randint(1, 2)
        if self._rng.random() < self.weather.slow_landing:
            # Up to the last block that takes it, and sometimes just past it.
            delay = self._rng.randint(1, max(1, last_valid - height + 2))
        if self._rng.random() < self.weather.forked_block and height + delay < last_valid:
            self._forks[signature] = height + delay
            delay = self._rng.randint(delay + 1, last_valid - height + 1)
        self._on_its_way[signature] = (height + delay, body)

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return what a node knows that may be behind."""
        view = self._view()
        return [self._status(signature, view, search_history=search_history) for signature in signatures]

    def _status(self, signature: Signature, view: int, *, search_history: bool) -> SignatureStatus | None:
        landed = self.landed.get(signature)
        if landed is None or landed.height > view:
            fork = self._forks.get(signature)
            on_fork = fork is not None and fork <= view <= fork + 1
            return SignatureStatus(slot=view, confirmation="processed", failure=None) if on_fork else None
        depth = view - landed.height
        if depth > RECENT and not search_history:
            return None
        confirmation = "finalized" if depth >= FINALITY else "confirmed" if depth else "processed"
        return SignatureStatus(slot=landed.height, confirmation=confirmation, failure=landed.failure)

    def finalized_height(self) -> int:
        """Return the height that cannot be rolled back, as a node knows it that may be behind."""
        return max(0, self._view() - FINALITY)

    def fill(self, signature: Signature, mint: Mint) -> Fill | None:
        """Return what a transaction moved, once the node has it."""
        view, landed = self._view(), self.landed.get(signature)
        return landed.fill if landed is not None and landed.height <= view else None

    def token(self, mint: Mint) -> TokenInfo:
        """Return a mint's decimals."""
        if mint not in self._market.decimals:
            raise BadInputError(f"{mint} has no account")
        return TokenInfo(mint=mint, decimals=self._market.decimals[mint], program="token")

    def token_balance(self, mint: Mint) -> RawAmount:
        """Return what the wallet holds."""
        self._view()
        return RawAmount(self.tokens.get(mint, 0))

    def sol_balance(self) -> Lamports:
        """Return the wallet's lamports."""
        self._view()
        return Lamports(self.lamports)

    def _view(self) -> int:
        """Return the height up to which the node that is asked knows the chain."""
        self.advance()
        if self._out_of_reach():
            raise ChainUnavailableError("no node answers")
        lags = self._rng.random() < self.weather.lagging_read
        return self.height - (self._rng.randrange(FINALITY) if lags else 0)

    def _out_of_reach(self) -> bool:
        return self._now() < self.unreachable_until or self._rng.random() < self.weather.failed_read
