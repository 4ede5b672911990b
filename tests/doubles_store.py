"""The store in memory: for tests, and for replays that nobody needs to look up afterwards."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from engine.domain.alert import Alert, AlertStatus
from engine.domain.candles import Candle
from engine.domain.entries import EntrySwitch
from engine.domain.events import Happening, StoredEvent, Told, arranged, events_of, matches, numbered
from engine.domain.order import Attempt, AttemptStatus, Order, OrderEvent, OrderKind
from engine.domain.position import Position
from engine.domain.swap import Fill
from engine.domain.units import AlertId, Mint, Nanos, OrderId, PositionId
from engine.events.catalogue import VERSION
from engine.events.durable import data_of
from engine.ports import LeaseError, Record
from engine.store.outbox import OnCommit, OnEvent, Outbox

R = TypeVar("R", Position, Order, OrderEvent, Attempt, Fill, Alert, EntrySwitch)


class MemoryStore:
    """Keeps records as they are, behind the same fences as the database."""

    def __init__(self) -> None:
        self._records: dict[type[Record], dict[Hashable, Record]] = {}
        self._events: list[StoredEvent] = []
        self._outbox = Outbox()
        self._candles: dict[tuple[Mint, Nanos], Candle] = {}
        self._leases: dict[str, tuple[str, Nanos]] = {}
        self._lock = threading.RLock()

    def commit(self, *records: Record) -> None:
        """Insert or replace *records*: all of them or none.

        Raises:
            ValueError: a fence would be broken; nothing was kept.
        """
        with self._outbox.committing(records) as told, self._lock:
            before = {kind: dict(kept) for kind, kept in self._records.items()}
            happenings: list[Happening] = []
            try:
                for record in records:
                    kept = self._records.setdefault(type(record), {})
                    standing = kept.get(_key(record, len(kept)))
                    _check_stays(standing, record)
                    kept[_key(record, len(kept))] = record
                    if not isinstance(record, OrderEvent):
                        happenings += events_of(standing, record)
                for record in records:
                    self._check_fences(record)
                    if isinstance(record, OrderEvent):
                        happenings += events_of(None, record, self.order(record.order_id))
            except ValueError:
                self._records = before
                raise
            told.extend(self._number(happenings))

    def _number(self, happenings: list[Happening]) -> list[tuple[StoredEvent, Told]]:
        told = [
            (numbered(number, happening.subject, happening.time, data_of(happening), VERSION), happening.record)
            for number, happening in enumerate(arranged(happenings), self.last_event() + 1)
        ]
        self._events += [event for event, _ in told]
        return told

    def _check_fences(self, record: Record) -> None:
        match record:
            case Position() if not 0 <= record.sold_tokens <= record.entry_amount_tokens:
                raise ValueError(f"position {record.id} would have sold more than was bought")
            case Order() if (record.kind is OrderKind.EXIT) != (record.exit_reason is not None):
                raise ValueError(f"order {record.id} is an exit without a reason, or has one and is none")
            case Order() if len(self._unfinished_exits(record.position_id)) > 1:
                raise ValueError(f"position {record.position_id} would have two unfinished exits")
            case Attempt() | Fill() | OrderEvent() if self.order(record.order_id) is None:
                raise ValueError(f"{record} is of no order")
            case Attempt() if len([a for a in self.attempts(record.order_id) if a.number == record.number]) > 1:
                raise ValueError(f"order {record.order_id} would have two attempts {record.number}")
            case _:
                pass

    def _unfinished_exits(self, position_id: PositionId) -> list[Order]:
        unfinished = self.orders(position_id=position_id, unfinished_only=True)
        return [order for order in unfinished if order.kind is OrderKind.EXIT]

    def position(self, position_id: PositionId) -> Position | None:
        """Return one position."""
        return next((p for p in self.positions() if p.id == position_id), None)

    def positions(self, *, open_only: bool = False, mint: Mint | None = None) -> list[Position]:
        """Return positions, oldest first; of *mint* alone where one is given."""
        found = sorted(self._all(Position), key=lambda p: (p.opened_at, p.id))
        return [p for p in found if not (open_only and p.closed) and mint in (None, p.mint)]

    def order(self, order_id: OrderId) -> Order | None:
        """Return one order."""
        return next((o for o in self._all(Order) if o.id == order_id), None)

    def orders(self, *, position_id: PositionId | None = None, unfinished_only: bool = False) -> list[Order]:
        """Return orders, oldest first."""
        found = sorted(self._all(Order), key=lambda o: (o.created_at, o.id))
        return [
            o
            for o in found
            if (position_id is None or o.position_id == position_id) and not (unfinished_only and o.finished)
        ]

    def history(self, order_id: OrderId) -> list[OrderEvent]:
        """Return every transition of an order, oldest first."""
        return [e for e in self._all(OrderEvent) if e.order_id == order_id]

    def attempts(self, order_id: OrderId | None = None, *, unresolved_only: bool = False) -> list[Attempt]:
        """Return attempts, oldest first."""
        found = sorted(self._all(Attempt), key=lambda a: (a.created_at, a.number))
        unresolved = (AttemptStatus.SIGNED, AttemptStatus.SENT)
        return [
            a for a in found if order_id in (None, a.order_id) and not (unresolved_only and a.status not in unresolved)
        ]

    def fills(self, order_id: OrderId | None = None) -> list[Fill]:
        """Return fills and the fees of reverted transactions, oldest first."""
        found = sorted(self._all(Fill), key=lambda f: (f.slot, f.signature))
        return [f for f in found if order_id in (None, f.order_id)]

    def markers(self, reclaimed_by: OrderId | None = None) -> list[Order]:
        """Return the orders whose marker holds rent that *reclaimed_by* is to bring back; None: nobody yet."""
        return [o for o in self.orders() if o.marker_rent and o.reclaimed_by == reclaimed_by]

    def alert(self, alert_id: AlertId) -> Alert | None:
        """Return one alert."""
        return next((a for a in self._all(Alert) if a.id == alert_id), None)

    def alerts(self, *, unresolved_only: bool = False) -> list[Alert]:
        """Return alerts, oldest first."""
        found = sorted(self._all(Alert), key=lambda a: (a.raised_at, a.id))
        return [a for a in found if not (unresolved_only and a.status is AlertStatus.RESOLVED)]

    def entry_switch(self, wallet: str) -> EntrySwitch | None:
        """Return whether positions are opened for *wallet*."""
        return next((switch for switch in self._all(EntrySwitch) if switch.wallet == wallet), None)

    def events(self, since: int = 0, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the first *limit* events after number *since* whose subjects *pattern* names."""
        with self._lock:
            return [event for event in self._events[since:] if matches(pattern, event.subject)][:limit]

    def newest_events(self, pattern: str = ">", limit: int = 1000) -> list[StoredEvent]:
        """Return the last *limit* events whose subjects *pattern* names."""
        return self.events(0, pattern, len(self._events))[-limit:]

    def last_event(self) -> int:
        """Return the number of the newest event."""
        with self._lock:
            return len(self._events)

    def raise_peaks(self, peaks: Mapping[PositionId, float]) -> None:
        """Save the peak price of each position; a higher one stays."""
        with self._lock:
            for position in map(self.position, peaks):
                if position is not None and position.peak_price < peaks[position.id]:
                    self._records[Position][position.id] = replace(position, peak_price=peaks[position.id])

    def keep_candles(self, candles: Sequence[Candle]) -> None:
        """Keep *candles*; one that is there already is followed by the new one."""
        with self._lock:
            for candle in candles:
                known = self._candles.get((candle.mint, candle.at))
                self._candles[candle.mint, candle.at] = candle if known is None else known.followed_by(candle)

    def candles(self, mint: Mint, since: Nanos, until: Nanos) -> list[Candle]:
        """Return the candles of *mint* that begin between *since* and *until*, oldest first."""
        with self._lock:
            found = [candle for candle in self._candles.values() if candle.mint == mint and since <= candle.at <= until]
        return sorted(found, key=lambda candle: candle.at)

    def drop_candles(self, before: Mapping[Mint, Nanos]) -> None:
        """Remove the candles of each mint that begin before its moment."""
        with self._lock:
            self._candles = {
                (mint, at): candle for (mint, at), candle in self._candles.items() if at >= before.get(mint, at)
            }

    def listen(self, listener: OnEvent) -> None:
        """Have *listener* told of every event that is committed from now on."""
        self._outbox.listen(listener)

    def watch(self, watcher: OnCommit) -> None:
        """Have *watcher* told of the records of every commit from now on."""
        self._outbox.watch(watcher)

    def acquire_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Make *holder* the one engine that works for *wallet*."""
        with self._lock:
            rival, until = self._leases.get(wallet, (holder, now))
            if rival != holder and until > now:
                raise LeaseError(f"wallet {wallet} is held by {rival} until {until}")
            self._leases[wallet] = holder, Nanos(now + ttl)

    def renew_lease(self, wallet: str, holder: str, *, now: Nanos, ttl: Nanos) -> None:
        """Keep the lease that *holder* acquired."""
        with self._lock:
            if self._leases.get(wallet, ("nobody", now))[0] != holder:
                raise LeaseError(f"{holder} holds no lease of wallet {wallet}")
            self._leases[wallet] = holder, Nanos(now + ttl)

    def release_lease(self, wallet: str, holder: str) -> None:
        """Give the lease back."""
        with self._lock:
            if self._leases.get(wallet, ("", 0))[0] == holder:
                del self._leases[wallet]

    def close(self) -> None:
        """There is nothing to let go of."""

    def _all(self, kind: type[R]) -> list[R]:
        with self._lock:
            return [record for record in self._records.get(kind, {}).values() if isinstance(record, kind)]


def _key(record: Record, count: int) -> Hashable:
    match record:
        case Attempt() | Fill():
            return record.signature
        case OrderEvent():
            return count
        case EntrySwitch():
            return record.wallet
        case _:
            return record.id


def _check_stays(before: Record | None, after: Record) -> None:
    """Raise where what is written once would change: whose an attempt or a fill is, and what was signed."""
    match before, after:
        case Attempt(), Attempt():
            same = (before.order_id, before.number, before.raw) == (after.order_id, after.number, after.raw)
            if not (same and before.last_valid_block_height == after.last_valid_block_height):
                raise ValueError(f"attempt {after.signature} would be another")
        case Fill(), Fill() if before.order_id != after.order_id:
            raise ValueError(f"fill {after.signature} would be another order's")
        case _:
            pass
