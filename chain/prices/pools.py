"""Prices from the pools themselves: the reserves that the next swap is paid from, as soon as a node has them.

A node tells of an account at `processed`, before most validators have voted on it: it may be rolled back, and the
quotient of the reserves knows of no fee and no impact. So it is good to set an exit off, and what an exit brings is
decided on a quote. What a websocket tells is also incomplete, so a pool that it was silent of for a while is read.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import structlog

from chain.node.rpc import Rpc, understood
from chain.node.slot_time import SlotTime
from chain.node.subscriptions import Subscription
from chain.prices.finding import CONFIG, MAX_ACCOUNTS, PoolFinder, account_state, read_accounts
from chain.prices.layouts import UnfitAccountError
from chain.prices.state import WatchedPool
from chain.values import whole_number
from engine.domain.errors import ChainUnavailableError, PriceUnavailableError
from engine.domain.units import Mint, Nanos, seconds
from engine.messages.prices import Tick
from engine.ports import Clock

SILENT_AFTER = seconds(1)
"""How long nothing may have been told of a pool before it is read."""
SEARCH_INTERVAL = seconds(15)
"""How long a mint without a pool is left alone before one is looked for again."""
KEPT_FOR = seconds(60)
"""How long a pool is watched that nobody asks for any more."""

OnTick = Callable[[Tick], None]
"""Takes a price that moved; called from the websocket's thread, and must not block."""

log = structlog.get_logger(__name__)


class Subscriber(Protocol):
    """What tells of accounts; see `chain.node.websocket.SolanaWebsocket`."""

    def subscribe(self, method: str, params: Sequence[Any], on_notification: Callable[[Any], None]) -> Subscription:
        """Have *on_notification* called with what the node tells of *method*."""


@dataclass(slots=True)
class _Entry:
    pool: WatchedPool
    asked_at: Nanos
    subscriptions: list[Subscription] = field(default_factory=list)


class PoolPrices:
    """The `PushingSource` port over the accounts of pools. Its `fetch` blocks.

    Args:
        rpc: reads pools, and finds them.
        clock: tells when something was observed.
        websocket: tells of accounts by itself; None where pools are only read.
        on_tick: is told each price as its pool moves, besides what `fetch` returns; see `push_to`.
        pools: the pool to price a mint by, where it is not to be looked for: of PumpSwap or Raydium's CPMM, or a curve.
        silent_after: how long nothing may have been told of a pool before `fetch` reads it.
    """

    name = "pools"

    def __init__(
        self,
        rpc: Rpc,
        clock: Clock,
        *,
        websocket: Subscriber | None = None,
        on_tick: OnTick | None = None,
        pools: Mapping[Mint, str] = MappingProxyType({}),
        silent_after: Nanos = SILENT_AFTER,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._websocket = websocket
        self._on_tick = on_tick
        self._silent_after = silent_after
        self._finder = PoolFinder(rpc, pools)
        self._slots = SlotTime()
        self._entries: dict[Mint, _Entry] = {}
        self._searched: dict[Mint, Nanos] = {}
        self._lock = threading.Lock()

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the newest price in SOL per whole token of each of *mints* that has a pool.

        A tick is as old as what is known of its pool. Where the chain cannot be read, what the websocket told lately
        is returned all the same.

        Raises:
            PriceUnavailableError: the chain could not be read, and nothing is fresh.
        """
        now = self._clock.now()
        failure: ChainUnavailableError | None = None
        try:
            self._find(mints, now)
            self._read([entry.pool for mint in mints if (entry := self._entries.get(mint)) and self._silent(entry)])
        except ChainUnavailableError as error:
            failure = error
        self._let_go(now)
        ticks = [tick for mint in mints if (tick := self._current(mint)) is not None]
        if failure is not None and all(now - tick.observed_at > self._silent_after for tick in ticks):
            raise PriceUnavailableError(f"the pools could not be read: {failure}") from failure
        return ticks

    def push_to(self, on_tick: OnTick) -> None:
        """Tell *on_tick* each price as its pool moves, from the websocket's thread, in the place of any other."""
        self._on_tick = on_tick

    def close(self) -> None:
        """Listen to no account any more. The websocket stays open: it is whoever made it that closes it."""
        for mint in list(self._entries):
            self._drop(mint)

    # Pools ------------------------------------------------------------------------------------------------

    def _find(self, mints: Sequence[Mint], now: Nanos) -> None:
        for mint in mints:
            entry = self._entries.get(mint)
            if entry is not None:
                entry.asked_at = now
            elif mint not in self._searched or now - self._searched[mint] >= SEARCH_INTERVAL:
                pool = self._finder.find(mint)
                self._searched[mint] = now
                if pool is not None:
                    self._watch(pool, now)

    def _watch(self, pool: WatchedPool, now: Nanos) -> None:
        entry = _Entry(pool, asked_at=now)
        with self._lock:
            self._entries[pool.mint] = entry
        log.info("pool_watched", mint=pool.mint, pool=pool.address)
        if self._websocket is not None:
            for address in pool.addresses:
                listener = self._listener(pool, address)
                entry.subscriptions.append(self._websocket.subscribe("accountSubscribe", [address, CONFIG], listener))

    def _let_go(self, now: Nanos) -> None:
        for mint, entry in list(self._entries.items()):
            if now - entry.asked_at > KEPT_FOR:
                self._drop(mint)

    def _drop(self, mint: Mint) -> None:
        with self._lock:
            entry = self._entries.pop(mint)
        for subscription in entry.subscriptions:
            subscription.cancel()

    # What is known of them --------------------------------------------------------------------------------

    def _silent(self, entry: _Entry) -> bool:
        with self._lock:
            return not entry.pool.whole or self._clock.now() - entry.pool.observed_at >= self._silent_after

    def _read(self, pools: Sequence[WatchedPool]) -> None:
        for batch in _batches(pools):
            asked_at = self._clock.now()
            slot, accounts = read_accounts(self._rpc, [address for pool in batch for address in pool.addresses])
            remaining = iter(accounts)
            with self._lock:
                observed_at = self._slots.of(slot, asked_at)
                for pool in batch:
                    pool.read(slot, [next(remaining) for _ in pool.addresses], observed_at)

    def _listener(self, pool: WatchedPool, address: str) -> Callable[[Any], None]:
        def heard(result: Any) -> None:
            with understood("accountSubscribe"):
                slot, account = whole_number(result["context"]["slot"]), account_state(address, result["value"])
            with self._lock:
                news = pool.heard(slot, account, self._slots.of(slot, self._clock.now()))
                tick = self._tick(pool) if news else None
            if tick is not None and self._on_tick is not None:
                self._on_tick(tick)

        return heard

    def _current(self, mint: Mint) -> Tick | None:
        """Return the price of *mint* by what is known; a pool that prices it no more is let go, for another one."""
        entry = self._entries.get(mint)
        if entry is None:
            return None
        with self._lock:
            tick, over = self._tick(entry.pool), entry.pool.whole
        if tick is None and over:
            log.warning("pool_left", mint=mint, pool=entry.pool.address)
            self._drop(mint)
        return tick

    def _tick(self, pool: WatchedPool) -> Tick | None:
        """Return the price by *pool*; None where it has none, now or any more."""
        try:
            reserves = pool.reserves()
        except UnfitAccountError as error:
            log.info("pool_unfit", mint=pool.mint, reason=str(error))
            return None
        price = float(reserves.price(pool.decimals)) if reserves is not None else 0.0
        if not (math.isfinite(price) and price > 0):
            return None
        return Tick(mint=pool.mint, price=price, source=self.name, observed_at=pool.observed_at)


def _batches(pools: Sequence[WatchedPool]) -> Iterator[list[WatchedPool]]:
    """Return *pools* in batches whose accounts one request may name: those of a pool are read at one moment."""
    batch: list[WatchedPool] = []
    for pool in pools:
        if sum(len(each.addresses) for each in (*batch, pool)) > MAX_ACCOUNTS:
            yield batch
            batch = []
        batch.append(pool)
    if batch:
        yield batch
