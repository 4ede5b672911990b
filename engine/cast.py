"""Who plays in one engine: the list of the actors that the supervisor starts, and what each is given."""

from __future__ import annotations

from dataclasses import dataclass

from actors.alerts import Alerts
from actors.confirmer import Confirmer
from actors.courier import Courier
from actors.executor import Executor
from actors.feed import Feed
from actors.heartbeat import INTERVAL as HEARTBEAT_INTERVAL
from actors.heartbeat import Heartbeat
from actors.historian import Historian
from actors.holdings import Holdings
from actors.leaseholder import Leaseholder
from actors.lookout import Lookout
from actors.peaks import PeakSaver
from actors.poller import Poller, poller_name
from actors.pulse import Pulse
from actors.router import OrderRouter
from actors.supervisor import Child
from actors.system import (
    ALERTS,
    CONFIRMER,
    FEED,
    HEARTBEAT,
    HISTORIAN,
    HOLDINGS,
    LEASEHOLDER,
    LOOKOUT,
    PEAKS,
    PULSE,
    ROUTER,
    courier_name,
    executor_name,
)
from actors.tape import PriceTape
from engine.config import Settings
from engine.domain.delivery import Route
from engine.domain.units import Nanos, seconds
from engine.wiring import Ports

HOLDINGS_INTERVAL = seconds(300)
LEASE = seconds(30)
"""How long the wallet stays this engine's without a renewal."""
_DAY = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The actors of one engine, but for the supervisor, and for the markets and positions that it starts."""

    ports: Ports
    settings: Settings
    tape: PriceTape
    """What prices did lately."""
    holder: str
    """Of the wallet's lease."""
    max_price_age: Nanos | None
    """The oldest price that may move a position; None for any."""
    supervised: bool
    """Whether time passes by itself; in a replay, nothing is done that only the passing of time is the reason for."""

    def children(self) -> list[Child]:
        """Return them in the order in which they start."""
        ports, settings, policies = self.ports, self.settings, self.settings.orders.policies()
        executors = tuple(executor_name(number) for number in range(settings.orders.max_concurrent))
        tools = {
            "store": ports.store,
            "venue": ports.venue,
            "signer": ports.signer,
            "chain": ports.chain,
            "confirmation": settings.prices.confirmation(),
            "policies": policies,
        }
        confirming = {
            "chain": ports.chain,
            "listener": ports.listener,
            "poll_interval": seconds(settings.chain.confirm_interval),
            "rebroadcast_interval": seconds(settings.chain.rebroadcast_interval),
        }
        routing = {
            "store": ports.store,
            "policies": policies,
            "executors": executors,
            "reclaim_after": seconds(settings.orders.reclaim_after),
        }
        leasing = {
            "store": ports.store,
            "wallet": ports.signer.address,
            "holder": self.holder,
            "ttl": LEASE if self.supervised else None,
        }
        comparing = HOLDINGS_INTERVAL if self.supervised else None
        beating = HEARTBEAT_INTERVAL if self.supervised else None
        interval = seconds(settings.prices.poll_interval)
        pollers = {source.name: poller_name(source.name) for source in ports.sources}
        listening = {
            "max_price_age": self.max_price_age,
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
            Child(PEAKS, PeakSaver, {"store": ports.store}),
            Child(FEED, Feed, listening),
            *(Child(pollers[s.name], Poller, {"source": s, "interval": interval}) for s in ports.sources),
            Child(CONFIRMER, Confirmer, confirming),
            *(Child(name, Executor, tools) for name in executors),
            Child(ROUTER, OrderRouter, routing),
            Child(HOLDINGS, Holdings, {"store": ports.store, "chain": ports.chain, "interval": comparing}),
            *((Child(LOOKOUT, Lookout, {"connections": ports.connections}),) if ports.connections is not None else ()),
            *self._pulse(),
            *self._history(),
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
            "repeat_waits": tuple(map(seconds, waits.repeat_waits)) if self.supervised else (),
        }
        retry = tuple(map(seconds, waits.retry_waits))
        return [
            Child(ALERTS, Alerts, keeping),
            *(Child(courier_name(each.name), Courier, {"channel": each, "waits": retry}) for each in ports.channels),
        ]

    def _history(self) -> list[Child]:
        """Return who stores what prices did; nobody in a replay."""
        ports, history = self.ports, seconds(self.settings.prices.history * _DAY)
        if not self.supervised:
            return []
        return [Child(HISTORIAN, Historian, {"tape": self.tape, "store": ports.store, "history": history})]

    def _pulse(self) -> list[Child]:
        ports = self.ports
        if ports.switch is None:
            return []
        interval = seconds(self.settings.alerts.heartbeat_interval)
        return [Child(PULSE, Pulse, {"switch": ports.switch, "chain": ports.chain, "interval": interval})]
