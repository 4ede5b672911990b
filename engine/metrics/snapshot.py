"""Reads, when somebody scrapes, what stands at the moment. It asks no actor, no node and no database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.domain.order import OrderStatus
from engine.domain.position import unrealized_pnl
from engine.domain.units import SECOND, Lamports, Mint, Nanos
from engine.metrics import catalog
from engine.metrics.catalog import Kind
from engine.metrics.listener import in_sol, kind_of, rank_of
from engine.metrics.standing import Guarded, Standing, due_at
from engine.metrics.wallet import WalletBalance
from engine.ports import Clock

OTHER = "other"
"""The mint that ticks of mints that nobody guards are counted under."""


class Mailboxes(Protocol):
    """The actors of one engine, as far as their mail goes."""

    @property
    def dead_letters(self) -> int:
        """How many messages found nobody."""

    def mailbox_depths(self) -> Mapping[str, int]:
        """Return how many messages wait for each actor, by its name; never waits for one."""


class Published(Protocol):
    """What became of the events that are published to NATS."""

    @property
    def durable(self) -> int:
        """How many durable ones were taken."""

    @property
    def live(self) -> int:
        """How many live ones were taken."""

    @property
    def dropped(self) -> int:
        """How many live ones were not."""

    @property
    def losses(self) -> int:
        """How many connections ended or could not be made."""


class Snapshot:
    """A collector of Prometheus' client.

    Args:
        clock: tells how long something has waited.
        standing: what the events told.
        mailboxes: of the engine's actors.
        wallet: of which the SOL is shown.
        leased: whether the wallet is this engine's.
        websocket: what became of the node's websocket, by event; empty where there is none.

    Attributes:
        publishing: tells what became of the events that are published to NATS; None where none are.
    """

    def __init__(
        self,
        clock: Clock,
        standing: Standing,
        *,
        mailboxes: Mailboxes,
        wallet: WalletBalance,
        leased: Callable[[], bool],
        websocket: Callable[[], Mapping[str, int]],
    ) -> None:
        self._clock = clock
        self._standing = standing
        self._mailboxes = mailboxes
        self._wallet = wallet
        self._leased = leased
        self._websocket = websocket
        self.publishing: Callable[[], Published] | None = None

    def describe(self) -> list[Metric]:
        """Return the metrics without figures; by it a registry finds names that are given twice."""
        return [_family(metric, {}) for metric in SCRAPED]

    def collect(self) -> Iterator[Metric]:
        """Yield what stands now."""
        now = self._clock.now()
        yield from _portfolio(self._standing.portfolio.guarded(), self._standing.portfolio.other_ticks(), now)
        yield from self._orders(now)
        yield from self._actors()
        yield _family(catalog.ALERTS_OPEN, _counted(map(str, self._standing.alerts.severities())))
        yield _family(catalog.LEASE_HELD, {(): float(self._leased())})
        yield _family(catalog.WEBSOCKET_EVENTS, {(event,): count for event, count in self._websocket().items()})
        yield from _published(self.publishing() if self.publishing is not None else None)
        lamports = self._wallet.newest()
        yield _family(catalog.WALLET_SOL, {} if lamports is None else {(): in_sol(lamports)})

    def _orders(self, now: Nanos) -> Iterator[Metric]:
        depth: Counter[tuple[str, ...]] = Counter()
        oldest: dict[tuple[str, ...], float] = {}
        for order in self._standing.book.orders():
            rank, due = rank_of(order), due_at(order)
            queued = order.status is OrderStatus.PENDING and due <= now
            waits = order.status in (OrderStatus.PENDING, OrderStatus.FAILED)
            depth[rank, "queued" if queued else "waiting" if waits else "in_flight"] += 1
            if queued:
                oldest[rank,] = max(oldest.get((rank,), 0.0), (now - due) / SECOND)
        yield _family(catalog.QUEUE_DEPTH, depth)
        yield _family(catalog.QUEUE_OLDEST, oldest)

    def _actors(self) -> Iterator[Metric]:
        depths: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for name, depth in self._mailboxes.mailbox_depths().items():
            depths[kind_of(name),].append(depth)
        yield _family(catalog.ACTORS, {kind: len(each) for kind, each in depths.items()})
        yield _family(catalog.MAILBOX_MESSAGES, {kind: sum(each) for kind, each in depths.items()})
        yield _family(catalog.MAILBOX_LONGEST, {kind: max(each) for kind, each in depths.items()})
        yield _family(catalog.UNDELIVERED, {(): self._mailboxes.dead_letters})


SCRAPED = (
    catalog.TICKS,
    catalog.LAST_TICK_AGE,
    catalog.QUEUE_DEPTH,
    catalog.QUEUE_OLDEST,
    catalog.POSITIONS_OPEN,
    catalog.UNREALIZED_PNL,
    catalog.WALLET_SOL,
    catalog.MAILBOX_MESSAGES,
    catalog.MAILBOX_LONGEST,
    catalog.ACTORS,
    catalog.UNDELIVERED,
    catalog.ALERTS_OPEN,
    catalog.LEASE_HELD,
    catalog.WEBSOCKET_EVENTS,
    catalog.NATS_PUBLISHED,
    catalog.NATS_DROPPED,
    catalog.NATS_LOSSES,
)


def _published(counts: Published | None) -> Iterator[Metric]:
    published: dict[tuple[str, ...], float] = {}
    dropped: dict[tuple[str, ...], float] = {}
    losses: dict[tuple[str, ...], float] = {}
    if counts is not None:
        published = {("durable",): counts.durable, ("live",): counts.live}
        dropped, losses = {(): counts.dropped}, {(): counts.losses}
    yield _family(catalog.NATS_PUBLISHED, published)
    yield _family(catalog.NATS_DROPPED, dropped)
    yield _family(catalog.NATS_LOSSES, losses)


def _portfolio(guarded: Mapping[Mint, Guarded], other_ticks: Mapping[str, int], now: Nanos) -> Iterator[Metric]:
    ticks: dict[tuple[str, ...], float] = {
        (mint, source): n for mint, each in guarded.items() for source, n in each.ticks.items()
    }
    priced = {mint: (each, each.newest) for mint, each in guarded.items() if each.newest is not None}
    yield _family(catalog.TICKS, {**ticks, **{(OTHER, source): n for source, n in other_ticks.items()}})
    yield _family(
        catalog.LAST_TICK_AGE, {(mint,): (now - newest.observed_at) / SECOND for mint, (_, newest) in priced.items()}
    )
    yield _family(catalog.POSITIONS_OPEN, {(mint,): len(each.positions) for mint, each in guarded.items()})
    yield _family(
        catalog.UNREALIZED_PNL,
        {
            (mint,): in_sol(Lamports(sum(unrealized_pnl(p, newest.price) for p in each.positions.values())))
            for mint, (each, newest) in priced.items()
        },
    )


def _counted(values: Iterator[str]) -> dict[tuple[str, ...], int]:
    return {(value,): count for value, count in Counter(values).items()}


def _family(metric: catalog.Metric, samples: Mapping[tuple[str, ...], float]) -> Metric:
    """Return *samples*, by the values of their labels, as Prometheus' client wants them."""
    made = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = made(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, value)
    return family
