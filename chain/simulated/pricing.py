"""What a market pays: a mid price, and a depth that makes large orders worse. Integers throughout.

The rule is that of a constant-product pool which holds *depth* lamports and as many tokens as *depth* buys
at the mid price, and which is brought back to the mid price after every trade. With ``value`` the order's
worth at the mid price:

    out = value * depth / (depth + value), rounded down

so an order is never paid more than the mid price, an order worth the whole depth is paid half of it, and
no sale brings the depth or more.

The mid price is an integer too: SOL per whole token times ``10^exponent``. Because the chain compares that
integer, "this order still pays its minimum" becomes a band of prices, which `lowest_price` and
`highest_price` give exactly: they invert the rule, and round into the band.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from engine.domain.errors import BadInputError
from engine.domain.swap import Side
from engine.domain.units import LAMPORTS_PER_SOL, Lamports, RawAmount

MAX_U64 = 2**64 - 1

_LEADING_DIGITS = 12
"""A first price is kept with 13 digits: in a u64 that leaves room to rise a millionfold and fall by 10^12."""

_LEAST_PRICE, _GREATEST_PRICE = Decimal("1e-15"), Decimal("1e9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """The rule of one market."""

    decimals: int
    """Of the token."""
    exponent: int
    """A scaled price is SOL per whole token times 10 to this."""
    depth: Lamports

    @classmethod
    def starting_at(cls, price: Decimal, *, decimals: int, depth: Lamports) -> Pricing:
        """Return a rule whose units suit prices around *price*, in SOL per whole token."""
        return cls(decimals=decimals, exponent=_LEADING_DIGITS - price.adjusted(), depth=depth)

    def scaled(self, price: Decimal) -> int:
        """Return *price*, in SOL per whole token, in the units that the chain compares.

        Raises:
            BadInputError: the price is not one that can be, or left the range of the market's units.
        """
        if not (price.is_finite() and _LEAST_PRICE <= price <= _GREATEST_PRICE):
            raise BadInputError(
                f"A price must be between {_LEAST_PRICE:f} and {_GREATEST_PRICE:f} SOL per whole token, "
                f"not {price}: check the value and its unit."
            )
        scaled = int(price.scaleb(self.exponent).to_integral_value(ROUND_HALF_EVEN))
        if not 1 <= scaled <= MAX_U64:
            raise BadInputError(
                f"The price {price} is too far from the one that this market began with for its units: "
                "create the token anew at a price of that size."
            )
        return scaled

    def price(self, scaled: int) -> Decimal:
        """Return the price in SOL per whole token that *scaled* stands for."""
        return Decimal(scaled).scaleb(-self.exponent)

    def sale(self, scaled: int, tokens: RawAmount) -> Lamports:
        """Return the lamports that *tokens* bring at the mid price *scaled*."""
        worth, unit = tokens * scaled * LAMPORTS_PER_SOL, self._unit
        return Lamports(worth * self.depth // (unit * self.depth + worth))

    def purchase(self, scaled: int, lamports: Lamports) -> RawAmount:
        """Return the raw tokens that *lamports* buy at the mid price *scaled*."""
        return RawAmount(lamports * self.depth * self._unit // ((self.depth + lamports) * scaled * LAMPORTS_PER_SOL))

    def lowest_price(self, tokens: RawAmount, minimum: Lamports) -> int:
        """Return the least scaled price at which *tokens* still bring *minimum* lamports.

        From ``tokens * p * 10^9 * (depth - minimum) >= minimum * unit * depth``, which is
        ``sale(p, tokens) >= minimum`` without its division.

        Raises:
            ValueError: there are no tokens, or the market is not deep enough to pay *minimum* at any price.
        """
        if tokens <= 0 or minimum >= self.depth:
            raise ValueError(f"{tokens} raw tokens cannot bring {minimum} lamports of a depth of {self.depth}")
        per_price = tokens * LAMPORTS_PER_SOL * (self.depth - minimum)
        return -(-minimum * self._unit * self.depth // per_price)

    def highest_price(self, lamports: Lamports, minimum: RawAmount) -> int:
        """Return the greatest scaled price, at most 2^64 - 1, at which *lamports* still buy *minimum* tokens."""
        if minimum <= 0:
            return MAX_U64
        per_price = minimum * (self.depth + lamports) * LAMPORTS_PER_SOL
        return min(MAX_U64, lamports * self.depth * self._unit // per_price)

    def impact(self, scaled: int, side: Side, amount: int) -> Decimal:
        """Return how far from the mid price an order of *amount* is paid, as a fraction from 0 to 1."""
        if side is Side.SELL:
            worth = amount * scaled * LAMPORTS_PER_SOL
            return Decimal(worth) / Decimal(self._unit * self.depth + worth)
        return Decimal(amount) / Decimal(self.depth + amount)

    @property
    def _unit(self) -> int:
        """What divides raw tokens times a scaled price into SOL."""
        return int(10 ** (self.exponent + self.decimals))
