"""The compute budget of what the Jupiter-compatible API builds."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solders.compute_budget import ID as COMPUTE_BUDGET

from chain.simulated.market import Market
from engine.domain.units import SOL_MINT
from tests.simulated.trading import Trading


def swapped(trading: Trading, market: Market, **body: object) -> Any:
    """Return the answer of /swap/v1/swap with *body* added."""
    quote = trading.quote(market.token.address, SOL_MINT, 10**9)
    return trading.post("/swap/v1/swap", {"userPublicKey": trading.address, "quoteResponse": quote, **body})


@pytest.mark.parametrize(
    ("body", "limit", "price"),
    [
        ({}, 1_400_000, 50_000),
        ({"prioritizationFeeLamports": "auto"}, 1_400_000, 50_000),
        ({"prioritizationFeeLamports": 14_000}, 1_400_000, 10_000),
        ({"prioritizationFeeLamports": 0}, 1_400_000, 0),
        ({"computeUnitPriceMicroLamports": 777}, 1_400_000, 777),
        (
            {
                "prioritizationFeeLamports": {
                    "priorityLevelWithMaxLamports": {"priorityLevel": "medium", "maxLamports": 10**9}
                }
            },
            1_400_000,
            10_000,
        ),
        (
            {
                "prioritizationFeeLamports": {
                    "priorityLevelWithMaxLamports": {"priorityLevel": "veryHigh", "maxLamports": 7_000, "global": False}
                }
            },
            1_400_000,
            5_000,
        ),
    ],
)
def test_a_priority_fee_is_applied_as_it_is_asked_for(body: dict[str, object], limit: int, price: int) -> None:
    """The transaction's own budget, the report and what the chain charges agree."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    answer = swapped(trading, market, **body)
    assert answer["computeUnitLimit"] == limit
    assert answer["prioritizationType"]["computeBudget"]["microLamports"] == price
    assert answer["prioritizationFeeLamports"] == limit * price // 10**6
    (landed,) = trading.land(trading.sign_whole(answer["swapTransaction"]))
    assert landed.fee == 5_000 + -(-limit * price // 10**6)


def test_a_dynamic_limit_follows_from_a_simulation() -> None:
    """A fifth above what the swap uses, and the fee asked for is spread over it."""
    trading = Trading()
    market = trading.list_token(held=10_000)
    answer = swapped(trading, market, dynamicComputeUnitLimit=True, prioritizationFeeLamports=10_000)
    (landed,) = trading.land(trading.sign_whole(answer["swapTransaction"]))
    assert landed.err is None
    assert landed.compute_units < answer["computeUnitLimit"] < landed.compute_units * 1.3
    assert answer["prioritizationFeeLamports"] in {9_999, 10_000}
    assert answer["simulationSlot"] == 20_000
    assert answer["simulationError"] is None


@pytest.mark.parametrize(
    ("level", "price"),
    [("medium", 10_000), ("high", 50_000), ("veryHigh", 250_000), ("2500", 10_000), ("9000", 250_000)],
)
def test_a_build_has_a_compute_unit_price_and_no_limit(level: str, price: int) -> None:
    """The client is to set the limit from its own simulation."""
    trading = Trading()
    market = trading.list_token()
    answer = trading.build(market.token.address, SOL_MINT, 10**9, computeUnitPricePercentile=level)
    (instruction,) = answer["computeBudgetInstructions"]
    assert instruction["programId"] == str(COMPUTE_BUDGET)
    assert base64.b64decode(instruction["data"]) == b"\x03" + price.to_bytes(8, "little")
