"""What the market consists of: which program, mints and price accounts, and where they are.

Every address follows from the maker's own, a seed and a program, so nothing but the maker's key and the list of tokens
need be remembered, and whatever was set up in part can be taken up where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from chain.simulated.pricing import Pricing
from chain.simulated.remote import program
from chain.simulated.remote.loader import LOADER
from chain.simulated.tokens import Token
from engine.domain.units import BasisPoints, Lamports, Mint, lamports


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A test token, and the market in which it is traded for SOL."""

    symbol: str
    decimals: int
    price: Decimal
    """The first, in SOL per whole token; it decides the units in which the chain has the price."""
    depth_sol: Decimal
    """SOL on the market's SOL side; an order worth this much is paid half its worth."""
    token_2022: bool = False
    transfer_fee_bps: int = 0
    follows: Mint
    """The mint on mainnet whose price it takes where prices are live."""

    @property
    def pricing(self) -> Pricing:
        """The market's rule."""
        depth = Lamports(lamports(self.depth_sol))
        return Pricing.starting_at(self.price, decimals=self.decimals, depth=depth)


TOKENS = (
    Listing(
        symbol="tBONK",
        decimals=5,
        price=Decimal("0.0000001"),
        depth_sol=Decimal(100),
        follows=Mint("DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"),
    ),
    Listing(
        symbol="tPYUSD",
        decimals=6,
        price=Decimal("0.007"),
        depth_sol=Decimal(100),
        token_2022=True,
        transfer_fee_bps=100,
        follows=Mint("2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"),
    ),
    Listing(
        symbol="tJUP",
        decimals=6,
        price=Decimal("0.003"),
        depth_sol=Decimal(100),
        follows=Mint("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"),
    ),
    Listing(
        symbol="tAI16Z",
        decimals=9,
        price=Decimal("0.001"),
        depth_sol=Decimal(100),
        token_2022=True,
        follows=Mint("HeLp6NuQkmYB4pYWo2zYs22mESHXPQYzXbB8n4V98jwC"),
    ),
)
"""What is made on a public test cluster, in this order: the first two show both token programs and a transfer fee."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of one maker is."""

    maker: Pubkey

    @property
    def program(self) -> Pubkey:
        """The swap program; another version of it is at another address."""
        return self._at(self.program_seed, LOADER)

    @property
    def program_seed(self) -> str:
        """What `program` follows from."""
        return f"market {program.version()}"

    @property
    def buffer(self) -> Pubkey:
        """Where the program is written before it is deployed."""
        return self._at(self.buffer_seed, LOADER)

    @property
    def buffer_seed(self) -> str:
        """What `buffer` follows from."""
        return f"buffer {program.version()}"

    def token(self, wanted: Listing) -> Token:
        """Return the token that *wanted* is, or will be, on chain."""
        owner = TOKEN_2022_PROGRAM_ID if wanted.token_2022 else TOKEN_PROGRAM_ID
        return Token(
            symbol=wanted.symbol,
            mint=self._at(mint_seed(wanted.symbol), owner),
            decimals=wanted.decimals,
            program=owner,
            transfer_fee=BasisPoints(wanted.transfer_fee_bps),
        )

    def price_account(self, symbol: str) -> Pubkey:
        """Return where the price of the token *symbol* stands."""
        return self._at(price_seed(symbol), self.program)

    def vault(self, seed: str, token: Token) -> Pubkey:
        """Return the vault of *token* with *seed*."""
        return self._at(seed, token.program)

    def _at(self, seed: str, owner: Pubkey) -> Pubkey:
        return Pubkey.create_with_seed(self.maker, seed, owner)


def mint_seed(symbol: str) -> str:
    """Return what the address of a mint follows from."""
    return f"mint {symbol}"


def price_seed(symbol: str) -> str:
    """Return what the address of a price account follows from."""
    return f"price {symbol}"
