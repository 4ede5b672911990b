"""Swapping through Jupiter: the `SwapVenue` port over either of its APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from solders.instruction import Instruction
from solders.message import to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from chain.failures import asking
from chain.http.client import HttpClient
from chain.jupiter.build import SwapApi, mints_of
from chain.jupiter.errors import unreadable
from chain.jupiter.hosts import swap_api, venue_of
from chain.jupiter.routes import least_out
from chain.node.priority_fees import FeeEstimator
from chain.node.rpc import Rpc, latest_blockhash, understood
from chain.programs import JUPITER
from chain.tokens.accounts import Tokens
from chain.tokens.closing import CANNOT_CLOSE, closing
from chain.transactions.assembly import (
    MAX_COMPUTE_UNITS,
    TOO_LARGE,
    SwapInstructions,
    assemble,
    compute_unit_price,
    priority_fee_of,
    written_by,
)
from chain.transactions.inspection import InspectedSwap, inspect
from chain.transactions.lookup_tables import LookupTables
from chain.transactions.marker import create_marker, reclaim_markers
from chain.transactions.rehearsal import Rehearsal
from chain.transactions.rules import Ordered, Terms
from chain.values import whole_number
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import Quote, Side, SwapRequest
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """What is given to a server that sends transactions on, such as Jito's; what it costs is part of the swap's."""

    account: str
    """Base58, one of those that the server names."""
    lamports: Lamports

    def instruction(self, wallet: str) -> Instruction:
        """Return the instruction by which *wallet*, a base58 address, pays it."""
        payer, account = Pubkey.from_string(wallet), Pubkey.from_string(self.account)
        return transfer(TransferParams(from_pubkey=payer, to_pubkey=account, lamports=self.lamports))


class JupiterVenue:
    """The `SwapVenue` port. Safe to share between threads; every method blocks.

    Args:
        api: which of Jupiter's APIs, ready for the wallet.
        rpc: of the node that simulates.
        wallet: base58 address that pays and signs.
        clock: tells how old a quote is.
        max_quote_age: a quote older than this is refused.
        swap_program: base58 address of the program that swaps; Jupiter's, or that of whoever stands in for it.
        fees: estimates what the network asks; None pays what each order says.
        tip: what each swap gives to whoever sends it on.
        close_empty_accounts: close the token account that a sale empties, in the same transaction.
    """

    def __init__(
        self,
        api: SwapApi,
        *,
        rpc: Rpc,
        wallet: str,
        clock: Clock,
        max_quote_age: Nanos = MAX_QUOTE_AGE,
        swap_program: str = JUPITER,
        fees: FeeEstimator | None = None,
        tip: Tip | None = None,
        close_empty_accounts: bool = False,
    ) -> None:
        self._api = api
        self._rpc = rpc
        self._wallet = wallet
        self._clock = clock
        self._max_quote_age = max_quote_age
        self._swap_program = swap_program
        self._fees = fees
        self._tip = () if tip is None else (tip.instruction(wallet),)
        self._close_empty_accounts = close_empty_accounts
        self._tokens = Tokens(rpc)
        self._tables = LookupTables(rpc)
        self._rehearsal = Rehearsal(rpc, self._tokens, wallet=wallet, swap_program=swap_program)
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
                venue=venue_of(answer, self._api),
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

    def prepare(
        self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "", priority_fee_cap: Lamports | None = None
    ) -> InspectedSwap:
        """Return the unsigned transaction of *quote*, inspected and simulated, paying *priority_fee* in all.

        Where there is a *priority_fee_cap*, an estimate of what the network asks now may raise the fee up to that.

        Of a v2 quote it is the very transaction that came with it: one that has become too old is refused as
        transient and never quoted anew in silence, since whoever asked decided on its figures.

        Raises:
            SwapError: there is none, it is not what was ordered, or it would fail; nothing was signed.
        """
        received = self._fresh(quote)
        swap = self._api.instructions(received.answer)
        swap = replace(swap, instructions=(*swap.instructions, *self._tip))
        marker = self._marker(swap, marker_seed)
        rent = Lamports(self._marker_rent() if marker else 0)
        last = self._closing(quote.request)
        ordered = Ordered(
            wallet=self._wallet,
            terms=_terms(quote),
            ours=(*marker, *self._tip, *last),
            priority_fee=priority_fee,
            swap_program=self._swap_program,
        )
        try:
            return self._prepared(
                quote, swap, ordered, first=marker, last=last, marker_rent=rent, fee_cap=priority_fee_cap
            )
        except SwapError as error:
            if not last or error.code not in {CANNOT_CLOSE, TOO_LARGE}:
                raise
        # The sale matters, the rent does not.
        ordered = replace(ordered, ours=(*marker, *self._tip))
        return self._prepared(quote, swap, ordered, first=marker, marker_rent=rent, fee_cap=priority_fee_cap)

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> InspectedSwap:
        """Return the unsigned, simulated transaction that brings the lamports of markers back.

        Raises:
            SwapError: it would fail, or the node could not be asked; nothing was signed.
        """
        with asking():
            blockhash, height = latest_blockhash(self._rpc)
        ours = tuple(reclaim_markers(self._wallet, parked))
        swap = SwapInstructions(
            instructions=ours, lookup_tables=(), blockhash=blockhash, last_valid_block_height=height
        )
        request = SwapRequest(side=Side.BUY, mint=SOL_MINT, amount=0, slippage=BasisPoints(0))
        total = sum(lamports for _, lamports in parked)
        quote = Quote(request=request, expected_out=total, minimum_out=total, venue="reclaim", payload=None)
        ordered = Ordered(wallet=self._wallet, terms=None, ours=ours, priority_fee=priority_fee)
        return self._prepared(quote, swap, ordered, marker_rent=Lamports(0))

    def _prepared(
        self,
        quote: Quote,
        swap: SwapInstructions,
        ordered: Ordered,
        *,
        first: Sequence[Instruction] = (),
        last: Sequence[Instruction] = (),
        marker_rent: Lamports,
        fee_cap: Lamports | None = None,
    ) -> InspectedSwap:
        """Return the transaction of *swap*, allowed a fifth more compute units than its simulation used.

        It is inspected before it is simulated: what is not as ordered must not look like a swap that merely fails.
        """
        fee = ordered.priority_fee
        swap = replace(swap, instructions=(*swap.instructions, *last))
        with asking():
            tables = self._tables.confirmed(swap.lookup_tables)
        draft = assemble(swap, payer=self._wallet, compute_unit_limit=MAX_COMPUTE_UNITS, priority_fee=fee, first=first)
        inspect(to_bytes_versioned(draft), ordered, tables)
        with asking():
            used = self._rehearsal.compute_units(quote.request, draft, closes=bool(last))
        limit = min(MAX_COMPUTE_UNITS, max(MIN_COMPUTE_UNITS, used * 6 // 5))
        if self._fees is not None and fee_cap is not None:
            fee = self._fees.fee(written_by(swap), compute_unit_limit=limit, least=fee, most=fee_cap)
        message = assemble(swap, payer=self._wallet, compute_unit_limit=limit, priority_fee=fee, first=first)
        return InspectedSwap(
            quote=quote,
            message=to_bytes_versioned(message),
            last_valid_block_height=swap.last_valid_block_height,
            priority_fee=priority_fee_of(compute_unit_price(fee, limit), limit),
            compute_unit_limit=limit,
            marker_rent=marker_rent,
            ordered=replace(ordered, priority_fee=fee),
            lookup_tables=tables,
        )

    def _closing(self, request: SwapRequest) -> tuple[Instruction, ...]:
        """Return the instruction to put last; none where the account is to stay, or cannot be looked at."""
        if not self._close_empty_accounts or request.side is not Side.SELL:
            return ()
        try:
            holdings = self._tokens.holdings(self._wallet, request.mint)
        except ChainUnavailableError:
            return ()  # no sale waits for its rent
        instruction = closing(self._wallet, holdings, request.amount)
        return () if instruction is None else (instruction,)

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
            with asking(), understood(method):
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


def _terms(quote: Quote) -> Terms:
    """Return what *quote* was asked for and what it may pay at worst: no less than the tolerance that was ordered."""
    source, destination = mints_of(quote.request)
    return Terms(
        source_mint=source,
        destination_mint=destination,
        amount=quote.request.amount,
        minimum_out=max(quote.minimum_out, least_out(quote.expected_out, quote.request.slippage)),
    )


def jupiter_venue(
    version: Literal["v2", "v1"],
    *,
    http: HttpClient,
    swap_base_url: str,
    rpc: Rpc,
    wallet: str,
    clock: Clock,
    max_accounts: int | None = None,
    swap_program: str = JUPITER,
    fees: FeeEstimator | None = None,
    close_empty_accounts: bool = False,
) -> JupiterVenue:
    """Return the venue over *version* of Jupiter's API.

    Args:
        version: v2 is Jupiter's current one; v1 goes through jupiter-python-sdk.
        http: to *swap_base_url*; see `chain.jupiter.build.jupiter_http`.
        swap_base_url: such as ``https://api.jup.ag``.
        rpc: of the node that simulates.
        wallet: base58 address that pays and signs.
        clock: tells how old a quote is.
        max_accounts: how many accounts a route may touch; None is Jupiter's own limit.
        swap_program: base58 address of the program that swaps.
        fees: estimates what the network asks; None pays what each order says.
        close_empty_accounts: close the token account that a sale empties, in the same transaction.
    """
    api = swap_api(version, http=http, base_url=swap_base_url, rpc=rpc, wallet=wallet, max_accounts=max_accounts)
    return JupiterVenue(
        api,
        rpc=rpc,
        wallet=wallet,
        clock=clock,
        swap_program=swap_program,
        fees=fees,
        close_empty_accounts=close_empty_accounts,
    )
