"""Jupiter's Swap API v2: one GET /swap/v2/build answers with the quote and the instructions.

It takes no fee for Jupiter, leaves payer, fee and blockhash to whoever assembles, and sends the contents of the
lookup tables along. Specification: openapi-spec/swap/v2/swap.yaml of github.com/jup-ag/docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from solders.hash import Hash

from chain.http.client import HttpClient, HttpError
from chain.http.gate import Rank
from chain.jupiter.errors import answered, of_transport, unreadable
from chain.transactions.assembly import SwapInstructions, swap_instructions
from chain.transactions.lookup_tables import lookup_table
from chain.values import whole_number
from engine.domain.swap import Side, SwapRequest
from engine.domain.units import SOL_MINT, Mint

API_KEY_HEADER = "x-api-key"
BLOCKHASH_SLOTS = 60
"""12 to 24 seconds, at 0.2 to 0.4 s a slot; a blockhash of its own accord lives for 150."""


class SwapApi(Protocol):
    """One of Jupiter's APIs, as the venue uses it. Both methods raise `SwapError`."""

    @property
    def name(self) -> str:
        """What quotes of it are marked with."""

    def ask(self, request: SwapRequest) -> dict[str, Any]:
        """Return the API's answer with the quote for *request*, verbatim."""

    def instructions(self, answer: Mapping[str, Any]) -> SwapInstructions:
        """Return the instructions of the swap that *answer* quoted."""


class JupiterBuild:
    """The v2 API, for one taker.

    Args:
        http: to the host that has ``/swap/v2/build``, with the key among its headers.
        taker: base58 address of the wallet that swaps.
        max_accounts: how many accounts a route may touch; fewer make the transaction smaller. None is the API's own.
        blockhash_slots: for how many slots an attempt can land, 1 to 300: what did not land by then is soon known to
            be dead.
    """

    name = "jupiter v2"

    def __init__(
        self,
        http: HttpClient,
        *,
        taker: str,
        max_accounts: int | None = None,
        blockhash_slots: int = BLOCKHASH_SLOTS,
    ) -> None:
        self._http = http
        self._taker = taker
        self._limits = {"blockhashSlotsToExpiry": blockhash_slots}
        if max_accounts is not None:
            self._limits["maxAccounts"] = max_accounts

    def ask(self, request: SwapRequest) -> dict[str, Any]:
        """Return the answer of /build, which holds the quote and the instructions.

        Raises:
            SwapError: there is none.
        """
        source, target = mints_of(request)
        params = {
            "inputMint": source,
            "outputMint": target,
            "amount": request.amount,
            "taker": self._taker,
            "slippageBps": request.slippage,
            "wrapAndUnwrapSol": "true",
            **self._limits,
        }
        try:
            return answered(self._http.get("/swap/v2/build", params, rank=rank_of(request.side)))
        except HttpError as error:
            raise of_transport(error) from error

    def instructions(self, answer: Mapping[str, Any]) -> SwapInstructions:
        """Return the instructions that came with the quote, and their blockhash.

        Raises:
            SwapError: refused; they have an unknown shape.
        """
        try:
            tables = answer.get("addressesByLookupTableAddress") or {}
            recent = answer["blockhashWithMetadata"]
            return swap_instructions(
                answer,
                lookup_tables=[lookup_table(address, held) for address, held in tables.items()],
                blockhash=Hash(bytes(recent["blockhash"])),
                last_valid_block_height=whole_number(recent["lastValidBlockHeight"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise unreadable("/build", error) from error


def jupiter_http(base_url: str, api_key: str | None, **options: Any) -> HttpClient:
    """Return the connections to Jupiter at *base_url*; without *api_key* it allows one request in two seconds.

    *options* are those of `HttpClient`; its ``gate`` is the organisation's `chain.http.rate_limit.RateLimit`. The key
    goes into the header and nowhere else.
    """
    headers = {API_KEY_HEADER: api_key} if api_key else {}
    return HttpClient(base_url, name="Jupiter", headers=headers, **options)


def mints_of(request: SwapRequest) -> tuple[Mint, Mint]:
    """Return the mints that go in and come out."""
    return (SOL_MINT, request.mint) if request.side is Side.BUY else (request.mint, SOL_MINT)


def rank_of(side: Side) -> Rank:
    """Return how a request for a swap of *side* is ranked where requests are counted."""
    return Rank.ENTRY if side is Side.BUY else Rank.EXIT
