"""Whether an engine would do well here: each thing it needs, looked at once, and what to do about it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from chain.keys.sealed import is_sealed
from chain.keys.sources import key_source
from chain.ledger import SolanaChain
from chain.node.endpoint import check_cluster
from chain.node.rpc import understood
from chain.values import whole_number
from engine.alerting import channels
from engine.config import Loaded, Profile
from engine.connections import Network
from engine.domain.errors import EngineError, PriceUnavailableError
from engine.domain.units import SECOND, SOL_MINT, lamports, sol
from engine.live import books, wallet_address
from engine.ports import Clock

LITTLE_SOL, TOO_LITTLE_SOL = lamports("0.05"), lamports("0.01")
"""An exit needs SOL for its fee and, until it is done, for the rent of an account of wrapped SOL and of its marker."""
LITTLE_DISK, TOO_LITTLE_DISK = 1_000_000_000, 100_000_000
CLOCK_OFF, CLOCK_FAR_OFF = 5, 30
"""Seconds. A block's time is the median of what the validators say, in whole seconds."""
SLOT_PATIENCE = 5.0
"""Seconds within which a websocket must tell of a slot."""


class Verdict(StrEnum):
    """How something was found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, and how it was found."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class _Patient:
    loaded: Loaded
    network: Network
    clock: Clock
    environ: MutableMapping[str, str]

    @cached_property
    def wallet(self) -> str:
        """The wallet's base58 address. Found once: a key in the environment is taken out of it as it is read."""
        return wallet_address(self.loaded.settings, self.environ)


_Check = Callable[[_Patient], Iterator[Finding]]


def examine(loaded: Loaded, network: Network, *, clock: Clock, environ: MutableMapping[str, str]) -> Iterator[Finding]:
    """Look at everything that the engine of *loaded*'s profile needs; yield a finding for each, as it is found.

    Nothing is changed, and nothing is signed. What cannot be looked at is a finding as well.
    """
    patient = _Patient(loaded=loaded, network=network, clock=clock, environ=environ)
    for name, check in _CHECKS.items():
        try:
            yield from check(patient)
        except EngineError as error:
            yield Finding(name=name, verdict=Verdict.FAIL, found=str(error))


def _key(patient: _Patient) -> Iterator[Finding]:
    settings, address = patient.loaded.settings, patient.wallet
    source = key_source(settings.wallet.keypair)
    if settings.profile is Profile.MAINNET and isinstance(source, Path) and not is_sealed(source.read_bytes()):
        yield Finding(
            name="key",
            verdict=Verdict.WARN,
            found=f"wallet {address}, its key in a file that is not encrypted",
            advice="run.py wallet encrypt makes an encrypted one",
        )
    else:
        yield Finding(name="key", verdict=Verdict.OK, found=f"wallet {address}")


def _nodes(patient: _Patient) -> Iterator[Finding]:
    check_cluster(patient.network.rpc, patient.loaded.settings.genesis_hash)
    for health in patient.network.nodes():
        if health.problem is None:
            yield Finding(name="node", verdict=Verdict.OK, found=f"{health.name} is at slot {health.slot}")
        else:
            verdict = Verdict.FAIL if health.slot is None else Verdict.WARN
            yield Finding(
                name="node", verdict=verdict, found=f"{health.name}: {health.problem}", advice="name another node"
            )


def _websocket(patient: _Patient) -> Iterator[Finding]:
    told = threading.Event()
    websocket = patient.network.websocket
    if websocket is None:
        return
    subscription = websocket.subscribe("slotSubscribe", [], lambda _result: told.set())
    heard = told.wait(SLOT_PATIENCE)
    subscription.cancel()
    if heard:
        yield Finding(name="websocket", verdict=Verdict.OK, found="it tells of slots")
    else:
        yield Finding(
            name="websocket",
            verdict=Verdict.WARN,
            found=f"it told of no slot within {SLOT_PATIENCE:.0f} s",
            advice="verdicts and pool prices come by polling alone: name the node's websocket in chain.ws_url",
        )


def _program(patient: _Patient) -> Iterator[Finding]:
    program, method = patient.loaded.settings.jupiter.program, "getAccountInfo"
    result = patient.network.rpc.call(method, [program, {"encoding": "base64"}])
    with understood(method):
        there = result["value"] is not None and result["value"]["executable"] is True
    if there:
        yield Finding(name="swap program", verdict=Verdict.OK, found=f"{program} is on the cluster")
    else:
        yield Finding(
            name="swap program",
            verdict=Verdict.FAIL,
            found=f"{program} is no program of this cluster",
            advice="name the one that swaps here in jupiter.program",
        )


def _jupiter(patient: _Patient) -> Iterator[Finding]:
    keyed = patient.loaded.jupiter_key is not None
    rate = patient.loaded.settings.jupiter.rate(keyed=keyed)
    try:
        patient.network.jupiter_prices().fetch([SOL_MINT])
    except PriceUnavailableError as error:
        yield Finding(
            name="jupiter", verdict=Verdict.FAIL, found=str(error), advice="look at the key and at jupiter.urls"
        )
        return
    found = f"it answers {'with the key' if keyed else 'without a key'}, {rate} requests a minute"
    if keyed:
        yield Finding(name="jupiter", verdict=Verdict.OK, found=found)
    else:
        yield Finding(
            name="jupiter",
            verdict=Verdict.WARN,
            found=found,
            advice="too few to watch prices and leave in a hurry: a key from portal.jup.ag costs nothing",
        )


def _clock(patient: _Patient) -> Iterator[Finding]:
    rpc = patient.network.rpc
    slot = rpc.call("getSlot", [{"commitment": "confirmed"}])
    with understood("getBlockTime"):
        theirs = whole_number(rpc.call("getBlockTime", [whole_number(slot)]))
    off = abs(patient.clock.now() // SECOND - theirs)
    verdict = Verdict.OK if off <= CLOCK_OFF else Verdict.WARN if off <= CLOCK_FAR_OFF else Verdict.FAIL
    yield Finding(
        name="clock",
        verdict=verdict,
        found=f"within {max(off, 1)} s of the cluster's",
        advice="" if verdict is Verdict.OK else "let the machine's clock be set by NTP: prices are judged by their age",
    )


def _disk(patient: _Patient) -> Iterator[Finding]:
    path = patient.loaded.settings.store.path
    if path is None:
        return
    folder = next(each for each in path.absolute().parents if each.is_dir())
    free = shutil.disk_usage(folder).free
    verdict = Verdict.OK if free >= LITTLE_DISK else Verdict.WARN if free >= TOO_LITTLE_DISK else Verdict.FAIL
    advice = "" if verdict is Verdict.OK else "make room: what cannot be stored is not sent"
    yield Finding(name="disk", verdict=verdict, found=f"{free / 1e9:.1f} GB free at {folder}", advice=advice)


def _database(patient: _Patient) -> Iterator[Finding]:
    settings = patient.loaded.settings
    if settings.store.path is not None and not settings.store.path.exists():
        yield Finding(name="database", verdict=Verdict.OK, found=f"{settings.store.path} will be made")
        return
    with closing(books(settings)) as store:
        guarded, alerts = len(store.positions(open_only=True)), len(store.alerts(unresolved_only=True))
    where = settings.store.path or settings.store.url
    yield Finding(
        name="database",
        verdict=Verdict.WARN if alerts else Verdict.OK,
        found=f"{where}: sound, {guarded} open positions, {alerts} alerts",
        advice="look at the alerts" if alerts else "",
    )


def _notifier(patient: _Patient) -> Iterator[Finding]:
    names = [channel.name for channel in channels(patient.loaded.settings.alerts)]
    if names:
        found = f"alerts go to {', '.join(names)} and to the log; run.py alerts test tries them"
        yield Finding(name="notifier", verdict=Verdict.OK, found=found)
        return
    yield Finding(
        name="notifier",
        verdict=Verdict.WARN,
        found="alerts go to the log",
        advice="watch it, or name a channel in alerts.channels: nobody is woken by an alert",
    )


def _reserve(patient: _Patient) -> Iterator[Finding]:
    settings = patient.loaded.settings
    held = SolanaChain(patient.network.rpc, patient.wallet).sol_balance()
    if settings.profile is Profile.PAPER:
        held = lamports(sol(held) + settings.paper.funds)
    verdict = Verdict.OK if held >= LITTLE_SOL else Verdict.WARN if held >= TOO_LITTLE_SOL else Verdict.FAIL
    advice = "" if verdict is Verdict.OK else "send it some SOL: without, no exit can pay its fee and its rent"
    yield Finding(name="reserve", verdict=verdict, found=f"the wallet holds {sol(held):f} SOL", advice=advice)


_CHECKS: dict[str, _Check] = {
    "key": _key,
    "node": _nodes,
    "websocket": _websocket,
    "swap program": _program,
    "jupiter": _jupiter,
    "clock": _clock,
    "disk": _disk,
    "database": _database,
    "notifier": _notifier,
    "reserve": _reserve,
}
