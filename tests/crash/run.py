"""One run: a network, engines one after another, and the verdict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from chain.audit import read_ledger
from chain.node.rpc import RpcClient
from engine.domain.entries import adopted
from engine.store.sql import SqlStore
from tests.crash.engine import Life, live, unsettled
from tests.crash.forks import Forked
from tests.crash.oracle import asks_for_a_person, breaches, rivals, sales
from tests.crash.plan import AMOUNT, ENTRY_PRICE, FUNDS, HELD, POSITION, Kill, Plan
from tests.crash.points import ANYWHERE
from tests.crash.timing import Epoch, Stopwatch
from tests.crash.world import Address, Network, network

PATIENCE = 60.0
"""Seconds of the machine after which an engine that is neither dead nor done is stuck."""
FEWEST_ATTEMPTS = 3
"""What an order has at the least; an engine that dies with one costs one."""
_MILLI = 1e-3


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of a run."""

    plan: Plan
    killed: list[Kill] = field(default_factory=list)
    """The kills that came about: a point that was never passed kills nobody."""
    lives: int = 0
    sales: int = 0
    alerted: bool = False
    faults: Mapping[str, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    seconds: float = 0.0
    folder: Path | None = None
    """Logs and database, where something was not as it must be."""


class Runner:
    """Makes runs. The schema is made once, in a database that the others are copies of.

    Args:
        folder: for what the runs leave behind.
        forgetful: take away what keeps an engine from selling twice.
    """

    def __init__(self, folder: Path, *, forgetful: bool = False) -> None:
        self._folder = folder
        self._forgetful = forgetful
        self._schema = folder / "schema.db"
        SqlStore(self._schema).close()

    def tidy(self) -> None:
        """Remove the folder, where nothing is left in it that somebody should look at."""
        for file in self._folder.glob(f"{self._schema.name}*"):
            file.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def run(self, plan: Plan) -> Verdict:
        """Make the run of *plan*. What it leaves behind is kept only where something is wrong with it."""
        stopwatch, verdict = Stopwatch(), Verdict(plan=plan)
        folder = Path(tempfile.mkdtemp(prefix=f"seed-{plan.seed}-", dir=self._folder))
        try:
            self._run(plan, verdict, folder)
        except Exception as error:  # noqa: BLE001
            verdict.breaches.append(f"the run itself failed: {error!r}")
        verdict.seconds = stopwatch.seconds
        if verdict.breaches:
            verdict.folder = folder
        else:
            shutil.rmtree(folder)
        return verdict

    def _run(self, plan: Plan, verdict: Verdict, folder: Path) -> None:
        epoch, database = Epoch.begin(), folder / "engine.db"
        shutil.copy(self._schema, database)
        with network(plan, epoch, log=folder / "network.log") as net:
            _adopt(plan, epoch, net.address, database)
            life = Life(
                plan=plan, kill=None, epoch=epoch, address=net.address, database=database, forgetful=self._forgetful
            )
            _live(life, plan.kills, net, verdict, folder)
            verdict.faults = net.counts()
            net.calm()
            _judge(verdict, net, database)
            if verdict.alerted and not verdict.breaches:
                _live(replace(life, person=True), (plan.retry_kill,), net, verdict, folder)
                _judge(verdict, net, database)


def _adopt(plan: Plan, epoch: Epoch, address: Address, database: Path) -> None:
    """Put the position under guard, in a database that no engine has opened yet."""
    position = adopted(
        address.token,
        "BONK",
        AMOUNT,
        ENTRY_PRICE,
        plan.exits,
        position_id=POSITION,
        held=HELD,
        now=epoch.now(),
    )
    with _opened(database) as store:
        store.commit(position)


def _live(life: Life, kills: Sequence[Kill], net: Network, verdict: Verdict, folder: Path) -> None:
    """Let engines live, each until its kill and the last one until it is done."""
    for kill in (*kills, None):
        if _lived(replace(life, kill=kill), net, verdict, folder):
            return


def _lived(life: Life, net: Network, verdict: Verdict, folder: Path) -> bool:
    """Let an engine live; return whether there is to be no other."""

    def body() -> int:
        net.leave()
        return live(life)

    process = Forked(body, log=folder / "engine.log")
    verdict.lives += 1
    kill = life.kill
    if kill is not None and kill.point == ANYWHERE and not process.wait(kill.nth * _MILLI):
        process.kill()
    ended = process.wait(PATIENCE)
    process.kill()
    with _opened(life.database) as store:
        if ended and process.killed and kill is not None:
            verdict.killed.append(kill)
            verdict.breaches += rivals(store)
            return bool(verdict.breaches)
        if not ended:
            verdict.breaches.append(
                f"stuck for {PATIENCE:.0f} s: {'; '.join(unsettled(life.plan, store)) or 'all is settled'}"
            )
        elif process.code != 0:
            verdict.breaches.append(f"the engine ended by itself with {process.code}")
    return True


def _judge(verdict: Verdict, net: Network, database: Path) -> None:
    plan, url = verdict.plan, net.address.rpc_url
    ledger = read_ledger(url, str(plan.keypair.pubkey()))
    with closing(RpcClient(url)) as rpc, _opened(database) as store:
        height = int(rpc.call("getBlockHeight", [{"commitment": "processed"}]))
        verdict.sales = sales(store, ledger)[POSITION]
        asked = asks_for_a_person(store, POSITION)
        if asked and verdict.alerted:
            verdict.breaches.append("the exit failed again when a person retried it, and nothing was in its way")
        if asked and not plan.faults and len(verdict.killed) < FEWEST_ATTEMPTS:
            messages = "; ".join(alert.message for alert in store.alerts())
            verdict.breaches.append(f"a person is asked for, and nothing went wrong: {messages}")
        verdict.alerted |= asked
        verdict.breaches += (f"{left} although the engine ended" for left in unsettled(plan, store))
        verdict.breaches += breaches(store, ledger, funds=FUNDS, height=height)


@contextmanager
def _opened(database: Path) -> Iterator[SqlStore]:
    store = SqlStore(database)
    try:
        yield store
    finally:
        store.close()
