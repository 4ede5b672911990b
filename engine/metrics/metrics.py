"""The metrics of one engine, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from engine.metrics import catalog
from engine.metrics.exposition import CONTENT_TYPE, exposition
from engine.metrics.instruments import Instruments
from engine.metrics.listener import COUNTERS, HISTOGRAMS, Listener
from engine.metrics.snapshot import Mailboxes, Published, Snapshot
from engine.metrics.standing import Standing
from engine.metrics.wallet import WalletBalance
from engine.ports import Chain, Clock, Store

_SETTLE_TIMEOUT = 5.0

OnCall = Callable[[str, str, str, float], None]
"""Told of a request: the server, what was asked of it, what came of it, and the seconds that it took."""


class Subscribable(Protocol):
    """A bus that can be listened to."""

    def subscribe(self, pattern: str, listener: Callable[[str, Mapping[str, Any]], None]) -> Callable[[], None]:
        """Have *listener* hear of every subject that *pattern* names; return what ends it."""


class Traffic(Protocol):
    """What the engine's connections tell of themselves."""

    def observe_calls(self, on_call: OnCall) -> Callable[[], None]:
        """Have *on_call*, which must not block, told of each request from now on; return what ends it."""

    def websocket_counts(self) -> Mapping[str, int]:
        """Return what became of the node's websocket, by event; empty where there is none."""


class Metrics:
    """Counts and measures one engine, from `start` to `stop`, into a registry of its own.

    Args:
        clock: the engine's time.
        bus: tells what happens.
        store: knows what stands as the engine starts.
        chain: tells the wallet's SOL.
        mailboxes: of the engine's actors.
        traffic: of the engine's connections; None where they are not observed.

    Attributes:
        registry: of this engine alone.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        bus: Subscribable,
        store: Store,
        chain: Chain,
        mailboxes: Mailboxes,
        traffic: Traffic | None = None,
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._bus = bus
        self._store = store
        self._traffic = traffic
        self._standing = Standing()
        self._wallet = WalletBalance(chain, clock)
        self._leased = False
        self._ends: list[Callable[[], None]] = []
        self._instruments = Instruments(
            self.registry, counters=(*COUNTERS, catalog.CALLS), histograms=(*HISTOGRAMS, catalog.CALL_SECONDS)
        )
        self._listener = Listener(clock, self._instruments, self._standing)
        self._snapshot = Snapshot(
            clock,
            self._standing,
            mailboxes=mailboxes,
            wallet=self._wallet,
            leased=lambda: self._leased,
            websocket=lambda: {} if traffic is None else traffic.websocket_counts(),
        )
        self.registry.register(self._snapshot)

    def start(self) -> None:
        """Begin with what the store holds; called once the wallet's lease is held and before any actor runs."""
        for position in self._store.positions(open_only=True):
            self._standing.portfolio.take(position)
        for order in self._store.orders(unfinished_only=True):
            self._standing.book.take(order)
        for alert in self._store.alerts(unresolved_only=True):
            self._standing.alerts.take(alert)
        self._leased = True
        self._ends = [
            self._bus.subscribe(">", self._listener),
            self._bus.subscribe("engine.lease_lost", self._lease_lost),
        ]
        if self._traffic is not None:
            self._ends.append(self._traffic.observe_calls(self._called))

    def stop(self) -> None:
        """Count no more; what was counted can still be read."""
        ends, self._ends = self._ends, []
        for end in ends:
            end()
        self._leased = False
        self._wallet.settle(_SETTLE_TIMEOUT)

    def observe_publishing(self, counts: Callable[[], Published]) -> None:
        """Have *counts*, which must not block, tell from now on what becomes of the events published to NATS."""
        self._snapshot.publishing = counts

    def exposition(self) -> tuple[bytes, str]:
        """Return what a scrape is answered with, and its media type; from any thread, as often as wanted."""
        return exposition(self.registry), CONTENT_TYPE

    def _lease_lost(self, _subject: str, _data: Mapping[str, Any]) -> None:
        self._leased = False

    def _called(self, server: str, method: str, outcome: str, seconds: float) -> None:
        self._instruments.count(catalog.CALLS, server, method, outcome)
        if outcome != catalog.NOT_MADE:
            self._instruments.observe(catalog.CALL_SECONDS, seconds, server)
