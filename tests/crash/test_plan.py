"""A seed says all of a run."""

from __future__ import annotations

from itertools import product

import pytest

from engine.domain.urgency import ExitReason
from tests.crash.cells import Cell, diagonal, matrix
from tests.crash.faults import FAULTS, FOR_GOOD
from tests.crash.plan import AMOUNT, HELD, Scenario, drawn, needed
from tests.crash.points import POINTS, Step, point_of


@pytest.mark.parametrize("seed", range(20))
def test_the_same_seed_gives_the_same_plan(seed: int) -> None:
    """Prices, points, occurrences and faults: what fails can be tried again."""
    assert drawn(seed) == drawn(seed)


def test_different_seeds_give_every_point_fault_and_scenario() -> None:
    """A thousand runs leave nothing out."""
    plans = [drawn(seed) for seed in range(1_000)]
    assert {kill.point for plan in plans for kill in plan.kills} == set(POINTS)
    assert {name for plan in plans for name in plan.faults} == set(FAULTS)
    assert {plan.scenario for plan in plans} == set(Scenario)


def test_the_wallet_could_sell_the_position_more_than_once() -> None:
    """The chain alone stops nobody from selling twice."""
    assert HELD >= 2 * AMOUNT


def test_the_matrix_crosses_every_point_with_every_fault() -> None:
    """Each point by itself, and with each fault that an exit can outlive."""
    crossed = {(cell.point, fault) for cell in matrix(0) for fault in cell.faults or ()}
    assert crossed >= set(product(POINTS, FAULTS.keys() - FOR_GOOD))
    assert {cell.point for cell in matrix(0) if cell.faults == ()} == {point for point in POINTS if not needed(point)}
    assert len({cell.seed for cell in matrix(0)}) == len(matrix(0))


def test_the_diagonal_has_every_point_once_and_every_fault() -> None:
    """The few cells that are run with every test leave neither a point nor a fault out."""
    assert [cell.point for cell in diagonal(0)] == list(POINTS)
    assert {name for cell in diagonal(0) for name in cell.faults or ()} >= FAULTS.keys() - FOR_GOOD


def test_a_stop_that_overtakes_has_something_to_overtake() -> None:
    """A point of the way from a take profit to a stop is met by a price that goes that way."""
    for seed in range(20):
        plan = drawn(seed, point=point_of("taken_back:before"))
        assert plan.scenario is Scenario.PARTIAL
        assert plan.kills[0].point.step is Step.TAKEN_BACK


def test_a_run_is_made_again_by_the_command_that_it_prints() -> None:
    """Seed, and whatever was not drawn from it."""
    assert Cell(7).command == "python -m tests.crash --runs 1 --seed 7"
    cell = Cell(7, point_of("send:within"), ("slippage", "expiry"))
    assert cell.command.endswith("--seed 7 --point send:within --faults slippage,expiry")


def test_a_crossed_stop_is_the_last_word_of_prices_that_fall_through_it() -> None:
    """An alert of a take profit that failed before does not excuse a stop that was never raised."""
    reasons = {plan.scenario: plan.last_reason for plan in map(drawn, range(20))}
    assert reasons[Scenario.STOP] is reasons[Scenario.PARTIAL] is ExitReason.STOP_LOSS
    assert reasons[Scenario.PROFIT] is ExitReason.TAKE_PROFIT_1
