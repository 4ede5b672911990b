"""Every metric: its name, what it means, and its labels. The page docs/metrics.md is made of this list.

Units are Prometheus' base units: seconds and, for money, whole SOL. Each label has a bounded number of values. The one
that grows, `mint`, has those of the open positions, and what was counted for a mint goes with its last position.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "ripcord_"

PROMPT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds in seconds, of what is done within the engine or by one request."""
PATIENT = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 90.0, 180.0)
"""Bounds in seconds, of what waits for the chain; a blockhash lives for about a minute."""
SLIPPAGE = (-500.0, -200.0, -100.0, -50.0, -20.0, 0.0, 20.0, 50.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0, 2000.0)
"""Bounds in basis points."""


NOT_MADE = "not_made"
"""What comes of a request for which a server's limit left no room: it took no time, and is not measured."""


class Kind(StrEnum):
    """How Prometheus reads a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, by the name that it is scraped under."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query can use."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}_total", Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}", Kind.GAUGE, meaning, labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}", Kind.HISTOGRAM, meaning, labels, buckets)


# Prices
TICKS = _counter("ticks", "Prices that counted; `mint` is `other` where nothing of it is guarded.", "mint", "source")
TICK_AGE = _histogram("tick_age_seconds", "How old a price was when it counted.", PROMPT, "source")
LAST_TICK_AGE = _gauge("last_tick_age_seconds", "How old the newest price of a guarded mint is now.", "mint")
PRICES_REJECTED = _counter("prices_rejected", "Prices that were refused, by what was wrong.", "source", "fault")
PRICES_HELD = _counter("prices_held", "Prices that were far off and had to wait for a second look.", "source")
SOURCE_FAILURES = _counter("price_source_failures", "Times that a price source did not answer.", "source")

# From a tick to a fill
TICK_TO_DECISION = _histogram(
    "tick_to_decision_seconds",
    "From the newest price that the position knew to the exit that it raised; of exits that a price sets off.",
    PROMPT,
    "reason",
)
DECISION_TO_SENT = _histogram(
    "decision_to_sent_seconds", "From an order to the first time that one of its attempts was sent.", PROMPT, "reason"
)
SENT_TO_LANDED = _histogram(
    "sent_to_landed_seconds", "From sending an attempt to knowing that it landed.", PATIENT, "reason"
)
SLIPPAGE_BPS = _histogram(
    "slippage_bps",
    "How much worse a fill was than the price expected, in basis points; negative is better.",
    SLIPPAGE,
    "type",
    "reason",
)

# Orders
ORDERS = _counter(
    "orders", "Orders that were raised, filled, cancelled (given up) or superseded.", "type", "reason", "outcome"
)
RETRIES = _counter("order_retries", "Times that an order was queued again after a failure.", "type", "reason")
ATTEMPTS = _counter("attempts", "Attempts that were signed, sent, landed, reverted or expired.", "outcome")
ATTEMPT_FAILURES = _counter(
    "attempt_failures", "Times that an order's attempts came to nothing, by the kind of failure.", "type", "kind"
)
FEES = _counter("fees_sol", "Network fees of the orders that ended, reverted attempts included, in SOL.", "type")
QUEUE_DEPTH = _gauge(
    "queue_depth", "Unfinished orders: queued, waiting for their next attempt, or in flight.", "urgency", "state"
)
QUEUE_OLDEST = _gauge("queue_oldest_seconds", "How long the oldest queued order of a rank has waited.", "urgency")
QUEUE_WAIT = _histogram("queue_wait_seconds", "From being due to being handed to an executor.", PROMPT, "urgency")

# Positions
POSITIONS_OPEN = _gauge("positions_open", "Open positions.", "mint")
POSITIONS_OPENED = _counter("positions_opened", "Positions that were opened or taken under guard.")
POSITIONS_CLOSED = _counter("positions_closed", "Positions that were closed, by their last exit.", "reason")
NEEDS_ACTION = _counter("positions_needing_action", "Exits that failed for good and left their position to a person.")
UNREALIZED_PNL = _gauge(
    "unrealized_pnl_sol", "What selling the rest at the newest price would bring above its cost, in SOL.", "mint"
)
REALIZED_PROFIT = _counter("realized_profit_sol", "Profits of exits before network fees, in SOL.", "reason")
REALIZED_LOSS = _counter("realized_loss_sol", "Losses of exits before network fees, in SOL.", "reason")
WALLET_SOL = _gauge("wallet_sol", "SOL in the wallet, at most half a minute old; absent while it cannot be read.")

# The engine
MAILBOX_MESSAGES = _gauge("mailbox_messages", "Messages that wait, over all actors of a kind.", "actor")
MAILBOX_LONGEST = _gauge("mailbox_longest_messages", "Messages in the longest mailbox of a kind of actors.", "actor")
ACTORS = _gauge("actors", "Actors, by kind.", "actor")
ACTOR_RESTARTS = _counter("actor_restarts", "Actors that were started anew, by kind.", "actor")
MESSAGES_FAILED = _counter("messages_failed", "Messages that an actor could not handle, by its kind.", "actor")
UNDELIVERED = _counter("undelivered_messages", "Messages to actors that were not there.")
ALERTS = _counter("alerts", "Alerts that were raised, also again.", "severity", "type")
ALERTS_OPEN = _gauge("alerts_open", "Alerts that are not resolved.", "severity")
LEASE_HELD = _gauge("lease_held", "1 while the wallet is this engine's, otherwise 0.")
EVENTS = _counter("engine_events", "Events of the engine itself, such as `failed` or `lease_lost`.", "event")

# Connections
CALLS = _counter(
    "calls", "Requests to nodes, Jupiter and price sources, by what came of them.", "server", "method", "outcome"
)
CALL_SECONDS = _histogram("call_seconds", "How long a request took that was made.", PROMPT, "server")
WEBSOCKET_EVENTS = _counter("websocket_events", "What became of the node's websocket.", "event")

NATS_PUBLISHED = _counter(
    "nats_published", "Events that the NATS server took, by whether they are `durable` or `live`.", "kind"
)
NATS_DROPPED = _counter("nats_dropped", "Live events that the NATS server was too slow or too small for.")
NATS_LOSSES = _counter("nats_losses", "Connections to the NATS server that ended or could not be made.")

METRICS: tuple[Metric, ...] = tuple(each for each in tuple(globals().values()) if isinstance(each, Metric))
"""All of them, in the order in which they stand above."""
