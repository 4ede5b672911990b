"""State machines as tables: state -> step -> next state, with a row for every state.

The tables of orders, attempts and positions are written in this form, walked completely by the tests and
drawn into the docs; nothing else decides whether a step is legal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from engine.domain.errors import IllegalStepError

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)

Table = Mapping[State, Mapping[Step, State]]


def advance(table: Table[State, Step], state: State, step: Step, *, of: str) -> State:
    """Return the state that *step* leads to from *state*; *of* names the thing, for the error.

    Raises:
        IllegalStepError: the table has no such step.
    """
    try:
        return table[state][step]
    except KeyError:
        raise IllegalStepError(f"{of} is {state}: it cannot {step}") from None


def terminal(table: Table[State, Step], state: State) -> bool:
    """Return whether nothing leads out of *state*."""
    return not table[state]
