"""Doubles of the ports: a venue, a signer and a chain that do what a test tells them, and say what they were asked."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.domain.alert import Alert
from engine.domain.errors import BadInputError, ChainUnavailableError, FailureKind, SwapError
from engine.domain.events import StoredEvent, Told
from engine.domain.swap import (
    Fill,
    PreparedSwap,
    Quote,
    Side,
    SignatureStatus,
    SignedSwap,
    SwapFailure,
    SwapRequest,
    TokenInfo,
)
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, BasisPoints, Lamports, Mint, RawAmount, Signature

FEE = Lamports(5_000)
MARKER_RENT = Lamports(650_240)


class FakeMarket:
    """Prices in SOL per whole token, and the decimals of the mints."""

    def __init__(self) -> None:
        self.prices: dict[Mint, Decimal] = {}
        self.decimals: dict[Mint, int] = {}

    def out(self, request: SwapRequest) -> int:
        """Return what *request* brings at the price of the moment."""
        lamports_per_raw = self.prices[request.mint] * LAMPORTS_PER_SOL / 10 ** self.decimals[request.mint]
        if request.side is Side.SELL:
            return int(request.amount * lamports_per_raw)
        return int(request.amount / lamports_per_raw)


class FakeVenue:
    """Quotes at the market's price; fails as often as it is told to."""

    def __init__(self, market: FakeMarket) -> None:
        self.market = market
        self.failures: deque[BaseException] = deque()
        self.markers = True
        """Whether there is room for the order's marker."""
        self.requests: list[SwapRequest] = []
        self.fees: list[Lamports] = []

    def fail(self, *errors: BaseException) -> None:
        """Raise *errors*, one for each of the next quotes."""
        self.failures.extend(errors)

    def quote(self, request: SwapRequest) -> Quote:
        self.requests.append(request)
        if self.failures:
            raise self.failures.popleft()
        out = self.market.out(request)
        return Quote(
            request=request,
            expected_out=out,
            minimum_out=out * (10_000 - request.slippage) // 10_000,
            venue="fake",
            payload=None,
        )

    def prepare(
        self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "", priority_fee_cap: Lamports | None = None
    ) -> PreparedSwap:
        self.fees.append(priority_fee)
        request = quote.request
        message = {"side": request.side, "mint": request.mint, "amount": request.amount, "out": quote.expected_out}
        message["marker"] = marker_seed if self.markers else ""
        return PreparedSwap(
            quote=quote,
            message=json.dumps(message).encode(),
            last_valid_block_height=150,
            priority_fee=priority_fee,
            compute_unit_limit=100_000,
            marker_rent=MARKER_RENT if message["marker"] else Lamports(0),
        )

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> PreparedSwap:
        total = sum(lamports for _, lamports in parked)
        request = SwapRequest(side=Side.BUY, mint=SOL_MINT, amount=0, slippage=BasisPoints(0))
        return PreparedSwap(
            quote=Quote(request=request, expected_out=total, minimum_out=total, venue="reclaim", payload=None),
            message=json.dumps({"reclaim": [seed for seed, _ in parked]}).encode(),
            last_valid_block_height=150,
            priority_fee=priority_fee,
            compute_unit_limit=1_000,
        )


class FakeSigner:
    """Names signatures by counting."""

    address = "wallet"

    def __init__(self) -> None:
        self.signed: list[SignedSwap] = []

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        signature = Signature(f"sig{len(self.signed) + 1}")
        body = {**json.loads(swap.message), "signature": signature}
        signed = SignedSwap(
            signature=signature,
            raw=json.dumps(body).encode(),
            last_valid_block_height=swap.last_valid_block_height,
        )
        self.signed.append(signed)
        return signed


class FakeChain:
    """Lands what is sent at once, unless it is told otherwise."""

    def __init__(self, market: FakeMarket) -> None:
        self.market = market
        self.outcomes: deque[str] = deque()
        """For each of the next new transactions: land, revert, lose (never lands) or hold (until `release`)."""
        self.sent: list[Signature] = []
        self._arrived: set[Signature] = set()
        self.known: dict[Signature, SignatureStatus] = {}
        self.fills: dict[Signature, Fill] = {}
        self.held: dict[Signature, dict[str, Any]] = {}
        self.markers: dict[str, int] = {}
        """Lamports in the order markers that exist, by seed."""
        self.height = 0
        self.unreachable = False
        self.cache = 256
        """How many statuses the node has at hand; 0: it must search its history for any."""
        self.send_errors: deque[Exception] = deque()
        self.tokens: dict[Mint, int] = {}
        self.lamports = Lamports(100 * LAMPORTS_PER_SOL)

    def send(self, raw: bytes) -> None:
        body = json.loads(raw)
        signature = Signature(body["signature"])
        self.sent.append(signature)
        if self.send_errors:
            raise self.send_errors.popleft()
        if signature not in self._arrived:
            self._arrived.add(signature)
            self._take(signature, body)

    def _take(self, signature: Signature, body: dict[str, Any]) -> None:
        match self.outcomes.popleft() if self.outcomes else "land":
            case "land":
                self._land(signature, body)
            case "revert":
                failure = SwapFailure(kind=FailureKind.SLIPPAGE, message="slippage tolerance exceeded", code="6001")
                self._resolve(signature, failure, tokens=0, sol=0, rent=0)
            case "hold":
                self.held[signature] = body
            case _:
                pass

    def _land(self, signature: Signature, body: dict[str, Any]) -> None:
        if body.get("marker") in self.markers:
            failure = SwapFailure(
                kind=FailureKind.REFUSED, message="another attempt has succeeded", code="MARKER_IN_USE"
            )
            self._resolve(signature, failure, tokens=0, sol=0, rent=0)
        elif seeds := body.get("reclaim"):
            self._resolve(signature, None, tokens=0, sol=0, rent=-sum(self.markers.pop(seed) for seed in seeds))
        else:
            tokens, sol = (
                (-body["amount"], body["out"]) if body["side"] == Side.SELL else (body["out"], -body["amount"])
            )
            rent = MARKER_RENT if body["marker"] else 0
            self._resolve(signature, None, tokens=tokens, sol=sol, rent=rent)
            if body["marker"]:
                self.markers[body["marker"]] = MARKER_RENT

    def _resolve(self, signature: Signature, failure: SwapFailure | None, *, tokens: int, sol: int, rent: int) -> None:
        self.known[signature] = SignatureStatus(slot=1, confirmation="confirmed", failure=failure)
        self.fills[signature] = Fill(signature=signature, tokens=tokens, sol=sol, fee=FEE, rent=rent, slot=1)

    def release(self, outcome: str = "land") -> None:
        """Let what was held land, or revert."""
        held, self.held = self.held, {}
        for signature, body in held.items():
            self.outcomes.appendleft(outcome)
            self._take(signature, body)

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        self._reach()
        return [self.known.get(signature) if search_history or self.cache else None for signature in signatures]

    def _reach(self) -> None:
        if self.unreachable:
            raise ChainUnavailableError("no node answers")

    def finalized_height(self) -> int:
        self._reach()
        return self.height

    def fill(self, signature: Signature, mint: Mint) -> Fill | None:
        self._reach()
        return self.fills.get(signature)

    def token(self, mint: Mint) -> TokenInfo:
        if mint not in self.market.decimals:
            raise BadInputError(f"{mint} has no account")
        return TokenInfo(mint=mint, decimals=self.market.decimals[mint], program="token")

    def token_balance(self, mint: Mint) -> RawAmount:
        self._reach()
        return RawAmount(self.tokens.get(mint, 0))

    def sol_balance(self) -> Lamports:
        return self.lamports


class RecordingBus:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        self.events.append((subject, data))

    def happened(self, event: StoredEvent, record: Told) -> None:
        """Keep a durable event, which the store tells of."""
        self.events.append((event.subject, {"event": event, type(record).__name__.lower(): record}))

    def subjects(self, prefix: str = "") -> list[str]:
        """Return the subjects that begin with *prefix*, in order."""
        return [subject for subject, _ in self.events if subject.startswith(prefix)]


class RecordingNotifier:
    """Keeps what was delivered, or fails to deliver."""

    def __init__(self) -> None:
        self.delivered: list[Alert] = []
        self.broken = False

    def notify(self, alert: Alert) -> None:
        if self.broken:
            raise OSError("the channel is down")
        self.delivered.append(alert)


def no_route() -> SwapError:
    """Return what a venue raises that finds no route."""
    return SwapError(FailureKind.REFUSED, "no route found", code="NO_ROUTES_FOUND")


def slipped() -> SwapError:
    """Return what a venue raises whose simulation left the tolerance."""
    return SwapError(FailureKind.SLIPPAGE, "slippage tolerance exceeded", code="6001")
