"""Jupiter's limit: exits first, by our own count and by what Jupiter says of it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from chain.http.client import NoBudgetError
from chain.http.gate import Rank
from chain.http.rate_limit import PLANS, WINDOW, RateLimit
from chain.jupiter.build import JupiterBuild, jupiter_http
from chain.jupiter.errors import RateLimitedError
from chain.jupiter.hosts import swap_api
from chain.prices.jupiter import JupiterPrices
from engine.clock import ManualClock
from engine.domain.errors import FailureKind, PriceUnavailableError
from engine.domain.swap import SwapRequest
from engine.domain.units import SECOND, SOL_MINT, Mint, Nanos, seconds
from tests.chain.answers import BUY, SELL, WALLET, build_answer, instruction_parts
from tests.chain.wire import JUPITER_URL, Node, Wire, always, rpc

AT = Nanos(1_780_000_000 * SECOND)
JUP = Mint("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN")


def _limit(limit: int = 10, reserve: int | None = 2) -> tuple[RateLimit, ManualClock]:
    clock = ManualClock(AT)
    return RateLimit(clock, limit=limit, reserve=reserve), clock


def _fill(limit: RateLimit, rank: Rank) -> int:
    """Return how many requests of *rank* are admitted until one is refused."""
    for count in range(1_000):
        try:
            limit.admit(rank)
        except NoBudgetError:
            return count
    raise AssertionError("nothing was ever refused")


def _said(*, remaining: int, current: int, reset: int | None = None) -> Mapping[str, str]:
    headers = {"x-ratelimit-remaining": str(remaining), "x-ratelimit-current": str(current)}
    return headers if reset is None else {**headers, "x-ratelimit-reset": str(reset)}


def test_polls_leave_a_reserve_to_entries_and_entries_leave_one_to_exits() -> None:
    """Of ten requests with a reserve of two, polls take six and entries two more."""
    limit, _ = _limit()
    assert _fill(limit, Rank.POLL) == 6
    assert _fill(limit, Rank.ENTRY) == 2
    assert limit.left == 2


def test_an_exit_is_admitted_whatever_is_left() -> None:
    """Over the limit the server decides."""
    limit, _ = _limit(limit=3)
    for _ in range(5):
        limit.admit(Rank.EXIT)
    assert limit.left == -2


def test_the_reserve_is_a_tenth_of_the_limit_where_none_is_given() -> None:
    """The largest plan keeps nine hundred for exits."""
    limit, _ = _limit(limit=PLANS["pro"], reserve=None)
    for _ in range(PLANS["pro"] - 901):
        limit.admit(Rank.EXIT)
    limit.admit(Rank.ENTRY)
    with pytest.raises(NoBudgetError):
        limit.admit(Rank.ENTRY)


def test_a_reserve_larger_than_the_limit_leaves_polls_some_room() -> None:
    """Jupiter may lower the limit below what was planned for."""
    limit, _ = _limit(limit=9, reserve=100)
    limit.admit(Rank.POLL)
    with pytest.raises(NoBudgetError):
        limit.admit(Rank.POLL)


def test_a_refused_request_is_told_when_to_come_back_and_is_admitted_then() -> None:
    """When enough of those before it have left the window; it was not counted itself."""
    limit, clock = _limit()
    for _ in range(6):
        limit.admit(Rank.POLL)
        clock.advance(seconds(1))
    with pytest.raises(NoBudgetError, match="limit of 10 requests a minute leaves none for this one for 54") as caught:
        limit.admit(Rank.POLL)
    assert caught.value.next_at == AT + WINDOW
    clock.advance_to(Nanos(caught.value.next_at - 1))
    with pytest.raises(NoBudgetError):
        limit.admit(Rank.POLL)
    clock.advance_to(caught.value.next_at)
    limit.admit(Rank.POLL)


def test_exits_push_the_time_for_polls_back() -> None:
    """As many must leave the window as there are too many."""
    limit, clock = _limit()
    for _ in range(8):
        limit.admit(Rank.EXIT)
        clock.advance(seconds(1))
    with pytest.raises(NoBudgetError) as caught:
        limit.admit(Rank.POLL)
    assert caught.value.next_at == AT + seconds(2) + WINDOW


def test_jupiters_own_figures_replace_the_plan() -> None:
    """Left and made add up to the limit of the organisation."""
    limit, _ = _limit(limit=30)
    limit.admit(Rank.EXIT)
    limit.learn(200, _said(remaining=599, current=1))
    assert limit.left == 599


def test_a_limit_that_was_gone_beyond_is_negative() -> None:
    """Jupiter's own sign."""
    limit, _ = _limit(limit=30)
    limit.learn(200, _said(remaining=-3, current=63))
    assert limit.left == -3


def test_what_others_of_the_organisation_made_counts_until_it_left_the_window() -> None:
    """Another engine with another key uses up the same limit."""
    limit, clock = _limit()
    limit.admit(Rank.POLL)
    limit.learn(200, _said(remaining=2, current=8))
    assert limit.left == 2
    with pytest.raises(NoBudgetError) as caught:
        limit.admit(Rank.POLL)
    assert clock.now() < caught.value.next_at <= AT + WINDOW
    clock.advance(WINDOW)
    limit.admit(Rank.POLL)
    assert limit.left == 9


@pytest.mark.parametrize(("reset", "wait"), [(42, 42), (None, 1), (-5, 0), (100_000, 60)])
def test_a_429_empties_the_limit_until_its_reset(reset: int | None, wait: int) -> None:
    """In seconds from now; without a time for a moment, and never for longer than the window."""
    limit, clock = _limit()
    told = _said(remaining=-1, current=11, reset=AT // SECOND + reset) if reset is not None else {}
    limit.learn(429, {} if reset is None else {"x-ratelimit-reset": told["x-ratelimit-reset"]})
    with pytest.raises(NoBudgetError) as caught:
        limit.admit(Rank.ENTRY)
    assert caught.value.next_at == AT + max(1, seconds(wait))
    limit.admit(Rank.EXIT)
    clock.advance_to(caught.value.next_at)
    limit.admit(Rank.ENTRY)


@pytest.mark.parametrize("value", ["", "-", "many", "1.5", "--1"])
def test_figures_that_are_none_change_nothing(value: str) -> None:
    """Headers are a gateway's, and may be anybody's."""
    limit, _ = _limit()
    limit.learn(200, {"x-ratelimit-remaining": value, "x-ratelimit-current": value, "x-ratelimit-reset": value})
    assert limit.left == 10


def _gated(wire: Wire, limit: RateLimit) -> JupiterBuild:
    return JupiterBuild(jupiter_http(JUPITER_URL, "key", gate=limit, transport=wire.transport), taker=WALLET)


def test_polls_are_refused_before_they_are_made_while_exits_still_go() -> None:
    """One limit stands before both clients; the price source says when it can be asked again."""
    limit, clock = _limit(limit=10, reserve=4)
    limit.admit(Rank.EXIT)
    limit.admit(Rank.EXIT)
    wire = always(200, {SOL_MINT: {"usdPrice": 150}, JUP: {"usdPrice": 1}})
    prices = JupiterPrices(jupiter_http(JUPITER_URL, "key", gate=limit, transport=wire.transport), clock)
    with pytest.raises(PriceUnavailableError, match="limit of 10 requests") as caught:
        prices.fetch([JUP])
    assert caught.value.retry_at == AT + WINDOW
    assert wire.requests == []
    builds = always(200, build_answer(SELL), _said(remaining=7, current=3))
    _gated(builds, limit).ask(SELL)
    assert len(builds.requests) == 1
    assert limit.left == 7


def test_an_entry_without_budget_is_rate_limited_and_was_not_asked() -> None:
    """The order's retry comes when it can."""
    limit, _ = _limit(limit=4, reserve=1)
    for _exit in range(3):
        limit.admit(Rank.EXIT)
    wire = always(200, build_answer(BUY))
    with pytest.raises(RateLimitedError) as caught:
        _gated(wire, limit).ask(BUY)
    assert (caught.value.asked, caught.value.kind, wire.requests) == (False, FailureKind.TRANSIENT, [])


@pytest.mark.parametrize("body", [{"code": 429, "message": "Too many requests"}, "<html>429</html>"])
def test_a_429_in_any_form_reaches_the_limit(body: object) -> None:
    """The firewall's page has no JSON."""
    limit, _ = _limit()
    wire = always(429, body, {"X-RateLimit-Reset": str(AT // SECOND + 30)})
    with pytest.raises(RateLimitedError) as caught:
        _gated(wire, limit).ask(SELL)
    assert (caught.value.asked, caught.value.reset_at) == (True, AT + seconds(30))
    with pytest.raises(NoBudgetError) as refused:
        limit.admit(Rank.POLL)
    assert refused.value.next_at == AT + seconds(30)


class _Ranks:
    """A gate that lets everything through and remembers the ranks."""

    def __init__(self) -> None:
        self.seen: list[Rank] = []

    def admit(self, rank: Rank) -> None:
        self.seen.append(rank)

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Take nothing up."""


@pytest.mark.parametrize(("request_", "rank"), [(SELL, Rank.EXIT), (BUY, Rank.ENTRY)], ids=["sell", "buy"])
def test_a_swap_has_its_rank_in_all_that_it_asks(request_: SwapRequest, rank: Rank) -> None:
    """The quote of either API, and the build of v1."""
    ranks = _Ranks()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=instruction_parts() if request.method == "POST" else build_answer(request_))

    blockhash = {"blockhash": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d", "lastValidBlockHeight": 9}
    node = rpc(Node(getLatestBlockhash={"context": {"slot": 1}, "value": blockhash}))
    http = jupiter_http(JUPITER_URL, None, gate=ranks, transport=Wire(answer).transport)
    swap_api("v2", http=http, base_url=JUPITER_URL, rpc=node, wallet=WALLET).ask(request_)
    v1 = swap_api("v1", http=http, base_url=JUPITER_URL, rpc=node, wallet=WALLET)
    v1.instructions(v1.ask(request_))
    assert ranks.seen == [rank] * 3
