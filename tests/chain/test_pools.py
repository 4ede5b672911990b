"""Prices from pools: which one is found, what is told of it in which order, and when it is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from solders.pubkey import Pubkey

from chain.node.slot_time import LONGEST_SLOT, SlotTime
from chain.node.subscriptions import Subscription
from chain.prices.finding import MAX_ACCOUNTS
from chain.prices.layouts import AccountState, curve_address, pump_swap_address
from chain.prices.pools import KEPT_FOR, SEARCH_INTERVAL, SILENT_AFTER, PoolPrices
from chain.prices.state import WatchedPool
from chain.programs import TOKEN
from engine.clock import ManualClock
from engine.domain.errors import ChainUnavailableError, PriceUnavailableError
from engine.domain.units import SOL_MINT, Mint, Nanos, seconds
from engine.messages.prices import Tick
from tests.chain.pool_bytes import (
    POOL,
    SOL_VAULT,
    TOKEN_MINT,
    TOKEN_VAULT,
    cpmm,
    curve,
    plain_pool,
    pump_swap,
    vault,
    vaults,
)
from tests.chain.wire import Wire, rpc

AT = Nanos(1_780_000_000_000_000_000)
BILLION = 10**9


class Cluster(Wire):
    """A node with accounts, and the subscriptions to them; also what tells of them."""

    def __init__(self, *accounts: AccountState, decimals: int = 6) -> None:
        super().__init__(self._respond)
        self.slot = 100
        self.down = False
        self.accounts: dict[str, AccountState] = {}
        self.listeners: dict[str, Callable[[Any], None]] = {}
        mint = bytearray(82)
        mint[44], mint[45] = decimals, 1
        self.put(AccountState(address=TOKEN_MINT, owner=TOKEN, data=bytes(mint)), *accounts)

    def put(self, *accounts: AccountState) -> None:
        """Let *accounts* be on chain."""
        self.accounts.update({account.address: account for account in accounts})

    def subscribe(self, method: str, params: Sequence[Any], on_notification: Callable[[Any], None]) -> Subscription:
        """Take a subscription to an account."""
        assert method == "accountSubscribe"
        assert params[1] == {"encoding": "base64", "commitment": "processed"}
        self.listeners[params[0]] = on_notification
        return Subscription(
            method, tuple(params), on_notification, lambda _: self.listeners.pop(params[0], None) and None
        )

    def tell(self, *accounts: AccountState, slot: int) -> None:
        """Tell of *accounts*, one after the other, and let them be on chain."""
        self.put(*accounts)
        self.slot = max(self.slot, slot)
        for account in accounts:
            self.listeners[account.address]({"context": {"slot": slot}, "value": _shown(account)})

    def reads(self) -> int:
        """Return how often accounts were read."""
        return [json.loads(request.content)["method"] for request in self.requests].count("getMultipleAccounts")

    def _respond(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        if self.down:
            return httpx.Response(503, text="<html>")
        value: Any = [_shown(self.accounts.get(address)) for address in call["params"][0]]
        if call["method"] == "getProgramAccounts":
            result: Any = self._program_accounts(call["params"][1]["filters"])
        else:
            assert len(value) <= MAX_ACCOUNTS
            result = {"context": {"slot": self.slot}, "value": value}
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": call["id"], "result": result})

    def _program_accounts(self, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        def fits(account: AccountState) -> bool:
            size, *places = filters
            return len(account.data) == size["dataSize"] and all(
                account.data[each["memcmp"]["offset"] :].startswith(bytes(Pubkey.from_string(each["memcmp"]["bytes"])))
                for each in places
            )

        return [{"pubkey": a.address, "account": _shown(a)} for a in self.accounts.values() if fits(a)]


def _shown(account: AccountState | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {"owner": account.owner, "data": [base64.b64encode(account.data).decode(), "base64"], "lamports": 1}


class Watch:
    """A source over a cluster, and what it pushed."""

    def __init__(self, cluster: Cluster, *, told: bool = True, pools: dict[Mint, str] | None = None) -> None:
        self.clock = ManualClock(AT)
        self.pushed: list[Tick] = []
        self.source = PoolPrices(
            rpc(cluster),
            self.clock,
            websocket=cluster if told else None,
            on_tick=self.pushed.append,
            pools=pools or {},
        )

    def prices(self, *mints: Mint) -> list[float]:
        """Fetch, and return the prices."""
        return [tick.price for tick in self.source.fetch(mints or [TOKEN_MINT])]

    def age(self) -> float:
        """Fetch, and return how old the price of the token is, in seconds."""
        (tick,) = self.source.fetch([TOKEN_MINT])
        return (self.clock.now() - tick.observed_at) / 1e9


# Which pool is found ----------------------------------------------------------------------------------------


def test_a_token_on_its_curve_is_priced_by_the_curve() -> None:
    """Its address follows from the mint."""
    assert Watch(Cluster(curve(10**15, 30 * BILLION))).prices() == [3e-8]


def test_a_token_whose_curve_is_complete_is_priced_in_pump_swap() -> None:
    """In the pool that it migrated to."""
    cluster = Cluster(curve(0, 0, complete=True), pump_swap(virtual=-BILLION), *vaults(BILLION, 3 * BILLION))
    assert Watch(cluster).prices() == [0.002]


@pytest.mark.parametrize("sol_first", [True, False])
def test_another_token_is_priced_by_the_cpmm_pool_with_the_most_sol(sol_first: bool) -> None:
    """Whichever way round its mints are."""
    poor = vault(str(Pubkey(bytes([21]) * 32)), SOL_MINT, BILLION)
    shallow = cpmm(address=str(Pubkey(bytes([22]) * 32)), sol_first=not sol_first, sol_vault=poor.address)
    deep = cpmm(sol_first=sol_first)
    cluster = Cluster(shallow, deep, poor, *vaults(BILLION, 2 * BILLION))
    assert Watch(cluster).prices() == [0.002]
    assert set(cluster.listeners) == {POOL, TOKEN_VAULT, SOL_VAULT}


def test_a_configured_pool_is_the_one_that_counts() -> None:
    """Whatever else there is."""
    cluster = Cluster(curve(10**15, 30 * BILLION), cpmm(), *vaults(BILLION, 2 * BILLION))
    assert Watch(cluster, pools={TOKEN_MINT: POOL}).prices() == [0.002]


def test_a_mint_without_a_pool_has_no_price_and_is_looked_for_again_later() -> None:
    """Not at every turn: the search is dear."""
    cluster = Cluster()
    watch = Watch(cluster)
    assert watch.prices() == []
    asked = len(cluster.requests)
    assert watch.prices() == []
    assert len(cluster.requests) == asked
    cluster.put(curve(10**15, 30 * BILLION))
    watch.clock.advance(SEARCH_INTERVAL)
    assert watch.prices() == [3e-8]


def test_what_is_no_mint_has_no_price() -> None:
    """A wallet, or nothing at all."""
    assert Watch(Cluster()).prices(Mint(SOL_VAULT)) == []


@pytest.mark.parametrize("decimals", range(10))
def test_the_decimals_are_the_mints(decimals: int) -> None:
    """They are read from the chain, once."""
    cluster = Cluster(curve(10**9, 10**9), decimals=decimals)
    assert Watch(cluster).prices() == [10.0**decimals / 10**9]


def test_a_curve_that_completes_gives_way_to_its_pool() -> None:
    """With a turn in between that has no price: a price of zero never was."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    assert watch.prices() == [3e-8]
    watch.clock.advance(SEARCH_INTERVAL)
    cluster.tell(curve(0, 0, complete=True), slot=101)
    cluster.put(pump_swap(), *vaults(BILLION, BILLION))
    assert [*watch.prices(), *watch.prices()] == [0.001]
    assert set(cluster.listeners) == {pump_swap_address(TOKEN_MINT), TOKEN_VAULT, SOL_VAULT}
    assert watch.pushed == []


def test_an_emptied_pool_has_no_price() -> None:
    """Nor is it looked for at every turn from then on."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    assert watch.prices() == [0.001]
    cluster.tell(*vaults(0, 0), slot=101)
    assert watch.prices() == []
    asked = [watch.prices() for _ in range(3)] and len(cluster.requests)
    assert watch.prices() == []
    assert len(cluster.requests) == asked


# What is told of it -----------------------------------------------------------------------------------------


def test_a_price_that_moves_is_told_at_once() -> None:
    """Before anybody asks."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    cluster.tell(curve(10**15, 15 * BILLION), slot=101)
    assert [(tick.price, tick.source, tick.observed_at) for tick in watch.pushed] == [(1.5e-8, "pools", AT)]
    assert watch.prices() == [1.5e-8]


def test_half_a_swap_is_no_price() -> None:
    """One vault was told of and the other not yet: the quotient in between never was."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    watch.prices()
    tokens, lamports = vaults(2 * BILLION, BILLION // 2)
    cluster.tell(tokens, slot=101)
    assert watch.pushed == []
    cluster.tell(lamports, slot=101)
    assert [tick.price for tick in watch.pushed] == [0.00025]


def test_the_pools_own_account_does_not_make_the_price_of_its_vaults_new() -> None:
    """It is written by every swap, and may be told of before the vaults are."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    watch.prices()
    watch.clock.advance(seconds(0.5))
    cluster.tell(pump_swap(virtual=-BILLION // 5), slot=101)
    assert watch.pushed == []
    assert watch.age() == 0.5
    cluster.tell(*vaults(2 * BILLION, BILLION // 2), slot=101)
    assert [tick.price for tick in watch.pushed] == [0.00015]


def test_two_swaps_of_one_slot_are_paired_in_their_order() -> None:
    """A node may tell of a slot more than once."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    watch.prices()
    first, second = vaults(2 * BILLION, BILLION // 2), vaults(4 * BILLION, BILLION // 4)
    cluster.tell(*first, *second, slot=101)
    assert [tick.price for tick in watch.pushed] == [0.00025, 0.0000625]


def test_a_vault_that_something_else_wrote_is_put_right_by_reading() -> None:
    """A plain transfer into one vault leaves the other without news."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    watch.prices()
    cluster.tell(vaults(0, 2 * BILLION)[1], slot=101)
    assert watch.pushed == []
    assert watch.prices() == [0.002]


def test_an_older_slot_never_replaces_a_newer_one() -> None:
    """Notifications of several connections overtake each other."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    cluster.tell(curve(10**15, 15 * BILLION), slot=105)
    cluster.tell(curve(10**15, 29 * BILLION), slot=104)
    assert [tick.price for tick in watch.pushed] == [1.5e-8]
    cluster.slot = 104
    watch.clock.advance(SILENT_AFTER)
    assert watch.prices() == [1.5e-8]


def test_what_is_told_twice_moves_nothing() -> None:
    """After a reconnection a node may repeat itself."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    for _ in range(2):
        cluster.tell(curve(10**15, 15 * BILLION), slot=101)
    assert len(watch.pushed) == 1


@pytest.mark.parametrize("result", [None, {}, {"context": {"slot": -1}, "value": None}, {"context": {}, "value": {}}])
def test_a_notification_that_is_none_changes_nothing(result: Any) -> None:
    """Whoever passes it on is told."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    with pytest.raises(ChainUnavailableError):
        cluster.listeners[curve_address(TOKEN_MINT)](result)
    assert (watch.pushed, watch.prices()) == ([], [3e-8])


def test_a_pool_that_nobody_asks_for_any_more_is_let_go() -> None:
    """And with the source, every one."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    watch.clock.advance(KEPT_FOR)
    watch.source.fetch([])
    assert cluster.listeners
    watch.clock.advance(Nanos(1))
    watch.source.fetch([])
    assert not cluster.listeners
    watch.prices()
    watch.source.close()
    assert not cluster.listeners


# When it is read --------------------------------------------------------------------------------------------


def test_a_pool_is_read_where_nothing_was_told_of_it_for_a_while() -> None:
    """A connection may have broken; what is told in the meantime saves the reading."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    watch.prices()
    reads = cluster.reads()
    watch.clock.advance(Nanos(SILENT_AFTER - 1))
    watch.prices()
    assert cluster.reads() == reads
    watch.clock.advance(Nanos(1))
    cluster.slot, cluster.accounts[curve_address(TOKEN_MINT)] = 103, curve(10**15, 10 * BILLION)
    assert watch.prices() == [1e-8]
    assert cluster.reads() == reads + 1


def test_without_a_websocket_pools_are_read() -> None:
    """The source is then as fast as it is asked."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster, told=False)
    assert watch.prices() == [3e-8]
    assert cluster.listeners == {}


def test_a_node_that_stands_still_makes_no_price_new() -> None:
    """The same slot again is as old as when it was first read; one behind it is older."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    watch = Watch(cluster)
    assert watch.age() == 0
    watch.clock.advance(seconds(5))
    assert watch.age() == 5
    cluster.slot += 1
    assert watch.age() == 0


def test_what_the_websocket_told_outlives_a_node_that_cannot_be_read() -> None:
    """For as long as it is fresh; then the source has failed."""
    cluster = Cluster(pump_swap(), *vaults(BILLION, BILLION))
    watch = Watch(cluster)
    watch.prices()
    watch.clock.advance(seconds(5))
    cluster.tell(*vaults(2 * BILLION, BILLION // 2), slot=110)
    cluster.down = True
    assert watch.prices() == [0.00025]
    watch.clock.advance(Nanos(SILENT_AFTER + 1))
    with pytest.raises(PriceUnavailableError, match="the pools could not be read"):
        watch.prices()


def test_a_node_that_cannot_be_read_at_first_is_an_unavailable_price() -> None:
    """Nothing was found, so nothing is known."""
    cluster = Cluster(curve(10**15, 30 * BILLION))
    cluster.down = True
    watch = Watch(cluster)
    with pytest.raises(PriceUnavailableError):
        watch.prices()
    cluster.down = False
    assert watch.prices() == [3e-8]


# Its pieces -------------------------------------------------------------------------------------------------


def test_a_reading_of_the_same_slot_does_not_undo_what_was_told() -> None:
    """A node may have read in the middle of the slot."""
    pool = WatchedPool(TOKEN_MINT, 6, POOL, plain_pool())
    pool.read(100, [cpmm(), *vaults(BILLION, BILLION)], AT)
    for account in vaults(2 * BILLION, BILLION // 2):
        pool.heard(101, account, AT)
    pool.read(101, [cpmm(), *vaults(BILLION, BILLION)], AT)
    reserves = pool.reserves()
    assert reserves is not None
    assert reserves.tokens == 2 * BILLION


def test_a_pool_of_which_only_a_part_is_known_has_no_reserves() -> None:
    """Before it was read for the first time."""
    pool = WatchedPool(TOKEN_MINT, 6, POOL, plain_pool())
    assert pool.reserves() is None
    for account in vaults(BILLION, BILLION):
        pool.heard(101, account, AT)
    assert pool.reserves() is None
    pool.heard(101, cpmm(), AT)
    assert pool.reserves() is not None


def test_the_time_of_a_slot_is_when_it_was_first_the_newest() -> None:
    """What is behind it is older by as many of the longest slots, and nothing is of the future."""
    slots = SlotTime()
    later = Nanos(AT + seconds(1))
    assert slots.of(10, AT) == AT
    assert slots.of(10, later) == AT
    assert slots.of(8, later) == AT - 2 * LONGEST_SLOT
    assert slots.of(11, later) == later
    assert slots.of(11, AT) == AT


def test_a_vault_of_another_mint_is_no_vault_of_the_pool() -> None:
    """The pool names it, and it holds something else."""
    foreign = vault(TOKEN_VAULT, SOL_MINT, BILLION)
    cluster = Cluster(pump_swap(), foreign, vaults(BILLION, BILLION)[1])
    assert Watch(cluster).prices() == []
