"""DexScreener's HTTP API over the simulated markets: ``GET /tokens/v1/solana/{mints}``.

Each market is one pair against SOL; beside it stands a pair of a shallow pool, whose price is off and must not count.
SOL itself is shown in the pairs of its tokens alone. Mints without a market are left out; a halted market keeps its
price.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chain.simulated.exchange import Exchange
from chain.simulated.market import Market
from engine.domain.units import SOL_MINT, sol

MAX_MINTS = 30
_BAD_REQUEST = 400
_MILLISECOND = 1_000_000
_SHALLOW_USD = Decimal(25)
_OFF = Decimal(3)


def dexscreener_app(exchange: Exchange) -> Starlette:
    """Return the ASGI application that serves the markets of *exchange*."""

    async def tokens(request: Request) -> Response:
        mints = list(dict.fromkeys(request.path_params["mints"].split(",")))
        if len(mints) > MAX_MINTS:
            return JSONResponse({"error": f"at most {MAX_MINTS} addresses"}, _BAD_REQUEST)
        return JSONResponse(await run_in_threadpool(_pairs_of, exchange, mints))

    return Starlette(routes=[Route("/tokens/v1/solana/{mints}", tokens)])


def _pairs_of(exchange: Exchange, mints: list[str]) -> list[dict[str, Any]]:
    with exchange.lock:
        markets = [exchange.markets[mint] for mint in mints if mint in exchange.markets]
        return [pair for market in markets for pair in _pairs(market, exchange.sol_usd)]


def _pairs(market: Market, sol_usd: Decimal) -> list[dict[str, Any]]:
    deep = 2 * sol(market.depth) * sol_usd
    return [
        _pair(market, "shallow", market.price * _OFF, sol_usd, liquidity_usd=_SHALLOW_USD),
        _pair(market, "deep", market.price, sol_usd, liquidity_usd=deep),
    ]


def _pair(market: Market, purpose: str, price: Decimal, sol_usd: Decimal, *, liquidity_usd: Decimal) -> dict[str, Any]:
    token = market.token
    address = hashlib.sha256(f"{purpose} pair of {token.address}".encode()).digest()
    reserve = liquidity_usd / 2 / sol_usd
    return {
        "chainId": "solana",
        "dexId": "pumpswap",
        "pairAddress": str(Pubkey(address)),
        "baseToken": {"address": token.address, "name": token.symbol, "symbol": token.symbol},
        "quoteToken": {"address": SOL_MINT, "name": "Wrapped SOL", "symbol": "SOL"},
        "priceNative": f"{price:f}",
        "priceUsd": f"{price * sol_usd:f}",
        "txns": {"h24": {"buys": 1, "sells": 1}},
        "volume": {"h24": float(liquidity_usd)},
        "priceChange": {"h24": 0},
        "liquidity": {"usd": float(liquidity_usd), "base": float(reserve / price), "quote": float(reserve)},
        "fdv": None,
        "marketCap": None,
        "pairCreatedAt": market.opened_at // _MILLISECOND,
    }
