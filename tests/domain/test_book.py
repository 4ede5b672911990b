"""The router's book: who is served next, against a model that is a list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.domain.book import Book
from engine.domain.order import Order
from engine.domain.units import OrderId
from engine.domain.urgency import RESERVED_FOR, ExitReason, urgency_of
from tests.factories import a_fill, an_entry, an_exit

SL, EMERGENCY = ExitReason.STOP_LOSS, ExitReason.EMERGENCY
TP1, TP2, MANUAL = ExitReason.TAKE_PROFIT_1, ExitReason.TAKE_PROFIT_2, ExitReason.MANUAL

reasons = st.sampled_from([None, *ExitReason])


def named(name: str, reason: ExitReason | None = TP1) -> Order:
    """Return an exit for *reason*, an entry for None, under the id *name*."""
    return an_entry(id=OrderId(name)) if reason is None else an_exit(id=OrderId(name), exit_reason=reason)


def booked(slots: int, **queued: ExitReason | None) -> Book:
    """Return a book in which *queued* wait to be served, in that order."""
    book = Book(slots=slots)
    for name, reason in queued.items():
        book.queue(named(name, reason))
    return book


def served(book: Book, *, fly: bool = True) -> list[str]:
    """Return who is served until nobody can be, in flight or, unless *fly*, done at once."""
    names = []
    while (order := book.take()) is not None:
        names.append(str(order.id))
        if fly:
            book.fly(order)
    return names


def test_a_book_without_slots_is_refused() -> None:
    """A router that may swap nothing would let every stop loss wait for ever."""
    with pytest.raises(ValueError, match="allow at least 1"):
        Book(slots=0)


def test_exits_are_served_before_entries() -> None:
    """An entry that came first waits for every exit that came after it."""
    book = booked(1, entry=None, limit=ExitReason.TIME_LIMIT, manual=MANUAL, profit=TP1)
    assert served(book, fly=False) == ["profit", "manual", "limit", "entry"]


def test_an_emergency_is_served_first_and_a_stop_loss_before_a_take_profit() -> None:
    """The ranks are those of the design, whatever came first."""
    book = booked(1, profit=TP2, trail=ExitReason.TRAILING_STOP, stop=SL, emergency=EMERGENCY)
    assert served(book, fly=False) == ["emergency", "stop", "trail", "profit"]


def test_within_a_rank_the_oldest_is_served_first() -> None:
    """All take profits have one rank, and among them the first come is the first served."""
    assert served(booked(1, a=TP2, b=TP1, c=ExitReason.TAKE_PROFIT_3), fly=False) == ["a", "b", "c"]


def test_no_more_are_in_flight_than_there_are_slots() -> None:
    """With three slots three stop losses fly and the fourth waits for one of them to finish."""
    book = booked(3, a=SL, b=SL, c=SL, d=SL)
    assert served(book) == ["a", "b", "c"]
    book.finish(OrderId("b"))
    assert served(book) == ["d"]


def test_the_last_slot_is_kept_for_what_cannot_wait() -> None:
    """Two take profits fly, the third waits though a slot is free, and a stop loss takes that slot at once."""
    book = booked(3, a=TP1, b=TP1, c=TP1)
    assert served(book) == ["a", "b"]
    book.queue(named("stop", SL))
    assert served(book) == ["stop"]
    assert [order.id for order in book.queued()] == ["c"]


@pytest.mark.parametrize("reason", [r for r in [None, *ExitReason] if r not in {SL, EMERGENCY}])
def test_only_stop_losses_and_emergencies_have_a_slot_of_their_own(reason: ExitReason | None) -> None:
    """Every other rank leaves the last slot free."""
    assert served(booked(2, a=reason, b=reason)) == ["a"]


@pytest.mark.parametrize("reason", [SL, EMERGENCY])
def test_what_cannot_wait_may_take_every_slot(reason: ExitReason) -> None:
    """Nothing is kept from the ranks that it is kept for."""
    assert served(booked(2, a=reason, b=reason)) == ["a", "b"]


@pytest.mark.parametrize("reason", [None, *ExitReason])
def test_a_single_slot_serves_every_rank(reason: ExitReason | None) -> None:
    """With one slot none can be kept: an entry, too, is served when nothing else waits."""
    assert served(booked(1, a=reason, b=reason)) == ["a"]


def test_an_empty_book_serves_nobody() -> None:
    """There is nothing to take, and nothing breaks."""
    assert Book(slots=1).take() is None


@pytest.mark.parametrize("place", [Book.queue, Book.wait])
def test_what_is_queued_or_waits_can_be_taken_back(place: Callable[[Book, Order], None]) -> None:
    """It is handed back once, and then neither known nor served."""
    book, order = Book(slots=1), named("a")
    place(book, order)
    assert book.take_back(order.id) == order
    assert book.take_back(order.id) is None
    assert order.id not in book
    assert book.due(order.id) is None
    assert book.take() is None


def test_what_is_in_flight_cannot_be_taken_back() -> None:
    """Its transaction may land: it stays in flight."""
    book = booked(1, a=TP1)
    served(book)
    assert book.take_back(OrderId("a")) is None
    assert book.flight(OrderId("a")) is not None


def test_what_was_taken_back_does_not_stand_in_the_way() -> None:
    """An order taken back at the head of the queue lets the next one be served."""
    book = booked(1, stop=SL, profit=TP1)
    book.take_back(OrderId("stop"))
    assert served(book) == ["profit"]


def test_an_order_that_is_queued_twice_is_there_once() -> None:
    """Told of again while it is queued, it is listed once and served once, in its old place."""
    book = booked(1, a=TP1, b=TP1)
    book.queue(named("a"))
    assert [order.id for order in book.queued()] == ["a", "b"]
    assert served(book, fly=False) == ["a", "b"]


def test_an_order_that_comes_back_stands_behind_those_who_came_before() -> None:
    """Taken back and queued anew it is the newest of its rank, and its old place is gone."""
    book = booked(1, a=TP1, b=TP1)
    again = book.take_back(OrderId("a"))
    assert again is not None
    book.queue(again)
    assert [order.id for order in book.queued()] == ["b", "a"]
    assert served(book, fly=False) == ["b", "a"]


def test_an_order_that_waits_is_served_when_it_is_queued_again() -> None:
    """A retry is found under its id until it is due, and is no longer waiting once it is queued."""
    book = Book(slots=1)
    book.wait(named("a"))
    assert book.take() is None
    waiting = book.due(OrderId("a"))
    assert waiting is not None
    book.queue(waiting)
    assert (book.due(OrderId("a")), book.waiting()) == (None, [])
    assert served(book) == ["a"]


def test_a_flight_keeps_what_was_noted_of_it() -> None:
    """What is wanted instead of a retry, and what landed, stay with the flight while its order moves on."""
    book = booked(1, a=TP1)
    served(book)
    book.withdraw(OrderId("a"), SL)
    newer = an_exit(id=OrderId("a"), attempt_count=1)
    book.fly(newer)
    fill = a_fill(newer)
    book.land(OrderId("a"), fill)
    (flight,) = book.flights()
    assert (flight.order, flight.withdrawn_for, flight.landed) == (newer, SL, fill)


def test_a_retry_frees_its_slot() -> None:
    """An order that waits for its next attempt keeps nobody from flying."""
    book = booked(1, a=TP1, b=TP1)
    served(book)
    book.wait(named("a"))
    assert served(book) == ["b"]


@given(st.lists(reasons, max_size=30))
def test_what_is_queued_is_listed_in_the_order_in_which_it_is_served(queue: list[ExitReason | None]) -> None:
    """The list that a person sees is the order that the router keeps."""
    book = Book(slots=1)
    for number, reason in enumerate(queue):
        book.queue(named(str(number), reason))
    listed = [str(order.id) for order in book.queued()]
    assert served(book, fly=False) == listed
    ranks = [urgency_of(queue[int(name)]) for name in listed]
    assert ranks == sorted(ranks)


class BookMachine(RuleBasedStateMachine):
    """A book beside three plain lists."""

    @initialize(slots=st.integers(1, 4))
    def begin(self, slots: int) -> None:
        """Open the book."""
        self.book = Book(slots=slots)
        self.slots = slots
        self.queued: list[Order] = []
        self.waiting: list[Order] = []
        self.flying: list[Order] = []
        self.count = 0

    def next_in_line(self) -> Order | None:
        """Return who is to be served, by the design."""
        line = sorted(self.queued, key=lambda order: order.urgency)  # stable: oldest first within a rank
        if not line:
            return None
        kept = 0 if self.slots == 1 or line[0].urgency in RESERVED_FOR else 1
        return line[0] if len(self.flying) < self.slots - kept else None

    @rule(reason=reasons)
    def submit(self, reason: ExitReason | None) -> None:
        """A new order comes."""
        self.count += 1
        order = named(str(self.count), reason)
        self.queued.append(order)
        self.book.queue(order)

    @rule()
    def serve(self) -> None:
        """An executor is free."""
        expected = self.next_in_line()
        order = self.book.take()
        assert order == expected
        if order is not None:
            self.queued.remove(order)
            self.flying.append(order)
            self.book.fly(order)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """A flight ends for good."""
        order = data.draw(st.sampled_from(self.flying))
        self.flying.remove(order)
        self.book.finish(order.id)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), later=st.booleans())
    def fail(self, data: st.DataObject, later: bool) -> None:
        """A flight is to be retried, at once or later."""
        order = data.draw(st.sampled_from(self.flying))
        self.flying.remove(order)
        (self.waiting if later else self.queued).append(order)
        (self.book.wait if later else self.book.queue)(order)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def come_due(self, data: st.DataObject) -> None:
        """A retry is due."""
        order = data.draw(st.sampled_from(self.waiting))
        assert self.book.due(order.id) == order
        self.waiting.remove(order)
        self.queued.append(order)
        self.book.queue(order)

    @precondition(lambda self: self.count)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """An order is withdrawn or cancelled, wherever it is."""
        name = OrderId(str(data.draw(st.integers(1, self.count))))
        expected = next((order for order in [*self.queued, *self.waiting] if order.id == name), None)
        assert self.book.take_back(name) == expected
        self.queued = [order for order in self.queued if order.id != name]
        self.waiting = [order for order in self.waiting if order.id != name]

    @invariant()
    def nothing_is_lost_or_kept_twice(self) -> None:
        """Queue, waiting and flights are those of the model; each order is known as long as it is in one of them."""
        assert self.book.queued() == sorted(self.queued, key=lambda order: order.urgency)
        assert self.book.waiting() == self.waiting
        assert [flight.order for flight in self.book.flights()] == self.flying
        known = {order.id for order in [*self.queued, *self.waiting, *self.flying]}
        assert {OrderId(str(n)) for n in range(1, self.count + 1) if OrderId(str(n)) in self.book} == known

    @invariant()
    def slots_are_kept(self) -> None:
        """Never more in flight than slots, and the last one only for what it is kept for."""
        assert len(self.flying) <= self.slots
        if self.slots > 1 and len(self.flying) == self.slots:
            assert any(order.urgency in RESERVED_FOR for order in self.flying)


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
