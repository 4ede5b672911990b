"""A swap on its way from an intention to what the chain says was moved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engine.domain.errors import FailureKind
from engine.domain.units import BasisPoints, Lamports, Mint, Nanos, OrderId, Signature, price_of


class Side(StrEnum):
    """The direction of a swap, seen from the token."""

    BUY = "buy"
    """SOL in, tokens out."""
    SELL = "sell"
    """Tokens in, SOL out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What the chain says of a mint."""

    mint: Mint
    decimals: int
    program: str
    """Base58 address of the token program that owns the mint: Token or Token-2022."""
    obstacles: tuple[str, ...] = ()
    """Why it cannot be bought and sold now, each a clause about its issuer or the wallet's account."""
    warnings: tuple[str, ...] = ()
    """What may keep it from being sold later or makes it cost more, to be shown when a position is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapRequest:
    """What to swap, exactly in."""

    side: Side
    mint: Mint
    amount: int
    """Lamports for a BUY, raw tokens for a SELL."""
    slippage: BasisPoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the venue would pay, before fees of the network."""

    request: SwapRequest
    expected_out: int
    """Raw tokens for a BUY, lamports for a SELL."""
    minimum_out: int
    """What the chain enforces: less than this reverts."""
    venue: str
    """Which API answered, for logs and the order's history."""
    payload: Any = field(repr=False)
    """The venue's own answer, handed back to it verbatim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSwap:
    """An unsigned transaction that was simulated and would have succeeded a moment ago."""

    quote: Quote
    message: bytes = field(repr=False)
    """The serialized message that is to be signed."""
    last_valid_block_height: int
    """The last height at which it can land, inclusive."""
    priority_fee: Lamports
    """What it pays above the base fee, in all."""
    compute_unit_limit: int
    marker_rent: Lamports = Lamports(0)
    """Lamports that its first instruction parks in the order's marker; 0 where it carries none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSwap:
    """A transaction that may be sent, under the name that the chain will know it by."""

    signature: Signature
    raw: bytes = field(repr=False)
    last_valid_block_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStatus:
    """What a node knows of a signature."""

    slot: int
    confirmation: str
    """processed, confirmed or finalized."""
    failure: SwapFailure | None
    """Why it reverted; None where it succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapFailure:
    """Why a swap did not come to pass, as data."""

    kind: FailureKind
    message: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one transaction moved, by the chain's own balances; of a reverted one, its fee alone.

    `sol` is what the swap paid or brought, without fee and rent: the wallet's lamports changed by
    ``sol - fee - rent``.
    """

    signature: Signature
    order_id: OrderId = OrderId("")
    """Whose fill it is; set by whoever records it."""
    tokens: int
    """Raw tokens that came to the wallet; negative where they left it."""
    sol: int
    """Lamports that the swap brought to the wallet; negative where it cost them."""
    fee: Lamports
    """Base and priority fee."""
    rent: int
    """Lamports put into the wallet's own token accounts; negative where they came back."""
    slot: int
    time: Nanos | None = None
    """Of its block, in whole seconds; when it was recorded, where the chain does not tell that."""

    def dated(self, order_id: OrderId, now: Nanos) -> Fill:
        """Return it as a fill of *order_id* that is recorded *now*."""
        return replace(self, order_id=order_id, time=now if self.time is None else self.time)

    @property
    def moved(self) -> bool:
        """Whether the transaction did anything but cost its fee: a swap or a transfer that succeeded always does."""
        return bool(self.tokens or self.sol or self.rent)

    def price(self, decimals: int) -> Decimal | None:
        """Return the price in SOL per whole token, or None where no tokens moved."""
        return price_of(abs(self.sol), abs(self.tokens), decimals) if self.tokens else None
