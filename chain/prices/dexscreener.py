"""Prices from DexScreener: free, without a key, seconds behind. A source for when the others are down.

``GET /tokens/v1/solana/{up to 30 mints}`` answers with the pairs that these mints trade in, each with ``baseToken``,
``quoteToken``, ``priceNative`` (of one base token, in quote tokens), ``priceUsd`` (of one base token, or null) and
``liquidity.usd``; prices come as text. Specification: https://docs.dexscreener.com/api/reference;
300 requests a minute.

One pair prices a mint: the deepest one against SOL, USDC or USDT; failing that, the deepest of all. Anybody can make a
pair against a token of their own and so claim any depth, which is why such pairs come last. Pairs that hold less than
a floor are left out: a few dollars move them.

The answer has no time. It is a few seconds behind the chain, by an amount that is not documented, so that a tick is
dated `LAG` before the request: the feed then prefers whatever another source saw since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import structlog

from chain.http.client import Answer, HttpClient, HttpError, NoBudgetError
from chain.http.gate import Rank
from chain.http.rate_limit import RateLimit
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import SOL_MINT, Mint, Nanos, seconds
from engine.messages.prices import Tick
from engine.ports import Clock

URL = "https://api.dexscreener.com"
MAX_MINTS = 30
"""Mints that one request may name."""
REQUESTS_PER_MINUTE = 300
LAG = seconds(2)
"""How old a price is taken to be when it is asked for."""
MIN_LIQUIDITY_USD = Decimal(1_000)
DOLLARS = frozenset({"EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "Es9vMFrzaCERmJfFrF4H2FYD4KCoNkY11McCe8BenwNYB"})
"""The mints of USDC and USDT."""
_OK = 200
_TOKENS = "/tokens/v1/solana"
_LEAST, _GREATEST = Decimal("1e-30"), Decimal("1e30")
"""Beyond these a number is none: a price has to survive a division and stay a float."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair of DexScreener's answer, as far as it can be used."""

    base: str
    quote: str
    price: Decimal
    """Of one base token, in quote tokens."""
    price_usd: Decimal | None
    """Of one base token."""
    liquidity_usd: Decimal

    def of(self, mint: str) -> bool:
        """Return whether *mint* is on either side."""
        return mint in (self.base, self.quote)

    @property
    def sound(self) -> bool:
        """Whether one side is SOL or dollars."""
        return any(side == SOL_MINT or side in DOLLARS for side in (self.base, self.quote))

    def usd_of(self, mint: str) -> Decimal | None:
        """Return the price of *mint*, which is one of the two, in dollars."""
        if self.price_usd is None:
            return None
        return self.price_usd if mint == self.base else self.price_usd / self.price

    def sol_of(self, mint: str, sol_usd: Decimal | None) -> Decimal | None:
        """Return the price of *mint*, which is one of the two, in SOL; *sol_usd* is needed where the other is not."""
        if (self.base, self.quote) == (mint, SOL_MINT):
            return self.price
        if (self.base, self.quote) == (SOL_MINT, mint):
            return 1 / self.price
        usd = self.usd_of(mint)
        return usd / sol_usd if usd is not None and sol_usd is not None else None


class DexScreenerPrices:
    """The `PriceSource` port over DexScreener. Blocks.

    Args:
        http: to DexScreener; see `dexscreener_http`.
        clock: tells when a price was asked for.
        min_liquidity_usd: what a pair must hold, in dollars, for its price to count.
        lag: how old a price is taken to be when it is asked for.
    """

    name = "dexscreener"

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        *,
        min_liquidity_usd: Decimal = MIN_LIQUIDITY_USD,
        lag: Nanos = LAG,
    ) -> None:
        self._http = http
        self._clock = clock
        self._floor = min_liquidity_usd
        self._lag = lag

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the price in SOL per whole token of each of *mints* that trades in a pair deep enough.

        Raises:
            PriceUnavailableError: DexScreener did not answer, or with something that is no list of pairs.
        """
        ticks: list[Tick] = []
        for batch in _batches(mints):
            observed_at = Nanos(self._clock.now() - self._lag)
            pairs = self._pairs(batch)
            best = {mint: pair for mint in batch if (pair := _deepest(pairs, mint)) is not None}
            sol_usd = self._sol_usd(pairs, best)
            for mint, pair in best.items():
                price = Decimal(1) if mint == SOL_MINT else pair.sol_of(mint, sol_usd)
                if price is not None and _LEAST <= price <= _GREATEST:
                    ticks.append(Tick(mint=mint, price=float(price), source=self.name, observed_at=observed_at))
        return ticks

    def _sol_usd(self, pairs: Sequence[Pair], best: Mapping[Mint, Pair]) -> Decimal | None:
        """Return the price of SOL in dollars, of the same answer where that has it; None where nothing needs it."""
        if all(pair.of(SOL_MINT) for pair in best.values()):
            return None
        by_the_way = _deepest([pair for pair in pairs if pair.price_usd is not None], SOL_MINT)
        asked = by_the_way or _deepest(self._pairs([SOL_MINT]), SOL_MINT)
        return asked.usd_of(SOL_MINT) if asked is not None else None

    def _pairs(self, mints: Sequence[Mint]) -> list[Pair]:
        """Return the usable pairs of *mints* that hold enough."""
        try:
            path = f"{_TOKENS}/{','.join(mints)}"
            answer = self._http.get(path, {}, exact_numbers=True, rank=Rank.POLL, operation=_TOKENS)
            entries = _listed(answer, self._clock.now())
        except NoBudgetError as error:
            raise PriceUnavailableError(str(error), retry_at=error.next_at) from error
        except HttpError as error:
            raise PriceUnavailableError(str(error)) from error
        pairs = [_pair(entry) for entry in entries]
        unreadable = pairs.count(None)
        if unreadable:
            log.warning("price_nonsense", source=self.name, pairs=unreadable)
            if unreadable == len(pairs):
                raise PriceUnavailableError(f"DexScreener gave nonsense for {', '.join(mints)}")
        return [pair for pair in pairs if pair is not None and pair.liquidity_usd >= self._floor]


def dexscreener_http(base_url: str, clock: Clock, **options: Any) -> HttpClient:
    """Return the connections to DexScreener at *base_url*, within its limit; *options* are those of `HttpClient`."""
    gate = RateLimit(clock, limit=REQUESTS_PER_MINUTE, reserve=0, server="DexScreener")
    return HttpClient(base_url, name="DexScreener", gate=gate, **options)


def _batches(mints: Sequence[Mint]) -> Iterator[Sequence[Mint]]:
    for start in range(0, len(mints), MAX_MINTS):
        yield mints[start : start + MAX_MINTS]


def _deepest(pairs: Sequence[Pair], mint: str) -> Pair | None:
    """Return the pair to price *mint* by; see the module."""
    priced = [pair for pair in pairs if pair.of(mint) and (pair.of(SOL_MINT) or pair.price_usd is not None)]
    return max(priced, key=lambda pair: (pair.sound, pair.liquidity_usd), default=None)


def _listed(answer: Answer, now: Nanos) -> list[Any]:
    if answer.status != _OK:
        wait = answer.headers.get("retry-after", "")
        retry_at = Nanos(now + seconds(int(wait))) if wait.isascii() and wait.isdigit() else None
        raise PriceUnavailableError(f"DexScreener answered HTTP {answer.status}", retry_at=retry_at)
    if not isinstance(answer.body, list):
        raise PriceUnavailableError("DexScreener answered with something that is no list of pairs")
    return answer.body


def _pair(entry: Any) -> Pair | None:
    """Return *entry* as a pair, or None where it is none or has no price."""
    match entry:
        case {"baseToken": {"address": str(base)}, "quoteToken": {"address": str(quote)}, "priceNative": written}:
            price = _price(written)
        case _:
            return None
    if price is None or base == quote or entry.get("chainId") != "solana":
        return None
    return Pair(
        base=base,
        quote=quote,
        price=price,
        price_usd=_price(entry.get("priceUsd")),
        liquidity_usd=_depth(entry.get("liquidity")),
    )


def _price(written: Any) -> Decimal | None:
    """Return a positive number that is written as text, or None where it is none."""
    if not isinstance(written, str):
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() and _LEAST <= number <= _GREATEST else None


def _depth(liquidity: Any) -> Decimal:
    """Return the dollars that a pair holds; none where that is not told."""
    match liquidity:
        case {"usd": int() | Decimal() as usd} if not isinstance(usd, bool) and usd > 0:
            return Decimal(usd)
        case _:
            return Decimal(0)
