"""The data of events that are live only: prices, and what the engine says of itself."""

from __future__ import annotations

from engine.events.durable import Data
from engine.events.fields import Claim, Time


class TickData(Data):
    """The price of a mint, in SOL per whole token: a measurement, and so a number."""

    mint: str
    price: float
    source: str
    observed_at: Time


class PriceTick(Data):
    """A price was passed on to the positions."""

    tick: TickData


class RejectedTickData(Data):
    """What a source said, whatever it was; `price` is null where it was no number."""

    mint: str
    price: Claim
    source: str
    observed_at: Time


class PriceRejected(Data):
    """A price was not believed."""

    tick: RejectedTickData
    fault: str


class PriceHeld(Data):
    """A price waits for a second look."""

    tick: TickData
    until: Time


class PriceSourceDown(Data):
    """A source of prices did not answer."""

    source: str
    error: str


class Started(Data):
    """Every actor runs."""

    positions: int
    """How many are guarded."""


class Recovered(Data):
    """The chain was read, and it is known what became of what was under way."""

    in_flight: int


class Heartbeat(Data):
    """The engine is alive."""

    last_event: int
    """Number of the newest durable event; 0 where there is none."""
    open_positions: int
    unfinished_orders: int
    """Queued, waiting for a retry, or in flight."""


class Draining(Data):
    """The engine begins nothing new."""


class Drained(Data):
    """No swap is in flight any more."""

    queued: int
    """Orders that are left for the next start."""


class EntriesPaused(Data):
    """No position is opened any more."""


class EntriesResumed(Data):
    """Positions are opened again."""


class ActorNamed(Data):
    """It concerns one actor."""

    actor: str


class MessageFailed(Data):
    """A handler failed at a message."""

    actor: str
    message: str
    error: str


class LeaseLost(Data):
    """Another engine has the wallet."""

    wallet: str
    error: str


class AlertsUndelivered(Data):
    """The engine ended, and no channel had taken some CRITICAL alerts."""

    count: int
    """How many."""


class ConnectionBack(Data):
    """What was wrong with a connection has passed."""

    connection: str


class ConnectionTroubled(Data):
    """Something is wrong with a connection."""

    connection: str
    trouble: str
