"""What prices did is stored by the minute, kept while a chart needs it, and slows no price."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.historian import TIDY_INTERVAL, Historian
from actors.system import HISTORIAN, Steps, System
from actors.tape import FINE, UNWRITTEN, PriceTape
from engine.bus.local import LocalBus
from engine.clock import ManualClock
from engine.domain.candles import MINUTE, Candle, joined, span_begin
from engine.domain.position import PositionStatus
from engine.domain.units import SECOND, Mint, Nanos, PositionId, seconds
from engine.ids import CountedIds
from tests.doubles import RecordingBus
from tests.doubles_store import MemoryStore
from tests.factories import MINT, NOW, a_position, a_tick

BEGIN = span_begin(Nanos(NOW + MINUTE), MINUTE)
"""A full minute."""
WIF = Mint("wif")
ALL = Nanos(2**63 - 1)
HISTORY = seconds(7200)


class Rig:
    """A historian on a clock moved by hand."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock(BEGIN)
        self.store = store or MemoryStore()
        self.bus = RecordingBus()
        self.steps = Steps()
        self.tape = PriceTape()
        self.start()

    def start(self) -> None:
        """Start an engine's historian, as after a restart."""
        self.system = System(clock=self.clock, bus=self.bus, ids=CountedIds(), runtime=self.steps)
        self.system.spawn(HISTORIAN, Historian, tape=self.tape, store=self.store, history=HISTORY)
        self.steps.run()

    def stop(self) -> None:
        """Stop it in good order."""
        self.system.stop(HISTORIAN)
        self.steps.run()

    def advance(self, span: float) -> None:
        """Let *span* seconds pass, with all that falls due on the way."""
        until = Nanos(self.clock.now() + seconds(span))
        while (at := self.clock.next_at()) is not None and at <= until:
            self.clock.advance_to(at)
            self.steps.run()
        self.clock.advance_to(until)

    def price(self, *prices: float, mint: Mint = MINT) -> None:
        """Have the tape see prices of this moment."""
        for price in prices:
            self.tape.take(mint, price, self.clock.now())

    def stored(self, mint: Mint = MINT) -> list[tuple[int, tuple[float, float, float, float]]]:
        """Return what is stored: minutes since the beginning, and open, high, low and close."""
        candles = self.store.candles(mint, Nanos(0), ALL)
        return [((c.at - BEGIN) // MINUTE, (c.open, c.high, c.low, c.close)) for c in candles]


class _CountingStore(MemoryStore):
    """Counts how often candles are written, and may refuse to."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []
        self.full = False

    def keep_candles(self, candles: Sequence[Candle]) -> None:
        self.commits.append(len(candles))
        if self.full:
            raise OSError("the disk is full")
        super().keep_candles(candles)


def test_a_minute_that_is_over_is_stored_for_all_mints_at_once() -> None:
    """With its first, highest, lowest and last price; the one under way is not, nor one without a price."""
    rig = Rig(store := _CountingStore())
    rig.price(2.0, 5.0, 1.0, 3.0)
    rig.price(7.0, mint=WIF)
    rig.advance(59)
    assert rig.stored() == []
    rig.advance(31)
    rig.price(4.0)
    rig.advance(31)
    rig.advance(600)
    assert rig.stored() == [(0, (2.0, 5.0, 1.0, 3.0)), (1, (4.0,) * 4)]
    assert (rig.stored(WIF), store.commits) == ([(0, (7.0,) * 4)], [2, 1])


def test_a_restart_within_a_minute_makes_one_candle() -> None:
    """What was seen before it is stored at the stop, and what comes after is added."""
    rig = Rig()
    rig.price(2.0, 9.0, 3.0)
    rig.stop()
    assert rig.stored() == [(0, (2.0, 9.0, 2.0, 3.0))]
    rig.tape = PriceTape()
    rig.start()
    rig.advance(20)
    rig.price(4.0, 1.0)
    rig.advance(60)
    assert rig.stored() == [(0, (2.0, 9.0, 1.0, 1.0))]


def test_what_could_not_be_stored_is_stored_a_minute_later() -> None:
    """With what came meanwhile; and a stop ends in good order though nothing can be written."""
    rig = Rig(store := _CountingStore())
    store.full = True
    rig.price(1.0)
    rig.advance(61)
    rig.price(2.0)
    store.full = False
    rig.advance(60)
    assert [minute for minute, _ in rig.stored()] == [0, 1]
    store.full = True
    rig.price(3.0)
    rig.stop()
    assert not rig.system.alive(HISTORIAN)


def test_candles_are_kept_while_a_position_that_saw_them_is_open_and_for_a_time_after() -> None:
    """Those from before the oldest such position go, and then those of the mint."""
    rig = Rig()
    second = a_position(id=PositionId("second"), opened_at=Nanos(BEGIN + 90 * SECOND))
    rig.store.commit(a_position(opened_at=BEGIN), second, a_position(id=PositionId("other"), mint=WIF))
    for _ in range(4):
        rig.price(1.0)
        rig.price(1.0, mint=WIF)
        rig.advance(60)
    rig.advance(1)
    closed: dict[str, Any] = {"status": PositionStatus.CLOSED, "closed_at": rig.clock.now()}
    rig.store.commit(a_position(opened_at=BEGIN, **closed))
    hour = TIDY_INTERVAL / SECOND
    rig.advance(hour)
    assert [minute for minute, _ in rig.stored()] == [0, 1, 2, 3]
    rig.advance(2 * hour)
    assert [minute for minute, _ in rig.stored()] == [1, 2, 3]
    rig.store.commit(a_position(id=second.id, opened_at=second.opened_at, **{**closed, "closed_at": rig.clock.now()}))
    rig.advance(2 * hour)
    assert len(rig.stored()) == 3
    rig.advance(2 * hour)
    assert (rig.stored(), len(rig.stored(WIF))) == ([], 4)


def test_a_token_that_is_guarded_again_has_a_new_history() -> None:
    """It was emptied once, and is emptied again when that time has come again."""
    rig = Rig()
    for round_number in range(2):
        name = PositionId(f"position-{round_number}")
        position = a_position(id=name, opened_at=rig.clock.now())
        rig.store.commit(position)
        rig.price(1.0)
        rig.advance(61)
        assert len(rig.stored()) == 1
        closed = a_position(
            id=name, opened_at=position.opened_at, status=PositionStatus.CLOSED, closed_at=rig.clock.now()
        )
        rig.store.commit(closed)
        rig.advance(4 * TIDY_INTERVAL / SECOND)
        assert rig.stored() == []


# The tape --------------------------------------------------------------------------------------------------


def test_the_tape_waits_for_no_store() -> None:
    """While the historian is at a database that does not answer, prices are written down and read."""
    entered, go_on = threading.Event(), threading.Event()

    class Stuck(MemoryStore):
        def keep_candles(self, candles: Sequence[Candle]) -> None:
            entered.set()
            assert go_on.wait(30)
            super().keep_candles(candles)

    rig = Rig(store := Stuck())
    bus = LocalBus(rig.clock, store)
    bus.subscribe("price.*.tick", rig.tape.hear)
    rig.price(1.0)
    writing = threading.Thread(target=rig.advance, args=(61,))
    writing.start()
    assert entered.wait(30)
    bus.publish(f"price.{MINT}.tick", {"tick": a_tick(2.0, observed_at=BEGIN)})
    assert [(candle.open, candle.close) for candle in rig.tape.recent(MINT).candles] == [(1.0, 2.0)]
    go_on.set()
    writing.join(30)
    assert rig.tape.recent(MINT).candles[0].close == 2.0  # it went on while it was stored: it is stored once more
    rig.advance(60)
    assert (rig.stored(), rig.tape.recent(MINT).candles) == ([(0, (1.0, 2.0, 1.0, 2.0))], [])


def test_points_are_of_seconds_and_reach_back_a_quarter_of_an_hour() -> None:
    """However often the price moves, the memory is bounded, and the lowest and highest of each second are kept."""
    tape = PriceTape()
    last = FINE // SECOND + 100
    for second in range(last + 1):
        for part, price in enumerate((2.0, 3.0, 1.0)):
            tape.take(MINT, price + second, Nanos(BEGIN + second * SECOND + part))
    points = tape.recent(MINT).points
    assert [(point.at - BEGIN) // SECOND for point in points] == list(range(101, last + 1))
    assert {
        (point.open - n, point.high - n, point.low - n, point.close - n) for n, point in enumerate(points, 101)
    } == {(2.0, 3.0, 1.0, 1.0)}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(1e-9, 1e9)), min_size=1, max_size=200))
def test_points_and_candles_tell_of_the_same_prices(moves: list[tuple[int, float]]) -> None:
    """Whenever they came, and however far apart."""
    tape, at = PriceTape(), BEGIN
    for milliseconds, price in moves:
        at = Nanos(at + milliseconds * 1_000_000)
        tape.take(MINT, price, at)
    recent = tape.recent(MINT)
    minutes = joined(
        Candle(mint=MINT, at=span_begin(p.at, MINUTE), open=p.open, high=p.high, low=p.low, close=p.close)
        for p in recent.points
        if p.at >= recent.candles[-1].at
    )
    assert minutes == recent.candles[-1:]


def test_a_price_that_comes_late_belongs_to_the_newest_minute() -> None:
    """Time does not run backwards on a chart."""
    tape = PriceTape()
    tape.take(MINT, 2.0, Nanos(BEGIN + MINUTE))
    tape.take(MINT, 1.0, BEGIN)
    (candle,) = tape.recent(MINT).candles
    assert (candle.at, candle.low, candle.close) == (BEGIN + MINUTE, 1.0, 1.0)


def test_a_mint_that_has_no_price_any_more_is_forgotten() -> None:
    """After as long as its points reach back, and once its candles are stored."""
    rig = Rig()
    rig.price(1.0)
    rig.advance(10 * 60)
    assert len(rig.tape.recent(MINT).points) == 1
    rig.advance(7 * 60)
    assert rig.tape.recent(MINT).points == []


def test_a_database_that_is_out_of_reach_does_not_fill_the_memory() -> None:
    """The oldest candles are given up, and others of other mints stay."""
    tape = PriceTape()
    for minute in range(UNWRITTEN + 5):
        tape.take(MINT, 1.0, Nanos(BEGIN + minute * MINUTE))
    tape.take(WIF, 1.0, BEGIN)
    waiting = tape.unwritten(ALL)
    assert [candle.mint for candle in waiting].count(MINT) == UNWRITTEN
    assert (waiting[0].at, len(waiting)) == (BEGIN + 5 * MINUTE, UNWRITTEN + 1)


@pytest.mark.parametrize("known", [MINT, WIF])
def test_what_was_never_seen_is_nothing(known: Mint) -> None:
    """Neither a mint nor a candle that the tape does not know."""
    tape = PriceTape()
    tape.written([Candle(mint=known, at=BEGIN, open=1.0, high=1.0, low=1.0, close=1.0)])
    assert (tape.recent(known).points, tape.recent(known).candles) == ([], [])
