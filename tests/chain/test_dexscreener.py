"""Prices in SOL from DexScreener's pairs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chain.prices.dexscreener import DOLLARS, LAG, MAX_MINTS, REQUESTS_PER_MINUTE, DexScreenerPrices, dexscreener_http
from engine.clock import ManualClock
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import SOL_MINT, Mint, Nanos, seconds
from tests.chain.wire import Wire, always, failing

AT = Nanos(1_780_000_000_000_000_000)
BONK, WIF = Mint("DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"), Mint("EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm")
USDC, USDT = sorted(DOLLARS)
URL = "http://127.0.0.1:8901"


def _source(wire: Wire, clock: ManualClock | None = None) -> DexScreenerPrices:
    clock = clock or ManualClock(AT)
    return DexScreenerPrices(dexscreener_http(URL, clock, transport=wire.transport), clock)


def _pair(base: str, quote: str, native: Any, usd: Any = None, *, liquidity: Any = 50_000) -> dict[str, Any]:
    return {
        "chainId": "solana",
        "baseToken": {"address": base},
        "quoteToken": {"address": quote},
        "priceNative": native,
        "priceUsd": usd,
        "liquidity": {"usd": liquidity},
    }


def _prices(*pairs: Any, mints: tuple[Mint, ...] = (BONK,)) -> dict[Mint, float]:
    return {tick.mint: tick.price for tick in _source(always(200, list(pairs))).fetch(mints)}


def _mints(request: httpx.Request) -> list[str]:
    return request.url.path.removeprefix("/tokens/v1/solana/").split(",")


def test_a_pair_against_sol_prices_its_base_by_itself() -> None:
    """No dollars are needed."""
    assert _prices(_pair(BONK, SOL_MINT, "0.00000012")) == {BONK: 1.2e-7}


def test_a_pair_the_other_way_round_is_turned() -> None:
    """SOL is its base: its price is how many of the token one SOL costs."""
    assert _prices(_pair(SOL_MINT, BONK, "4", "200")) == {BONK: 0.25}


def test_a_pair_against_dollars_is_converted_by_a_sol_price_of_the_same_answer() -> None:
    """Any pair with SOL on one side gives dollars per SOL."""
    wif = _pair(WIF, SOL_MINT, "0.01", "2")
    assert _prices(_pair(BONK, USDC, "0.5", "0.5"), wif, mints=(BONK, WIF)) == {BONK: 0.0025, WIF: 0.01}
    assert _prices(_pair(USDC, BONK, "2", "1"), wif, mints=(BONK, WIF)) == {BONK: 0.0025, WIF: 0.01}


def test_sol_is_asked_for_where_the_answer_has_no_price_of_it() -> None:
    """In a request of its own."""

    def answer(request: httpx.Request) -> httpx.Response:
        sol = [_pair(SOL_MINT, USDC, "200", "200")]
        return httpx.Response(200, json=sol if _mints(request) == [SOL_MINT] else [_pair(BONK, USDC, "0.5", "0.5")])

    wire = Wire(answer)
    assert [tick.price for tick in _source(wire).fetch([BONK])] == [0.0025]
    assert [_mints(request) for request in wire.requests] == [[BONK], [SOL_MINT]]


def test_the_deepest_pair_prices_the_mint() -> None:
    """Against whatever it trades."""
    shallow, deep = _pair(BONK, SOL_MINT, "9", liquidity=2_000), _pair(BONK, SOL_MINT, "1", liquidity=900_000)
    assert _prices(shallow, deep, _pair(BONK, SOL_MINT, "7", liquidity=5_000)) == {BONK: 1.0}
    dollars = _pair(BONK, USDT, "3", "3", liquidity=1_000_000)
    assert _prices(deep, dollars, _pair(WIF, SOL_MINT, "1", "2"), mints=(BONK,)) == {BONK: 1.5}


def test_a_pair_against_another_token_counts_only_where_there_is_no_other() -> None:
    """Anybody can claim any depth for a pair with a token of their own."""
    claimed = _pair(BONK, WIF, "1", "1000", liquidity=10**9)
    sol = _pair(WIF, SOL_MINT, "0.01", "2")
    assert _prices(claimed, _pair(BONK, SOL_MINT, "0.5"), sol) == {BONK: 0.5}
    assert _prices(claimed, sol) == {BONK: 5.0}


@pytest.mark.parametrize("liquidity", [0, 999.99, None, "5000", True, -5])
def test_a_pair_below_the_floor_is_left_out(liquidity: Any) -> None:
    """A few dollars would move it."""
    assert _prices(_pair(BONK, SOL_MINT, "1", liquidity=liquidity)) == {}
    assert _prices(_pair(BONK, SOL_MINT, "1", liquidity=1000)) == {BONK: 1.0}


def test_a_pair_that_has_no_dollars_does_not_hide_one_that_needs_none() -> None:
    """A null price in dollars is a normal answer."""
    deep = _pair(BONK, USDC, "1", None, liquidity=10**6)
    assert _prices(deep, _pair(BONK, SOL_MINT, "0.005")) == {BONK: 0.005}
    assert _prices(deep) == {}


def test_sol_itself_costs_one() -> None:
    """By whatever pair it is shown."""
    assert _prices(_pair(SOL_MINT, USDC, "200", "200"), mints=(SOL_MINT,)) == {SOL_MINT: 1.0}


def test_a_mint_without_a_pair_has_no_tick() -> None:
    """And a pair of another chain or another mint is none of it."""
    ethereum = {**_pair(BONK, SOL_MINT, "1"), "chainId": "ethereum"}
    assert _prices(ethereum, _pair(BONK, SOL_MINT, "2"), mints=(WIF,)) == {}
    assert _prices() == {}


def test_many_mints_are_asked_for_by_thirty() -> None:
    """As many as one request may name."""
    mints = [Mint(f"mint{n}") for n in range(70)]
    wire = Wire(
        lambda request: httpx.Response(200, json=[_pair(mint, SOL_MINT, "2") for mint in reversed(_mints(request))])
    )
    assert [tick.mint for tick in _source(wire).fetch(mints)] == mints
    assert [len(_mints(request)) for request in wire.requests] == [MAX_MINTS, MAX_MINTS, 10]
    assert _source(wire).fetch([]) == []


def test_a_tick_is_older_than_its_question() -> None:
    """DexScreener is seconds behind and does not say how many; a slow answer makes nothing younger."""
    clock = ManualClock(AT)

    def answer(_: httpx.Request) -> httpx.Response:
        clock.advance(seconds(2))
        return httpx.Response(200, json=[_pair(BONK, SOL_MINT, "1")])

    (tick,) = _source(Wire(answer), clock).fetch([BONK])
    assert tick.observed_at == AT - LAG
    assert tick.source == "dexscreener"


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        _pair(BONK, SOL_MINT, None),
        _pair(BONK, SOL_MINT, 12.5),
        _pair(BONK, SOL_MINT, "0"),
        _pair(BONK, SOL_MINT, "-1"),
        _pair(BONK, SOL_MINT, "NaN"),
        _pair(BONK, SOL_MINT, "1e-999999999"),
        _pair(BONK, SOL_MINT, "much"),
        _pair(BONK, SOL_MINT, True),
        _pair(BONK, BONK, "1"),
    ],
)
def test_nonsense_harms_only_itself(entry: Any) -> None:
    """Alone it is an unavailable price; beside a good pair it is left out."""
    with pytest.raises(PriceUnavailableError, match="nonsense"):
        _prices(entry)
    assert _prices(entry, _pair(BONK, SOL_MINT, "1")) == {BONK: 1.0}


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"pairs": []}), (200, "null"), (200, "<html>"), (404, []), (500, []), (503, "<html>")]
)
def test_an_answer_that_is_none_is_an_unavailable_price(status: int, body: Any) -> None:
    """Whatever the kind of trouble, the last prices stand."""
    with pytest.raises(PriceUnavailableError, match="DexScreener") as caught:
        _source(always(status, body)).fetch([BONK])
    assert caught.value.retry_at is None


def test_a_silent_server_is_an_unavailable_price() -> None:
    """Nor does a time-out look like prices."""
    with pytest.raises(PriceUnavailableError):
        _source(failing(httpx.ReadTimeout("slow"))).fetch([BONK])


def test_a_refusal_for_too_many_requests_says_when_to_come_back() -> None:
    """By its header, where there is one that can be read."""
    with pytest.raises(PriceUnavailableError) as caught:
        _source(always(429, [], {"retry-after": "7"})).fetch([BONK])
    assert caught.value.retry_at == AT + seconds(7)
    with pytest.raises(PriceUnavailableError) as caught:
        _source(always(429, [], {"retry-after": "soon"})).fetch([BONK])
    assert caught.value.retry_at is None


def test_no_more_is_asked_than_is_allowed() -> None:
    """The count is our own: DexScreener tells none."""
    clock, wire = ManualClock(AT), always(200, [_pair(BONK, SOL_MINT, "1")])
    source = _source(wire, clock)
    for _ in range(REQUESTS_PER_MINUTE):
        source.fetch([BONK])
    with pytest.raises(PriceUnavailableError, match="DexScreener's limit") as caught:
        source.fetch([BONK])
    assert (len(wire.requests), caught.value.retry_at) == (REQUESTS_PER_MINUTE, AT + seconds(60))
    clock.advance(seconds(60))
    assert len(source.fetch([BONK])) == 1
