"""Price paths from files and generators."""

from __future__ import annotations

import gzip
import itertools
import time
from decimal import Decimal
from pathlib import Path

import pytest

from chain.simulated.prices.files import read_price_file
from chain.simulated.prices.generated import random_walk, scripted
from chain.simulated.prices.path import PricePath, PricePoint
from chain.simulated.prices.trades import DUST, WITHOUT_PRICE
from engine.domain.errors import BadInputError
from engine.domain.units import SECOND, Nanos, seconds

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "prices"

TRADES = "seq,ts,t_since_create,side,sol,tokens,price_sol"
CANDLES = "date,open,high,low,close,volume"
NEW_YEAR = 1_704_067_200
NEW_YEAR_NS = Nanos(NEW_YEAR * 10**9)


def written(directory: Path, text: str | bytes, name: str = "prices.csv") -> Path:
    """Write *text* to a file and return its path."""
    file = directory / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def prices(path: PricePath) -> list[float]:
    """Return the prices of *path* without their times."""
    return [point.price for point in path.points]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z"),
        ("2024-01-01T00:00:00", "2024-01-01 00:00:01"),
        ("2024-01-01T01:00:00+01:00", "2024-01-01T01:00:01+01:00"),
        ("1704067200", "1704067201"),
        ("1704067200.0", "1.704067201e9"),
        ("1704067200000", "1704067201000"),
    ],
)
def test_a_time_is_iso_8601_or_seconds_or_milliseconds(tmp_path: Path, first: str, second: str) -> None:
    """Every way of writing the same two moments gives the same path."""
    path = read_price_file(written(tmp_path, f"time,price\n{first},1\n{second},2\n"))
    assert path.points == (PricePoint(NEW_YEAR_NS, 1.0), PricePoint(Nanos(NEW_YEAR_NS + SECOND), 2.0))


def test_a_gzipped_file_is_known_by_its_content(tmp_path: Path) -> None:
    """The name of the file does not matter."""
    file = written(tmp_path, gzip.compress(b"time,price\n1,0.5\n"))
    assert read_price_file(file).points == (PricePoint(SECOND, 0.5),)


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_harmless(tmp_path: Path) -> None:
    """What spreadsheets write is read."""
    file = written(tmp_path, "\ufefftime,price\r\n1,0.5\r\n\r\n2,0.6\r\n\r\n")
    assert prices(read_price_file(file)) == [0.5, 0.6]


def test_a_candle_is_played_adverse_first_in_quarters(tmp_path: Path) -> None:
    """Open, low, high and close come at the beginning and the quarters of the bar."""
    rows = "2024-01-01T00:00:00Z,10,12,9,11,5\n2024-01-01T00:01:00Z,11,13,8,12,5\n"
    path = read_price_file(written(tmp_path, f"{CANDLES}\n{rows}"))
    assert prices(path) == [10, 9, 12, 11, 11, 8, 13, 12]
    assert [point.at - NEW_YEAR_NS for point in path.points] == [seconds(15) * n for n in range(8)]


def test_trades_of_one_second_are_spread_over_it_in_the_file_s_order(tmp_path: Path) -> None:
    """The same file gives the same times, and no two trades the same one."""
    rows = "".join(f"{n},{100 + n // 4},0,buy,1.0,5,{n + 1}e-6\n" for n in range(6))
    path = read_price_file(written(tmp_path, f"{TRADES}\n{rows}"))
    assert [point.at for point in path.points] == [seconds(at) for at in (100, 100.25, 100.5, 100.75, 101, 101.5)]
    assert prices(path) == pytest.approx([1e-6, 2e-6, 3e-6, 4e-6, 5e-6, 6e-6])


def test_dust_and_trades_without_a_price_are_left_out_and_counted(tmp_path: Path) -> None:
    """They are the known dirt of the format, whatever nonsense they say."""
    rows = "0,1,0,buy,0.0023,9,1e-99\n1,1,0,sell,0.0,9,\n2,1,0,buy,0.05,9,2e-6\n3,2,0,sell,0.049,9,1e-6\n"
    path = read_price_file(written(tmp_path, f"{TRADES},venue,sig\n" + rows.replace("\n", ",PUMP_AMM,x\n")))
    assert prices(path) == [2e-6]
    assert path.left_out == {WITHOUT_PRICE: 1, DUST: 2}


def test_what_counts_as_dust_can_be_chosen(tmp_path: Path) -> None:
    """A smaller minimum lets smaller trades in."""
    file = written(tmp_path, f"{TRADES}\n0,1,0,buy,0.01,9,2e-6\n")
    assert prices(read_price_file(file, min_trade_sol=Decimal("0.01"))) == [2e-6]


def test_a_longer_silence_can_be_allowed(tmp_path: Path) -> None:
    """The limit on gaps is the caller's."""
    file = written(tmp_path, "time,price\n0,1\n7200,1\n")
    assert len(read_price_file(file, max_gap=seconds(7200)).points) == 2


def test_a_path_can_begin_elsewhere_and_at_another_price(tmp_path: Path) -> None:
    """The moves stay, so that a path in dollars serves as the shape of any token's."""
    path = scripted([(0, 100.0), (1, 50.0)]).starting(at=NEW_YEAR_NS, price=0.002)
    assert path.points == (PricePoint(NEW_YEAR_NS, 0.002), PricePoint(Nanos(NEW_YEAR_NS + SECOND), 0.001))
    assert path.duration == SECOND


def recorded_files() -> list[Path]:
    """Return every recorded price file, or a stand-in that makes its test skip."""
    return sorted(RECORDED.rglob("*.csv*")) or [RECORDED]


@pytest.mark.parametrize("file", recorded_files(), ids=lambda file: file.name)
def test_every_recorded_file_reads_as_an_ordered_path(file: Path) -> None:
    """Real candles and trades, raw and cleaned, become strictly increasing times with positive prices."""
    if file == RECORDED:
        pytest.skip("the recorded prices are not beside this checkout")
    path = read_price_file(file)
    assert all(before.at < after.at for before, after in itertools.pairwise(path.points))
    assert all(point.price > 0 for point in path.points)
    assert bool(path.left_out) == (".raw." in file.name)


def test_a_file_of_72_000_candles_reads_in_seconds() -> None:
    """Reading is linear, so that a demonstration starts at once."""
    file = RECORDED / "cex_candles" / "BONK_USDT_5m.csv.gz"
    if not file.exists():
        pytest.skip("the recorded prices are not beside this checkout")
    began = time.perf_counter()
    assert len(read_price_file(file).points) == 4 * 72_029
    assert time.perf_counter() - began < 10


def walk(**changes: float) -> PricePath:
    """Return a walk of an hour in minutes, with *changes* to its figures."""
    figures = {"seed": 7, "start": 1e-6, "drift": 0.0, "volatility": 0.5, **changes}
    return random_walk(
        seed=int(figures["seed"]),
        start=figures["start"],
        drift=figures["drift"],
        volatility=figures["volatility"],
        step=Nanos(int(changes.get("step", seconds(60)))),
        length=Nanos(int(changes.get("length", seconds(3600)))),
    )


def test_the_same_seed_gives_the_same_walk_and_another_one_another() -> None:
    """A run can be repeated."""
    assert walk() == walk()
    assert walk().points != walk(seed=8).points


def test_a_walk_has_a_point_at_each_step_from_the_start_price_on() -> None:
    """An hour in minutes is 61 points, the first at the start."""
    path = walk()
    assert [point.at for point in path.points] == [seconds(60) * n for n in range(61)]
    assert path.points[0].price == 1e-6


def test_a_walk_without_volatility_grows_with_its_drift() -> None:
    """After an hour the price is e^drift times the first one."""
    assert walk(volatility=0.0, drift=0.5).points[-1].price == pytest.approx(1e-6 * 2.718281828**0.5)


@pytest.mark.parametrize(
    "figures",
    [
        {"start": 0.0},
        {"start": 2e9},
        {"drift": float("nan")},
        {"volatility": -1.0},
        {"step": 0},
        {"drift": 9e3},
        {"drift": 1e9},
    ],
    ids=str,
)
def test_a_walk_that_makes_no_sense_is_refused(figures: dict[str, float]) -> None:
    """Figures outside of what a price can be are refused with a sentence."""
    with pytest.raises(BadInputError):
        walk(**figures)


def test_a_script_runs_straight_through_its_way_points() -> None:
    """Way-points are met exactly, and the points between them are on the line."""
    path = scripted([(0, 1.0), (4, 3.0), (4.5, 1.0)])
    assert prices(path) == [1.0, 1.5, 2.0, 2.5, 3.0, 1.0]
    assert [point.at for point in path.points] == [seconds(at) for at in (0, 1, 2, 3, 4, 4.5)]


@pytest.mark.parametrize("waypoints", [[], [(1, 1.0), (1, 2.0)], [(0, 1.0), (2, -1.0)], [(0, float("nan"))]], ids=str)
def test_a_script_that_makes_no_sense_is_refused(waypoints: list[tuple[float, float]]) -> None:
    """No way-points, no progress and no price are refused with a sentence."""
    with pytest.raises(BadInputError):
        scripted(waypoints)
