"""What the network asks now, and that an exit never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chain.node.priority_fees import KEPT_FOR, REST, FeeEstimator, HeliusFees, RecentFees
from chain.transactions.assembly import SwapInstructions, written_by
from engine.clock import ManualClock
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import Lamports
from tests.chain.wire import Node, failing, rpc

LEAST, MOST = Lamports(20_000), Lamports(1_000_000)
UNITS = 200_000


def _fees(*prices: int) -> list[dict[str, int]]:
    return [{"slot": 100 + at, "prioritizationFee": price} for at, price in enumerate(prices)]


@pytest.mark.parametrize(("percentile", "expected"), [(1, 1), (25, 1), (50, 2), (75, 3), (76, 4), (100, 4)])
def test_the_estimate_is_a_percentile_over_the_blocks(percentile: int, expected: int) -> None:
    """By nearest rank, whatever the order of the blocks."""
    node = Node(getRecentPrioritizationFees=_fees(4, 1, 3, 2))
    assert RecentFees(rpc(node), percentile=percentile).unit_price(["a"]) == expected


def test_the_written_accounts_are_asked_about_once_each_and_no_more_than_a_node_takes() -> None:
    """128 at most."""
    node = Node(getRecentPrioritizationFees=[])
    assert RecentFees(rpc(node)).unit_price(["a", "b", "a", *(str(n) for n in range(200))]) == 0
    (accounts,) = node.params("getRecentPrioritizationFees")
    assert (accounts[:3], len(accounts)) == (["a", "b", "0"], 128)


def test_only_what_a_swap_writes_is_contended_for() -> None:
    """Each account once, in the order of the instructions; what is only read costs nobody a place."""
    keys = [Pubkey(bytes([n] * 32)) for n in range(3)]
    metas = [AccountMeta(keys[0], True, True), AccountMeta(keys[1], False, False), AccountMeta(keys[2], False, True)]
    swap = SwapInstructions(
        instructions=(Instruction(keys[1], b"", metas), Instruction(keys[1], b"", metas[:1])),
        lookup_tables=(),
        blockhash=Hash.default(),
        last_valid_block_height=1,
    )
    assert written_by(swap) == [str(keys[0]), str(keys[2])]


@pytest.mark.parametrize("percentile", [0, 101])
def test_a_percentile_that_is_none_is_bad_input(percentile: int) -> None:
    """The sentence says what to give."""
    with pytest.raises(BadInputError, match="give 1 to 100"):
        RecentFees(rpc(Node()), percentile=percentile)


@pytest.mark.parametrize("result", [None, {}, [{}], [{"prioritizationFee": -1}], [{"prioritizationFee": 0.5}], [7]])
def test_an_answer_of_another_shape_is_no_estimate(result: Any) -> None:
    """Nonsense must not become money."""
    with pytest.raises(ChainUnavailableError, match="getRecentPrioritizationFees"):
        RecentFees(rpc(Node(getRecentPrioritizationFees=result))).unit_price(["a"])


@pytest.mark.parametrize(("estimate", "expected"), [(10_082.2, 10_083), (0.0, 0), (500, 500)])
def test_helius_is_asked_by_accounts_and_level(estimate: float, expected: int) -> None:
    """Its estimates are fractions; a part of a micro-lamport is a whole one."""
    node = Node(getPriorityFeeEstimate={"priorityFeeEstimate": estimate})
    assert HeliusFees(rpc(node), level="VeryHigh").unit_price(["a", "a"]) == expected
    assert node.params("getPriorityFeeEstimate") == [{"accountKeys": ["a"], "options": {"priorityLevel": "VeryHigh"}}]


@pytest.mark.parametrize("estimate", [-1.5, 1e999, "much", None, True])
def test_an_estimate_that_is_no_price_is_none(estimate: Any) -> None:
    """Neither negative nor endless nor words."""
    with pytest.raises(ChainUnavailableError, match="getPriorityFeeEstimate"):
        HeliusFees(_Answering({"priorityFeeEstimate": estimate})).unit_price(["a"])


class _Answering:
    def __init__(self, result: Any) -> None:
        self._result = result

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        return self._result


class _Source:
    """Estimates *price*, or fails where it is None."""

    def __init__(self, price: int | None) -> None:
        self.price = price
        self.asked: list[list[str]] = []

    def unit_price(self, accounts: Sequence[str]) -> int:
        self.asked.append(list(accounts))
        if self.price is None:
            raise ChainUnavailableError("no estimate")
        return self.price


def _fee(estimator: FeeEstimator, *accounts: str, most: Lamports = MOST) -> int:
    return estimator.fee(accounts or ("a",), compute_unit_limit=UNITS, least=LEAST, most=most)


@pytest.mark.parametrize(
    ("price", "expected"),
    [(0, 20_000), (99_999, 20_000), (100_001, 20_001), (1_000_000, 200_000), (82_000_000_000, 1_000_000)],
)
def test_the_fee_is_the_estimate_between_the_orders_own_and_the_cap(price: int, expected: int) -> None:
    """Micro-lamports a unit times the limit, rounded up to a lamport."""
    assert _fee(FeeEstimator(_Source(price), clock=ManualClock())) == expected


def test_a_cap_below_the_orders_own_fee_lowers_nothing_and_asks_nobody() -> None:
    """The ladder of an order has its own cap."""
    source = _Source(1_000_000)
    assert _fee(FeeEstimator(source, clock=ManualClock()), most=Lamports(5_000)) == LEAST
    assert source.asked == []


def test_a_failure_leaves_the_orders_own_fee_and_the_source_rests() -> None:
    """No further exit waits for its time-out."""
    clock, source = ManualClock(), _Source(None)
    estimator = FeeEstimator(source, clock=clock)
    assert [_fee(estimator), _fee(estimator, "b")] == [LEAST, LEAST]
    assert source.asked == [["a"]]
    source.price = 1_000_000
    clock.advance(REST)
    assert _fee(estimator) == 200_000


def test_a_silent_node_costs_an_exit_no_more_than_the_time_out() -> None:
    """The error of the client is the port's."""
    estimator = FeeEstimator(RecentFees(rpc(failing(httpx.ReadTimeout("slow")))), clock=ManualClock())
    assert _fee(estimator) == LEAST


def test_a_burst_of_exits_of_one_mint_asks_once() -> None:
    """The order of the accounts does not matter; other accounts are another question."""
    clock, source = ManualClock(), _Source(1_000_000)
    estimator = FeeEstimator(source, clock=clock)
    for accounts in (("a", "b"), ("b", "a"), ("a", "b")):
        _fee(estimator, *accounts)
    assert source.asked == [["a", "b"]]
    _fee(estimator, "c")
    clock.advance(KEPT_FOR)
    _fee(estimator, "a", "b")
    assert source.asked == [["a", "b"], ["c"], ["a", "b"]]


def test_exits_at_the_same_moment_wait_for_one_answer() -> None:
    """Whoever comes while the source is asked does not ask as well."""
    asked, answer = threading.Event(), threading.Event()

    class Slow(_Source):
        def unit_price(self, accounts: Sequence[str]) -> int:
            price = super().unit_price(accounts)
            asked.set()
            assert answer.wait(10)
            return price

    source = Slow(1_000_000)
    estimator = FeeEstimator(source, clock=ManualClock())
    fees: list[int] = []
    threads = [threading.Thread(target=lambda: fees.append(_fee(estimator))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asked.wait(10)
    answer.set()
    for thread in threads:
        thread.join()
    assert (fees, len(source.asked)) == ([200_000] * 3, 1)
