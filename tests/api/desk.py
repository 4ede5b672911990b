"""An engine of real actors with doubles for the outside, its API served on loopback, and someone who asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from engine.api.folder import AUDIT, TOKEN
from engine.api.server import ApiServer
from engine.api.serving import served
from engine.app import Engine
from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.config import ApiSection, ConsoleSection, Settings, StoreSection
from engine.domain.alert import Alert, Severity
from engine.domain.order import Order
from engine.domain.position import Position
from engine.domain.units import PositionId
from engine.ids import CountedIds
from engine.wiring import Ports
from tests.doubles import FakeChain, FakeMarket, FakeSigner, FakeVenue, RecordingNotifier
from tests.doubles_store import MemoryStore
from tests.factories import MINT, a_position
from tests.waiting import PATIENCE

V1 = "/api/v1"


class Process:
    """The process of the engine."""

    def __init__(self) -> None:
        self.draining = False
        self.drained = 0

    def drain(self) -> None:
        """Note that the end was asked for."""
        self.drained += 1
        self.draining = True


class Messenger:
    """A channel that keeps what it was sent."""

    name = "messenger"
    min_severity = Severity.CRITICAL

    def __init__(self) -> None:
        self.sent: list[Alert] = []

    def deliver(self, alert: Alert, *, reminder: int = 0) -> None:
        self.sent.append(alert)


class Desk:
    """An engine, and everything that a test looks at or sets."""

    def __init__(self, folder: Path, section: ApiSection, store: MemoryStore, *, console: bool = False) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.store = store
        self.bus = LocalBus(self.clock, store)
        self.market = FakeMarket()
        self.market.prices[MINT], self.market.decimals[MINT] = Decimal("0.1"), 6
        self.chain = FakeChain(self.market)
        self.chain.tokens[MINT] = 5_000_000_000
        self.process = Process()
        self.channel = Messenger()
        self.ports = Ports(
            clock=self.clock,
            ids=CountedIds(),
            bus=self.bus,
            store=self.store,
            venue=FakeVenue(self.market),
            signer=FakeSigner(),
            chain=self.chain,
            notifier=RecordingNotifier(),
            sources=(),
            channels=(self.channel,),
        )
        settings = Settings(
            api=section, store=StoreSection(path=folder / "engine.db"), console=ConsoleSection(enabled=console)
        )
        self.engine = Engine(self.ports, settings, max_price_age=None, check_interval=None)
        self.client = httpx.Client()
        self.server: ApiServer | None = None

    @property
    def token(self) -> str:
        """The token, out of its file."""
        return (self.folder / TOKEN).read_text(encoding="ascii").strip()

    @property
    def audit(self) -> list[dict[str, Any]]:
        """The lines of the audit log."""
        return [json.loads(line) for line in (self.folder / AUDIT).read_text(encoding="utf-8").splitlines()]

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer to a question, which must be a good one."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(
        self, path: str, body: Any = None, *, key: str | None = "key-1", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Give a command."""
        sent = {**({"Idempotency-Key": key} if key is not None else {}), **(headers or {})}
        return self.client.post(path, json=body, headers=sent)

    def add(self, name: str = "position-1", **changes: Any) -> Position:
        """Have a position in the store; before the start, so that it gets its actor."""
        position = a_position(id=PositionId(name), **changes)
        self.store.commit(position)
        return position

    def rest(self) -> None:
        """Wait until no actor has anything to do before the clock goes on."""
        assert self.engine.system.activity.wait_idle(PATIENCE)

    def orders(self) -> list[Order]:
        """Return the orders in the store."""
        return self.store.orders()

    def counts(self, what: str) -> int:
        """Return how many durable events there are of a type such as `alert.*.raised`."""
        return len(self.store.events(0, what))


@contextmanager
def running(
    folder: Path,
    prepare: Callable[[Desk], object] = lambda _desk: None,
    *,
    store: MemoryStore | None = None,
    console: bool = False,
    **options: Any,
) -> Iterator[Desk]:
    """Run an engine with its API.

    *prepare* is called before it starts; *console* says whether that is served too; *options* are those of `served`.
    """
    section = options.pop("section", ApiSection(port=0))
    desk = Desk(folder, section, store or MemoryStore(), console=console)
    prepare(desk)
    desk.engine.start()
    try:
        with served(desk.engine, desk.process, **options) as server:
            assert server is not None
            desk.server = server
            desk.client.close()
            desk.client = httpx.Client(
                base_url=server.url, headers={"Authorization": f"Bearer {desk.token}"}, timeout=30
            )
            yield desk
    finally:
        desk.client.close()
        desk.engine.stop(timeout=0)


def all_at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what *works* return, begun at the same time on a thread each."""
    answers: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(number: int) -> None:
        start.wait()
        answers[number] = works[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
