"""The engine's events as server-sent events, across connections that break; see docs/events.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from engine.cli.codes import NoEngineError, UnansweredError
from engine.cli.remote.client import Client
from engine.cli.waiting import pause
from engine.domain.errors import EngineError
from engine.domain.units import seconds

_ALIVE_SECONDS = 60.0
"""A stream that sends no sign of life for so long is dead; the engine sends one every 15 s."""
_AGAIN = seconds(1)


def events(engine: Client, pattern: str, since: int | None, *, tell: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield each event that *pattern* names, durable ones once and in order, whatever happens to the connection.

    Args:
        engine: whose events.
        pattern: of subjects.
        since: number of the last event that is known; None to begin with the next one.
        tell: is called with a sentence when the connection broke, and when it is back.

    Raises:
        EngineError: the engine refused, or does not answer at the first call.
    """
    import httpx

    broke = f"the connection to {engine.place.url} broke"
    connected = lost = False
    while True:
        try:
            with engine.lines("/events", subjects=pattern, since=since, silence=_ALIVE_SECONDS) as lines:
                if lost:
                    tell(f"{engine.place.url} is back" + ("" if since is not None else "; meanwhile was not heard"))
                connected, lost = True, False
                for number, event in _events(lines):
                    since = number if number is not None else since
                    yield event
        except (httpx.TransportError, NoEngineError, UnansweredError) as error:
            if not connected:
                raise error if isinstance(error, EngineError) else UnansweredError(f"{broke}: {error}") from None
        if not lost:
            tell(f"{broke}: it is tried again until Ctrl-C")
        lost = True
        pause(engine.clock, _AGAIN)


def _events(lines: Iterator[str]) -> Iterator[tuple[int | None, dict[str, Any]]]:
    number = None
    for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])
            number = None
