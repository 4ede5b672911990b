"""The whole engine over a websocket that works, dies again and again, or stays silent: only the latency differs."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from chain.audit import read_ledger
from chain.keys.wallet import Wallet
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.sockets import DyingSocket, SilentSocket
from chain.simulated.world import World
from engine.app import Engine
from engine.audit import audit
from engine.clock import SystemClock
from engine.config import ChainSection, Settings
from engine.domain.plan import ExitPlan
from engine.domain.units import lamports
from engine.ids import CountedIds
from engine.store.sql import open_store
from engine.wiring import connect

FUNDS = lamports("50")
GOOD_FOR = 30.0
"""Seconds of the machine that no run needs."""
PLAN = ExitPlan(stop_loss_pct=Decimal(20))


def guarded_to_the_end(folder: Path, *rules: Rule, settings: Settings) -> None:
    """Open a position, cross its stop, and see that it closes and that the books agree."""
    clock, plan, wallet = SystemClock(speed=4), FaultPlan(rules, Random(7)), Wallet.generate()
    opened, closed = threading.Event(), threading.Event()
    with World(clock, faults=plan) as world:
        world.fund(wallet.address, lamports=FUNDS)
        token = world.create_token("BONK", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(100_000))
        ports = connect(
            settings,
            clock=clock,
            ids=CountedIds(),
            store=open_store(folder / "engine.db", profile="demo"),
            signer=wallet,
            rpc_url=world.rpc_url,
            jupiter_url=world.jupiter_url,
            ws_url=world.ws_url,
        )
        ports.bus.subscribe("position.*.opened", lambda _subject, _data: opened.set())
        ports.bus.subscribe("position.*.closed", lambda _subject, _data: closed.set())
        engine = Engine(ports, settings, max_price_age=settings.max_price_age)
        engine.start()
        try:
            order = engine.open_position(token.address, lamports("1"), PLAN, symbol="BONK")
            assert opened.wait(GOOD_FOR)
            world.set_price(token.address, Decimal("0.0007"))
            assert closed.wait(GOOD_FOR), ports.store.orders(position_id=order.position_id)
            engine.stop(timeout=GOOD_FOR)
            assert audit(ports.store, read_ledger(world.rpc_url, wallet.address), funds=FUNDS).differences == ()
        finally:
            engine.stop(timeout=0.0)
            ports.close()
            clock.close()
    assert [fault for fault, times in plan.counts().items() if times == 0] == []
    assert "websocket" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    "fault",
    [DyingSocket(after=0), DyingSocket(after=1, code=1011), SilentSocket(after=0), SilentSocket(after=1)],
    ids=["dead at once", "dies", "mute", "falls silent"],
)
def test_a_websocket_that_fails_changes_nothing_but_latency(fault: DyingSocket | SilentSocket, tmp_path: Path) -> None:
    """Every connection fails that way: the position is sold all the same, and books and chain agree."""
    guarded_to_the_end(tmp_path, Rule(fault=fault, every=1), settings=Settings())


def test_verdicts_come_by_the_websocket_alone_where_polls_are_rare(tmp_path: Path) -> None:
    """With an hour between two polls, entry and exit are resolved by what the node tells."""
    rare = Settings(chain=ChainSection(confirm_interval=3_600.0))
    guarded_to_the_end(tmp_path, settings=rare)
