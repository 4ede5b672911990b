"""The market of one token: a price that is set from outside, and conditions that can be scripted.

The mid price is exogenous: a price path, a test or an operator sets it, and trades leave it where it is.
What an order does to the price is in what it is paid (see `pricing`), not in what the next one is quoted.

An order is quoted what the rule gives for it at the current price. If the price is within the order's band
when its transaction lands, it is paid exactly what was quoted: the maker bears, and keeps, the difference.
Outside of the band the swap program takes the transaction back. So a swap brings what was quoted or nothing,
and never less than the minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal

from solders.pubkey import Pubkey

from chain.simulated import swap_program
from chain.simulated.price_board import PriceBoard, price_address
from chain.simulated.pricing import Pricing
from chain.simulated.tokens import WHOLE_BPS, WRAPPED_SOL, Token
from engine.domain.errors import BadInputError, EngineError
from engine.domain.swap import Side
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, Nanos, RawAmount, sol, whole


class NoRouteError(EngineError):
    """The market would pay nothing for the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a market would pay for an order, and on what condition."""

    token: Token
    side: Side
    amount_in: int
    """What leaves the taker: raw tokens of a SELL, lamports of a BUY."""
    amount_out: int
    """What reaches the taker: lamports of a SELL, raw tokens of a BUY, less the token's transfer fee."""
    minimum_out: int
    slippage: BasisPoints
    sent: int
    """What the maker must send for *amount_out* to arrive."""
    impact: Decimal
    """How far from the mid price it is paid, as a fraction."""
    lowest: int
    """The least scaled price at which it may land."""
    highest: int
    """The greatest scaled price at which it may land."""
    price: Decimal
    """The mid price it was quoted at, in SOL per whole token."""

    @property
    def paid_with(self) -> Token:
        """What leaves the taker."""
        return self.token if self.side is Side.SELL else WRAPPED_SOL

    @property
    def paid_in(self) -> Token:
        """What reaches the taker."""
        return WRAPPED_SOL if self.side is Side.SELL else self.token

    @property
    def worth(self) -> Decimal:
        """SOL that the order is worth at the mid price, before the impact."""
        if self.side is Side.BUY:
            return sol(self.amount_in)
        return whole(self.amount_in, self.token.decimals) * self.price


@dataclass(slots=True)
class _Drift:
    bps: int
    times: int


class Market:
    """A token's price, kept in step with the account on chain that guards every swap of it."""

    def __init__(
        self,
        board: PriceBoard,
        lock: AbstractContextManager[object],
        token: Token,
        *,
        price: Decimal,
        depth_sol: Decimal,
        opened_at: Nanos,
        pricing: Pricing | None = None,
    ) -> None:
        """Open the market.

        Args:
            board: the price accounts on chain.
            lock: held while the price and its account change together.
            token: what is traded for SOL.
            price: SOL per whole token.
            depth_sol: SOL on the market's SOL side; an order worth this much is paid half its worth.
            opened_at: now.
            pricing: the rule and its units, where they must be those of before; else *price* decides the units.

        Raises:
            BadInputError: the price or the depth is not one that can be.
        """
        if not (depth_sol.is_finite() and depth_sol * LAMPORTS_PER_SOL >= 1):
            raise BadInputError(
                f"The market of {token.symbol} needs a depth of at least a lamport, not {depth_sol} SOL: "
                "give the SOL on its SOL side."
            )
        depth = Lamports(int(depth_sol * LAMPORTS_PER_SOL))
        self.token = token
        self.opened_at = opened_at
        self.price_account = board.address_of(token)
        self._board = board
        self._lock = lock
        self._pricing = pricing or Pricing.starting_at(price, decimals=token.decimals, depth=depth)
        self._scaled = 0
        self._halted = False
        self._drift: _Drift | None = None
        self._drifting: dict[Pubkey, int] = {}
        self._followers: list[Callable[[Decimal], None]] = []
        self.set_price(price)

    @property
    def price(self) -> Decimal:
        """The mid price in SOL per whole token."""
        return self._pricing.price(self._scaled)

    @property
    def depth(self) -> Lamports:
        """The lamports on the market's SOL side."""
        return self._pricing.depth

    @property
    def halted(self) -> bool:
        """Whether the market quotes nothing."""
        return self._halted

    def set_price(self, price: Decimal | float) -> None:
        """Move the mid price to *price* SOL per whole token, at once for quotes and on chain.

        Raises:
            BadInputError: the price is not one that can be; the old one stands.
        """
        scaled = self.scaled(price)
        with self._lock:
            self._board.write(self.price_account, scaled)
            self._scaled = scaled
            for follow in self._followers:
                follow(self.price)

    def scaled(self, price: Decimal | float) -> int:
        """Return *price*, in SOL per whole token, in the units that the chain compares.

        Raises:
            BadInputError: the price is not one that can be.
        """
        return self._pricing.scaled(price if isinstance(price, Decimal) else Decimal(repr(price)))

    def on_price(self, follow: Callable[[Decimal], None]) -> None:
        """Call *follow* with each price that the market moves to, while nothing else on chain can change."""
        with self._lock:
            self._followers.append(follow)

    def halt(self) -> None:
        """Quote nothing until `resume`; transactions that were handed out may still land."""
        self._halted = True

    def resume(self) -> None:
        """Quote again."""
        self._halted = False

    def drift_after_quote(self, bps: int, times: int = 1) -> None:
        """Let each of the next *times* transactions meet a price *bps* away from the one it was built at.

        The price that such a transaction meets moves when it is sent, after any simulation of it and before
        it lands; what is quoted, and what other transactions meet, stays. Negative *bps* are against a SELL.
        A second call replaces the first; zero times takes it back.
        """
        self._drift = _Drift(bps, times) if times > 0 else None

    def offer(self, side: Side, amount: int, slippage: BasisPoints) -> Offer:
        """Return what the market would pay for *amount* now.

        Args:
            side: of the order.
            amount: raw tokens of a SELL, lamports of a BUY.
            slippage: how much less than quoted may be paid, up to 10,000.

        Raises:
            NoRouteError: the market is halted, or would pay nothing.
        """
        if self._halted:
            raise NoRouteError(f"the market of {self.token.symbol} is halted")
        scaled = self._scaled
        sent, out = self._worth(scaled, side, amount)
        if out <= 0:
            raise NoRouteError(f"{amount} is too little: the market of {self.token.symbol} would pay nothing")
        minimum = out - out * slippage // WHOLE_BPS
        lowest, highest = self._band(side, amount, minimum)
        return Offer(
            token=self.token,
            side=side,
            amount_in=amount,
            amount_out=out,
            minimum_out=minimum,
            slippage=slippage,
            sent=sent,
            impact=self._pricing.impact(scaled, side, self._priced(side, amount)),
            lowest=lowest,
            highest=highest,
            price=self._pricing.price(scaled),
        )

    def price_account_for_hand_out(self) -> Pubkey:
        """Return the account whose price the next transaction to be handed out is to be guarded by.

        It is the market's own, unless a drift was scripted: then it is one for that transaction alone.
        """
        with self._lock:
            drift = self._drift
            if drift is None:
                return self.price_account
            drift.times -= 1
            if not drift.times:
                self._drift = None
            address = price_address(f"drift {len(self._drifting)}", self.token)
            self._drifting[address] = drift.bps
            self._board.write(address, self._scaled)
            return address

    def transaction_sent(self, accounts: list[Pubkey]) -> None:
        """Move the price for a transaction that names *accounts*, if a drift was scripted for it."""
        with self._lock:
            for address in self._drifting.keys() & set(accounts):
                moved = self._scaled * (WHOLE_BPS + self._drifting[address]) // WHOLE_BPS
                self._board.write(address, min(swap_program.MAX_U64, max(0, moved)))

    def _priced(self, side: Side, amount: int) -> int:
        """Return what of *amount* reaches the market: a SELL pays the token's transfer fee on the way."""
        return self.token.received(amount) if side is Side.SELL else amount

    def _worth(self, scaled: int, side: Side, amount: int) -> tuple[int, int]:
        """Return what the maker sends for *amount* and what of it arrives."""
        priced = self._priced(side, amount)
        if side is Side.SELL:
            proceeds = self._pricing.sale(scaled, RawAmount(priced))
            return proceeds, proceeds
        sent = self._pricing.purchase(scaled, Lamports(priced))
        return sent, self.token.received(sent)

    def _band(self, side: Side, amount: int, minimum: int) -> tuple[int, int]:
        """Return the scaled prices, both inclusive, at which the order is still worth its minimum."""
        priced = self._priced(side, amount)
        if side is Side.SELL:
            return self._pricing.lowest_price(RawAmount(priced), Lamports(minimum)), swap_program.MAX_U64
        sent = RawAmount(self.token.sent_for(minimum))
        return 0, self._pricing.highest_price(Lamports(priced), sent)
