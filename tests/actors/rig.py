"""The real actors without threads, on a clock moved by hand, with doubles for the outside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.alerts import Alerts
from actors.confirmer import Confirmer
from actors.executor import Executor
from actors.feed import Feed
from actors.holdings import Holdings
from actors.peaks import PeakSaver
from actors.router import OrderRouter
from actors.supervisor import Child, Supervisor
from actors.system import (
    ALERTS,
    CONFIRMER,
    FEED,
    HOLDINGS,
    PEAKS,
    ROUTER,
    SUPERVISOR,
    Steps,
    System,
    executor_name,
    position_name,
)
from engine.clock import ManualClock
from engine.domain.confirmation import ConfirmationRules
from engine.domain.entries import entry_order
from engine.domain.order import Order, OrderKind
from engine.domain.plan import ExitPlan, TakeProfit
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies
from engine.domain.units import Lamports, Mint, Nanos, OrderId, PositionId, lamports, seconds
from engine.ids import CountedIds
from engine.messages.control import Snapshot
from engine.messages.orders import PlaceEntry
from engine.messages.prices import Tick, TickObserved
from engine.ports import SignatureListener
from tests.doubles import FakeChain, FakeMarket, FakeSigner, FakeVenue, RecordingBus, RecordingNotifier
from tests.doubles_store import MemoryStore

BONK = Mint("bonk")

PLAN = ExitPlan(
    stop_loss_pct=Decimal(20),
    take_profits=(
        TakeProfit(gain_pct=Decimal(25), sell_pct=Decimal(33)),
        TakeProfit(gain_pct=Decimal(50), sell_pct=Decimal(50)),
    ),
)


class Rig:
    """One engine of real actors that a test steps through."""

    def __init__(self, *, slots: int = 3, max_price_age: Nanos | None = None, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock()
        self.bus = RecordingBus()
        self.steps = Steps()
        self.system = System(clock=self.clock, bus=self.bus, ids=CountedIds(), runtime=self.steps)
        self.store = store or MemoryStore()
        self.store.listen(self.bus.happened)
        self.market = FakeMarket()
        self.venue = FakeVenue(self.market)
        self.signer = FakeSigner()
        self.chain = FakeChain(self.market)
        self.notifier = RecordingNotifier()
        self.listener: SignatureListener | None = None
        self.policies = RetryPolicies()
        self.confirmation: ConfirmationRules | None = None
        self.slots = slots
        self.max_price_age = max_price_age
        self.compare_every: Nanos | None = None

    def start(self) -> Rig:
        """Start the supervisor and, through it, all others."""
        executors = tuple(executor_name(n) for n in range(self.slots))
        tools = {"store": self.store, "venue": self.venue, "signer": self.signer, "chain": self.chain}
        attempting = {**tools, "confirmation": self.confirmation}
        children = [
            Child(ALERTS, Alerts, {"store": self.store, "notifier": self.notifier}),
            Child(PEAKS, PeakSaver, {"store": self.store}),
            Child(FEED, Feed, {"max_price_age": self.max_price_age}),
            Child(CONFIRMER, Confirmer, {"chain": self.chain, "listener": self.listener}),
            *(Child(name, Executor, attempting) for name in executors),
            Child(ROUTER, OrderRouter, {"store": self.store, "policies": self.policies, "executors": executors}),
            Child(HOLDINGS, Holdings, {"store": self.store, "chain": self.chain, "interval": self.compare_every}),
        ]
        self.system.spawn(
            SUPERVISOR,
            Supervisor,
            children=children,
            store=self.store,
            policies=self.policies,
            max_price_age=self.max_price_age,
        )
        self.run()
        return self

    def run(self) -> None:
        """Let the actors handle all their mail; no time passes."""
        self.steps.run()

    def advance(self, span: float) -> None:
        """Let *span* seconds pass, with all that falls due on the way."""
        until = Nanos(self.clock.now() + seconds(span))
        self.run()
        while (at := self.clock.next_at()) is not None and at <= until:
            self.clock.advance_to(at)
            self.run()
        self.clock.advance_to(until)
        self.run()

    def token(self, mint: Mint = BONK, *, decimals: int = 6, price: str = "1") -> None:
        """Put a token on the market."""
        self.market.decimals[mint] = decimals
        self.market.prices[mint] = Decimal(price)

    def entry(self, mint: Mint = BONK, *, spend: str = "1", plan: ExitPlan = PLAN) -> Order:
        """Return an entry order that was not placed yet."""
        return entry_order(
            self.chain.token(mint),
            mint.upper(),
            lamports(spend),
            plan,
            order_id=OrderId(self.system.ids.new("entry")),
            position_id=PositionId(self.system.ids.new("position")),
            wallet_sol=self.chain.sol_balance(),
            policies=self.policies,
            now=self.clock.now(),
            marker_seed=self.system.ids.seed(),
        )

    def open(self, mint: Mint = BONK, *, spend: str = "1", price: str = "1", plan: ExitPlan = PLAN) -> Position:
        """Open a position by an entry order, and return it."""
        if mint not in self.market.decimals:
            self.token(mint, price=price)
        order = self.entry(mint, spend=spend, plan=plan)
        self.ask(ROUTER, PlaceEntry(order=order))
        self.advance(1)
        return self.position(order.position_id)

    def price(self, price: str | float, mint: Mint = BONK) -> None:
        """Let the feed see a price, which the market has too."""
        self.market.prices[mint] = Decimal(str(price))
        tick = Tick(mint=mint, price=float(price), source="test", observed_at=self.clock.now())
        self.system.tell(FEED, TickObserved(tick=tick))
        self.run()

    def ask(self, name: str, message: Any) -> Any:
        """Ask an actor and step until it has answered; what it raises is raised here."""
        future = self.system.reference(name).ask(message, block=False)
        self.run()
        return future.get(timeout=0)

    def view(self, name: str) -> Any:
        """Return what an actor holds."""
        return self.ask(name, Snapshot())

    def position(self, position_id: PositionId) -> Position:
        """Return a position as it is stored."""
        position = self.store.position(position_id)
        assert position is not None
        return position

    def held(self, position: Position) -> Position:
        """Return a position as its actor has it."""
        held = self.view(position_name(position.id))
        assert isinstance(held, Position)
        return held

    def exits(self, position: Position) -> list[Order]:
        """Return the exit orders of a position, oldest first."""
        return [o for o in self.store.orders(position_id=position.id) if o.kind is OrderKind.EXIT]

    def sold_on_chain(self) -> int:
        """Return the raw tokens that left the wallet, by the chain."""
        return -sum(fill.tokens for fill in self.chain.fills.values() if fill.tokens < 0)

    def paid(self) -> Lamports:
        """Return the fees that the chain took for swaps."""
        return Lamports(sum(fill.fee for fill in self.chain.fills.values() if fill.rent >= 0))
