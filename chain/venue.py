"""Swapping through Jupiter: the `SwapVenue` port over either of its APIs."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned

from chain.failures import blames_tokens, explain, of_rpc, raised
from chain.http import HttpClient
from chain.jupiter import JupiterBuild, SwapApi, mints_of
from chain.jupiter_errors import unreadable
from chain.marker import create_marker, reclaim_markers
from chain.rpc import RpcClient, latest_blockhash, understood
from chain.tokens import Tokens
from chain.transactions import (
    MAX_COMPUTE_UNITS,
    TOO_LARGE,
    SwapInstructions,
    assemble,
    compute_unit_price,
    priority_fee_of,
    programs_of,
    unsigned,
)
from chain.values import array, text, transaction_error, whole_number
from engine.domain.errors import INSUFFICIENT_TOKENS, ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import PreparedSwap, Quote, Side, SwapFailure, SwapRequest
from engine.domain.units import SECOND, SOL_MINT, BasisPoints, Lamports, Nanos, seconds
from engine.ports import Clock

MAX_QUOTE_AGE = seconds(5)
"""Older than this a quote is not swapped. A v2 quote came with its instructions, and its blockhash is as old."""
MIN_COMPUTE_UNITS = 50_000
"""The market moves between simulation and landing: a swap that crossed no tick then may cross one now."""


@dataclass(frozen=True, slots=True)
class _Received:
    """Jupiter's answer and when it came."""

    answer: Mapping[str, Any]
    at: Nanos


class JupiterVenue:
    """The `SwapVenue` port. Safe to share between threads; every method blocks.

    Args:
        api: which of Jupiter's APIs, ready for the wallet.
        rpc: of the node that simulates.
        wallet: base58 address that pays and signs.
        clock: tells how old a quote is.
        max_quote_age: a quote older than this is refused.
    """

    def __init__(
        self, api: SwapApi, *, rpc: RpcClient, wallet: str, clock: Clock, max_quote_age: Nanos = MAX_QUOTE_AGE
    ) -> None:
        self._api = api
        self._rpc = rpc
        self._wallet = wallet
        self._clock = clock
        self._max_quote_age = max_quote_age
        self._tokens = Tokens(rpc)
        self._rent: int | None = None

    def quote(self, request: SwapRequest) -> Quote:
        """Return what Jupiter would pay for *request* now, at worst ``otherAmountThreshold``.

        Raises:
            SwapError: there is no quote.
        """
        asked_at = self._clock.now()
        answer = self._api.ask(request)
        try:
            quote = Quote(
                request=request,
                expected_out=whole_number(answer["outAmount"]),
                minimum_out=whole_number(answer["otherAmountThreshold"]),
                venue=self._api.name,
                payload=_Received(answer, asked_at),
            )
            asked = (answer["inputMint"], answer["outputMint"], whole_number(answer["inAmount"]))
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable("the quote", error) from error
        if asked != (*mints_of(request), request.amount):
            raise SwapError(FailureKind.REFUSED, f"Jupiter quoted another swap than was asked for: {asked}")
        if not 0 <= quote.minimum_out <= quote.expected_out or quote.expected_out == 0:
            raise SwapError(
                FailureKind.REFUSED,
                f"Jupiter's quote pays {quote.expected_out} and at worst {quote.minimum_out}: no swap is worth that",
            )
        return quote

    def prepare(self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "") -> PreparedSwap:
        """Return the unsigned transaction of *quote*, simulated, paying at most *priority_fee* in all.

        Of a v2 quote it is the very transaction that came with it: one that has become too old is refused as
        transient and never quoted anew in silence, since whoever asked decided on its figures.

        Raises:
            SwapError: there is none, or it would fail; nothing was signed.
        """
        received = self._fresh(quote)
        swap = self._api.instructions(received.answer)
        marker = self._marker(swap, marker_seed)
        limit = self._compute_units(quote.request, swap, priority_fee, marker)
        message = assemble(swap, payer=self._wallet, compute_unit_limit=limit, priority_fee=priority_fee, first=marker)
        rent = Lamports(self._marker_rent() if marker else 0)
        return _prepared(quote, swap, message, limit=limit, fee=priority_fee, marker_rent=rent)

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> PreparedSwap:
        """Return the unsigned, simulated transaction that brings the lamports of markers back.

        Raises:
            SwapError: it would fail, or the node could not be asked; nothing was signed.
        """
        with _asking():
            blockhash, height = latest_blockhash(self._rpc)
        swap = SwapInstructions(
            instructions=tuple(reclaim_markers(self._wallet, parked)),
            lookup_tables=(),
            blockhash=blockhash,
            last_valid_block_height=height,
        )
        request = SwapRequest(side=Side.BUY, mint=SOL_MINT, amount=0, slippage=BasisPoints(0))
        limit = self._compute_units(request, swap, priority_fee, ())
        message = assemble(swap, payer=self._wallet, compute_unit_limit=limit, priority_fee=priority_fee)
        total = sum(lamports for _, lamports in parked)
        quote = Quote(request=request, expected_out=total, minimum_out=total, venue="reclaim", payload=None)
        return _prepared(quote, swap, message, limit=limit, fee=priority_fee, marker_rent=Lamports(0))

    def _marker(self, swap: SwapInstructions, seed: str) -> tuple[Instruction, ...]:
        """Return the instruction to put first; none where there is no seed, or no room beside *swap*."""
        if not seed:
            return ()
        marker = (create_marker(self._wallet, seed, self._marker_rent()),)
        try:
            assemble(
                swap, payer=self._wallet, compute_unit_limit=MAX_COMPUTE_UNITS, priority_fee=Lamports(0), first=marker
            )
        except SwapError as error:
            if error.code == TOO_LARGE:
                return ()
            raise
        return marker

    def _marker_rent(self) -> int:
        if self._rent is None:
            method = "getMinimumBalanceForRentExemption"
            with _asking(), understood(method):
                self._rent = whole_number(self._rpc.call(method, [0]))
        return self._rent

    def _fresh(self, quote: Quote) -> _Received:
        received = quote.payload
        if not isinstance(received, _Received):
            raise SwapError(FailureKind.REFUSED, "the quote is not one of this venue: quote again")
        age = self._clock.now() - received.at
        if not 0 <= age <= self._max_quote_age:
            message = f"the quote is {age / SECOND:.1f} s old, at most {self._max_quote_age / SECOND:.1f} s are allowed"
            raise SwapError(FailureKind.TRANSIENT, f"{message}: quote again", code="QUOTE_TOO_OLD")
        return received

    def _compute_units(
        self, request: SwapRequest, swap: SwapInstructions, priority_fee: Lamports, first: Sequence[Instruction]
    ) -> int:
        """Return the compute-unit limit to set: a fifth more than the simulation used."""
        message = assemble(
            swap, payer=self._wallet, compute_unit_limit=MAX_COMPUTE_UNITS, priority_fee=priority_fee, first=first
        )
        with _asking():
            used = self._simulate(request, message)
        return min(MAX_COMPUTE_UNITS, max(MIN_COMPUTE_UNITS, used * 6 // 5))

    def _simulate(self, request: SwapRequest, message: MessageV0) -> int:
        """Return the compute units that *message* would use; it is simulated unsigned, on its own blockhash."""
        method = "simulateTransaction"
        config = {
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": False,
            "commitment": "processed",
        }
        result = self._rpc.call(method, [base64.b64encode(bytes(unsigned(message))).decode(), config])
        with understood(method):
            value = result["value"]
            error = transaction_error(value["err"])
            logs = [text(line) for line in array(value.get("logs") or [])]
            used = whole_number(value.get("unitsConsumed") or MAX_COMPUTE_UNITS)
        if error is None:
            return used
        self._rpc.check_fresh(method, result)
        programs = programs_of(message)
        failure = explain(error, programs=programs, logs=logs)
        raise raised(self._judged(request, failure, blames_tokens(error, programs=programs, logs=logs)))

    def _judged(self, request: SwapRequest, failure: SwapFailure, short_of_tokens: bool) -> SwapFailure:
        """Return *failure*, made sure of whether it was the wallet that was short of tokens.

        A token program's "insufficient funds" may as well be a pool's, and must not end a stop loss; and a wallet
        without the tokens may fail in many ways, of which none is worth a retry.
        """
        if failure.kind not in {FailureKind.REFUSED, FailureKind.PERMANENT}:
            return failure
        if request.side is Side.SELL:
            held = self._tokens.balance(self._wallet, request.mint)
            if held < request.amount:
                message = f"the wallet holds {held} raw units of {request.mint}, the order sells {request.amount}"
                return replace(
                    failure,
                    kind=FailureKind.PERMANENT,
                    message=f"{message} ({failure.message})",
                    code=INSUFFICIENT_TOKENS,
                )
        if short_of_tokens:
            message = f"the market was short of tokens, not the wallet ({failure.message})"
            return replace(failure, kind=FailureKind.REFUSED, message=message)
        return failure


@contextmanager
def _asking() -> Iterator[None]:
    """Turn a node that cannot be asked into the venue's own error: nothing was signed."""
    try:
        yield
    except ChainUnavailableError as error:
        raise raised(of_rpc(error)) from error


def _prepared(
    quote: Quote, swap: SwapInstructions, message: MessageV0, *, limit: int, fee: Lamports, marker_rent: Lamports
) -> PreparedSwap:
    return PreparedSwap(
        quote=quote,
        message=to_bytes_versioned(message),
        last_valid_block_height=swap.last_valid_block_height,
        priority_fee=priority_fee_of(compute_unit_price(fee, limit), limit),
        compute_unit_limit=limit,
        marker_rent=marker_rent,
    )


def jupiter_venue(
    version: Literal["v2", "v1"],
    *,
    http: HttpClient,
    swap_base_url: str,
    rpc: RpcClient,
    wallet: str,
    clock: Clock,
    max_accounts: int | None = None,
) -> JupiterVenue:
    """Return the venue over *version* of Jupiter's API.

    Args:
        version: v2 is Jupiter's current one; v1 goes through jupiter-python-sdk.
        http: to *swap_base_url*; see `chain.jupiter.jupiter_http`.
        swap_base_url: such as ``https://api.jup.ag``.
        rpc: of the node that simulates.
        wallet: base58 address that pays and signs.
        clock: tells how old a quote is.
        max_accounts: how many accounts a route may touch; None is Jupiter's own limit.
    """
    api: SwapApi
    if version == "v2":
        api = JupiterBuild(http, taker=wallet, max_accounts=max_accounts)
    else:
        # The SDK takes most of a second to import.
        from chain.jupiter_sdk import JupiterSdk

        api = JupiterSdk(http, base_url=swap_base_url, taker=wallet, rpc=rpc, max_accounts=max_accounts)
    return JupiterVenue(api, rpc=rpc, wallet=wallet, clock=clock)
