"""The Protocols that the outside is reached through.

Every implementation of a port passes the port's contract suite in tests/contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from engine.domain.alert import Alert, Severity, Trouble
from engine.domain.candles import Candle
from engine.domain.entries import EntrySwitch
from engine.domain.errors import EngineError
from engine.domain.events import StoredEvent, Told
from engine.domain.order import Attempt, Order, OrderEvent
from engine.domain.position import Position
from engine.domain.swap import (
    Fill,
    PreparedSwap,
    Quote,
    SignatureStatus,
    SignedSwap,
    SwapRequest,
    TokenInfo,
)
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, Signature
from engine.messages.prices import Tick


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Take the call back; harmless once it was made."""


@runtime_checkable
class Clock(Protocol):
    """Time, and being called at a time."""

    def now(self) -> Nanos:
        """Return nanoseconds since the Unix epoch; never less than what it returned before."""

    def call_at(self, at: Nanos, callback: Callable[[], None]) -> Timer:
        """Call *callback* once at *at* or as soon after as can be; it must not block."""


class Ids(Protocol):
    """Names for new things."""

    def new(self, prefix: str) -> str:
        """Return a name that was never given before, beginning with *prefix*."""

    def seed(self) -> str:
        """Return 1 to 32 characters that were never given before and that nobody can predict."""


class SwapVenue(Protocol):
    """Where tokens are swapped. Blocking; called by executors alone.

    Every method raises `SwapError`, whose kind says what the failure proves.
    """

    def quote(self, request: SwapRequest) -> Quote:
        """Return what the venue would pay for *request* now."""

    def prepare(
        self, quote: Quote, *, priority_fee: Lamports, marker_seed: str = "", priority_fee_cap: Lamports | None = None
    ) -> PreparedSwap:
        """Return the unsigned transaction of *quote*, simulated on chain, paying *priority_fee* in all.

        What the network asks for now may raise the fee, up to *priority_fee_cap* where there is one.

        It begins with the order's marker where there is a *marker_seed* and room for it: `PreparedSwap.marked` says.
        """

    def prepare_reclaim(self, parked: Sequence[tuple[str, Lamports]], *, priority_fee: Lamports) -> PreparedSwap:
        """Return the unsigned transaction that brings the lamports of *parked* (seed, lamports) markers back."""


class Signer(Protocol):
    """The one holder of the secret key."""

    @property
    def address(self) -> str:
        """Base58 public key of the wallet."""

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Sign *swap*.

        Raises:
            SwapError: permanent; the transaction is not this wallet's to sign.
        """


class Chain(Protocol):
    """The ledger. Blocking; called by executors and the confirmer alone.

    Every method raises `ChainUnavailableError` where the chain cannot be read.
    """

    def send(self, raw: bytes) -> None:
        """Hand the signed transaction *raw* to the network. Sending the same bytes again is harmless.

        Raises:
            SwapError: transient where the node was not reached or declined; the transaction may still land.
        """

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return, in order, what the node knows of *signatures* (at most 256); None is "not known here"."""

    def finalized_height(self) -> int:
        """Return the block height that can no longer be rolled back."""

    def fill(self, signature: Signature, mint: Mint) -> Fill | None:
        """Return what transaction *signature* moved of *mint* and SOL, or None while the node has no record."""

    def token(self, mint: Mint) -> TokenInfo:
        """Return what the chain says of *mint*, and what of it keeps this wallet from trading it.

        Raises:
            BadInputError: there is no such mint.
        """

    def token_balance(self, mint: Mint) -> RawAmount:
        """Return how much of *mint* the wallet holds, over all of its accounts."""

    def sol_balance(self) -> Lamports:
        """Return the wallet's lamports."""


class SignatureListener(Protocol):
    """Hears of signatures from a node that tells by itself. Never blocks and never raises.

    Only to be faster: what is told proves nothing, and may never come, or more than once.
    """

    def listen(self, signature: Signature, on_seen: Callable[[Signature], None]) -> None:
        """Call *on_seen* from any thread once *signature* is confirmed, whether it succeeded or failed."""

    def forget(self, signature: Signature) -> None:
        """Listen for *signature* no more; harmless where it was not listened for. What is under way may still come."""

    def close(self) -> None:
        """Listen for nothing any more."""


class PriceSource(Protocol):
    """Where prices come from. Blocking; called by a poller alone."""

    @property
    def name(self) -> str:
        """A short name for logs and ticks."""

    def fetch(self, mints: Sequence[Mint]) -> list[Tick]:
        """Return the newest price of each of *mints* that the source can price.

        Raises:
            PriceUnavailableError: the source did not answer, or answered with nonsense.
        """


@runtime_checkable
class PushingSource(PriceSource, Protocol):
    """A source that also tells of prices by itself, as they move."""

    def push_to(self, on_tick: Callable[[Tick], None]) -> None:
        """Call *on_tick*, which must not block, from any thread with each price that moves; the newest counts."""


Record = Position | Order | OrderEvent | Attempt | Fill | Alert | EntrySwitch
"""What the store keeps."""


class LeaseError(EngineError):
    """The wallet is another engine's. The message says whose; whoever meets it must not trade, or must stop."""


class Store(Protocol):
    """What survives. Written before anything is told."""

    def commit(self, *records: Record) -> None:
        """Insert or replace *records* in one transaction: all of them or none.

        Raises:
            sqlalchemy.exc.IntegrityError or ValueError: a fence of the schema would be broken.
            LeaseError: another engine took over a lease that this store held.
        """

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""

    def positions(self, *, open_only: bool = False, mint: Mint | None = None) -> list[Position]:
        """Return positions, oldest first; of *mint* alone where one is given."""

    def order(self, order_id: OrderId) -> Order | None:
        """Return one order."""

    def orders(self, *, position_id: PositionId | None = None, unfinished_only: bool = False) -> list[Order]:
        """Return orders, oldest first."""

    def history(self, order_id: OrderId) -> list[OrderEvent]:
        """Return every transition of an order, oldest first."""

    def attempts(self, order_id: OrderId | None = None, *, unresolved_only: bool = False) -> list[Attempt]:
        """Return attempts, oldest first."""

    def fills(self, order_id: OrderId | None = None) -> list[Fill]:
        """Return fills and the fees of reverted transactions, oldest first."""

    def markers(self, reclaimed_by: OrderId | None = None) -> list[Order]:
        """Return the orders whose marker holds rent that *reclaimed_by* is to bring back; None: nobody yet."""

    def alert(self, alert_id: AlertId) -> Alert | None:
        """Return one alert."""

    def alerts(self, *, unresolved_only: bool = False) -> list[Alert]:
        """Return alerts, oldest first."""

    def entry_switch(self, wallet: str) -> EntrySwitch | None:
        """Return whether positions are opened for *wallet*; None where nobody ever said."""

    def events(self, since: int = 0, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the first *limit* durable events after number *since* whose subjects *pattern* names, in order.

        They were written by the commits that they tell of, and are numbered without a gap in the order of those.
        """

    def newest_events(self, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the last *limit* durable events whose subjects *pattern* names, in order."""

    def last_event(self) -> int:
        """Return the number of the newest durable event; 0 where there is none."""

    def raise_peaks(self, peaks: Mapping[PositionId, float]) -> None:
        """Save the peak price of each position, in SOL per whole token, in one transaction; a higher one stays.

        Raises:
            LeaseError: another engine took over a lease that this store held.
        """

    def keep_candles(self, candles: Sequence[Candle]) -> None:
        """Write *candles* in one transaction; one that is there already is followed by the new one.

        Raises:
            LeaseError: another engine took over a lease that this store held.
        """

    def candles(self, mint: Mint, since: Nanos, until: Nanos) -> list[Candle]:
        """Return the candles of *mint* that begin between *since* and *until*, both included, oldest first."""

    def drop_candles(self, before: Mapping[Mint, Nanos]) -> None:
        """Remove the candles of each mint that begin before its moment."""

    def listen(self, listener: Callable[[StoredEvent, Told], None]) -> None:
        """Have *listener* told of every durable event once it is committed, with the record that it is about.

        Each once and in order, on the thread of whoever commits, so that it must not block; `commit` is done by then.
        """

    def watch(self, watcher: Callable[[tuple[Record, ...]], None]) -> None:
        """Have *watcher* told of the records of every commit here, in the order of the commits.

        On the thread of whoever commits, before the next commit begins: it must neither block nor commit. Unlike
        events it tells of every change, those that are no news too, such as a new peak.
        """

    def acquire_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Make *holder* the one engine that works for *wallet*, until *now* + *ttl* unless it renews.

        A lease is free where there is none, where it is over, and for a holder of the same name that does not live
        any more. Nobody else's clock frees it while its holder's process lives: a lock of the system stands beside it.

        Raises:
            LeaseError: it is another's.
        """

    def renew_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Keep the lease that *holder* acquired here until *now* + *ttl*; to be called well before it is over.

        Raises:
            LeaseError: it is not, or no longer, *holder*'s, who must stop at once.
        """

    def release_lease(self, wallet: str, holder: str) -> None:
        """Give the lease back; harmless where it is not *holder*'s."""

    def close(self) -> None:
        """Let go of the database, and of every lock. A lease that was not released ends by itself."""


class Bus(Protocol):
    """Where actors publish what they did, for whoever watches."""

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Publish *data* under the dotted *subject*; never blocks, never raises."""


class Connections(Protocol):
    """What the engine reaches the outside by."""

    def troubles(self) -> list[Trouble]:
        """Look at every connection, and return what is wrong now. Blocks; called by the lookout alone."""


class Notifier(Protocol):
    """How an alert reaches a person."""

    def notify(self, alert: Alert) -> None:
        """Deliver *alert*; raises whatever the channel raises."""


class Channel(Protocol):
    """A service by which a person is told, such as a messenger. Blocking; called by its courier alone."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def min_severity(self) -> Severity:
        """The least severity that it is for."""

    def deliver(self, alert: Alert, *, reminder: int = 0) -> None:
        """Send *alert*, the *reminder*-th repetition of it, once.

        Raises:
            DeliveryError: the service did not take it, or did not say so in time.
        """


class DeadMansSwitch(Protocol):
    """A server elsewhere that raises the alarm once nobody calls it. Blocking; called by the pulse alone."""

    def beat(self) -> None:
        """Tell it that all is well.

        Raises:
            DeliveryError: it was not reached.
        """


Records = Iterable[Record]
