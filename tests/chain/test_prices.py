"""Prices in SOL from Jupiter's dollars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from chain.prices.jupiter import JupiterPrices
from engine.clock import ManualClock
from engine.domain.errors import PriceUnavailableError
from engine.domain.units import SECOND, SOL_MINT, Mint, Nanos, seconds
from tests.chain.recordings import needs_recordings, recorded
from tests.chain.wire import Wire, always, failing, jupiter

AT = Nanos(1_780_000_000_000_000_000)
JUP = Mint("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN")


def _source(wire: Wire) -> JupiterPrices:
    return JupiterPrices(jupiter(wire), ManualClock(AT))


def _ids(request: httpx.Request) -> list[str]:
    return parse_qs(request.url.query.decode())["ids"][0].split(",")


def _priced(price: Any) -> dict[str, Any]:
    return {"usdPrice": price, "blockId": None, "decimals": 6, "priceChange24h": None}


@needs_recordings
def test_the_documented_answer_is_a_price_in_sol() -> None:
    """JUP at 0.4056 dollars and SOL at 147.48 of the same answer."""
    examples = recorded("jupiter/docs/examples.json")
    answer = next(item["json"] for item in examples if item["path"] == "price/index.mdx")
    (tick,) = _source(always(200, answer)).fetch([JUP])
    assert (tick.mint, tick.source, tick.observed_at) == (JUP, "jupiter", AT)
    assert tick.price == pytest.approx(0.4056018512541055 / 147.4789340738336)


def test_the_quotient_is_the_nearest_float_to_the_exact_one() -> None:
    """0.1 / 0.3 of the decimals as written, not of their floats."""
    answer = '{"%s": {"usdPrice": 0.3}, "%s": {"usdPrice": 0.1}}' % (SOL_MINT, JUP)  # noqa: UP031 - JSON braces
    (tick,) = _source(always(200, answer)).fetch([JUP])
    assert tick.price == 1 / 3
    assert 0.1 / 0.3 != 1 / 3


def test_a_mint_that_jupiter_omits_has_no_tick() -> None:
    """Nothing traded in a week, or heuristics: no key, no error."""
    assert _source(always(200, {SOL_MINT: _priced(150)})).fetch([JUP]) == []


def test_sol_itself_costs_one() -> None:
    """It is asked for once."""
    wire = always(200, {SOL_MINT: _priced(150)})
    assert [tick.price for tick in _source(wire).fetch([SOL_MINT])] == [1.0]
    assert _ids(wire.requests[0]) == [SOL_MINT]


def test_no_mints_need_no_question() -> None:
    """Nothing is watched, nothing is spent of the rate limit."""
    wire = always(500, {})
    assert _source(wire).fetch([]) == []
    assert wire.requests == []


def test_many_mints_are_asked_for_by_fifty_with_sol_in_each() -> None:
    """Both prices of a quotient come from one answer."""
    mints = [Mint(f"mint{n}") for n in range(120)]
    wire = Wire(lambda request: httpx.Response(200, json={mint: _priced(2) for mint in _ids(request)}))
    ticks = _source(wire).fetch(mints)
    assert [tick.mint for tick in ticks] == mints
    assert [len(_ids(request)) for request in wire.requests] == [50, 50, 23]
    assert all(SOL_MINT in _ids(request) for request in wire.requests)


@pytest.mark.parametrize("entry", [None, {}, _priced(0), _priced(-1), _priced("150"), _priced(None), _priced(True), 7])
def test_without_a_usable_price_of_sol_there_are_no_prices(entry: Any) -> None:
    """Nothing could be told in SOL."""
    with pytest.raises(PriceUnavailableError, match="no usable price of SOL"):
        _source(always(200, {SOL_MINT: entry, JUP: _priced(1)})).fetch([JUP])


@pytest.mark.parametrize("price", ["0", "-0.4", "1e-400", "1e400", '"1"', "null", "true", "1e-999999", "1e999999"])
def test_nonsense_for_the_only_mint_is_an_unavailable_price(price: str) -> None:
    """Zero, negative, and what no float can hold."""
    answer = '{"%s": {"usdPrice": 150}, "%s": {"usdPrice": %s}}' % (SOL_MINT, JUP, price)  # noqa: UP031
    with pytest.raises(PriceUnavailableError, match="nonsense"):
        _source(always(200, answer)).fetch([JUP])


def test_nonsense_for_one_mint_harms_only_itself() -> None:
    """The others' prices are as good as before."""
    other = Mint("other")
    answer = {SOL_MINT: _priced(100), JUP: _priced(-1), other: _priced(50)}
    assert [tick.mint for tick in _source(always(200, answer)).fetch([JUP, other])] == [other]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, []),
        (200, "NaN"),
        (200, '{"x": NaN}'),
        (429, {"code": 429, "message": "[API Gateway] Too many requests"}),
        (500, "<html>"),
        (401, {"message": "Unauthorized"}),
        (400, {"error": "Invalid ids"}),
    ],
)
def test_an_answer_that_is_none_is_an_unavailable_price(status: int, body: Any) -> None:
    """Whatever the kind of trouble, the last prices stand."""
    with pytest.raises(PriceUnavailableError, match="Jupiter's price API"):
        _source(always(status, body)).fetch([JUP])


def test_a_silent_server_is_an_unavailable_price() -> None:
    """Nor does a time-out look like prices."""
    with pytest.raises(PriceUnavailableError):
        _source(failing(httpx.ReadTimeout("slow"))).fetch([JUP])


def test_a_tick_is_as_old_as_its_question() -> None:
    """A slow answer does not make a price younger."""
    clock = ManualClock(AT)

    def answer(_: httpx.Request) -> httpx.Response:
        clock.advance(Nanos(2_000_000_000))
        return httpx.Response(200, text=json.dumps({SOL_MINT: _priced(100), JUP: _priced(1)}))

    (tick,) = JupiterPrices(jupiter(Wire(answer)), clock).fetch([JUP])
    assert tick.observed_at == AT


def _traded(price: float, block: Any) -> dict[str, Any]:
    return {**_priced(price), "blockId": block}


def _dated(answers: Sequence[Mapping[Mint, Any]], *, step: float = 1.0) -> list[float]:
    """Return the age in seconds, when it is asked for, of JUP's price in each of *answers*, *step* seconds apart."""
    clock, left = ManualClock(AT), list(answers)
    source = JupiterPrices(jupiter(Wire(lambda _: httpx.Response(200, json=left.pop(0)))), clock)
    ages = []
    for _ in answers:
        (tick,) = source.fetch([JUP])
        ages.append((clock.now() - tick.observed_at) / SECOND)
        clock.advance(seconds(step))
    return ages


def test_an_answer_that_has_come_no_further_is_as_old_as_the_first_of_its_kind() -> None:
    """Jupiter repeats itself: neither the same block again nor an earlier one makes an old price look new."""
    answers = [{SOL_MINT: _traded(150, block), JUP: _traded(1, 900)} for block in (1000, 1000, 1000, 1003, 1001)]
    assert _dated(answers) == pytest.approx([0, 1, 2, 0, 1 + 2 * 0.4])


def test_the_newest_block_of_an_answer_tells_how_far_it_has_come() -> None:
    """Whichever entry it stands in."""
    answers = [{SOL_MINT: _traded(150, 1000), JUP: _traded(1, block)} for block in (1000, 1005, 1010)]
    assert _dated(answers) == [0, 0, 0]


@pytest.mark.parametrize(("behind", "age"), [(0, 0), (150, 0), (151, 151 * 0.4), (216_000, 86_400)])
def test_a_price_of_long_before_its_answer_is_dated_by_its_own_block(behind: int, age: float) -> None:
    """A quiet token keeps its price for a minute; after that nobody can tell whether it is quiet or emptied."""
    answer = {SOL_MINT: _traded(150, 1_000_000), JUP: _traded(1, 1_000_000 - behind)}
    assert _dated([answer]) == pytest.approx([age])


@pytest.mark.parametrize("block", [None, -1, True, "1000", 1.5])
def test_a_block_that_is_not_told_leaves_the_time_of_the_request(block: Any) -> None:
    """Or that is none."""
    assert _dated([{SOL_MINT: _traded(150, block), JUP: _traded(1, block)}] * 2) == [0, 0]
