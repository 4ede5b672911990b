"""Exit codes, and the one place that says which error ends a command with which."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from engine.domain.errors import BadInputError, ConfigError, EngineError


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """It was refused, or went wrong."""
    BAD_INPUT = 2
    """An argument, a file or a name that nothing has."""
    NOT_RUNNING = 3
    """No engine answers where one should."""
    CONFIG = 4
    """The settings have faults, or the token is missing or wrong."""
    TIME_OUT = 5
    """No answer came in time: what was asked for may still be done."""
    INTERRUPTED = 130


TOLD = (
    "Exit codes: 0 done, 1 failed or refused, 2 bad input, 3 the engine is not running, 4 settings or token at fault, "
    "5 no answer in time (it may still be done), 130 interrupted."
)


class NoEngineError(EngineError):
    """Nothing answers where the API of an engine should be; nothing was done."""


class UnansweredError(EngineError):
    """No answer came in time, and what was asked for may still be done."""


_CODES: Sequence[tuple[type[EngineError], ExitCode]] = (
    (ConfigError, ExitCode.CONFIG),
    (BadInputError, ExitCode.BAD_INPUT),
    (NoEngineError, ExitCode.NOT_RUNNING),
    (UnansweredError, ExitCode.TIME_OUT),
)


def code_of(error: EngineError) -> ExitCode:
    """Return the code that a command ends with that *error* ended."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)
