"""All three price sources at once, over their stand-ins: which one moves the price when others are down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from actors.feed import Feed
from actors.poller import Poller, poller_name
from actors.system import FEED
from chain.jupiter.build import jupiter_http
from chain.node.rpc import RpcClient
from chain.node.websocket import SolanaWebsocket
from chain.prices.dexscreener import DexScreenerPrices, dexscreener_http
from chain.prices.jupiter import JupiterPrices
from chain.prices.pools import PoolPrices
from chain.simulated.bank import SLOT_DURATION
from chain.simulated.faults.call import JUPITER, RPC
from chain.simulated.faults.dexscreener import DEXSCREENER
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.refusals import ServerError
from chain.simulated.pool_accounts import PoolKind
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.units import Mint, seconds
from engine.domain.voices import REST
from engine.messages.prices import Tick, WatchMint
from engine.ports import PriceSource
from tests.actors.rig import Rig

GOOD_FOR = 10
"""Seconds of the machine that nothing here needs."""


@dataclass(frozen=True)
class Stage:
    """A feed that listens to Jupiter, then DexScreener, then the pool."""

    rig: Rig
    world: World
    plan: FaultPlan
    mint: Mint

    def counted(self, span: float) -> tuple[str, float]:
        """Let so many seconds pass; return the source of the price that counted last, and the price."""
        self.rig.advance(span)
        subject = f"price.{self.mint}.tick"
        tick = [data["tick"] for event, data in self.rig.bus.events if event == subject][-1]
        return tick.source, round(tick.price, 9)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Yield a running feed, whose sources are polled once a second."""
    rig = Rig(max_price_age=seconds(10))
    names = {"jupiter": JUPITER, "dexscreener": DEXSCREENER, "pools": RPC}
    rules = [Rule(fault=ServerError(), on=[server], every=1, name=name) for name, server in names.items()]
    plan = FaultPlan(rules, Random(1))
    plan.off()
    with ExitStack() as stack:
        world = stack.enter_context(World(rig.clock, faults=plan))
        mint = Mint(world.create_token("TKN", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(1_000)).address)
        world.open_pool(mint, PoolKind.PUMP_SWAP)
        rpc = stack.enter_context(closing(RpcClient(world.rpc_url)))
        to_jupiter = stack.enter_context(closing(jupiter_http(world.jupiter_url, "key")))
        to_dexscreener = stack.enter_context(closing(dexscreener_http(world.dexscreener_url, rig.clock)))
        sources: list[PriceSource] = [
            JupiterPrices(to_jupiter, rig.clock),
            DexScreenerPrices(to_dexscreener, rig.clock),
            PoolPrices(rpc, rig.clock),
        ]
        rig.start()
        rig.system.stop(FEED)
        rig.run()
        pollers = {source.name: poller_name(source.name) for source in sources}
        rig.system.spawn(FEED, Feed, max_price_age=seconds(10), pollers=pollers)
        for source in sources:
            rig.system.spawn(pollers[source.name], Poller, source=source, interval=seconds(1))
        rig.system.tell(FEED, WatchMint(mint=mint))
        rig.run()
        yield Stage(rig=rig, world=world, plan=plan, mint=mint)


def test_the_next_source_in_order_takes_over_until_the_first_is_back(stage: Stage) -> None:
    """Down goes one after the other, and each time the price that counts is the market's."""
    assert stage.counted(2) == ("jupiter", 0.001)
    stage.plan.on("jupiter")
    stage.world.set_price(stage.mint, Decimal("0.0011"))
    assert stage.counted(6) == ("dexscreener", 0.0011)
    stage.plan.on("dexscreener")
    stage.world.set_price(stage.mint, Decimal("0.0012"))
    assert stage.counted(6) == ("pools", 0.0012)
    stage.plan.off("jupiter", "dexscreener")
    assert stage.counted(REST / 1e9 + 2) == ("jupiter", 0.0012)


def test_where_all_are_down_the_stop_is_blind_until_one_is_back(stage: Stage) -> None:
    """No source is left alone then: the first that answers is heard."""
    stage.counted(2)
    stage.plan.on()
    stage.rig.advance(12)
    alerts = stage.rig.store.alerts(unresolved_only=True)
    assert [alert.alert_type for alert in alerts] == ["price_blind"]
    stage.plan.off("pools")
    stage.world.set_price(stage.mint, Decimal("0.0009"))
    assert stage.counted(3) == ("pools", 0.0009)
    assert stage.rig.store.alerts(unresolved_only=True) == []


@pytest.mark.parametrize("kind", PoolKind)
def test_a_pool_tells_of_its_price_as_it_moves(kind: PoolKind) -> None:
    """Over the node's websocket, and of whole swaps alone."""
    clock, moved, ticks = ManualClock(), threading.Event(), list[Tick]()

    def on_tick(tick: Tick) -> None:
        ticks.append(tick)
        moved.set()

    with World(clock) as world, closing(RpcClient(world.rpc_url)) as rpc, closing(SolanaWebsocket(world.ws_url)) as ws:
        token = world.create_token("TKN", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(1_000))
        mint = Mint(token.address)
        pool = world.open_pool(mint, kind)
        source = PoolPrices(rpc, clock, websocket=ws, on_tick=on_tick, pools={mint: pool.address})
        source.fetch([mint])
        # A subscription takes effect when the node has read it: the price moves until that is so.
        for step in range(GOOD_FOR * 20):
            clock.advance(SLOT_DURATION)
            world.set_price(mint, Decimal("0.001") * (2 + step % 2))
            if moved.wait(0.05):
                break
        source.close()
    assert ticks
    assert {round(tick.price, 9) for tick in ticks} <= {0.002, 0.003}
