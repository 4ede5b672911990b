"""The composition root: the one place that wires everything, and the list of what starts."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import structlog
from pydantic import SecretStr

from actors.alerts import Alerts
from actors.confirmer import Confirmer
from actors.courier import Courier
from actors.executor import Executor
from actors.feed import Feed
from actors.heartbeat import INTERVAL as HEARTBEAT_INTERVAL
from actors.heartbeat import Heartbeat
from actors.holdings import Holdings
from actors.leaseholder import Leaseholder
from actors.lookout import Lookout
from actors.poller import Poller, poller_name
from actors.pulse import Pulse
from actors.router import OrderRouter
from actors.supervisor import Child, Supervisor
from actors.system import (
    ALERTS,
    CONFIRMER,
    FEED,
    HEARTBEAT,
    HOLDINGS,
    LEASEHOLDER,
    LOOKOUT,
    PULSE,
    ROUTER,
    SUPERVISOR,
    System,
    courier_name,
    executor_name,
    position_name,
)
from chain.ledger import SolanaChain
from chain.paper.ports import paper_ports
from engine.alerting import channels, dead_mans_switch
from engine.bus.local import LocalBus
from engine.config import Profile, Settings
from engine.connections import Network
from engine.domain.alert import Alert
from engine.domain.delivery import Route
from engine.domain.entries import entry_order
from engine.domain.errors import CommandRefusedError, EngineError
from engine.domain.order import Order
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, lamports, seconds, whole
from engine.guard import Desk, Wanted
from engine.messages.alerts import AcknowledgeAlert
from engine.messages.control import Drain, EmergencyExit, ExitPosition, ReleasePosition, RetryExit, Snapshot
from engine.messages.orders import CancelOrder, PlaceEntry, PositionOpened
from engine.messages.prices import Tick, TickObserved
from engine.metrics.metrics import Metrics, Traffic
from engine.notify import LogNotifier
from engine.ports import (
    Chain,
    Channel,
    Clock,
    Connections,
    DeadMansSwitch,
    Ids,
    Notifier,
    PriceSource,
    SignatureListener,
    Signer,
    Store,
    SwapVenue,
)

log = structlog.get_logger(__name__)

ASK_TIMEOUT = 10.0
START_TIMEOUT = 30.0
HOLDINGS_INTERVAL = seconds(300)
LEASE = seconds(30)
"""How long the wallet stays this engine's without a renewal."""
_HURRY_INTERVAL = 0.1


class Closable(Protocol):
    """Something to let go of."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside, as one engine uses it."""

    clock: Clock
    ids: Ids
    bus: LocalBus
    store: Store
    venue: SwapVenue
    signer: Signer
    chain: Chain
    notifier: Notifier
    sources: tuple[PriceSource, ...]
    """Polled for prices, the first in order is listened to; none where whoever holds the engine observes them."""
    listener: SignatureListener | None = None
    """Makes verdicts come sooner than the next poll; None where the node's subscriptions are not used."""
    connections: Connections | None = None
    """What the lookout looks at; None where nobody does."""
    channels: tuple[Channel, ...] = ()
    """Where alerts are sent beside the notifier."""
    switch: DeadMansSwitch | None = None
    """Called while the engine is well; None where nobody waits for that."""
    traffic: Traffic | None = None
    """Tells the metrics of each request; None where nobody counts them."""
    closables: tuple[Closable, ...] = ()

    def close(self) -> None:
        """Close every connection to the outside, the store's too."""
        for closable in (*self.closables, self.store):
            closable.close()


def connect(
    settings: Settings,
    *,
    clock: Clock,
    ids: Ids,
    store: Store,
    signer: Signer,
    rpc_url: str,
    jupiter_url: str,
    ws_url: str | None = None,
    jupiter_key: str | None = None,
    poll_prices: bool = True,
) -> Ports:
    """Return the ports of a wallet on the cluster at *rpc_url*, swapping through Jupiter at *jupiter_url*.

    The node's subscriptions at *ws_url*, where one is given, make verdicts come sooner.
    """
    settings = settings.at(rpc_url=rpc_url, ws_url=ws_url, jupiter_url=jupiter_url)
    key = SecretStr(jupiter_key) if jupiter_key is not None else None
    network = Network(settings, clock, jupiter_key=key, listen=ws_url is not None)
    return trading(settings, network, clock=clock, ids=ids, store=store, signer=signer, poll_prices=poll_prices)


def trading(
    settings: Settings,
    network: Network,
    *,
    clock: Clock,
    ids: Ids,
    store: Store,
    signer: Signer,
    poll_prices: bool = True,
) -> Ports:
    """Return the ports of *signer*'s wallet, which trades on *network*."""
    return _around(
        settings,
        network,
        clock=clock,
        ids=ids,
        store=store,
        venue=network.venue(network.rpc, signer.address),
        signer=signer,
        chain=SolanaChain(network.rpc, signer.address),
        sources=network.sources() if poll_prices else (),
        listener=network.listener,
    )


def on_paper(settings: Settings, network: Network, *, clock: Clock, ids: Ids, store: Store, wallet: str) -> Ports:
    """Return the ports of *wallet*, a base58 address, for which nothing is sent: what would be is simulated."""
    paper = paper_ports(
        network.rpc,
        wallet=wallet,
        venue_of=network.venue,
        store=store,
        ids=ids,
        funds=lamports(settings.paper.funds),
        buyer=settings.paper.buyer,
    )
    return _around(
        settings,
        network,
        clock=clock,
        ids=ids,
        store=store,
        venue=paper.venue,
        signer=paper.signer,
        chain=paper.chain,
        sources=network.sources(),
    )


def _around(settings: Settings, network: Network, *, clock: Clock, store: Store, **ports: Any) -> Ports:
    """Return *ports* with what every engine on *network* has; nobody is told of what a demonstration goes through."""
    watched = settings.profile is not Profile.DEMO
    return Ports(
        clock=clock,
        store=store,
        bus=LocalBus(clock, store),
        notifier=LogNotifier(),
        connections=network if watched else None,
        channels=channels(settings.alerts) if watched else (),
        switch=dead_mans_switch(settings.alerts) if watched else None,
        traffic=network,
        closables=(network,),
        **ports,
    )


class Engine:
    """One running engine: what starts, in which order, and what a person can ask of it.

    Every command raises `CommandRefusedError` where it does not fit the state of things, `BadInputError` where what
    was given is wrong, and `pykka.Timeout` where the engine does not answer: it may then still do what it was told.

    Args:
        ports: the outside.
        settings: what can be set.
        max_price_age: the oldest price that may move a position; None for any, where prices come from a recording.
        check_interval: how often the supervisor looks for dead actors; None for never.
    """

    def __init__(
        self,
        ports: Ports,
        settings: Settings,
        *,
        max_price_age: Nanos | None,
        check_interval: Nanos | None = seconds(0.5),
    ) -> None:
        self.ports = ports
        self.settings = settings
        self.policies = settings.orders.policies()
        self.system = System(clock=ports.clock, bus=ports.bus, ids=ports.ids)
        self.metrics = Metrics(
            clock=ports.clock,
            bus=ports.bus,
            store=ports.store,
            chain=ports.chain,
            mailboxes=self.system,
            traffic=ports.traffic,
        )
        self._max_price_age = max_price_age
        self._check_interval = check_interval
        # The same after a restart: where a lease outlives its process, its holder takes it up again at once.
        self._holder = socket.gethostname()

    def start(self) -> None:
        """Start every actor and return once they run; what the store holds is taken up where it stands.

        Raises:
            LeaseError: another engine works for the wallet; nothing was started.
        """
        ports = self.ports
        ports.store.acquire_lease(ports.signer.address, self._holder, now=ports.clock.now(), ttl=LEASE)
        self.metrics.start()
        self.system.spawn(
            SUPERVISOR,
            Supervisor,
            children=self._children(),
            store=self.ports.store,
            policies=self.policies,
            max_price_age=self._max_price_age,
            check_interval=self._check_interval,
        )
        # The answer comes after the supervisor's first message, by which it starts the others.
        self.system.ask(SUPERVISOR, Snapshot(), timeout=START_TIMEOUT)

    def _children(self) -> list[Child]:
        ports, settings = self.ports, self.settings
        executors = tuple(executor_name(number) for number in range(settings.orders.max_concurrent))
        tools = {
            "store": ports.store,
            "venue": ports.venue,
            "signer": ports.signer,
            "chain": ports.chain,
            "confirmation": settings.prices.confirmation(),
            "policies": self.policies,
        }
        confirming = {
            "chain": ports.chain,
            "listener": ports.listener,
            "poll_interval": seconds(settings.chain.confirm_interval),
            "rebroadcast_interval": seconds(settings.chain.rebroadcast_interval),
        }
        routing = {
            "store": ports.store,
            "policies": self.policies,
            "executors": executors,
            "reclaim_after": seconds(settings.orders.reclaim_after),
        }
        leasing = {
            "store": ports.store,
            "wallet": ports.signer.address,
            "holder": self._holder,
            "ttl": LEASE if self._check_interval is not None else None,
        }
        comparing = HOLDINGS_INTERVAL if self._check_interval is not None else None
        beating = HEARTBEAT_INTERVAL if self._check_interval is not None else None
        interval = seconds(settings.prices.poll_interval)
        pollers = {source.name: poller_name(source.name) for source in ports.sources}
        listening = {
            "max_price_age": self._max_price_age,
            "rules": settings.prices.rules(),
            "pollers": pollers,
            "quorum": settings.prices.quorum,
            "rest": seconds(settings.prices.rest_after_failure),
            "store": ports.store,
        }
        return [
            *self._alerting(),
            Child(LEASEHOLDER, Leaseholder, leasing),
            Child(HEARTBEAT, Heartbeat, {"store": ports.store, "interval": beating}),
            Child(FEED, Feed, listening),
            *(Child(pollers[s.name], Poller, {"source": s, "interval": interval}) for s in ports.sources),
            Child(CONFIRMER, Confirmer, confirming),
            *(Child(name, Executor, tools) for name in executors),
            Child(ROUTER, OrderRouter, routing),
            Child(HOLDINGS, Holdings, {"store": ports.store, "chain": ports.chain, "interval": comparing}),
            *((Child(LOOKOUT, Lookout, {"connections": ports.connections}),) if ports.connections is not None else ()),
            *self._pulse(),
        ]

    def _alerting(self) -> list[Child]:
        """Return who keeps alerts, and then who brings them to the channels: those stop before it does."""
        ports, waits = self.ports, self.settings.alerts
        routes = [
            Route(courier=courier_name(each.name), channel=each.name, min_severity=each.min_severity)
            for each in ports.channels
        ]
        keeping = {
            "store": ports.store,
            "notifier": ports.notifier,
            "routes": routes,
            "repeat_waits": tuple(map(seconds, waits.repeat_waits)) if self._check_interval is not None else (),
        }
        retry = tuple(map(seconds, waits.retry_waits))
        return [
            Child(ALERTS, Alerts, keeping),
            *(Child(courier_name(each.name), Courier, {"channel": each, "waits": retry}) for each in ports.channels),
        ]

    def _pulse(self) -> list[Child]:
        ports = self.ports
        if ports.switch is None:
            return []
        interval = seconds(self.settings.alerts.heartbeat_interval)
        return [Child(PULSE, Pulse, {"switch": ports.switch, "chain": ports.chain, "interval": interval})]

    def stop(self, *, timeout: float = 30.0, hurry: threading.Event | None = None) -> bool:
        """Drain and stop; return whether every swap in flight was resolved within *timeout* seconds.

        What was not is recorded, and taken up by the next start. Once *hurry* is set nothing is waited for.
        """
        drained = threading.Event()
        end = self.ports.bus.subscribe("engine.drained", lambda _subject, _data: drained.set())
        self.system.tell(ROUTER, Drain())
        resolved = self._wait_drained(drained, timeout, hurry or threading.Event())
        end()
        stopped = [self.system.stop(name) for name in [SUPERVISOR, *reversed(self.system.names())]]
        self.metrics.stop()
        if all(stopped):  # what still runs would write without the lease; it ends with the process otherwise
            self.ports.store.release_lease(self.ports.signer.address, self._holder)
        if not resolved:
            log.warning("stopped_with_swaps_in_flight")
        return resolved

    def _wait_drained(self, drained: threading.Event, timeout: float, hurry: threading.Event) -> bool:
        left = timeout
        while left > 0 and not hurry.is_set() and not drained.wait(min(left, _HURRY_INTERVAL)):
            left -= _HURRY_INTERVAL
        return drained.is_set()

    # What a person can ask --------------------------------------------------------------------------------

    def open_position(self, mint: Mint, spend: Lamports, plan: ExitPlan, *, symbol: str | None = None) -> Order:
        """Buy *mint* for *spend* lamports; once filled, the tokens are guarded by *plan*. Return the entry order."""
        token = self.ports.chain.token(mint)
        for warning in token.warnings:
            log.warning("token_warning", mint=mint, warning=warning)
        order = entry_order(
            token,
            symbol or mint[:6],
            spend,
            plan,
            order_id=OrderId(self.ports.ids.new("entry")),
            position_id=PositionId(self.ports.ids.new("pos")),
            wallet_sol=self.ports.chain.sol_balance(),
            policies=self.policies,
            now=self.ports.clock.now(),
            marker_seed=self.ports.ids.seed(),
        )
        placed = self.system.ask(ROUTER, PlaceEntry(order=order), timeout=ASK_TIMEOUT)
        assert isinstance(placed, Order)
        return placed

    def guard(
        self,
        mint: Mint,
        plan: ExitPlan,
        *,
        price: Decimal | None = None,
        amount: RawAmount | None = None,
        symbol: str | None = None,
    ) -> Position:
        """Guard *amount* raw tokens that the wallet holds already, bought at *price* SOL per whole token.

        Without an amount, all that is not guarded yet; without a price, at that of the moment.
        """
        ports = self.ports
        whole_tokens = None if amount is None else whole(amount, ports.chain.token(mint).decimals)
        wanted = Wanted(mint=mint, plan=plan, amount=whole_tokens, entry_price=price, symbol=symbol)
        desk = Desk(ports.chain, ports.store, ports.sources, clock=ports.clock, ids=ports.ids)
        position = desk.position(wanted)
        ports.store.commit(position)
        self.system.tell(SUPERVISOR, PositionOpened(position=position))
        return position

    def exit(self, position_id: PositionId, percent: Decimal = Decimal(100)) -> Order | OrderId:
        """Sell *percent* (10 to 100) of what remains; return the order, or the id of the one it must wait for."""
        answer: Order | OrderId = self._ask_position(position_id, ExitPosition(percent=percent))
        return answer

    def emergency_exit(self, position_id: PositionId) -> Order | OrderId:
        """Sell everything before anything else; return the order, or the id of the one it must wait for."""
        answer: Order | OrderId = self._ask_position(position_id, EmergencyExit())
        return answer

    def emergency_exit_all(self) -> dict[PositionId, Order | OrderId | EngineError]:
        """Order an emergency exit of every open position; return what came of each."""
        outcomes: dict[PositionId, Order | OrderId | EngineError] = {}
        for position in self.ports.store.positions(open_only=True):
            try:
                outcomes[position.id] = self.emergency_exit(position.id)
            except EngineError as error:
                outcomes[position.id] = error
        return outcomes

    def retry(self, order_id: OrderId, *, everything: bool = False) -> Order:
        """Try an exit that failed for good once more, at its amount or for *everything* that remains."""
        failed = self.ports.store.order(order_id)
        if failed is None:
            raise CommandRefusedError(f"order {order_id} is not known")
        answer = self._ask_position(failed.position_id, RetryExit(failed=failed, everything=everything))
        assert isinstance(answer, Order)
        return answer

    def cancel(self, order_id: OrderId) -> Order:
        """Take a queued order back."""
        answer = self.system.ask(ROUTER, CancelOrder(order_id=order_id), timeout=ASK_TIMEOUT)
        assert isinstance(answer, Order)
        return answer

    def release(self, position_id: PositionId) -> Position:
        """Give up a position's failed exit and guard it on."""
        answer = self._ask_position(position_id, ReleasePosition())
        assert isinstance(answer, Position)
        return answer

    def acknowledge(self, alert_id: AlertId) -> Alert:
        """Note that a person has seen an alert."""
        answer = self.system.ask(ALERTS, AcknowledgeAlert(alert_id=alert_id), timeout=ASK_TIMEOUT)
        assert isinstance(answer, Alert)
        return answer

    def newest_prices(self) -> dict[Mint, Tick]:
        """Return the newest good price of every mint that has one."""
        newest: dict[Mint, Tick] = self.system.ask(FEED, Snapshot(), timeout=ASK_TIMEOUT)["newest"]
        return newest

    def observe(self, tick: Tick) -> None:
        """Let the feed see a price."""
        self.system.tell(FEED, TickObserved(tick=tick))

    def _ask_position(self, position_id: PositionId, message: object) -> Any:
        name = position_name(position_id)
        if not self.system.alive(name):
            known = self.ports.store.position(position_id)
            raise CommandRefusedError(
                f"position {position_id} is {known.status}" if known else f"position {position_id} is not known"
            )
        return self.system.ask(name, message, timeout=ASK_TIMEOUT)
