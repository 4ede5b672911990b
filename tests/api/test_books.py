"""What the store holds, kept in memory, is what it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.api.books import Books
from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.domain.position import PositionStatus
from engine.domain.units import AlertId, Mint, Nanos, OrderId, PositionId
from engine.ports import Record
from tests.api.desk import V1, running
from tests.doubles_store import MemoryStore
from tests.factories import MINT, NOW, a_fill, a_position, a_tick, an_alert, an_attempt, an_event, an_exit


class Rig:
    """Books of a store that a test writes to."""

    def __init__(self, *records: Record, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.store.commit(*records)
        self.bus = LocalBus(ManualClock(), self.store)
        self.books = Books(self.store, self.bus)

    def tick(self, price: float, mint: Mint = MINT) -> None:
        """Have the bus tell of a price."""
        self.bus.publish(f"price.{mint}.tick", {"tick": a_tick(price, mint=mint)})


def test_what_was_there_and_what_comes_is_in_the_books() -> None:
    """Records of every kind, oldest first, as they were committed last."""
    order = an_exit()
    rig = Rig(a_position(), order, a_fill(order), an_alert())
    older = a_position(id=PositionId("older"), opened_at=Nanos(NOW - 1))
    late = an_exit(id=OrderId("exit-2"), position_id=older.id, created_at=Nanos(NOW + 1))
    rig.store.commit(late, an_attempt(late), a_fill(late, slot=2), an_event(late))
    rig.store.commit(older, an_alert(id=AlertId("alert-0"), raised_at=Nanos(NOW - 1), dedupe_key="other"))
    books, store = rig.books, rig.store
    assert (list(books.positions()), list(books.orders())) == (store.positions(), store.orders())
    assert (list(books.alerts()), list(books.fills())) == (store.alerts(), store.fills())
    assert [each.id for each in books.positions()] == ["older", "position-1"]
    assert (books.position(older.id), books.order(late.id)) == (older, late)
    assert (books.position(PositionId("x")), books.order(OrderId("x"))) == (None, None)


def test_a_change_that_is_no_event_is_in_the_books() -> None:
    """A position that was released is shown as open, although nothing is told of it."""
    waiting = a_position(status=PositionStatus.EXIT_PENDING, needs_action=True)
    rig = Rig(waiting)
    known = rig.store.last_event()
    assert list(rig.books.positions()) == [waiting]
    rig.store.commit(replace(waiting, status=PositionStatus.OPEN, needs_action=False))
    assert rig.store.last_event() == known
    assert [each.status for each in rig.books.positions()] == [PositionStatus.OPEN]


def test_what_was_refused_is_not_in_the_books() -> None:
    """Nothing of a commit that was rolled back."""
    rig = Rig(a_position(), an_exit())
    with pytest.raises(ValueError, match="two unfinished exits"):
        rig.store.commit(replace(a_position(), symbol="WIF"), an_exit(id=OrderId("exit-2")))
    assert [each.symbol for each in rig.books.positions()] == ["BONK"]
    assert len(rig.books.orders()) == 1


class _BusyStore(MemoryStore):
    """Is written to while it is read."""

    def fills(self, order_id: OrderId | None = None) -> list[object]:  # type: ignore[override]
        self.commit(replace(a_position(), symbol="NEWER"), a_position(id=PositionId("position-2")))
        return list(super().fills(order_id))


def test_what_is_committed_while_the_store_is_read_is_in_the_books() -> None:
    """The newest version of each, and what was not there before."""
    rig = Rig(a_position(), store=_BusyStore())
    assert {each.id: each.symbol for each in rig.books.positions()} == {"position-1": "NEWER", "position-2": "BONK"}


def test_a_position_is_shown_with_the_peak_that_its_actor_has() -> None:
    """Which is stored now and then only. What a closed one, or another token, saw is nothing to it."""
    rig = Rig(a_position(peak_price=0.1), a_position(id=PositionId("other"), mint=Mint("other"), peak_price=0.1))
    for price in (0.11, 0.1004, 0.13, 0.12):
        rig.tick(price)
    shown = [rig.books.live(position).peak_price for position in rig.books.positions()]
    assert sorted(shown) == [0.1, 0.13]
    rig.store.commit(a_position(peak_price=0.15))
    assert rig.books.live(a_position(peak_price=0.15)).peak_price == 0.15


def test_a_position_that_comes_later_begins_with_the_price_of_then() -> None:
    """A higher price from before it is no peak of its own; once it is closed nothing is remembered."""
    rig = Rig(a_position())
    rig.tick(0.2)
    rig.tick(0.15)
    later = a_position(id=PositionId("later"))
    rig.store.commit(later)
    assert (rig.books.live(later).peak_price, rig.books.live(a_position()).peak_price) == (0.15, 0.2)
    rig.store.commit(replace(later, status=PositionStatus.CLOSED))
    assert rig.books.live(later).peak_price == 0.1


def test_books_that_are_closed_hear_of_no_price() -> None:
    """Whoever served them is gone."""
    rig = Rig(a_position())
    rig.books.close()
    rig.tick(0.2)
    assert rig.books.live(a_position()).peak_price == 0.1


class _Unread(MemoryStore):
    """Says who reads a whole list of it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def __getattribute__(self, name: str) -> object:
        if name in ("positions", "orders", "alerts", "fills", "position", "order"):
            super().__getattribute__("reads").append(name)
        return super().__getattribute__(name)


def test_what_a_page_asks_for_each_second_is_not_read_from_the_store(tmp_path: Path) -> None:
    """Neither the lists nor one position with its chart; and they are answered all the same."""
    store = _Unread()

    def prepare(_desk: object) -> None:
        store.commit(a_position())

    paths = ("positions", "orders", "alerts", "engine", "queue", "pnl", "positions/position-1")
    with running(tmp_path, prepare, store=store) as desk:
        desk.rest()
        store.reads.clear()
        for path in (*paths, "positions/position-1/chart"):
            desk.get(f"{V1}/{path}")
        assert store.reads == []
