"""The soak itself: lanes at work until the time is over, then calm, then the verdict."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from random import Random
from typing import Any

from chain.audit import read_ledger
from chain.keys.wallet import Wallet
from chain.node.rpc import RpcClient
from engine.app import Engine
from engine.clock import SystemClock
from engine.config import Settings
from engine.domain.units import Lamports
from engine.ids import RandomIds
from engine.ports import Store
from engine.wiring import connect
from tests.crash.oracle import breaches, rivals, unfinished
from tests.crash.timing import Stopwatch
from tests.soak.gauges import sample
from tests.soak.lanes import Lane
from tests.soak.report import Report
from tests.soak.stage import Stage

_LOOK_INTERVAL = 0.05
_WATCH_INTERVAL = 1.0
SETTLING = 180.0
"""Seconds of the machine within which what is under way must come to its end, once nothing goes wrong any more."""


class Soak:
    """One engine, and a lane for each token. Belongs to one thread.

    Args:
        network: what it works on.
        clock: the engine's.
        store: an empty one; it is closed in the end.
        wallet: the engine's.
        funds: lamports that the wallet has.
        rng: decides what is done.
        report: what becomes of it, written on as it goes.
    """

    def __init__(
        self,
        network: Stage,
        clock: SystemClock,
        store: Store,
        wallet: Wallet,
        *,
        funds: Lamports,
        rng: Random,
        report: Report,
    ) -> None:
        self._network, self._clock, self._store, self._wallet = network, clock, store, wallet
        self._funds, self._report = funds, report
        self._stopwatch = Stopwatch()
        self._watched_at, self._calm = 0.0, False
        self._failed = threading.Event()
        address = network.address
        settings = Settings.model_validate({"orders": {"reclaim_after": 2.0}})
        self._ports = connect(
            settings,
            clock=clock,
            ids=RandomIds(),
            store=store,
            signer=wallet,
            rpc_url=address.rpc_url,
            ws_url=address.ws_url,
            jupiter_url=address.jupiter_url,
        )
        self._engine = Engine(self._ports, settings, max_price_age=settings.max_price_age)
        self._lanes = [
            Lane(self._engine, network, mint, symbol, rng=Random(rng.random()))
            for symbol, mint in address.mints.items()
        ]
        for subject in ("engine.failed", "engine.message_failed", "engine.actor_restarted", "engine.price_source_down"):
            self._ports.bus.subscribe(subject, self._told)

    def run(self, seconds: float, ending: threading.Event) -> None:
        """Work for *seconds* of the machine, or until *ending* is set, and judge what came of it."""
        self._engine.start()
        try:
            self._until(lambda: ending.is_set() or self._stopwatch.seconds >= seconds, 2 * seconds)
            self._report.faults = self._network.faults()
            self._network.calm()
            self._calm = True
            for lane in self._lanes:
                lane.end()
            if not self._until(lambda: all(lane.over for lane in self._lanes), SETTLING):
                waits = [lane.waits_for for lane in self._lanes if not lane.over]
                self._report.breaches += (
                    f"{wait} has not come {SETTLING:.0f} s after the last fault" for wait in waits
                )
            if not self._until(lambda: not unfinished(self._store), SETTLING):
                self._report.breaches += (
                    f"{left} {SETTLING:.0f} s after the last fault" for left in unfinished(self._store)
                )
        finally:
            self._engine.stop()
            self._judge()
            self._ports.close()
            self._clock.close()

    def _until(self, done: Callable[[], bool], patience: float) -> bool:
        """Let the lanes go on; return whether *done* came, or the engine gave up, within *patience* seconds."""
        began, pulse = self._stopwatch.seconds, threading.Event()
        while not done() and not self._failed.is_set():
            if self._stopwatch.seconds > began + patience:
                return False
            for lane in self._lanes:
                lane.look()
            self._watch()
            pulse.wait(_LOOK_INTERVAL)
        return True

    def _watch(self) -> None:
        now = self._stopwatch.seconds
        if now < self._watched_at + _WATCH_INTERVAL:
            return
        self._watched_at = now
        self._report.breaches += rivals(self._store)
        if not self._calm:
            self._report.samples.append(sample(now))

    def _told(self, subject: str, data: Mapping[str, Any]) -> None:
        told = [str(data[key]) for key in ("actor", "message", "source") if key in data]
        self._report.events[" ".join([subject, *told])] += 1
        if subject == "engine.failed":
            self._failed.set()

    def _judge(self) -> None:
        report, url = self._report, self._network.address.rpc_url
        self._network.calm()
        ledger = read_ledger(url, self._wallet.address)
        with closing(RpcClient(url)) as rpc:
            height = int(rpc.call("getBlockHeight", [{"commitment": "processed"}]))
        report.take(self._store)
        report.transactions = len(ledger.entries)
        for lane in self._lanes:
            report.ways.update(lane.ways)
            report.refused.update(lane.refused)
            report.breaches += [lane.breach] if lane.breach else []
        if self._failed.is_set():
            report.breaches.append("the engine gave up")
        report.breaches += breaches(self._store, ledger, funds=self._funds, height=height)
