"""What the Jupiter-compatible API needs of whoever makes the markets, on an embedded cluster or on a remote one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from solders.pubkey import Pubkey

from chain.simulated.blockhashes import LIFETIME
from chain.simulated.market import Market, NoRouteError, Offer
from chain.simulated.swap_instructions import SwapInstructions
from engine.domain.errors import EngineError
from engine.domain.swap import Side
from engine.domain.units import SOL_MINT, BasisPoints, Nanos
from engine.ports import Clock

SOL_USD = Decimal(150)
"""What a SOL is worth where nobody says otherwise; quotes do not depend on it."""


class NotTradableError(EngineError):
    """There is no market for a mint.

    Attributes:
        mint: which, as it was asked for.
    """

    def __init__(self, mint: str) -> None:
        super().__init__(f"there is no market for {mint}")
        self.mint = mint


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOut:
    """A swap that is ready to be signed by its taker."""

    offer: Offer
    taker: Pubkey
    instructions: SwapInstructions
    blockhash: str
    """Base58."""
    last_valid_block_height: int
    """Of *blockhash*, inclusive."""
    slot: int


class Trial(Protocol):
    """What a transaction would do."""

    @property
    def slot(self) -> int:
        """The slot on whose state it was tried."""

    @property
    def err(self) -> Any:
        """The transaction error in the RPC's JSON; None where it would succeed."""

    @property
    def compute_units(self) -> int:
        """What it would use."""


class Cluster(Protocol):
    """The chain that the markets are on."""

    def slot(self) -> int:
        """Return the newest slot."""

    def simulate(self, raw: bytes, /, *, sig_verify: bool, replace_blockhash: bool) -> Trial:
        """Return what the transaction *raw* would do now."""


class Marketplace(Protocol):
    """Markets, and the maker that is the other side of all of them. Safe to use from any thread."""

    @property
    def bank(self) -> Cluster:
        """The chain that the markets are on."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held over everything that must see one moment of the chain and the markets."""

    @property
    def clock(self) -> Clock:
        """Tells how long an answer took."""

    @property
    def sol_usd(self) -> Decimal:
        """Dollars per SOL."""

    @property
    def opened_at(self) -> Nanos:
        """When the first market could be opened."""

    @property
    def markets(self) -> Mapping[str, Market]:
        """The market of each mint, by its base58 address."""

    def offer(self, input_mint: str, output_mint: str, amount: int, slippage: BasisPoints, /) -> Offer:
        """Return what the market pays for *amount* raw units of *input_mint* in *output_mint*; see `offer_of`."""

    def hand_out(
        self, offer: Offer, taker: Pubkey, /, *, wrap_and_unwrap_sol: bool = True, blocks_left: int = LIFETIME
    ) -> HandOut:
        """Return the swap that carries out *offer* for *taker*.

        Raises:
            NoRouteError: the maker cannot pay for it.
            ChainUnavailableError: the chain could not be asked.
        """


def offer_of(
    markets: Mapping[str, Market], input_mint: str, output_mint: str, amount: int, slippage: BasisPoints
) -> Offer:
    """Return what the one of *markets* that trades the pair pays for *amount* raw units of *input_mint*.

    Raises:
        NotTradableError: a mint has no market.
        NoRouteError: neither mint is SOL, or the market is halted or would pay nothing.
    """
    for mint in (input_mint, output_mint):
        if mint != SOL_MINT and mint not in markets:
            raise NotTradableError(mint)
    if input_mint == SOL_MINT and output_mint != SOL_MINT:
        return markets[output_mint].offer(Side.BUY, amount, slippage)
    if output_mint == SOL_MINT and input_mint != SOL_MINT:
        return markets[input_mint].offer(Side.SELL, amount, slippage)
    raise NoRouteError("every market trades one token for SOL")
