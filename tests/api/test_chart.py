"""The chart of a position has its prices since it was opened, as fine as they are known, its levels and its exits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.system import HISTORIAN
from actors.tape import FINE, PriceTape
from engine.api.charts import REMEMBERED, PriceHistory
from engine.app import Engine
from engine.config import ApiSection
from engine.domain.candles import MINUTE, Candle, span_begin
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.units import SECOND, Mint, Nanos, OrderId, RawAmount, seconds
from tests.api.desk import V1, Desk, running
from tests.doubles_store import MemoryStore
from tests.factories import MINT, NOW, a_plan, a_tick, an_entry, an_exit

BEGIN = span_begin(NOW, MINUTE)


def minute(number: int, *prices: float, mint: Mint = MINT) -> Candle:
    """Return the candle of a minute, in which *prices* were seen."""
    at = Nanos(BEGIN + number * MINUTE)
    return Candle(mint=mint, at=at, open=prices[0], high=max(prices), low=min(prices), close=prices[-1])


class History:
    """A store and a tape, and the history that is read from them."""

    def __init__(self) -> None:
        self.store, self.tape = _CountingStore(), PriceTape()
        self.history = PriceHistory(self.store, self.tape)

    def see(self, second: int, price: float) -> None:
        """Write a price on the tape."""
        self.tape.take(MINT, price, Nanos(BEGIN + second * SECOND))

    def times(self, begin: int, end: int) -> list[int]:
        """Return when the candles begin between two seconds, in seconds."""
        found = self.history.between(MINT, Nanos(BEGIN + begin * SECOND), Nanos(BEGIN + end * SECOND))
        return [(candle.at - BEGIN) // SECOND for candle in found]


class _CountingStore(MemoryStore):
    """Counts how often candles are read."""

    reads = 0

    def candles(self, mint: Mint, since: Nanos, until: Nanos) -> list[Candle]:
        self.reads += 1
        return super().candles(mint, since, until)


def test_a_young_position_is_drawn_by_the_second() -> None:
    """From its opening on, also where the first price came a little later."""
    rig = History()
    for second in (100, 110, 111, 150):
        rig.see(second, 1.0)
    assert rig.times(105, 150) == [110, 111, 150]
    assert rig.times(95, 150) == [100, 110, 111, 150]
    assert rig.times(111, 120) == [111]


def test_what_the_tape_does_not_reach_back_to_is_drawn_by_the_minute() -> None:
    """As after a restart: the minute of the restart too, where it saw other prices before."""
    rig = History()
    for second in (100, 110):
        rig.see(second, 1.0)
    rig.store.keep_candles([minute(0, 1.0), minute(1, 1.0)])
    assert rig.times(30, 150) == [0, 100, 110]
    rig.store.keep_candles([minute(1, 2.0)])
    rig.tape.written([])
    assert rig.times(30, 150) == [0, 60, 100, 110]
    assert rig.times(105, 150) == [110]


def test_an_old_position_is_drawn_by_the_minute() -> None:
    """What is stored, and what is not yet; a minute that is both is one."""
    rig = History()
    long = FINE // SECOND + 60
    rig.store.keep_candles([minute(0, 5.0), minute(long // 60, 9.0, 2.0)])
    rig.see(long, 3.0)
    rig.see(long + 60, 4.0)
    assert rig.times(0, long + 60) == [0, long, long + 60]
    both = rig.history.between(MINT, Nanos(BEGIN), Nanos(BEGIN + (long + 60) * SECOND))[1]
    assert (both.open, both.high, both.low, both.close) == (9.0, 9.0, 2.0, 3.0)


def test_what_came_after_a_position_was_closed_is_not_drawn() -> None:
    """Though its token is guarded still."""
    rig = History()
    rig.store.keep_candles([minute(0, 1.0), minute(1, 1.0), minute(2, 1.0)])
    rig.see(200, 1.0)
    assert rig.times(0, 61) == [0, 60]


def test_stored_candles_are_read_again_only_once_there_are_more() -> None:
    """However often a chart is drawn; and no more charts are remembered than a few."""
    rig = History()
    for _ in range(3):
        assert rig.times(0, 3600) == []
    assert rig.store.reads == 1
    rig.see(30, 1.0)
    rig.store.keep_candles(candles := rig.tape.unwritten(Nanos(2**63 - 1)))
    rig.tape.written(candles)
    assert (rig.times(0, 3600), rig.store.reads) == ([0], 2)
    for number in range(REMEMBERED + 1):
        rig.times(-60 * number, 3600)
    assert rig.store.reads == 2 + REMEMBERED
    rig.times(0, 3600)
    assert rig.store.reads == 3 + REMEMBERED


def test_the_chart_has_candles_levels_and_exits(tmp_path: Path) -> None:
    """An exit that was filled is where it was filled, and one that was not where it was raised."""
    plan = a_plan(stop_loss="20", take_profits=(("25", "33"),), trailing=("10", "10"))
    filled = an_exit(
        status=OrderStatus.FILLED,
        actual_price=Decimal("0.125"),
        filled_at=Nanos(NOW + seconds(2)),
        amount_tokens=RawAmount(5),
    )
    pending = an_exit(id=OrderId("exit-2"), expected_price=None, created_at=Nanos(NOW + seconds(3)))

    def prepare(desk: Desk) -> None:
        desk.add(plan=plan, status=PositionStatus.CLOSED, closed_at=Nanos(NOW + seconds(30)), peak_price=0.12)
        desk.store.commit(an_entry(), filled, pending)

    with running(tmp_path, prepare) as desk:
        for second in range(40):
            desk.engine.tape.take(MINT, 0.1 + second / 1000, Nanos(NOW + second * SECOND))
        chart = desk.get(f"{V1}/positions/position-1/chart")
        assert len(chart["candles"]) == 31
        assert chart["candles"][30] == {
            "at": "2025-06-15T15:07:10.000000000Z",
            **dict.fromkeys(("open", "low", "high", "close"), 0.13),
        }
        assert chart["levels"]["trailing_stop"] == 0.108
        assert [(each["at"][-13:-8], each["price"], each["order_id"]) for each in chart["exits"]] == [
            ("42.00", 0.125, "exit-1"),
            ("43.00", None, "exit-2"),
        ]
        assert (chart["exits"][0]["reason"], chart["exits"][0]["amount_tokens"]) == ("stop_loss", "5")
        few = desk.get(f"{V1}/positions/position-1/chart", points=4)["candles"]
        assert len(few) == 4
        assert (min(each["low"] for each in few), max(each["high"] for each in few)) == (0.1, 0.13)
        assert desk.client.get(f"{V1}/positions/unknown/chart").status_code == 404


@pytest.mark.parametrize("options", [{}, {"check_interval": None}], ids=["engine", "replay"])
def test_an_engine_writes_down_what_prices_do_and_a_replay_does_not(tmp_path: Path, options: dict[str, Any]) -> None:
    """What was seen is stored when the engine stops, and no more is written down then."""
    desk = Desk(tmp_path, ApiSection(port=0), MemoryStore())
    desk.add()
    engine = Engine(desk.ports, desk.engine.settings, max_price_age=None, **options)
    engine.start()
    engine.observe(a_tick(0.11, observed_at=desk.clock.now()))
    assert engine.newest_prices()[MINT].price == 0.11
    recorded = not options
    assert engine.system.alive(HISTORIAN) is recorded
    assert [point.close for point in engine.tape.recent(MINT).points] == [0.11] * recorded
    engine.stop(timeout=0)
    assert [candle.close for candle in desk.store.candles(MINT, BEGIN, NOW)] == [0.11] * recorded
    desk.bus.publish(f"price.{MINT}.tick", {"tick": a_tick(0.5)})
    assert len(engine.tape.recent(MINT).candles) == 0
