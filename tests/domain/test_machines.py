"""The state machines, walked completely: every state with every step."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest

from engine.domain.errors import IllegalStepError
from engine.domain.machine import Table, advance, terminal
from engine.domain.order import (
    ATTEMPT_TABLE,
    ORDER_TABLE,
    AttemptStatus,
    AttemptStep,
    OrderStatus,
    OrderStep,
    attempt_stepped,
    stepped,
)
from engine.domain.position import POSITION_TABLE, PositionStatus, PositionStep
from engine.domain.units import Nanos
from tests.factories import NOW, an_attempt, an_exit

LATER = Nanos(NOW + 1)

MACHINES: dict[str, tuple[Table[Any, Any], type[StrEnum], type[StrEnum]]] = {
    "order": (ORDER_TABLE, OrderStatus, OrderStep),
    "attempt": (ATTEMPT_TABLE, AttemptStatus, AttemptStep),
    "position": (POSITION_TABLE, PositionStatus, PositionStep),
}

LEGAL = {
    "order": {
        "pending > submit > submitted",
        "pending > cancel > cancelled",
        "submitted > send > confirming",
        "submitted > fail > failed",
        "submitted > fill > filled",
        "confirming > sign anew > submitted",
        "confirming > fill > filled",
        "confirming > fail > failed",
        "failed > retry > pending",
        "failed > cancel > cancelled",
    },
    "attempt": {
        "signed > send > sent",
        *(f"{state} > land > landed" for state in ("signed", "sent")),
        *(f"{state} > revert > reverted" for state in ("signed", "sent")),
        *(f"{state} > expire > expired" for state in ("signed", "sent")),
    },
    "position": {
        *(f"{state} > request an exit > exit_pending" for state in ("open", "exit_pending", "partial_exit")),
        "exit_pending > sell a part > partial_exit",
        "exit_pending > sell all > closed",
        "exit_pending > resume, nothing sold > open",
        "exit_pending > resume, partly sold > partial_exit",
    },
}
"""The steps that the design allows, written down a second time."""

TERMINAL = {
    "order": {"filled", "cancelled"},
    "attempt": {"landed", "reverted", "expired"},
    "position": {"closed"},
}

WALK = [
    pytest.param(name, state, step, id=f"{name}: {state}, {step}")
    for name, (_, states, steps) in MACHINES.items()
    for state, step in itertools.product(states, steps)
]


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_has_a_row(name: str) -> None:
    """A table says of every state what may follow, be it nothing, and knows no others."""
    table, states, steps = MACHINES[name]
    assert set(table) == set(states)
    assert {target for row in table.values() for target in row.values()} <= set(states)
    assert {step for row in table.values() for step in row} == set(steps)


@pytest.mark.parametrize("name", MACHINES)
def test_the_tables_allow_what_the_design_allows(name: str) -> None:
    """The steps of a table are those of the design: none is missing, none was added."""
    table = MACHINES[name][0]
    assert {f"{state} > {step} > {target}" for state, row in table.items() for step, target in row.items()} == LEGAL[
        name
    ]


@pytest.mark.parametrize(("name", "state", "step"), WALK)
def test_each_step_leads_where_the_table_says_or_is_refused(name: str, state: StrEnum, step: StrEnum) -> None:
    """A legal step leads to its state; any other raises, naming the thing, its state and the step."""
    table = MACHINES[name][0]
    if step in table[state]:
        assert advance(table, state, step, of="it") is table[state][step]
    else:
        with pytest.raises(IllegalStepError, match=f"^it is {state}: it cannot {step}$"):
            advance(table, state, step, of="it")


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_leads_out_of_a_terminal_state(name: str) -> None:
    """The states that end a life are those of the design."""
    table, states, _ = MACHINES[name]
    assert {str(state) for state in states if terminal(table, state)} == TERMINAL[name]


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached(name: str) -> None:
    """From the state that a new record has, each other one can come about."""
    table, states, _ = MACHINES[name]
    reached, frontier = set(), [next(iter(states))]
    while frontier:
        state = frontier.pop()
        reached.add(state)
        frontier += [target for target in table[state].values() if target not in reached]
    assert reached == set(states)


def walk(
    states: type[StrEnum], steps: type[StrEnum], made: Callable[[Any], Any], step_of: Callable[..., Any]
) -> list[tuple[Any, Any, Any]]:
    """Return record, step and the function for every combination."""
    return [(made(state), step, step_of) for state, step in itertools.product(states, steps)]


@pytest.mark.parametrize(
    ("record", "step", "step_of"),
    [
        *walk(OrderStatus, OrderStep, lambda state: an_exit(status=state), stepped),
        *walk(AttemptStatus, AttemptStep, lambda state: an_attempt(status=state), attempt_stepped),
    ],
    ids=lambda part: str(getattr(part, "status", part)) if not callable(part) else "",
)
def test_a_record_takes_a_legal_step_and_nothing_else_changes(record: Any, step: Any, step_of: Any) -> None:
    """A legal step changes the status and the time; an illegal one raises, and the record is as it was."""
    table = ORDER_TABLE if step_of is stepped else ATTEMPT_TABLE
    before = replace(record)
    if step in table[record.status]:
        assert step_of(record, step, LATER) == replace(record, status=table[record.status][step], updated_at=LATER)
    else:
        with pytest.raises(IllegalStepError):
            step_of(record, step, LATER)
    assert record == before
