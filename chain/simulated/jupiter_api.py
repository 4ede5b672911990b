"""Jupiter's HTTP API over the simulated markets.

| served | as |
|---|---|
| GET /swap/v1/quote, POST /swap/v1/swap, POST /swap/v1/swap-instructions | Metis, with fees as asked for |
| GET /swap/v2/build | instructions with a compute unit price and no limit |
| GET /price/v3 | dollars; mints without a market are left out |

What differs from the real thing: one direct route a pair, ExactIn alone; every transaction of /swap has the newest
confirmed blockhash, whatever `blockhashSlotsToExpiry` says, with its true last valid block height; no tips, platform
fees, other payers or other destinations, which are refused rather than ignored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chain.simulated import jupiter_errors as errors
from chain.simulated import jupiter_requests as requests
from chain.simulated import jupiter_shapes as shapes
from chain.simulated.jupiter_fees import rate
from chain.simulated.jupiter_quotes import QuoteBook
from chain.simulated.jupiter_swaps import prepare
from chain.simulated.maker import SOL_STOCK
from chain.simulated.market import NoRouteError, Offer
from chain.simulated.marketplace import Marketplace, NotTradableError
from chain.simulated.tokens import WRAPPED_SOL
from engine.domain.errors import ChainUnavailableError
from engine.domain.units import SECOND, SOL_MINT, sol

Query = Mapping[str, str]
Handler = Callable[[Request], Awaitable[Response]]


class JupiterApi:
    """The answers of the API, as JSON. Safe to call from any thread."""

    def __init__(self, exchange: Marketplace) -> None:
        self._exchange = exchange
        self._quotes = QuoteBook()

    def quote(self, query: Query) -> dict[str, Any]:
        """Answer GET /swap/v1/quote."""
        exchange = self._exchange
        began = exchange.clock.now()
        with exchange.lock:
            offer = self._offer(requests.quote_request(query))
            answer = shapes.quote(
                offer,
                exchange.markets[offer.token.address],
                slot=exchange.bank.slot(),
                seconds_taken=(exchange.clock.now() - began) / SECOND,
                sol_usd=exchange.sol_usd,
            )
            self._quotes.remember(answer, offer)
            return answer

    def swap(self, body: bytes) -> dict[str, Any]:
        """Answer POST /swap/v1/swap."""
        with self._exchange.lock:
            request = requests.swap_request(body)
            prepared = prepare(self._exchange, self._quotes.offer(request.quote), request)
            return shapes.swap(prepared.hand_out, prepared.transaction, prepared.report)

    def swap_instructions(self, body: bytes) -> dict[str, Any]:
        """Answer POST /swap/v1/swap-instructions."""
        with self._exchange.lock:
            request = requests.swap_request(body)
            prepared = prepare(self._exchange, self._quotes.offer(request.quote), request)
            return shapes.swap_instructions(
                prepared.hand_out,
                prepared.compute,
                prepared.report,
                fetched_at=self._exchange.clock.now(),
            )

    def build(self, query: Query) -> dict[str, Any]:
        """Answer GET /swap/v2/build."""
        exchange = self._exchange
        request = requests.build_request(query)
        with exchange.lock:
            offer = self._offer(request.quote)
            hand_out = exchange.hand_out(
                offer, request.taker, wrap_and_unwrap_sol=request.wrap_and_unwrap_sol, blocks_left=request.blocks_left
            )
            return shapes.build(
                hand_out,
                exchange.markets[offer.token.address],
                unit_price=rate(request.level),
                fetched_at=exchange.clock.now(),
            )

    def prices(self, query: Query) -> dict[str, Any]:
        """Answer GET /price/v3; a halted market keeps its price."""
        exchange, answer = self._exchange, {}
        slot = exchange.bank.slot()
        for mint in requests.price_ids(query):
            if mint == SOL_MINT:
                answer[mint] = shapes.price(
                    exchange.sol_usd,
                    slot=slot,
                    decimals=WRAPPED_SOL.decimals,
                    created_at=exchange.opened_at,
                    liquidity_usd=sol(SOL_STOCK) * exchange.sol_usd,
                )
            elif (market := exchange.markets.get(mint)) is not None:
                answer[mint] = shapes.market_price(market, slot=slot, sol_usd=exchange.sol_usd)
        return answer

    def _offer(self, request: requests.QuoteRequest) -> Offer:
        try:
            return self._exchange.offer(request.input_mint, request.output_mint, request.amount, request.slippage)
        except NotTradableError as error:
            raise errors.token_not_tradable(error.mint) from error
        except NoRouteError as error:
            halted = any(
                mint in self._exchange.markets and self._exchange.markets[mint].halted
                for mint in (request.input_mint, request.output_mint)
            )
            raise (errors.no_routes_found() if halted else errors.could_not_find_any_route()) from error


def jupiter_app(exchange: Marketplace) -> Starlette:
    """Return the ASGI application that serves *exchange*."""
    api = JupiterApi(exchange)
    return Starlette(
        routes=[
            Route("/swap/v1/quote", _get(api.quote)),
            Route("/swap/v1/swap", _post(api.swap), methods=["POST"]),
            Route("/swap/v1/swap-instructions", _post(api.swap_instructions), methods=["POST"]),
            Route("/swap/v2/build", _get(api.build)),
            Route("/price/v3", _get(api.prices)),
        ],
        exception_handlers={errors.JupiterError: _refuse, NoRouteError: _refuse, ChainUnavailableError: _refuse},
    )


def _get(answer: Callable[[Query], dict[str, Any]]) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answer, request.query_params))

    return handle


def _post(answer: Callable[[bytes], dict[str, Any]]) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answer, await request.body()))

    return handle


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, NoRouteError):
        error = errors.could_not_find_any_route()
    elif isinstance(error, ChainUnavailableError):
        error = errors.chain_unavailable()
    if not isinstance(error, errors.JupiterError):
        raise error
    return error.response(with_code=request.url.path.startswith("/swap/v1/"))
