"""Jupiter's Swap API v1 through jupiter-python-sdk, made safe to trade with.

What the SDK does by itself, and why its two methods are replaced here: its default hosts are gone; it opens a
connection for every call, inside ``async def`` and with a client that blocks; it can send no API key; it never looks
at the HTTP status; it drops ``slippageBps=0`` and the last valid block height; and its URLs are shared by all
instances. It wants a keypair, of which it uses the public key: that is all it gets.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupiter_python_sdk.jupiter import Jupiter
from solders.pubkey import Pubkey

from chain.failures import of_rpc, raised
from chain.http.client import HttpClient, HttpError
from chain.http.gate import Rank
from chain.jupiter.build import mints_of, rank_of
from chain.jupiter.errors import answered, of_simulation, of_transport, unreadable
from chain.node.rpc import Rpc, latest_blockhash
from chain.transactions.assembly import SwapInstructions, swap_instructions
from chain.transactions.lookup_tables import fetch_lookup_tables
from chain.values import text, whole_number
from engine.domain.errors import ChainUnavailableError
from engine.domain.swap import Side, SwapRequest
from engine.domain.units import SOL_MINT

_QUOTE, _SWAP, _INSTRUCTIONS = "/swap/v1/quote", "/swap/v1/swap", "/swap/v1/swap-instructions"


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSwap:
    """A transaction that Jupiter assembled."""

    transaction: str = field(repr=False)
    """Base64, unsigned."""
    last_valid_block_height: int
    """The last height at which it can land, inclusive."""
    priority_fee: int
    """Lamports that Jupiter put on top of the base fee."""


class JupiterSdk(Jupiter):  # type: ignore[misc]  # the SDK has no types
    """The v1 API, for one taker: the SDK's `quote` and `swap`, and what the venue needs.

    Args:
        http: to the host that has ``/swap/v1``, with the key among its headers.
        base_url: of the same host, for whoever asks the SDK for its URLs.
        taker: base58 address of the wallet that swaps.
        rpc: for the lookup tables and the blockhash, of which v1 gives the addresses or an old one.
        max_accounts: how many accounts a route may touch; None is the API's own.
    """

    name = "jupiter v1"

    def __init__(
        self, http: HttpClient, *, base_url: str, taker: str, rpc: Rpc, max_accounts: int | None = None
    ) -> None:
        # The SDK's constructor writes into this dictionary, which otherwise is the class's.
        self.ENDPOINT_APIS_URL: dict[str, str] = {}
        with warnings.catch_warnings():
            # From what it builds for DCA orders out of packages that are no longer looked after.
            warnings.simplefilter("ignore", DeprecationWarning)
            super().__init__(
                async_client=None,  # its RPC calls belong to DCA and limit orders, whose hosts are gone
                keypair=_PublicKeyOnly(taker),
                quote_api_url=f"{base_url}{_QUOTE}?",
                swap_api_url=f"{base_url}{_SWAP}",
            )
        self._http = http
        self._node = rpc
        self._taker = taker
        self._max_accounts = max_accounts

    async def quote(  # noqa: PLR0917 - the SDK's signature
        self,
        input_mint: str,
        output_mint: str,
        amount: int,
        slippage_bps: int | None = None,
        swap_mode: str = "ExactIn",
        only_direct_routes: bool = False,
        as_legacy_transaction: bool = False,
        exclude_dexes: Sequence[str] | None = None,
        max_accounts: int | None = None,
    ) -> dict[str, Any]:
        """Return the quote, whole; the SDK's signature. *amount* is raw; None leaves slippage to Jupiter.

        Raises:
            SwapError: there is none.
        """
        params = {
            "inputMint": input_mint,
            "outputMint": output_mint,
            "amount": amount,
            "slippageBps": slippage_bps,
            "swapMode": swap_mode,
            "onlyDirectRoutes": _flag(only_direct_routes),
            "asLegacyTransaction": _flag(as_legacy_transaction),
            "excludeDexes": ",".join(exclude_dexes) if exclude_dexes else None,
            "maxAccounts": max_accounts,
        }
        return await asyncio.to_thread(self._get_quote, params)

    async def swap(  # noqa: PLR0917 - the SDK's signature
        self,
        input_mint: str,
        output_mint: str,
        amount: int = 0,
        wrap_unwrap_sol: bool = True,
        slippage_bps: int | None = None,
        swap_mode: str = "ExactIn",
        only_direct_routes: bool = False,
        as_legacy_transaction: bool = False,
        exclude_dexes: Sequence[str] | None = None,
        max_accounts: int | None = None,
    ) -> str:
        """Quote and return the unsigned transaction in base64; the SDK's signature.

        Raises:
            SwapError: there is none.
        """
        quote = await self.quote(
            input_mint,
            output_mint,
            amount,
            slippage_bps,
            swap_mode,
            only_direct_routes,
            as_legacy_transaction,
            exclude_dexes,
            max_accounts,
        )
        options = {"wrapAndUnwrapSol": wrap_unwrap_sol, "asLegacyTransaction": as_legacy_transaction}
        return (await asyncio.to_thread(self.whole_swap, quote, **options)).transaction

    def whole_swap(self, quote: Mapping[str, Any], **options: Any) -> WholeSwap:
        """Return the transaction that Jupiter makes of *quote*, a verbatim answer of `quote` or `ask`.

        Args:
            quote: forwarded as it is: Jupiter refuses one whose unknown fields were dropped.
            options: further fields of the body, such as ``prioritizationFeeLamports``.

        Raises:
            SwapError: there is none, or Jupiter's own simulation of it failed.
        """
        answer = self._post(_SWAP, {"quoteResponse": quote, "wrapAndUnwrapSol": True, **options})
        if answer.get("simulationError"):
            raise of_simulation(answer["simulationError"])
        try:
            return WholeSwap(
                transaction=text(answer["swapTransaction"]),
                last_valid_block_height=whole_number(answer["lastValidBlockHeight"]),
                priority_fee=whole_number(answer.get("prioritizationFeeLamports") or 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable("/swap", error) from error

    def ask(self, request: SwapRequest) -> dict[str, Any]:
        """Return the quote for *request*, verbatim. Blocks.

        Raises:
            SwapError: there is none.
        """
        source, target = mints_of(request)
        return self._get_quote(
            {
                "inputMint": source,
                "outputMint": target,
                "amount": request.amount,
                "slippageBps": request.slippage,
                "swapMode": "ExactIn",
                "maxAccounts": self._max_accounts,
                # Their amounts can be read whatever markets the route goes through; see `chain.jupiter.plan`.
                "instructionVersion": "V2",
            },
            rank_of(request.side),
        )

    def instructions(self, answer: Mapping[str, Any]) -> SwapInstructions:
        """Return the instructions of the swap that *answer* quoted, with a blockhash of our own node. Blocks.

        Raises:
            SwapError: there are none, or the node could not be asked.
        """
        side = Side.BUY if answer.get("inputMint") == SOL_MINT else Side.SELL
        built = self._post(_INSTRUCTIONS, {"quoteResponse": answer, "wrapAndUnwrapSol": True}, rank_of(side))
        try:
            tables = fetch_lookup_tables(self._node, built.get("addressLookupTableAddresses") or [])
            blockhash, last_valid_block_height = latest_blockhash(self._node)
            return swap_instructions(
                built,
                lookup_tables=tables,
                blockhash=blockhash,
                last_valid_block_height=last_valid_block_height,
            )
        except ChainUnavailableError as error:
            raise raised(of_rpc(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable("/swap-instructions", error) from error

    def _get_quote(self, params: Mapping[str, Any], rank: Rank = Rank.EXIT) -> dict[str, Any]:
        sent = {key: value for key, value in params.items() if value is not None}
        try:
            return answered(self._http.get(_QUOTE, sent, rank=rank))
        except HttpError as error:
            raise of_transport(error) from error

    def _post(self, path: str, body: Mapping[str, Any], rank: Rank = Rank.EXIT) -> dict[str, Any]:
        try:
            return answered(self._http.post(path, {"userPublicKey": self._taker, **body}, rank=rank))
        except HttpError as error:
            raise of_transport(error) from error


class _PublicKeyOnly:
    """What the SDK gets in place of a keypair."""

    def __init__(self, address: str) -> None:
        self._pubkey = Pubkey.from_string(address)

    def pubkey(self) -> Pubkey:
        return self._pubkey


def _flag(value: bool) -> str:
    return "true" if value else "false"
